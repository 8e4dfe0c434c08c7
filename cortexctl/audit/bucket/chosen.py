"""Which blocks a command is to change, and what that comes to: from names, globs and filters to steps of a plan."""

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cortexctl.audit.bucket.blocks import BlockFilter, block_rows, read_or_error
from cortexctl.audit.bucket.load import survey_all
from cortexctl.audit.bucket.tenants import choose, marked_for_deletion
from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenSurvey, ChosenView
from cortexctl.blocks.decisions import Decision, Verdict, operations_of
from cortexctl.blocks.pairs import MarkKind
from cortexctl.blocks.survey import Fault, StoredObject
from cortexctl.blocks.view import Delays
from cortexctl.errors import NotFoundError, SourceError, UsageError
from cortexctl.repair.operations import Operation, Step
from cortexctl.storage.bucket import Bucket
from cortexctl.tsdb import ulid

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Selection:
    """Blocks as they are asked for. Of a tenant with no name of a block, all that the filter takes."""

    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """ULIDs and globs of ULIDs, by tenant or glob of tenants."""
    tenants: Sequence[str] = ()
    excluded: Sequence[str] = ()
    wanted: BlockFilter | None = None

    def patterns(self, tenant: str) -> list[str]:
        """Return the ULIDs and globs that are meant for a tenant."""
        return [name for glob, names in self.names.items() if fnmatch.fnmatchcase(tenant, glob) for name in names]

    def takes(self, tenant: str) -> Callable[[str], bool]:
        """Return whether a block is named, or any is; the filter is asked later."""
        patterns = self.patterns(tenant)
        literal = {each for each in patterns if not _GLOB & set(each)}
        globs = [each for each in patterns if each not in literal]
        if not self.names:
            return lambda _: True
        return lambda block_id: block_id in literal or any(fnmatch.fnmatchcase(block_id, each) for each in globs)


def parse_names(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return blocks by tenant from `TENANT/ULID`, in which both may be globs. Raises UsageError."""
    names: dict[str, list[str]] = {}
    for text in texts:
        tenant, _, block_id = text.strip().rstrip("/").partition("/")
        is_glob = bool(_GLOB & set(block_id))
        if not tenant or not (ulid.is_ulid(block_id) or (is_glob and "/" not in block_id)):
            raise UsageError(f"{text!r} is not TENANT/ULID{ulid.meant(block_id)}")
        names.setdefault(tenant, []).append(block_id)
    return names


@dataclass(frozen=True, slots=True)
class TenantChange:
    """What becomes of a tenant: the decisions on its blocks, and the step that carries them out; or its fault."""

    tenant: str
    decisions: Sequence[Decision] = ()
    step: Step | None = None
    error: SourceError | None = None


Reads = Callable[[StoredObject], bool]
"""Which objects to read besides those that matter to any change."""
Planner = Callable[[ChosenView, Sequence[str]], Iterable[Decision]]
"""Decides on the chosen blocks of a tenant, which are sorted."""


def _nothing(_: StoredObject) -> bool:
    return False


def chosen_views(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    delays: Delays,
    takes: Callable[[str], Callable[[str], bool]],
    *,
    kinds: frozenset[MarkKind] = frozenset(MarkKind),
    all_metas: bool = False,
    with_metas: bool = True,
    also: Reads = _nothing,
) -> Iterator[tuple[str, ChosenView | SourceError]]:
    """Yield each tenant as a change needs it, with its own deletion mark where it has one.

    The keywords are those of `ChosenSurvey`.
    """
    marked = marked_for_deletion(bucket, tenants[0] if len(tenants) == 1 else "")

    def surveys() -> Iterator[ChosenSurvey]:
        for tenant in tenants:
            survey = ChosenSurvey(tenant, now_s, delays, takes(tenant), kinds, all_metas, with_metas, also)
            if tenant in marked:
                survey.mark_for_deletion(read_or_error(bucket, layout.tenant_deletion_mark(tenant)))
            yield survey

    return survey_all(bucket, tenants, surveys())


def plan_changes(
    bucket: Bucket,
    selection: Selection,
    now_s: float,
    delays: Delays,
    plan: Planner,
    *,
    all_metas: bool = False,
    also: Reads = _nothing,
    unknown: bool = False,
) -> list[TenantChange]:
    """Return what becomes of each tenant of which blocks are chosen. Raises NotFoundError for a name of nothing.

    With `unknown`, blocks that are named in full are chosen also where nothing is known of them.
    """
    tenants = choose(bucket, [*selection.names, *selection.tenants], selection.excluded)
    changes: list[TenantChange] = []
    missing = {name for names in selection.names.values() for name in names}
    needs_all = all_metas or selection.wanted is not None
    for tenant, view in chosen_views(bucket, tenants, now_s, delays, selection.takes, all_metas=needs_all, also=also):
        if isinstance(view, SourceError):
            changes.append(TenantChange(tenant, error=view))
        elif (fault := unreadable_index(view)) is not None:
            changes.append(TenantChange(tenant, error=fault))
        else:
            known = view.known() | (_named(view, selection) if unknown else set())
            missing -= {name for name in missing if name in known or fnmatch.filter(known, name)}
            _require(view, selection, known)
            decisions = list(plan(view, _chosen(view, selection, known)))
            changes.append(TenantChange(tenant, decisions, step_of(view, decisions)))
    if missing and all(each.error is None for each in changes):
        raise NotFoundError(f"{bucket.display}: no block matches {', '.join(sorted(missing))}")
    return changes


def step_of(view: ChosenView, decisions: Sequence[Decision]) -> Step | None:
    """Return the step that carries out what was decided on a tenant, or None where that is nothing."""
    made = [each for each in decisions if each.verdict is Verdict.CHANGE]
    operations: tuple[Operation, ...] = operations_of(view, made)
    return Step(view.tenant, operations) if operations else None


def _require(view: ChosenView, selection: Selection, known: set[str]) -> None:
    """Raise NotFoundError for a block that is named in full, with its tenant, and of which there is nothing."""
    for name in sorted(_named(view, selection) - known):
        raise NotFoundError(
            f"{layout.block(view.tenant, name)}: no such block: no object, no global mark, no entry of the index"
        )


def _named(view: ChosenView, selection: Selection) -> set[str]:
    """Return the blocks that are named in full, with their tenant."""
    return {name for name in selection.names.get(view.tenant, ()) if not _GLOB & set(name)}


def _chosen(view: ChosenView, selection: Selection, known: set[str]) -> list[str]:
    takes = selection.takes(view.tenant)
    chosen = sorted(block_id for block_id in known if takes(block_id))
    if selection.wanted is not None:
        rows = {row["block"]: (row, meta) for row, meta in block_rows(view.view)}
        chosen = [block_id for block_id in chosen if block_id in rows and selection.wanted.takes(*rows[block_id])]
    return chosen


def unreadable_index(view: ChosenView) -> SourceError | None:
    """Return why no change to the tenant can be worked out: its index is there, and cannot be fetched."""
    index = view.view.index
    if isinstance(index, Fault) and index.kind != "corrupt":
        return SourceError(f"{layout.bucket_index(view.tenant)}: {index.message}")
    return None
