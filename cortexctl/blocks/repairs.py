"""How what each check finds is repaired: by which planner, or why not by one and what a person has to do.

`REPAIRS` has an entry for every check of a bucket, in the order in which `bucket check --fix` goes through them: of two
that would change the same block the earlier one does, and the other is left for the next run. What stops Cortex or
misleads it comes first, then broken blocks, marks, and blocks that are to go. The bucket index is rebuilt last.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cortexctl.blocks import fixing, rewriting
from cortexctl.blocks.fixing import Planner
from cortexctl.blocks.pairs import MarkKind
from cortexctl.findings import Repair

_DUE = "until the cleaner deletes the block, when `compactor.deletion_delay` has passed"
_COMPACTED = "until a compaction takes the block"
_COMPACTOR = "Look at the compactor's logs and metrics for why it does not do it"


@dataclass(frozen=True, slots=True)
class Fix(Repair):
    """A repair that `--fix` makes."""

    plan: Planner | None = None
    """None where the index is all there is to change."""
    reindexes: bool = False
    """Whether the bucket index is rebuilt, after everything else."""


def _fix(text: str, plan: Planner, until: str = "", *, reindexes: bool = False, reversible: bool = True) -> Fix:
    return Fix(text, reversible, until, plan, reindexes)


def _rebuild(text: str) -> Fix:
    return Fix(text, reversible=True, reindexes=True)


def _quarantine(first: str) -> Fix:
    text = f"takes the block out of sight (quarantine), its data kept; see first whether {first}"
    return _fix(text, fixing.quarantined)


_MISSING = "`bucket undelete` brings back from versions what is missing"
_SPOILT = "an older version of the object is whole"
_MARK = "marks the block for deletion, in both places"
_MARKED = _fix(_MARK, fixing.marked_for_deletion, _DUE)
_READS_DATA = Repair(
    "A check does not read data, so it does not find it: restore the file, or take the block out of sight with "
    "`bucket quarantine`"
)

REPAIRS: Mapping[str, Repair] = {
    "POI01": _fix(
        "takes the block out of sight (quarantine), its data kept, and rebuilds the index",
        fixing.quarantined,
        reindexes=True,
    ),
    "POI03": _fix(
        "removes the mark, its global copy first, and rebuilds the index without it",
        fixing.unmarked(MarkKind.DELETION),
        reindexes=True,
    ),
    "POI02": _fix(
        "removes the mark in both places, which keeps the block, and rebuilds the index",
        fixing.unmarked(MarkKind.DELETION),
        reindexes=True,
    ),
    "POI06": _fix(
        "writes the block's own ULID into its meta.json, where the sizes in that are those of the files and no other "
        "block has the ULID, and rebuilds the index",
        fixing.of_each(rewriting.own_ulid),
        _COMPACTED,
        reindexes=True,
    ),
    "POI05": _fix(
        "writes the block itself into its meta.json as its source; compactors that keep a copy of it on their disk "
        "have to be restarted without",
        fixing.of_each(rewriting.own_sources),
        _COMPACTED,
    ),
    "POI04": _fix(
        "dates the mark now, and rebuilds the index",
        fixing.of_each(fixing.redated),
        _DUE,
        reindexes=True,
    ),
    "BLK04": _quarantine(_MISSING),
    "BLK05": _quarantine(_MISSING),
    "BLK06": _quarantine(_SPOILT),
    "BLK07": _quarantine(_SPOILT),
    "BLK08": _READS_DATA,
    "BLK09": _READS_DATA,
    "BLK10": _READS_DATA,
    "BLK03": Repair(
        "restore the meta.json from an older version of the object; if there is none and the data are not missed, "
        "`bucket marks add` has the block deleted"
    ),
    "MRK01": _fix(
        "copies the mark to its global place, which finishes the deletion; `bucket undelete` keeps the block instead",
        fixing.copied,
        _DUE,
    ),
    "MRK02": _fix(
        "removes the global mark, so that the block stays as it is; `bucket marks add` finishes the deletion instead",
        fixing.unmarked(MarkKind.DELETION),
    ),
    "MRK03": _fix("removes the global mark", fixing.orphans),
    "MRK04": _fix(
        "writes the local mark over the global one, and rebuilds the index", fixing.made_equal, reindexes=True
    ),
    "MRK07": _fix(
        "removes the parquet marks in both places, and from the index: the block is converted again",
        fixing.unmarked(MarkKind.PARQUET),
    ),
    "MRK06": _fix("copies the mark to its other place; removes a parquet mark that is global only", fixing.completed),
    "MRK05": Repair(
        "look for what holds the cleaner back: LCK, POI and IDX10 findings, the compactor's logs, its permission to "
        "delete. `bucket undelete` takes the block back"
    ),
    "MRK08": Repair("see whether its reason still holds; if not, `bucket marks rm --kind no-compact`"),
    "BLK01": _fix(
        "marks what is left of the upload for deletion, in both places, once no ingester holds the block; needs "
        "--irreversible",
        fixing.dead_uploads,
        "once the cleaner has come by",
        reversible=False,
    ),
    "BLK02": Repair("nothing to do; a block in quarantine is brought back by `journal undo`"),
    "BLK11": _MARKED,
    "BLK12": Repair("nothing, or `bucket marks add` if the block is not missed"),
    "BLK13": _fix(
        "writes the tenant's labels into the block's meta.json, as Cortex's thanosconvert does",
        fixing.of_each(rewriting.own_labels),
        _COMPACTED,
    ),
    "BLK14": _MARKED,
    "BLK15": _MARKED,
    "BLK16": Repair("nothing to do, unless there are many: then compare the compactor's block ranges"),
    "BLK17": Repair("move or delete it with the store's own tools: cortexctl does not know what it is"),
    "CMP02": _fix(f"{_MARK}, as the compaction would have", fixing.marked_for_deletion, _DUE),
    "CMP06": _fix(f"{_MARK}, as the compaction would have", fixing.marked_for_deletion, _DUE),
    "CMP01": Repair(f"{_COMPACTOR}; `plan compaction` shows what it would do"),
    "CMP03": Repair(f"{_COMPACTOR}, or give it more concurrency; `plan compaction` shows its backlog"),
    "CMP04": Repair(f"{_COMPACTOR}; `plan compaction` shows what it would do"),
    "CMP05": Repair("what is gone is not brought back here: look for partial and marked blocks of those hours"),
    "CMP07": Repair("enlarge the disk, lower `compaction_concurrency`, or partition; `plan disk` shows what it takes"),
    "CMP08": Repair("let the tenant be compacted in partitions, or keep blocks out with no-compact marks"),
    "CMP09": Repair("the cleaner does it when it comes by; `bucket retention` shows why it has not"),
    "PAR01": _fix("deletes the group's file and its visit markers; the group is planned again", fixing.groups),
    "PAR02": _fix(
        "deletes the group's file and its visit markers; the group is planned again. See first whether its sources "
        "are all there",
        fixing.groups,
    ),
    "PAR03": _fix("deletes the visit markers", fixing.group_visits),
    "LCK01": _fix("deletes the cleaner's visit marker", fixing.cleaner_marker),
    "LCK02": _fix("deletes the cleaner's visit marker", fixing.cleaner_marker),
    "LCK03": _fix("deletes the block's visit marker", fixing.block_visits),
    "TEN01": Repair("the cleaner does it when it comes by: look at its logs, permissions and `disabled_tenants`"),
    "TEN02": _fix("deletes what is left of what Cortex knows", fixing.leftovers),
    "TEN03": Repair("nothing to do: the cleaner writes the mark to its new place when the blocks are gone"),
    "TEN04": Repair("move or delete it with the store's own tools: cortexctl does not know what it is"),
    "TEN05": Repair("nothing to do but to see that compactors run: one of them writes it anew"),
    "OBJ01": Repair("see what they are; `bucket cleanup --pattern` deletes them"),
    "OBJ02": _fix("deletes them", fixing.legacy),
    "OBJ03": Repair(
        "`bucket cleanup --what uploads` aborts them, which cannot be undone; a rule of the bucket's lifecycle does it "
        "from then on (AbortIncompleteMultipartUpload)"
    ),
    "OBJ04": Repair("give each a bucket, or a prefix, of its own in Cortex's configuration"),
    "IDX01": _rebuild("builds the index; it is created only if there is still none"),
    "IDX02": _rebuild("rebuilds the index from scratch"),
    "IDX03": _rebuild("rebuilds the index; what holds the cleaner back (POI, LCK) has to go too, or it is stale again"),
    "IDX04": _rebuild("rebuilds the index, dated now"),
    "IDX05": _rebuild(
        "rebuilds the index; if the data were deleted by accident, see first whether `bucket undelete` brings them back"
    ),
    "IDX06": Repair(
        "queries still read it, so a rebuild by --fix keeps it: `bucket undelete` brings its meta.json back where "
        "versions hold it; else `bucket quarantine` takes it out of the index and keeps its data"
    ),
    "IDX07": _rebuild("rebuilds the index"),
    "IDX08": _rebuild("rebuilds the index from scratch"),
    "IDX09": _rebuild("rebuilds the index, which then lists each once"),
    "IDX10": _rebuild("rebuilds the index with the marks as they are"),
    "IDX11": _rebuild("rebuilds the index; find the other writer first"),
    "IDX12": _fix(
        "removes parquet marks whose files are missing, and rebuilds the index", fixing.without_parquet, reindexes=True
    ),
    "IDX13": Repair("nothing to do: the cleaner removes it when it comes by"),
    "IDX14": Repair("mend the key, or what else the status names; the file mends itself in the next cleaner cycle"),
}


def fixes() -> dict[str, Fix]:
    """Return the repairs that `--fix` makes, by code, in their order."""
    return {code: each for code, each in REPAIRS.items() if isinstance(each, Fix)}
