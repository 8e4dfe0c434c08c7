"""What compactors need of disk, for people and machines: tenants worst first, and each need part by part."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.audit.plan.settings import Parameters
from cortexctl.compaction import capacity
from cortexctl.compaction.disk import Instance, Need, TenantDisk, Weighed
from cortexctl.errors import DataError, SourceError
from cortexctl.findings import Finding
from cortexctl.results import Column, Kind, Row
from cortexctl.units import format_count, format_duration, format_size, format_time_ms

_SHOWN_BLOCKS = 12
_SHOWN_UNREAD = 5

COLUMNS = (
    Column("tenant", Kind.ID),
    Column("likely_bytes", Kind.BYTES, "LIKELY"),
    Column("most_bytes", Kind.BYTES, "AT MOST"),
    Column("share", Kind.SHARE, "OF THE WORST"),
    Column("job", Kind.STATE),
    Column("when", Kind.STATE),
    Column("start_ms", Kind.TIME_MS, "FROM", wide=True),
    Column("range_s", Kind.DURATION_S),
    Column("blocks", Kind.COUNT),
    Column("jobs", Kind.COUNT, "BACKLOG"),
    Column("active_series", Kind.COUNT, "SERIES", wide=True),
    Column("window_bytes", Kind.BYTES, "LARGEST WINDOW", wide=True),
    Column("growth", Kind.NUMBER, wide=True),
    Column("owner", Kind.ID, wide=True),
)


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """The tenants worst first, and below them what a compactor needs, part by part."""

    tenants: Sequence[TenantDisk]
    instances: Sequence[Instance]
    findings: Sequence[Finding]
    parameters: Parameters
    owners: Mapping[str, Sequence[str]]
    stopped: Mapping[str, str]
    """Why tenants are not compacted now."""
    failed: Sequence[SourceError] = ()
    indexes: int | None = None
    """How many indexes were to be looked at; None where none was."""
    unread: Sequence[DataError | SourceError] = ()
    """Those of them that could not be."""
    collection: str = "items"

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of a tenant."""
        return COLUMNS

    def rows(self) -> Iterable[Row]:
        """Yield the tenants, worst first."""
        worst_bytes = max((each.likely_bytes for each in self.tenants), default=0)
        return [_row(each, worst_bytes, self.owners.get(each.tenant)) for each in self.tenants]

    @property
    def summary(self) -> Mapping[str, Any]:
        """Cortex's own rules, what each compactor needs by part, the worst job with its blocks, and the findings."""
        return {
            "tenants": len(self.tenants),
            "formula": self._formula(),
            "series_rule": self._series_rule(),
            "instances": [_instance_document(each) for each in self.instances],
            "worst": _worst_document(self.tenants[0]) if self.tenants else None,
            "findings": [each.document() for each in self.findings],
            "stopped": dict(self.stopped),
            "parameters": list(self.parameters.rows()),
            "indexes_read": None if self.indexes is None else self.indexes - len(self.unread),
            "indexes_unread": [str(each) for each in self.unread],
            "failed": len(self.failed),
        }

    def _formula(self) -> dict[str, Any] | None:
        windows = [(each.window, each.tenant) for each in self.tenants if each.window is not None]
        if not windows:
            return None
        window, tenant = max(windows, key=lambda each: each[0].size_bytes)
        concurrency = self.parameters.base.concurrency
        return {
            "tenant": tenant,
            "start_ms": window.start_ms,
            "end_ms": window.end_ms,
            "blocks": window.blocks,
            "window_bytes": window.size_bytes,
            "compaction_concurrency": concurrency,
            "factor": capacity.FORMULA_FACTOR,
            "needed_bytes": capacity.documented_bytes(concurrency, window.size_bytes),
        }

    def _series_rule(self) -> dict[str, Any] | None:
        largest = max(self.tenants, key=lambda each: each.active_series, default=None)
        if largest is None:
            return None
        concurrency = self.parameters.base.concurrency
        return {
            "tenant": largest.tenant,
            "active_series": largest.active_series,
            "compaction_concurrency": concurrency,
            "bytes_of_a_series": capacity.BYTES_OF_A_SERIES,
            "needed_bytes": capacity.series_rule_bytes(concurrency, largest.active_series),
        }

    def footer(self) -> str:
        """Return the parts of the worst compactor's need, the rules, the worst job, and the findings."""
        lines: list[str] = []
        if not self.tenants:
            return f"no tenant has anything to compact\n{self.parameters.described()}"
        for each in self.instances:
            lines += _need_lines(each)
        lines += self._rule_lines()
        lines += _worst_lines(self.tenants[0])
        lines += self._exactness_lines()
        lines += [f"{tenant} is not compacted: {why}" for tenant, why in self.stopped.items()]
        lines.append(self.parameters.described())
        for finding in self.findings:
            lines += ["", f"{str(finding.severity).upper()} {finding.code} {finding.scope}: {finding.message}"]
            lines += [f"    {finding.consequence}", f"    next: {finding.next}"]
        return "\n".join(lines)

    def _rule_lines(self) -> Iterator[str]:
        formula, rule = self._formula(), self._series_rule()
        at_once = f"{self.parameters.base.concurrency} at once"
        if formula:
            when = f"{format_time_ms(formula['start_ms'])} to {format_time_ms(formula['end_ms'])}"
            blocks = f"{format_size(formula['window_bytes'])} ({formula['tenant']}, {when})"
            yield f"Cortex's formula: {at_once} x {blocks} x 2 = {format_size(formula['needed_bytes'])}"
        if rule:
            series = f"{rule['active_series']} active series ({rule['tenant']})"
            yield f"Cortex's rule of thumb: {at_once} x {series} x 15 kB = {format_size(rule['needed_bytes'])}"

    def _exactness_lines(self) -> Iterator[str]:
        yield "exact: the sizes of stored blocks, from the listing; estimated: what jobs make of them"
        if self.indexes is None:
            yield "postings are taken for all of an index, which they cannot be; --exact reads how much of it they are"
            return
        read = self.indexes - len(self.unread)
        if read or not self.unread:
            yield f"postings are exact of {read} indexes, and of results in proportion"
        if self.unread:
            yield f"{len(self.unread)} could not be read, and count with all of their index:"
            yield from (f"  {each}" for each in self.unread[:_SHOWN_UNREAD])


