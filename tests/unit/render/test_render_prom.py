"""What `-o prom` promises: text that Prometheus reads, base units, and no more series than were asked for."""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cortexctl.errors import UsageError
from cortexctl.findings import Finding
from cortexctl.render import Ended, FindingsResult, Format
from cortexctl.render.prom import last_success_s
from cortexctl.results import Column, Document, Kind, Table

Render = Callable[..., str]
ENDED = Ended(1_732_147_260.25, 59.75, 1, 1_732_147_260.25, {"GET": 40})


def read(text: str) -> dict[tuple[str, ...], float]:
    """Return the value of each series by its name and the values of its labels, in the order of their names."""
    families = list(text_string_to_metric_families(text))
    assert len({each.name for each in families}) == len(families), "a metric is there twice"
    samples = [each for family in families for each in family.samples]
    found = {(each.name, *(each.labels[name] for name in sorted(each.labels))): each.value for each in samples}
    assert len(found) == len(samples), "a series is there twice"
    return found


def rows(columns: Sequence[Column], items: Sequence[Mapping[str, Any]], **summary: Any) -> Table:
    return Table(columns, items, summary)


def test_a_gauge_is_named_after_command_and_column_in_base_units(render: Render) -> None:
    columns = [
        Column("tenant", Kind.ID),
        Column("blocks", Kind.COUNT),
        Column("size_bytes", Kind.BYTES),
        Column("age_s", Kind.DURATION_S),
        Column("updated_at_s", Kind.TIME_S),
        Column("timestamp_s", Kind.TIME_S),
        Column("oldest_ms", Kind.TIME_MS),
        Column("share", Kind.SHARE),
        Column("owned_percent", Kind.PERCENT),
        Column("level", Kind.NUMBER),
        Column("note"),
    ]
    row = dict(zip([each.name for each in columns], ["a", 3, 5, 7, 11, 13, 17_500, 0.5, 19, 23, 29], strict=True))
    assert read(render(rows(columns, [row]), Format.PROM, command="bucket index x-y")) == {
        ("cortexctl_bucket_index_x_y_rows", "a"): 1,
        ("cortexctl_bucket_index_x_y_blocks", "a"): 3,
        ("cortexctl_bucket_index_x_y_size_bytes", "a"): 5,
        ("cortexctl_bucket_index_x_y_age_seconds", "a"): 7,
        ("cortexctl_bucket_index_x_y_updated_timestamp_seconds", "a"): 11,
        ("cortexctl_bucket_index_x_y_timestamp_seconds", "a"): 13,
        ("cortexctl_bucket_index_x_y_oldest_timestamp_seconds", "a"): 17.5,
        ("cortexctl_bucket_index_x_y_share_ratio", "a"): 0.5,
        ("cortexctl_bucket_index_x_y_owned_ratio", "a"): 0.19,
    }


def test_states_label_the_count_of_rows_alone(render: Render) -> None:
    columns = [
        Column("ring", Kind.ID),
        Column("place", is_key=True),
        Column("state", Kind.STATE),
        Column("n", Kind.COUNT),
    ]
    items = [{"ring": "r", "place": "p", "state": "ACTIVE", "n": 1}, {"ring": "r", "place": "q", "n": 2}]
    assert read(render(rows(columns, items), Format.PROM)) == {
        ("cortexctl_bucket_ls_rows", "p", "r", "ACTIVE"): 1,
        ("cortexctl_bucket_ls_rows", "q", "r", ""): 1,
        ("cortexctl_bucket_ls_n", "p", "r"): 1,
        ("cortexctl_bucket_ls_n", "q", "r"): 2,
    }


def test_amounts_of_rows_alike_add_up_and_of_ages_the_largest_stays(render: Render) -> None:
    columns = [
        Column("tenant", Kind.ID),
        Column("key", Kind.ID, wide=True),
        Column("size_bytes", Kind.BYTES),
        Column("age_s", Kind.DURATION_S),
    ]
    items = [{"tenant": "a", "key": str(n), "size_bytes": n, "age_s": n} for n in (5, 7, 6)]
    found = read(render(rows(columns, items), Format.PROM))
    assert found[("cortexctl_bucket_ls_rows", "a")] == 3
    assert found[("cortexctl_bucket_ls_size_bytes", "a")] == 18
    assert found[("cortexctl_bucket_ls_age_seconds", "a")] == 7


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 10**400, "12", True])
def test_what_is_no_number_has_no_sample(value: object, render: Render) -> None:
    columns = [Column("tenant", Kind.ID), Column("n", Kind.COUNT)]
    assert list(read(render(rows(columns, [{"tenant": "a", "n": value}]), Format.PROM))) == [
        ("cortexctl_bucket_ls_rows", "a")
    ]


def test_numbers_of_the_summary_are_labelled_with_what_they_are_about(render: Render) -> None:
    summary = {
        "ring": "ingester",
        "members": 3,
        "is_well": True,
        "age_s": 4,
        "made_at_s": 5,
        "worst": {"tenant": "a", "likely": {"peak_bytes": 6, "start_ms": 7_000}},
        "zones": [{"zone": "a", "healthy": 1}, {"zone": "b", "healthy": 2}, {"healthy": 9}],
        "parameters": [{"name": "x", "value": 1}],
        "names": ["x"],
    }
    assert read(render(rows([], [], **summary), Format.PROM)) == {
        ("cortexctl_bucket_ls_summary_members", "ingester"): 3,
        ("cortexctl_bucket_ls_summary_age_seconds", "ingester"): 4,
        ("cortexctl_bucket_ls_summary_made_timestamp_seconds", "ingester"): 5,
        ("cortexctl_bucket_ls_summary_worst_likely_peak_bytes", "ingester", "a"): 6,
        ("cortexctl_bucket_ls_summary_worst_likely_start_timestamp_seconds", "ingester", "a"): 7,
        ("cortexctl_bucket_ls_summary_zones_healthy", "ingester", "a"): 1,
        ("cortexctl_bucket_ls_summary_zones_healthy", "ingester", "b"): 2,
    }


