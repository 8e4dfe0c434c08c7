"""The jobs of compaction as rows, and the blocks that are in none: `plan compaction`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.audit.plan.load import planned_tenants
from cortexctl.audit.plan.owners import Owners
from cortexctl.audit.plan.settings import Parameters
from cortexctl.blocks.planning import PlannedTenant
from cortexctl.compaction import capacity
from cortexctl.compaction.backlog import Backlog, Finished, Outcome, left_over
from cortexctl.compaction.model import Job, Reason, Settings, Strategy
from cortexctl.compaction.simulate import Step, jobs_now, until_done
from cortexctl.errors import SourceError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.units import format_duration, format_size

JOB_COLUMNS = (
    Column("tenant", Kind.ID),
    Column("pass", Kind.NUMBER),
    Column("job", Kind.STATE),
    Column("start_ms", Kind.TIME_MS, "FROM"),
    Column("end_ms", Kind.TIME_MS, "TO"),
    Column("range_s", Kind.DURATION_S),
    Column("blocks", Kind.COUNT),
    Column("size_bytes", Kind.BYTES, "READS", bar="OF THE LARGEST"),
    Column("result_bytes", Kind.BYTES, "MAKES"),
    Column("peak_bytes", Kind.BYTES, "DISK"),
    Column("state"),
    Column("owner", Kind.ID),
    Column("partition", wide=True),
    Column("level", Kind.NUMBER, wide=True),
    Column("directory", Kind.ID, wide=True),
    Column("sources", Kind.LIST, wide=True),
)

LEFT_COLUMNS = (
    Column("tenant", Kind.ID),
    Column("block", Kind.ID, "ULID"),
    Column("min_time_ms", Kind.TIME_MS, "FROM"),
    Column("max_time_ms", Kind.TIME_MS, "TO"),
    Column("level", Kind.NUMBER),
    Column("size_bytes", Kind.BYTES, "SIZE", bar="OF THE LARGEST"),
    Column("reason", Kind.STATE),
    Column("why"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the plan is to be shown."""

    until_done: bool = False
    left: bool = False
    """The blocks that are in no job, instead of the jobs."""
    rate_bytes_s: float = 0
    """At which a job reads; 0 for the rate of the jobs that were done lately."""


@dataclass(frozen=True, slots=True)
class PlannedJobs:
    """The plan, and the tenants that could not be read."""

    result: Table
    failed: Sequence[SourceError]


@dataclass(slots=True)
class _Totals:
    tenants: int = 0
    jobs_now: int = 0
    marked: int = 0
    backlog: Backlog = field(default_factory=Backlog)
    reasons: Counter[str] = field(default_factory=Counter)
    stopped: dict[str, str] = field(default_factory=dict)
    busy_bytes: dict[str, float] = field(default_factory=dict)
    """What there is to read, by compactor; without a ring all are one. Jobs at once share it."""
    longest_bytes: float = 0
    finished: Finished = field(default_factory=Finished)


def plan_compaction(
    bucket: Bucket, tenants: Sequence[str], now_s: float, parameters: Parameters, asked: Asked, owners: Owners | None
) -> PlannedJobs:
    """Return a row a job, in the order in which Cortex would run them, tenant by tenant; or a row a block left over."""
    totals, items, failed = _Totals(), list[Row](), list[SourceError]()
    for tenant, planned in planned_tenants(bucket, tenants, now_s, parameters):
        if isinstance(planned, SourceError):
            failed.append(planned)
            continue
        totals.tenants += 1
        totals.marked += planned.marked
        totals.finished.add(planned.finished)
        if planned.stopped:
            totals.stopped[tenant] = planned.stopped
        else:
            items += _tenant_rows(planned, now_s, parameters, asked, owners, totals)
    summary = _summary(totals, parameters, now_s, asked, owners) | {"failed": len(failed)}
    columns = LEFT_COLUMNS if asked.left else JOB_COLUMNS
    return PlannedJobs(Table(columns, items, summary, note=_note(summary, parameters)), failed)


def _tenant_rows(
    planned: PlannedTenant,
    now_s: float,
    parameters: Parameters,
    asked: Asked,
    owners: Owners | None,
    totals: _Totals,
) -> list[Row]:
    owned_by = None if owners is None else owners.of(planned.id)
    settings = parameters.settings(planned.id, None if owned_by is None else max(len(owned_by), 1))
    outcome, backlog, taken = Outcome({each.id: each for each in planned.blocks}), Backlog(), set[str]()
    rows: list[Row] = []
    for step in until_done(planned.id, planned.blocks, settings, now_s, planned.groups):
        outcome.take(step)
        backlog.take(step)
        totals.backlog.take(step)
        taken.update(each.id for each in step.job.blocks)
        if asked.until_done and not asked.left:
            rows.append(_job_row(planned.id, step.job, step.number, settings, owned_by) | _made(step))
    now = jobs_now(planned.id, planned.blocks, settings, now_s, planned.groups)
    totals.jobs_now += len(now)
    _count_bytes(totals, backlog, settings, owned_by)
    left = list(_left_rows(planned, outcome, taken, settings, now_s))
    totals.reasons.update(str(row["reason"]) for row in left)
    if asked.left:
        return [row for row in left if row["reason"] is not Reason.DONE]
    return rows if asked.until_done else list(_now_rows(planned.id, now, settings, owned_by))


def _count_bytes(totals: _Totals, backlog: Backlog, settings: Settings, owned_by: Sequence[str] | None) -> None:
    """Add what one job after the other reads of a tenant. With the default strategy there is one at a time."""
    at_once = 1 if settings.strategy is Strategy.DEFAULT else settings.jobs_at_once
    in_turn_bytes = backlog.source_bytes / at_once
    totals.longest_bytes = max(totals.longest_bytes, in_turn_bytes)
    for name in ("",) if owned_by is None else owned_by:
        totals.busy_bytes[name] = totals.busy_bytes.get(name, 0.0) + in_turn_bytes


