"""A meta.json kept small: its lists are kept as columns, and what it shares with other metas is one object.

A check holds the metas of a whole tenant. As they are decoded, most of their memory is the ids of the blocks they come
from, 75 bytes each, and names that are the same in every block.
"""

from array import array
from functools import lru_cache
from sys import intern

import msgspec

from cortexctl.tsdb.columns import Rows, Ulids
from cortexctl.tsdb.meta import File, Meta, Parent


def pack(meta: Meta, block_id: str) -> Meta:
    """Return a meta that says the same and is smaller. `block_id` is taken in place of an equal id."""
    compaction, thanos, replace = meta.compaction, meta.thanos, msgspec.structs.replace
    parents, files = compaction.parents, thanos.files
    return replace(
        meta,
        ulid=block_id if meta.ulid == block_id else meta.ulid,
        compaction=replace(
            compaction,
            sources=Ulids(compaction.sources) if compaction.sources else (),
            parents=Rows(
                Parent,
                Ulids([each.ulid for each in parents]),
                array("q", [each.min_time for each in parents]),
                array("q", [each.max_time for each in parents]),
            )
            if parents
            else (),
        ),
        thanos=replace(
            thanos,
            labels=_shared_labels(tuple(thanos.labels.items())),
            source=intern(thanos.source),
            segment_files=_shared(tuple(thanos.segment_files)),
            files=Rows(
                File, _shared(tuple(each.rel_path for each in files)), array("q", [each.size_bytes for each in files])
            )
            if files
            else (),
        ),
    )


@lru_cache(1024)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    return names


@lru_cache(1024)
def _shared_labels(labels: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return dict(labels)
