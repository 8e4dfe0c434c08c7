"""Metrics, as node_exporter's textfile collector and a Pushgateway take them: all are gauges, in base units.

A row's gauges are named after the command and the column, `cortexctl_bucket_tenants_size_bytes`, and labelled with
what tells rows apart. Numbers of the summary are `cortexctl_<command>_summary_<key>`. How the run went has one name for
all commands and the label `command`. The exposition itself is prometheus_client's.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from cortexctl.errors import UsageError
from cortexctl.render.findings import FindingsResult
from cortexctl.render.gauges import Family, gauge, label, labels_of, named_in, of_summary
from cortexctl.render.machine import plain
from cortexctl.render.spec import Ended, OutputSpec
from cortexctl.results import Column, Kind, Result

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

LAST_SUCCESS = "cortexctl_last_success_timestamp_seconds"


def write_prom(result: Result, output: OutputSpec, stream: TextIO) -> None:
    """Write the gauges of a result, and those of the run where it is over."""
    write_registry(registry(result, output), stream)


def write_registry(gauges: "CollectorRegistry", stream: TextIO) -> None:
    """Write gauges as text."""
    from prometheus_client import generate_latest

    stream.write(generate_latest(gauges).decode())


def registry(result: Result | None, output: OutputSpec, findings: FindingsResult | None = None) -> "CollectorRegistry":
    """Return the gauges of a result, of findings that came with it, and of the run. Of no result, the run's alone."""
    if output.fields or output.sort:
        raise UsageError("--fields and --sort are for rows, and -o prom has gauges")
    families: list[Family] = []
    if isinstance(result, FindingsResult):
        findings = result
    elif result is not None:
        families += _of_rows(result, output)
        families += of_summary(result.summary, output.command)
    if findings is not None:
        families += _of_findings(findings, output)
    if output.ended is not None:
        families += _of_run(output.ended, output.command)
    return _registered(families, dict(output.metric_labels))


def last_success_s(text: str, command: str) -> float | None:
    """Return when a command last got its whole answer, by a file that `write_prom` wrote; None where it is none."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == LAST_SUCCESS and sample.labels.get("command") == command:
                    return float(sample.value)
    except ValueError:
        return None
    return None


def _registered(families: Iterable[Family], labels: Mapping[str, str]) -> "CollectorRegistry":
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

    made = []
    for each in families:
        if taken := labels.keys() & set(each.labels):
            raise UsageError(f"--metric-label {min(taken)}=…: {each.name} has a label of this name already")
        metric = GaugeMetricFamily(each.name, each.help, labels=(*labels, *each.labels))
        for values, value in each.samples.items():
            metric.add_metric((*map(label, labels.values()), *values), value)
        if each.samples:
            made.append(metric)

    class Collected:
        def collect(self) -> Iterator[Any]:
            return iter(made)

    gauges = CollectorRegistry(auto_describe=False)
    gauges.register(Collected())
    return gauges


def _of_rows(result: Result, output: OutputSpec) -> Iterator[Family]:
    columns, subject = result.columns, f"`cortexctl {output.command}`"
    keys = [each for each in columns if each.is_key or (each.kind is Kind.ID and not each.wide)]
    # What all rows are about is said once, in the summary: the ring, say.
    about = {name: value for name, value in named_in(result.summary).items() if name not in labels_of(keys)}
    states = [each for each in columns if each.kind is Kind.STATE and each not in keys]
    rows = Family(
        gauge(output.command, "rows"),
        f"How many rows {subject} has.",
        (*about, *labels_of([*keys, *states])),
        output.max_series,
        range(len(about), len(about) + len(keys)),
    )
    by_column = {
        each: Family(
            name,
            _about(each, subject),
            (*about, *labels_of(keys)),
            output.max_series,
            range(len(about), len(about) + len(keys)),
        )
        for each in columns
        if (name := gauge(output.command, each.name, each.kind))
    }
    for row in result.rows():
        values = [*about.values(), *(label(plain(row.get(each.name))) for each in keys)]
        rows.add([*values, *(label(plain(row.get(each.name))) for each in states)], 1)
        for column, family in by_column.items():
            family.add(values, row.get(column.name), column.kind)
    yield rows
    yield from by_column.values()


def _about(column: Column, subject: str) -> str:
    how = "" if column.kind in (Kind.COUNT, Kind.BYTES) else " The largest, where rows share their labels."
    return f"{column.name} of the rows of {subject}.{how}"


def _of_findings(result: FindingsResult, output: OutputSpec) -> Iterator[Family]:
    has_baseline = result.compared is not None
    labels = ("command", "code", "severity", *(("known",) if has_baseline else ()), result.scope)
    about = "Findings, by check, severity and what they are about."
    family = Family("cortexctl_findings", about, labels, output.max_series, range(len(labels) - 1, len(labels)))
    found = zip(result.findings, result.is_known, strict=True)
    # The worst are told apart first, and always the same ones.
    for each, is_known in sorted(found, key=lambda pair: (-pair[0].severity, pair[0].code, pair[0].scope)):
        also = (str(is_known).lower(),) if has_baseline else ()
        family.add([output.command, each.code, str(each.severity), *also, label(each.scope)], 1)
    yield family
    for name, about, value in (
        ("cortexctl_scopes_checked", "Tenants, rings or instances that were checked.", result.scopes_checked),
        ("cortexctl_checks_not_run", "Checks that lacked something.", len(result.checks_not_run)),
    ):
        one = Family(name, about, ("command",))
        one.add([output.command], value)
        yield one


def _of_run(ended: Ended, command: str) -> Iterator[Family]:
    gauges: Mapping[str, tuple[str, float | None]] = {
        "cortexctl_last_run_timestamp_seconds": ("When the command last ended, however it did.", ended.at_s),
        LAST_SUCCESS: ("When the command last got its whole answer.", ended.succeeded_at_s),
        "cortexctl_run_duration_seconds": ("How long the last run took.", ended.took_s),
        "cortexctl_run_exit_code": ("The exit code of the last run.", ended.exit_code),
    }
    for name, (about, value) in gauges.items():
        family = Family(name, about, ("command",))
        family.add([command], value)
        yield family
    requests = Family("cortexctl_run_requests", "Requests of the last run to the store.", ("command", "verb"))
    for verb, count in sorted(ended.requests.items()):
        requests.add([command, verb], count)
    yield requests