def _row(each: TenantDisk, worst_bytes: int, owner: Sequence[str] | None) -> Row:
    worst = each.worst
    return {
        "tenant": each.tenant,
        "likely_bytes": each.likely_bytes,
        "most_bytes": each.most_bytes,
        "share": round(each.likely_bytes / worst_bytes, 4) if worst_bytes else 0.0,
        "job": worst.job.kind if worst else None,
        "when": worst.when if worst else None,
        "start_ms": worst.job.start_ms if worst else None,
        "range_s": (worst.job.end_ms - worst.job.start_ms) // 1000 if worst else None,
        "blocks": len(worst.job.blocks) if worst else None,
        "jobs": each.jobs,
        "active_series": each.active_series,
        "window_bytes": each.window.size_bytes if each.window else None,
        "growth": None if each.growth is None else round(each.growth, 3),
        "owner": None if owner is None else ",".join(owner) or "nobody",
    }


def _need_document(need: Need) -> dict[str, int]:
    return {
        "jobs_bytes": need.jobs_bytes,
        "failed_bytes": need.failed_bytes,
        "metas_bytes": need.metas_bytes,
        "reserve_bytes": need.reserve_bytes,
        "total_bytes": need.total_bytes,
    }


def _instance_document(each: Instance) -> dict[str, Any]:
    return {
        "instance": each.name,
        "tenants": each.tenants,
        "worst_tenant": each.worst.tenant if each.worst else None,
        "likely": _need_document(each.likely),
        "most": _need_document(each.most),
        "later_bytes": each.later_bytes,
        "horizon_s": each.horizon_s or None,
        "volume_bytes": each.volume_bytes,
    }


