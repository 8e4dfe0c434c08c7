"""`bucket check --fix`: from findings to one plan, in which no two repairs are in each other's way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cortexctl.audit.bucket.chosen import TenantChange, chosen_views, step_of, unreadable_index
from cortexctl.audit.bucket.load import survey_all
from cortexctl.blocks import bucket_index, fixing, index_changes, layout
from cortexctl.blocks.afterwards import AfterSurvey
from cortexctl.blocks.bucket_index import BucketIndex
from cortexctl.blocks.build import Build, IndexSurvey
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import Amendment, Decision, Verdict, amend, refused, unchanged
from cortexctl.blocks.index_changes import Change
from cortexctl.blocks.repairs import Fix, fixes
from cortexctl.blocks.view import Delays
from cortexctl.errors import DataError, SourceError
from cortexctl.findings import Finding
from cortexctl.repair.operations import Operation, Step, digest
from cortexctl.storage.bucket import Bucket
from cortexctl.tsdb import ulid

_BESIDE_OTHERS = frozenset(("LCK03",))
"""Repairs of a block that no other repair of it can be in the way of: of its lock alone."""


def plan_fixes(
    bucket: Bucket,
    findings: Sequence[Finding],
    now_s: float,
    delays: Delays,
    parquet: Callable[[str], bool | None],
) -> list[TenantChange]:
    """Return how exactly these findings are repaired, a tenant after the other. Each is of a check with a repair.

    Every tenant is read again: what was found is decided upon as it is now. `parquet` is that of a rebuild.
    """
    found: dict[str, list[Finding]] = {}
    for each in findings:
        found.setdefault(each.scope, []).append(each)

    def takes(tenant: str) -> Callable[[str], bool]:
        if any(each.code == "TEN02" for each in found[tenant]):
            return lambda _: True  # what is left are marks of blocks that no finding names
        return set(_block_ids(found[tenant])).__contains__

    changes: list[TenantChange] = []
    for tenant, view in chosen_views(bucket, sorted(found), now_s, delays, takes, also=fixing.reads):
        if isinstance(view, SourceError):
            changes.append(TenantChange(tenant, error=view))
        elif (fault := unreadable_index(view)) is not None:
            changes.append(TenantChange(tenant, error=fault))
        else:
            changes.append(_change(bucket, view, _by_code(found[tenant]), parquet(tenant)))
    return changes


def _block_ids(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the blocks that the findings are about, and those that other blocks were merged into."""
    for each in findings:
        for name in (each.subject, each.evidence.get("by")):
            if isinstance(name, str) and ulid.is_ulid(name):
                yield name