@pytest.mark.parametrize(
    ("name", "gauge"),
    [
        ("deletion_time_s", "deletion_time_timestamp_seconds"),
        ("non_queryable_until_s", "non_queryable_until_timestamp_seconds"),
        ("oldest_ms", "oldest_timestamp_seconds"),
        ("took_s", "took_seconds"),
        ("spent_time_s", "spent_time_seconds"),
    ],
)
def test_a_moment_of_the_summary_is_told_by_its_name_as_in_evidence(name: str, gauge: str, render: Render) -> None:
    assert list(read(render(rows([], [], **{name: 1000}), Format.PROM))) == [(f"cortexctl_bucket_ls_summary_{gauge}",)]


def test_rows_are_labelled_with_what_the_summary_is_about(render: Render) -> None:
    columns = [Column("instance", Kind.ID), Column("tokens", Kind.COUNT)]
    found = read(render(rows(columns, [{"instance": "i-1", "tokens": 4}], ring="compactor"), Format.PROM))
    assert found[("cortexctl_bucket_ls_tokens", "i-1", "compactor")] == 4


def test_past_the_most_series_the_rest_is_added_up(render: Render) -> None:
    columns = [Column("tenant", Kind.ID), Column("blocks", Kind.COUNT), Column("age_s", Kind.DURATION_S)]
    items = [{"tenant": f"t{n}", "blocks": n, "age_s": n} for n in range(10)]
    found = read(render(rows(columns, items), Format.PROM, max_series=3))
    assert {key: value for key, value in found.items() if key[0] == "cortexctl_bucket_ls_blocks"} == {
        ("cortexctl_bucket_ls_blocks", "t0"): 0,
        ("cortexctl_bucket_ls_blocks", "t1"): 1,
        ("cortexctl_bucket_ls_blocks", "t2"): 2,
        ("cortexctl_bucket_ls_blocks", "_other"): 42,
    }
    assert found[("cortexctl_bucket_ls_age_seconds", "_other")] == 9
    assert found[("cortexctl_bucket_ls_rows", "_other")] == 7


def test_of_findings_the_worst_are_told_apart_and_none_is_lost(findings: FindingsResult, render: Render) -> None:
    some = [replace(findings.findings[0], scope=f"team-{n}") for n in range(5)]
    result = FindingsResult([*some, *findings.findings], (), 7)
    found = {key: value for key, value in read(render(result, Format.PROM, max_series=2)).items() if len(key) == 5}
    assert found == {
        ("cortexctl_findings", "IDX05", "bucket ls", "critical", "team-b"): 1,
        ("cortexctl_findings", "MRK01", "bucket ls", "high", "team-0"): 1,
        ("cortexctl_findings", "MRK01", "bucket ls", "high", "_other"): 6,
        ("cortexctl_findings", "IDX09", "bucket ls", "info", "_other"): 1,
    }


def test_the_label_of_a_ring_is_ring(findings: FindingsResult, render: Render) -> None:
    found: Finding = replace(findings.findings[0], scope="ingester", scope_kind="ring")
    assert 'ring="ingester"' in render(FindingsResult([found], (), 1, scope="ring"), Format.PROM)


def test_how_the_run_went(findings: FindingsResult, render: Render) -> None:
    found = read(render(findings, Format.PROM, ended=ENDED))
    assert found[("cortexctl_last_run_timestamp_seconds", "bucket ls")] == 1_732_147_260.25
    assert found[("cortexctl_last_success_timestamp_seconds", "bucket ls")] == 1_732_147_260.25
    assert found[("cortexctl_run_duration_seconds", "bucket ls")] == 59.75
    assert found[("cortexctl_run_exit_code", "bucket ls")] == 1
    assert found[("cortexctl_run_requests", "bucket ls", "GET")] == 40


def test_the_last_success_is_read_back(findings: FindingsResult, render: Render) -> None:
    text = render(findings, Format.PROM, ended=ENDED)
    assert last_success_s(text, "bucket ls") == 1_732_147_260.25
    assert last_success_s(text, "bucket check") is None
    assert last_success_s(render(findings, Format.PROM, ended=replace(ENDED, succeeded_at_s=None)), "bucket ls") is None


@pytest.mark.parametrize("text", ["", "{", "a b c d", "cortexctl_last_success_timestamp_seconds nonsense\n", "<html>"])
def test_what_is_no_metrics_file_has_no_last_success(text: str) -> None:
    assert last_success_s(text, "bucket ls") is None


@pytest.mark.parametrize("name", ["blocks", "findings", "audit"])
def test_nothing_in_it_is_obeyed_by_a_terminal(name: str, request: pytest.FixtureRequest, render: Render) -> None:
    text = render(request.getfixturevalue(name), Format.PROM, ended=ENDED)
    assert all(char == "\n" or char.isprintable() for char in text)
    read(text)


@pytest.mark.parametrize("option", ["fields", "sort"])
def test_columns_are_not_chosen(option: str, blocks: Table, render: Render) -> None:
    with pytest.raises(UsageError, match="--fields and --sort are for rows"):
        render(blocks, Format.PROM, **{option: ("tenant",)})


def test_an_answer_has_no_gauges(answer: Document, render: Render) -> None:
    with pytest.raises(UsageError, match=r"-o prom: bucket ls has one answer, not rows; it has table, .*html"):
        render(answer, Format.PROM)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_against_it(audit: FindingsResult, render: Render) -> None:
    text = render(audit, Format.PROM, ended=ENDED)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
