"""Which compactor is at work, by the visit marker of a block, or of a partition of a group of blocks.

Source: cortexproject/cortex, pkg/compactor/block_visit_marker.go and partition_visit_marker.go.
"""

from cortexctl.blocks import marks
from cortexctl.errors import DataError


def visitor(body: bytes, now_s: float, timeout_s: float) -> str:
    """Return the compactor that is at work by this marker, of a block or of a partition; empty where none is.

    A marker that cannot be read stops Cortex's compactors, and so none is at work.
    """
    try:
        marker = marks.decode_visit(body)
    except DataError:
        return ""
    return marker.compactor_id or "a compactor" if marker.is_held(now_s, timeout_s) else ""


def is_readable(body: bytes) -> bool:
    """Return whether compactors can read a block's visit marker: at one that they cannot, they pass its group over."""
    try:
        return marks.decode_visit(body).version == marks.VERSION
    except DataError:
        return False
