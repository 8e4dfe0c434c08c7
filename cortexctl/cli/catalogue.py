"""Every check there is, by the commands that run it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortexctl.findings import Check


def checks(group: str = "") -> "tuple[Check[Any], ...]":
    """Return the checks of a group of commands (`bucket`, `ring`, `plan`), in the order of codes; else all of them."""
    from cortexctl.blocks.checks import CHECKS as OF_BLOCKS
    from cortexctl.compaction.checks import CHECKS as OF_PLANS
    from cortexctl.ring.checks import CHECKS as OF_RINGS

    match group:
        case "bucket":
            return OF_BLOCKS
        case "ring":
            return OF_RINGS
        case "plan":
            return OF_PLANS
        case _:
            return (*OF_BLOCKS, *OF_RINGS, *OF_PLANS)
