"""What JSON, NDJSON, CSV and YAML promise to programs."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from cortexctl.errors import UsageError
from cortexctl.findings import Severity
from cortexctl.render import FindingsResult, Format, OutputSpec, emit
from cortexctl.render.machine import plain
from cortexctl.results import Column, Document, Kind, Table

Render = Callable[..., str]
SPELLED = "two\nlines\tand \x1b[31m[red]x[/red]\x9b, \u202ebidi, \\udc80"


def test_json_is_a_document_with_an_envelope(blocks: Table, render: Render) -> None:
    document = msgspec.json.decode(render(blocks, Format.JSON).encode())
    assert list(document) == ["schema", "command", "version", "started_at", "summary", "items"]
    assert document["schema"] == "cortexctl/bucket-ls/v1"
    assert document["command"] == "bucket ls"
    assert document["started_at"] == "2024-11-21T00:00:00Z"
    assert document["summary"] == {"blocks": 3, "bytes": 5 * 2**30}
    assert document["items"][1]["tenant"] == SPELLED


def test_columns_come_first_then_the_other_keys(blocks: Table, render: Render) -> None:
    row = json.loads(render(blocks, Format.JSON))["items"][0]
    assert list(row) == [
        "tenant", "ulid", "severity", "series", "size_bytes", "min_time_ms", "min_time", "updated_at_s", "updated_at",
        "age_s", "note", "labels",
    ]  # fmt: skip


def test_times_are_raw_and_rfc_3339(blocks: Table, render: Render) -> None:
    first, _, last = json.loads(render(blocks, Format.JSON))["items"]
    assert (first["min_time_ms"], first["min_time"]) == (1_732_147_200_123, "2024-11-21T00:00:00.123Z")
    assert (first["updated_at_s"], first["updated_at"]) == (1_732_154_400, "2024-11-21T02:00:00Z")
    assert (last["min_time_ms"], last["min_time"]) == (2**63 - 1, None)
    assert (last["updated_at_s"], last["updated_at"]) == (None, None)


def test_a_time_column_without_a_unit_in_its_name_is_rfc_3339_alone(render: Render) -> None:
    table = Table([Column("oldest", Kind.TIME_S)], [{"oldest": 60}, {"oldest": "soon"}], {})
    assert json.loads(render(table, Format.JSON))["items"] == [{"oldest": "1970-01-01T00:01:00Z"}, {"oldest": "soon"}]


def test_a_column_with_the_name_of_a_twin_is_not_overwritten(render: Render) -> None:
    columns = [Column("at"), Column("at_s", Kind.TIME_S)]
    table = Table(columns, [{"at": "noon", "at_s": 60}], {})
    assert json.loads(render(table, Format.JSON))["items"] == [{"at": "noon", "at_s": 60}]


def test_json_pretty_printed_by_two_like_the_standard_library(blocks: Table, render: Render) -> None:
    text = render(blocks, Format.JSON)
    assert json.dumps(json.loads(text), indent=2) == _ascii(text).removesuffix("\n")


@pytest.mark.parametrize("form", [Format.JSON, Format.NDJSON])
def test_json_holds_nothing_that_a_terminal_obeys(form: Format, blocks: Table, render: Render) -> None:
    assert all(char == "\n" or char.isprintable() for char in render(blocks, form))


def test_ndjson_is_a_row_a_line_and_the_summary_last(blocks: Table, render: Render) -> None:
    *rows, last = render(blocks, Format.NDJSON).splitlines()
    assert [json.loads(row) for row in rows] == json.loads(render(blocks, Format.JSON))["items"]
    assert json.loads(last) == {"summary": dict(blocks.summary), "schema": "cortexctl/bucket-ls/v1"}


@pytest.mark.parametrize("name", ["blocks", "findings", "empty"])
def test_yaml_is_the_same_document_as_json(name: str, request: pytest.FixtureRequest, render: Render) -> None:
    result = Table([], [], {}) if name == "empty" else request.getfixturevalue(name)
    text = render(result, Format.YAML)
    from_yaml, from_json = yaml.safe_load(text), json.loads(render(result, Format.JSON))
    assert from_yaml == from_json
    assert list(from_yaml) == list(from_json)
    assert text == yaml.safe_dump(from_json, sort_keys=False, width=2**31 - 1)


def test_csv_reads_back(blocks: Table, render: Render) -> None:
    text = render(blocks, Format.CSV)
    first, second, last = csv.DictReader(StringIO(text, newline=""))
    assert text.endswith("\r\n")
    assert first["size_bytes"] == str(5 * 2**30)
    assert (first["updated_at_s"], first["updated_at"]) == ("1732154400", "2024-11-21T02:00:00Z")
    assert json.loads(first["labels"]) == {"zone": "é", "n": [1, None]}
    assert second["tenant"] == SPELLED
    assert (second["series"], second["labels"]) == ("0", "")
    assert (last["ulid"], last["series"], last["extra"]) == ("", str(2**80), SPELLED)


def test_csv_without_headers(blocks: Table, render: Render) -> None:
    with_header = render(blocks, Format.CSV)
    assert with_header == with_header.split("\r\n")[0] + "\r\n" + render(blocks, Format.CSV, headers=False)


def test_csv_of_true_and_false_is_that_of_json(render: Render) -> None:
    assert render(Table([Column("a")], [{"a": True}, {"a": False}], {}), Format.CSV) == "a\r\ntrue\r\nfalse\r\n"


@pytest.mark.parametrize("form", [Format.JSON, Format.YAML])
def test_findings_carry_the_checks_not_run(form: Format, findings: FindingsResult, render: Render) -> None:
    document = yaml.safe_load(render(findings, form)) if form is Format.YAML else json.loads(render(findings, form))
    assert document["summary"] == {
        "findings": 4, "critical": 1, "high": 2, "warning": 0, "info": 1, "scopes_checked": 12, "checks_not_run": 3,
    }  # fmt: skip
    assert document["findings"] == [plain(finding.document()) for finding in findings.findings]
    assert list(document["findings"][0]) == list(findings.findings[0].document())
    assert document["not_run"][1] == {"code": "STG01", "needs": "--ring"}


def test_findings_as_ndjson_carry_the_checks_not_run_last(findings: FindingsResult, render: Render) -> None:
    last = json.loads(render(findings, Format.NDJSON).splitlines()[-1])
    assert list(last) == ["summary", "not_run", "schema"]
    assert len(last["not_run"]) == 3


@pytest.mark.parametrize("form", [Format.JSON, Format.NDJSON, Format.YAML])
def test_one_answer_is_an_item_in_the_same_envelope(form: Format, answer: Document, render: Render) -> None:
    document = yaml.safe_load(render(answer, form)) if form is Format.YAML else json.loads(render(answer, form))
    assert list(document) == ["schema", "command", "version", "started_at", "summary", "item"]
    assert document["item"] == {"ulid": "01J", "key": SPELLED}


def test_one_answer_as_csv_is_wrong_usage(answer: Document, render: Render) -> None:
    with pytest.raises(UsageError, match="table, wide, json, ndjson, yaml"):
        render(answer, Format.CSV)


@pytest.mark.parametrize("spec", [{"fields": ("ulid",)}, {"sort": ("ulid",)}])
def test_one_answer_has_no_columns_to_pick(spec: dict[str, Any], answer: Document, render: Render) -> None:
    with pytest.raises(UsageError, match="rows"):
        render(answer, Format.JSON, **spec)


@dataclass
class Lazy:
    """Rows that say when they are asked for, and how much had been written by then."""

    stream: StringIO
    count: int = 50

    def __post_init__(self) -> None:
        self.columns = [Column("n", Kind.COUNT)]
        self.summary: dict[str, Any] = {}
        self.collection = "items"
        self.written: list[int] = []

    def rows(self) -> Iterator[dict[str, Any]]:
        for n in range(self.count):
            self.written.append(self.stream.tell())
            yield {"n": n}

    def footer(self) -> str:
        return ""


@pytest.mark.parametrize(
    ("form", "fields"), [(Format.JSON, ()), (Format.NDJSON, ()), (Format.YAML, ()), (Format.CSV, ("n",))]
)
def test_each_row_is_written_before_the_next_is_asked_for(form: Format, fields: tuple[str, ...]) -> None:
    stream = StringIO()
    rows = Lazy(stream)
    emit(rows, OutputSpec(form, "c", "0", 0.0, fields=fields), stream)
    assert len(set(rows.written)) == rows.count


def test_plain_values() -> None:
    values = [Severity.HIGH, Kind.TEXT, float("nan"), float("inf"), {3, 20, "a"}, (1, {2: None}), "a\ud800", 2**70]
    assert plain(values) == ["high", "text", None, None, [3, 20, "a"], [1, {"2": None}], "a\\ud800", 2**70]


ROWS = [each for each in Format if each not in (Format.SVG, Format.JUNIT, Format.SARIF, Format.GITHUB)]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(deadline=None)  # the first imports yaml, jinja2 and prometheus_client
@given(st.lists(st.fixed_dictionaries({"a": ANY, "b_s": ANY, "c_ms": ANY}, optional={"x": ANY}), max_size=4), ANY)
def test_anything_renders_in_every_format_and_reads_back(rows: list[dict[str, Any]], total: object) -> None:
    columns = [Column("a"), Column("b_s", Kind.TIME_S), Column("c_ms", Kind.TIME_MS), Column("n", Kind.BYTES)]
    table = Table(columns, rows, {"total": total})
    texts = {}
    for form in ROWS:
        stream = StringIO()
        sort = () if form is Format.PROM else ("a", "-b_s", "c_ms")
        emit(table, OutputSpec(form, "c", "0", 0.0, sort=sort), stream)
        texts[form] = stream.getvalue()
        texts[form].encode()
    document = json.loads(texts[Format.JSON])
    assert [json.loads(line) for line in texts[Format.NDJSON].splitlines()[:-1]] == document["items"]
    assert yaml.safe_load(texts[Format.YAML])["items"] == document["items"]
    assert len(list(csv.reader(StringIO(texts[Format.CSV], newline="")))) == len(rows) + 1
    assert len(texts[Format.TABLE].splitlines()) == len(rows) + 1
    assert texts[Format.HTML].count("<tr>") == len(rows) + 1
    families = list(text_string_to_metric_families(texts[Format.PROM]))
    assert len(families) == len({each.name for each in families})


def _ascii(text: str) -> str:
    return "".join(char if char.isascii() else f"\\u{ord(char):04x}" for char in text)
