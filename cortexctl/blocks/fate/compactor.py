"""What compactors do with a block: which job takes it, now or later, or why none does.

Source: cortexproject/cortex, pkg/compactor/compactor.go, compactUser, for the filters and their order.
"""

from dataclasses import dataclass

from cortexctl.blocks import layout, marks
from cortexctl.blocks.fate.model import Component, Event, Fate, Grade
from cortexctl.blocks.fate.seen import Seen
from cortexctl.blocks.marks import DeletionMark
from cortexctl.blocks.planning import PlannedTenant
from cortexctl.blocks.survey import Fault
from cortexctl.compaction.backlog import Outcome, left_over
from cortexctl.compaction.model import Job, Reason, Settings, Strategy
from cortexctl.compaction.simulate import jobs_now, until_done
from cortexctl.units import format_duration, format_size, format_time, format_time_ms

_INTERVAL = "compactor.compaction_interval"
_VISITS = "compactor.compaction_visit_marker_timeout"


@dataclass(frozen=True, slots=True)
class Planning:
    """A tenant as compactors plan for it, and what they are told."""

    planned: PlannedTenant
    settings: Settings


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block is in the plan."""

    job: Job | None = None
    number: int = 0
    """In the order in which jobs are taken, from 1; of a later job, its pass."""
    of: int = 0
    """How many jobs there are now; 0 for a later job."""
    reason: Reason | None = None
    why: str = ""
    """Where no job takes it."""


def place(block_id: str, planning: Planning, now_s: float) -> Place:
    """Return the job that takes the block, or why none does."""
    planned, settings = planning.planned, planning.settings
    passed_over = planned.passed_over.get(block_id)
    if passed_over is not None:
        return Place(reason=passed_over[0], why=passed_over[1])
    if all(each.id != block_id for each in planned.blocks):
        return Place()
    now = jobs_now(planned.id, planned.blocks, settings, now_s, planned.groups)
    for number, job in enumerate(now, start=1):
        if _takes(job, block_id):
            return Place(job, number, len(now))
    outcome, taken = Outcome({each.id: each for each in planned.blocks}), set[str]()
    for step in until_done(planned.id, planned.blocks, settings, now_s, planned.groups):
        if _takes(step.job, block_id):
            return Place(step.job, step.number)
        outcome.take(step)
        taken.update(each.id for each in step.job.blocks)
    for left in left_over(outcome.blocks, taken, settings, now_s):
        if left.block.id == block_id:
            return Place(reason=left.reason, why=left.why)
    return Place()


def compactor(seen: Seen, planning: Planning, found: Place) -> Fate:
    """Return what compactors do with the block, given where it is in their plan."""
    planned = planning.planned
    if planned.stopped:
        grade = Grade.WELL if planned.is_over else Grade.TROUBLE
        return _fate("nothing", f"does not compact the tenant: {planned.stopped}", grade)
    if not seen.is_there:
        return _fate("nothing", "does not see it: nothing is under its prefix")
    if seen.has_local:
        return _of_a_marked_block(seen)
    if seen.at_work is not None:
        name, until_s = seen.at_work
        ends = Event(until_s, Component.COMPACTOR, f"the visit marker of {name} expires, unless it is renewed", _VISITS)
        says = f"{name} is at work on it: its visit marker is fresh until {format_time(until_s)}"
        return _fate("at work", says, because=_job_in_words(found), events=(ends,))
    return _of_a_live_block(seen, planning, found)


def _fate(
    does: str, says: str, grade: Grade = Grade.WELL, because: tuple[str, ...] = (), events: tuple[Event, ...] = ()
) -> Fate:
    return Fate(Component.COMPACTOR, does, says, grade, because, events)


def _takes(job: Job, block_id: str) -> bool:
    return any(each.id == block_id for each in job.blocks)


def _of_a_marked_block(seen: Seen) -> Fate:
    """Return what its local deletion mark does. Source: Thanos, pkg/block/fetcher.go, IgnoreDeletionMarkFilter."""
    mark = seen.block.deletion_mark
    if isinstance(mark, DeletionMark) and mark.version != marks.VERSION:
        says = f"compacts nothing of the tenant: its deletion mark has version {mark.version}, which fails every sync"
        return _fate("stopped", says, Grade.TROUBLE)
    if isinstance(mark, Fault) and mark.kind == "corrupt":
        says = f"takes it for not marked, and compacts it like any other: its deletion mark {mark.message}"
        return _fate("compacts", says, Grade.ODD)
    if isinstance(mark, Fault):
        return _fate("unknown", f"is stopped, if it cannot read the deletion mark either: it {mark.message}", Grade.ODD)
    if seen.rules.plans_by_index and seen.indexed_mark_s is None:
        says = "plans it, for the bucket index has no mark of it, and then fails: there is one beside its data"
        return _fate("fails", says, Grade.TROUBLE)
    return _fate("passes over", "passes it over: it is marked for deletion", because=_details(mark))


def _details(mark: DeletionMark | None) -> tuple[str, ...]:
    return (f'the mark says why: "{mark.details}"',) if mark is not None and mark.details else ()


def _of_a_live_block(seen: Seen, planning: Planning, found: Place) -> Fate:
    extra = _odd_marks(seen)
    if found.job is not None:
        return _in_a_job(seen, found, found.job, planning, extra)
    match found.reason:
        case None:
            return _fate("waits", "has no job for it", because=extra)
        case Reason.PARTIAL | Reason.BROKEN:
            grade = Grade.WELL if seen.block.is_partial else Grade.TROUBLE
            return _fate("passes over", f"does not see it: {found.why}", grade, extra)
        case Reason.YOUNG:
            at_s = max((seen.block.uploaded_at_s or 0) + planning.settings.consistency_delay_s, seen.now_s)
            event = Event(at_s, Component.COMPACTOR, "takes it into account", "compactor.consistency_delay")
            return _fate("waits", f"passes it over for now: {found.why}", because=extra, events=(event,))
        case Reason.DUPLICATE:
            what = "marks it for deletion, as outdated"
            event = Event(seen.now_s, Component.COMPACTOR, what, _INTERVAL)
            return _fate("marks", f"{what}, in its next run: {found.why}", because=extra, events=(event,))
        case Reason.VISIT_MARK | Reason.FAILED:
            return _fate("passes over", f"passes it over for ever: {found.why}", Grade.ODD, extra)
        case Reason.NO_COMPACT:
            return _fate("passes over", f"leaves it out of every job: it is {found.why}", because=extra)
        case Reason.DONE:
            return _fate("done", f"is done with it: it {found.why}", because=extra)
        case _:
            return _fate("waits", f"has no job for it yet: it {found.why}", because=extra)


def _in_a_job(seen: Seen, found: Place, job: Job, planning: Planning, extra: tuple[str, ...]) -> Fate:
    described, others = _described(job), _others(job, seen.id)
    because = tuple(each for each in (others, *extra) if each)
    if not found.of:
        says = f"compacts it later, in {described}: other jobs come first"
        return _fate("compacts later", says, because=because)
    lacking = next((each for each in job.blocks if each.lacks), None)
    if lacking is not None:
        which = "it" if lacking.id == seen.id else lacking.id
        says = f"fails at it in every run: {described} takes it, and {which} is broken: {lacking.lacks}"
        return _fate("fails", says, Grade.TROUBLE, because)
    if job.visit is not None and job.visit.fault:
        says = f"passes its group over for ever: a visit marker of {described} {job.visit.fault}"
        return _fate("passes over", says, Grade.ODD, because)
    order = f"job {found.number} of {found.of} that are due"
    runs = f"compacts it with {_counted(job)} into one block, then marks the sources for deletion"
    if planning.settings.strategy is Strategy.PARTITIONING:
        runs = f"compacts it with {_counted(job)}; the cleaner marks the sources when all partitions are done"
    if job.visit is not None:
        says = f"{job.visit.compactor} has its job: {described}, until {format_time(job.visit.until_s)}"
        event = Event(job.visit.until_s, Component.COMPACTOR, "may take the job, if the visit marker expires", _VISITS)
        return _fate("at work", says, because=because, events=(event,))
    event = Event(seen.now_s, Component.COMPACTOR, runs, _INTERVAL)
    interval = format_duration(seen.view.delays.compaction_interval_s)
    says = f"would compact it in {described}: {order}; a run begins every {interval}"
    return _fate("compacts", says, because=because, events=(event,))


def _described(job: Job) -> str:
    window = f"{format_time_ms(job.start_ms)} to {format_time_ms(job.end_ms)}"
    size = "" if not job.is_stored else f", {format_size(job.size_bytes)}"
    part = "" if job.partition is None else f", partition {job.partition.number + 1} of {job.partition.count}"
    return f"a {job.kind} job of {len(job.blocks)} blocks from {window}{size}{part}"


def _counted(job: Job) -> str:
    count = len(job.blocks) - 1
    return {0: "none besides", 1: "one other"}.get(count, f"{count} others")


def _others(job: Job, block_id: str, most: int = 4) -> str:
    names = [each.id for each in job.blocks if each.id != block_id and not each.is_expected]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"with {', '.join(names[:most])}{more}" if names else ""


def _job_in_words(found: Place) -> tuple[str, ...]:
    return () if found.job is None else (f"it belongs to {_described(found.job)}",)


def _odd_marks(seen: Seen) -> tuple[str, ...]:
    has_local = layout.NO_COMPACT_MARK in seen.block.files
    if seen.id in seen.view.global_no_compact_marks and not has_local:
        return ("its no-compact mark is only under markers/, where it is counted and has no effect",)
    if has_local and seen.id not in seen.view.global_no_compact_marks:
        return ("its no-compact mark has no copy under markers/: it has its effect, and is not counted",)
    mark = seen.view.details.no_compact_marks.get(seen.id)
    return (f"its no-compact mark {mark.message}: it has no effect",) if isinstance(mark, Fault) else ()