def _by_code(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    return {code: some for code in fixes() if (some := [each for each in findings if each.code == code])}


@dataclass(slots=True)
class _Planned:
    """What is decided on a tenant so far."""

    decisions: list[Decision] = field(default_factory=list)
    claimed: dict[str, str] = field(default_factory=dict)
    """The code that changes a block, by the block."""
    keys: dict[str, str] = field(default_factory=dict)
    """The code that changes an object, by its key."""
    relied_on: dict[str, str] = field(default_factory=dict)
    """The code that is right only while an object stays as it is, by its key."""
    reindexes: list[str] = field(default_factory=list)
    """The codes for which the index is rebuilt."""

    def take(self, view: ChosenView, code: str, decision: Decision) -> None:
        """Take in a decision, unless an earlier one changes the same block, or what this one relies on."""
        decision = _named(code, decision)
        if decision.verdict is Verdict.CHANGE:
            earlier = self._in_the_way(code, decision)
            if earlier:
                reason = f"{code}: {earlier} is repaired first; check again afterwards"
                decision = unchanged(view, decision.block_id, reason)
            else:
                self.keys |= dict.fromkeys((each.key for each in decision.operations), code)
                if code not in _BESIDE_OTHERS:
                    self.relied_on |= dict.fromkeys((each.key for each in decision.conditions), code)
                    self.claimed |= {decision.block_id: code} if decision.block_id else {}
        self.decisions.append(decision)

    def _in_the_way(self, code: str, decision: Decision) -> str:
        """Return the code of the earlier decision, or nothing."""
        changed = [each.key for each in decision.operations]
        ways = [self.keys.get(each.key) for each in (*decision.conditions, *decision.operations)]
        if code not in _BESIDE_OTHERS:
            earlier = self.claimed.get(decision.block_id)
            ways += [None if earlier == code else earlier, *(self.relied_on.get(key) for key in changed)]
        return next((each for each in ways if each), "")


def _named(code: str, decision: Decision) -> Decision:
    """Return a decision that says of what finding it is."""
    operations = tuple(replace(each, why=f"{code}: {each.why}") for each in decision.operations)
    return replace(decision, reason=f"{code}: {decision.reason}", operations=operations)


def _change(
    bucket: Bucket, view: ChosenView, found: Mapping[str, Sequence[Finding]], parquet: bool | None
) -> TenantChange:
    planned, repairs = _Planned(), fixes()
    for code, some in found.items():
        _decide(view, planned, code, repairs[code], some)
    if not planned.reindexes:
        return TenantChange(view.tenant, planned.decisions, _step(view, planned.decisions))
    # What single decisions say of the index is in the rebuilt one, which is made from what they leave.
    decisions = [replace(each, amendments=()) for each in planned.decisions]
    build = _rebuilt(bucket, view, decisions, parquet)
    if isinstance(build, SourceError):
        return TenantChange(view.tenant, error=build)
    decisions.append(_index_decision(view, build.index, planned.reindexes))
    step = step_of(view, decisions)
    return TenantChange(view.tenant, decisions, None if step is None else replace(step, fingerprint=build.fingerprint))


def _step(view: ChosenView, decisions: Sequence[Decision]) -> Step | None:
    """Return the step, in which the index that is amended says for which findings."""
    step = step_of(view, decisions)
    if step is None or step.operations[-1].key != layout.bucket_index(view.tenant):
        return step
    amending = (each for each in decisions if each.amendments and each.verdict is Verdict.CHANGE)
    codes = ", ".join(dict.fromkeys(each.reason.partition(":")[0] for each in amending))
    *others, index = step.operations
    return replace(step, operations=(*others, replace(index, why=f"{codes}: {index.why}")))


def _decide(view: ChosenView, planned: _Planned, code: str, repair: Fix, found: Sequence[Finding]) -> None:
    decisions = [] if repair.plan is None else list(repair.plan(view, found))
    before = len(planned.decisions)
    for decision in decisions:
        planned.take(view, code, decision)
    is_changing = any(each.verdict is Verdict.CHANGE for each in planned.decisions[before:])
    # Where nothing else is decided, the index is all there is to mend.
    if repair.reindexes and (is_changing or not decisions):
        planned.reindexes.append(code)


def _rebuilt(
    bucket: Bucket, view: ChosenView, decisions: Sequence[Decision], parquet: bool | None
) -> Build | SourceError:
    step: Step | None = step_of(view, decisions)
    wants = {each.key: each.wants for each in (step.operations if step else ()) if each.is_change}
    inner = IndexSurvey(view.tenant, None, parquet, int(view.view.now_s))
    ((_, build),) = survey_all(bucket, [view.tenant], [AfterSurvey(inner, wants, view.view.now_s)])
    if isinstance(build, SourceError):
        return build
    served = list(_still_served(view, build.index, wants))
    return replace(build, index=index_changes.in_order(amend(build.index, served))) if served else build


def _still_served(view: ChosenView, index: BucketIndex, wants: Mapping[str, bytes | None]) -> Iterator[Amendment]:
    """Yield the entries of blocks that have data and no meta.json, as Cortex's updater keeps them: see IDX06."""
    built = {each.block_id for each in index.blocks}
    marks = {each.block_id: each for each in index.block_deletion_marks}
    for block in view.view.blocks.values():
        entry, _ = view.indexed(block.id)
        if block.is_partial and entry is not None and block.id not in built and not _is_changed(view, block.id, wants):
            yield Amendment(block.id, entry, marks.get(block.id))


def _is_changed(view: ChosenView, block_id: str, wants: Mapping[str, bytes | None]) -> bool:
    prefix = layout.block(view.tenant, block_id)
    return any(key.startswith(prefix) for key in wants)


def _index_decision(view: ChosenView, index: BucketIndex, codes: Sequence[str]) -> Decision:
    """Return how the rebuilt index is written, whatever it says: its time counts too."""
    if view.view.is_deleting:
        return refused(view, "", f"{', '.join(codes)}: the tenant is marked for deletion")
    why = f"{', '.join(codes)}: the index rebuilt: {_difference(list(index_changes.compare(_old(view), index)))}"
    body = view.index_body
    operation = Operation(layout.bucket_index(view.tenant), digest(body), bucket_index.encode(index), why)
    return Decision(view.tenant, "", Verdict.CHANGE, why, (), (operation,))


def _old(view: ChosenView) -> BucketIndex | None:
    try:
        return bucket_index.decode(view.index_body or b"").index
    except DataError:
        return None


def _difference(changes: Sequence[Change]) -> str:
    """Return what of an index changes, with the blocks where they are few."""
    ids: dict[tuple[str, str], list[str]] = {}
    for each in changes:
        ids.setdefault((each.what, each.how), []).append(each.block_id)
    said = [
        f"{what} {some[0]} {how}" if len(some) == 1 else f"{len(some)} {what}s {how}"
        for (what, how), some in sorted(ids.items())
    ]
    return ", ".join(said) or "nothing new but its time"