def _now_rows(tenant: str, jobs: Sequence[Job], settings: Settings, owned_by: Sequence[str] | None) -> Iterator[Row]:
    at_once = len(jobs) if settings.strategy is Strategy.DEFAULT else settings.jobs_at_once
    free = 0
    for job in jobs:
        free += job.visit is None
        row = _job_row(tenant, job, 1 if free <= at_once else None, settings, owned_by)
        made = capacity.expected(job, settings.replication_factor)
        level = max(each.level for each in job.blocks) + 1
        yield row | {"result_bytes": made.total_bytes, "level": level}


def _job_row(
    tenant: str, job: Job, number: int | None, settings: Settings, owned_by: Sequence[str] | None
) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "pass": number,
        "job": job.kind,
        "start_ms": job.start_ms,
        "end_ms": job.end_ms,
        "range_s": (job.end_ms - job.start_ms) // 1000,
        "blocks": len(job.blocks),
        "size_bytes": job.size_bytes,
        "peak_bytes": capacity.peak(job, settings.replication_factor).total_bytes,
        "state": _state(job, number),
        "owner": None if owned_by is None else ",".join(owned_by) or "nobody",
        "partition": f"{job.partition.number + 1} of {job.partition.count}" if job.partition else None,
        "directory": job.key,
        "sources": [each.id for each in job.blocks],
        "strategy": settings.strategy,
    }


def _made(step: Step) -> dict[str, Any]:
    return {
        "result_bytes": step.result.files.total_bytes,
        "level": step.result.level,
        "result": step.result.id,
    }


def _state(job: Job, number: int | None) -> str:
    if job.visit is not None and job.visit.fault:
        return f"stopped: a visit mark {job.visit.fault}"
    lacking = next((each for each in job.blocks if each.lacks), None)
    if lacking is not None:
        return f"will fail: {lacking.id}: {lacking.lacks}"
    if job.visit is not None:
        return f"held by {job.visit.compactor}"
    if not job.is_stored:
        return "later"
    return "next" if number == 1 else "ready"


def _left_rows(
    planned: PlannedTenant, outcome: Outcome, taken: set[str], settings: Settings, now_s: float
) -> Iterator[Row]:
    for left in left_over(outcome.blocks, taken, settings, now_s):
        block = left.block
        yield {
            "tenant": planned.id,
            "block": block.id,
            "min_time_ms": block.min_time_ms,
            "max_time_ms": block.max_time_ms,
            "level": block.level,
            "size_bytes": block.files.total_bytes,
            "reason": left.reason,
            "why": left.why,
        }
    for block_id, (reason, why) in planned.passed_over.items():
        yield {"tenant": planned.id, "block": block_id, "reason": reason, "why": why}


def _summary(
    totals: _Totals, parameters: Parameters, now_s: float, asked: Asked, owners: Owners | None
) -> dict[str, Any]:
    backlog = totals.backlog
    age_s = backlog.age_s(now_s)
    rate_bytes_s = asked.rate_bytes_s or totals.finished.rate_bytes_s
    catch_up_s = None
    if rate_bytes_s:
        busy_bytes = max(totals.busy_bytes.values(), default=0.0)
        if owners is None and parameters.base.strategy is Strategy.DEFAULT:
            busy_bytes = max(busy_bytes / parameters.compactors, totals.longest_bytes)
        catch_up_s = round(busy_bytes / rate_bytes_s)
    return {
        "tenants": totals.tenants,
        "jobs_now": totals.jobs_now,
        "jobs_until_done": backlog.jobs,
        "source_bytes": backlog.source_bytes,
        "backlog_age_s": None if age_s is None else int(age_s),
        "catch_up_s": catch_up_s,
        "rate_bytes": None if rate_bytes_s is None else round(rate_bytes_s),
        "rate_origin": "flag" if asked.rate_bytes_s else "measured" if rate_bytes_s else None,
        "measured_jobs": totals.finished.jobs,
        "marked": totals.marked,
        "left": dict(sorted(totals.reasons.items())),
        "stopped": totals.stopped,
        "parameters": list(parameters.rows()),
    }


def _note(summary: dict[str, Any], parameters: Parameters) -> str:
    lines = ["nothing to compact"]
    if summary["jobs_until_done"]:
        age = format_duration(summary["backlog_age_s"] or 0)
        read = format_size(summary["source_bytes"])
        jobs = f"{summary['jobs_now']} jobs now, {summary['jobs_until_done']} until nothing is left, which read {read}"
        lines = [f"{jobs}; the oldest data that wait are {age} old"]
    if summary["catch_up_s"] is not None:
        lines.append(f"caught up in {format_duration(summary['catch_up_s'])}, if nothing new arrives: {_rate(summary)}")
    elif summary["jobs_until_done"]:
        lines.append("how long that takes is not known: no job of late could be measured; give --rate")
    left = ", ".join(f"{count} {reason}" for reason, count in summary["left"].items())
    if left:
        lines.append(f"blocks in no job: {left} (--left shows them)")
    lines += [f"{tenant} is not compacted: {why}" for tenant, why in summary["stopped"].items()]
    return "\n".join((*lines, parameters.described()))


def _rate(summary: dict[str, Any]) -> str:
    rate = f"each job reads {format_size(summary['rate_bytes'])} a second"
    if summary["rate_origin"] == "flag":
        return f"{rate} (flag)"
    return f"{rate}, as {summary['measured_jobs']} of late did without their downloads; --rate says otherwise"