def _weighed_document(weighed: Weighed | None) -> dict[str, Any] | None:
    if weighed is None:
        return None
    job = weighed.job
    return {
        "job": job.kind,
        "when": weighed.when,
        "is_measured": weighed.is_measured,
        "start_ms": job.start_ms,
        "end_ms": job.end_ms,
        "blocks": [each.id for each in job.blocks],
        "likely": _peak_document(weighed, at_most=False),
        "most": _peak_document(weighed, at_most=True),
    }


def _peak_document(weighed: Weighed, *, at_most: bool) -> dict[str, int]:
    peak = weighed.most if at_most else weighed.likely
    return {
        "sources_bytes": peak.sources_bytes,
        "parquet_bytes": peak.parquet_bytes,
        "chunks_bytes": peak.chunks_bytes,
        "preallocated_bytes": peak.preallocated_bytes,
        "index_bytes": peak.index_bytes,
        "postings_bytes": peak.postings_bytes,
        "total_bytes": peak.total_bytes,
    }


def _worst_document(tenant: TenantDisk) -> dict[str, Any]:
    return {
        "tenant": tenant.tenant,
        "likely": _weighed_document(tenant.worst),
        "at_most": _weighed_document(tenant.worst_most),
    }


def _need_lines(each: Instance) -> list[str]:
    """Return the parts of a compactor's need, likely and at most, and the job's own parts among them."""
    head = f"{each.name}: {format_count(each.tenants, 'tenant')}"
    if each.volume_bytes is not None:
        head += f", a volume of {format_size(each.volume_bytes)}"
    lines = [f"{head:<45}{'LIKELY':>12}{'AT MOST':>12}"]
    worst = each.worst
    pairs = [(f"jobs at once, of {worst.tenant}" if worst else "jobs", each.likely.jobs_bytes, each.most.jobs_bytes)]
    if worst and worst.worst and worst.worst_most:
        likely, most = worst.worst.likely, worst.worst_most.most
        pairs += [
            ("  sources downloaded", likely.sources_bytes, most.sources_bytes),
            ("    of that parquet copies", likely.parquet_bytes, most.parquet_bytes),
            ("  chunks written", likely.chunks_bytes, most.chunks_bytes),
            ("  preallocated segment, 512 MiB", likely.preallocated_bytes, most.preallocated_bytes),
            ("  index", likely.index_bytes, most.index_bytes),
            ("  postings, in temporary files", likely.postings_bytes, most.postings_bytes),
        ]
    pairs += [
        ("a failed job, left behind", each.likely.failed_bytes, each.most.failed_bytes),
        ("meta.json of all blocks", each.likely.metas_bytes, each.most.metas_bytes),
        ("the file system's reserve, 5 %", each.likely.reserve_bytes, each.most.reserve_bytes),
        ("needed", each.likely.total_bytes, each.most.total_bytes),
    ]
    lines += [f"  {what:<43}{format_size(a):>12}{format_size(b):>12}" for what, a, b in pairs]
    if worst is not None and each.horizon_s:
        later = "not known" if each.later_bytes is None else format_size(each.later_bytes)
        lines.append(f"  {'in ' + format_duration(each.horizon_s) + ', as ' + worst.tenant + ' grows':<43}{later:>12}")
    return [*lines, ""]


def _worst_lines(tenant: TenantDisk) -> list[str]:
    worst = tenant.worst
    if worst is None:
        return []
    job = worst.job
    names = [each.id for each in job.blocks]
    more = f" and {len(names) - _SHOWN_BLOCKS} more" if len(names) > _SHOWN_BLOCKS else ""
    if worst.is_measured:
        blocks = f"blocks {', '.join(names[:_SHOWN_BLOCKS])}{more}"
    else:
        blocks = (
            f"estimated from {', '.join(dict.fromkeys(names))}" if worst.when == "recurring" else "of results to come"
        )
    when = f"{format_time_ms(job.start_ms)} to {format_time_ms(job.end_ms)}"
    return [f"worst job: {tenant.tenant}, {job.kind}, {worst.when}, {when}, {blocks}"]
