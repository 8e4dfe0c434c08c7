"""What a table promises to a pipe and to a terminal."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cortexctl.render import FindingsResult, Format, NotRun
from cortexctl.render.table import cell_width
from cortexctl.render.text import cell, escape, evidence
from cortexctl.results import Column, Document, Kind, Table

Render = Callable[..., str]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PERSON = (Format.TABLE, Format.WIDE)


@pytest.mark.parametrize("width", [None, 1, 20, 80, 1000])
@pytest.mark.parametrize("form", PERSON)
def test_a_pipe_gets_one_row_a_line_whatever_the_width(
    form: Format, width: int | None, blocks: Table, render: Render
) -> None:
    text = render(blocks, form, width=width)
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == 1 + len(blocks.items) + 2
    assert all(line == line.rstrip() for line in lines)
    assert all(char == "\n" or char.isprintable() for char in text)
    assert "…" not in text


def test_columns_line_up_by_terminal_cells_not_by_characters(render: Render) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "日本", "size_bytes": 1},
        {"name": "e\u0301", "size_bytes": 2048},
        {"name": "abcd", "size_bytes": None},
    ]
    table = Table([Column("name"), Column("size_bytes", Kind.BYTES)], rows, {})
    lines = render(table, Format.TABLE).splitlines()
    assert [cell_width(line) for line in lines] == [4 + 2 + len("2.0 KiB")] * 4
    assert lines[0] == "NAME     SIZE"


def test_wide_columns_show_only_when_asked_for(blocks: Table, render: Render) -> None:
    assert "NOTE" not in render(blocks, Format.TABLE)
    assert "NOTE" in render(blocks, Format.WIDE)
    assert render(blocks, Format.TABLE, fields=("note",)).startswith("NOTE\n")


@pytest.fixture
def sized() -> Table:
    """Rows in an order of their own, whose sizes have a bar."""
    sizes: dict[str, int | None] = {"a": 512, "b": 2048, "c": None, "d": 0}
    columns = [Column("name"), Column("size_bytes", Kind.BYTES, bar="OF THE MOST"), Column("state")]
    return Table(columns, [{"name": name, "size_bytes": size, "state": "ready"} for name, size in sizes.items()], {})


def test_a_bar_is_beside_what_it_measures(sized: Table, render: Render) -> None:
    lines = render(sized, Format.TABLE).splitlines()
    assert [line.split() for line in lines] == [
        ["NAME", "SIZE", "OF", "THE", "MOST", "STATE"],
        ["a", "512", "B", "#####", "ready"],
        ["b", "2.0", "KiB", "#" * 20, "ready"],
        ["c", "-", "-", "ready"],
        ["d", "0", "B", ".", "ready"],
    ]
    assert lines[1].index("#") == lines[0].index("OF THE MOST")


def test_a_bar_gives_way_where_it_would_not_fit(sized: Table, render: Render) -> None:
    terminal = {"colour": True, "headers": False}
    least = 1 + 2 + 7 + 2 + 20 + 2 + 5
    assert "#" in render(sized, Format.TABLE, width=least, **terminal)
    narrow = render(sized, Format.TABLE, width=least - 1, **terminal)
    assert narrow.splitlines()[:2] == ["a    512 B  ready", "b  2.0 KiB  ready"]


def test_a_bar_is_for_tables_only(sized: Table, render: Render) -> None:
    assert "#" not in render(sized, Format.TABLE, fields=("name", "size_bytes"))
    assert render(sized, Format.CSV).splitlines()[:2] == ["name,size_bytes,state", "a,512,ready"]
    assert "OF THE MOST" not in render(sized, Format.JSON) + render(sized, Format.HTML)
    assert render(Table(sized.columns, [], {}), Format.TABLE) == "NAME  SIZE  STATE\n"
    nothing = render(Table(sized.columns, [{"name": "a", "size_bytes": 0, "state": "ready"}], {}), Format.TABLE)
    assert nothing.splitlines()[1].split() == ["a", "0", "B", ".", "ready"]


def test_keys_that_no_column_names_are_not_for_people(blocks: Table, render: Render) -> None:
    assert "LABELS" not in render(blocks, Format.WIDE)


def test_without_rows_the_headings_and_the_footer_remain(render: Render) -> None:
    empty = Table([Column("name"), Column("size_bytes", Kind.BYTES)], [], {}, note="no blocks")
    assert render(empty, Format.TABLE) == "NAME  SIZE\n\nno blocks\n"
    assert render(empty, Format.TABLE, headers=False) == "no blocks\n"
    assert render(Table([Column("name")], [], {}), Format.TABLE, headers=False) == ""


def test_without_headers_the_rows_and_the_footer_remain(render: Render) -> None:
    table = Table([Column("name")], [{"name": "a"}], {}, note="1 name")
    assert render(table, Format.TABLE, headers=False) == "a\n\n1 name\n"


def test_only_the_severity_is_coloured_and_only_on_a_terminal(blocks: Table, render: Render) -> None:
    coloured = render(blocks, Format.TABLE, colour=True, width=500)
    assert COLOUR.findall(coloured) == ["\x1b[33m", "\x1b[0m", "\x1b[1;31m", "\x1b[0m"]
    assert COLOUR.sub("", coloured) == render(blocks, Format.TABLE)


def test_no_color_on_a_terminal_still_folds(blocks: Table, render: Render) -> None:
    text = render(blocks, Format.TABLE, terminal=True, width=130)
    assert "\x1b" not in text
    assert text.count("\n") > render(blocks, Format.TABLE).count("\n")


@pytest.mark.parametrize("form", PERSON)
@pytest.mark.parametrize("width", [*range(1, 60, 7), *range(60, 260)])
def test_a_terminal_of_any_width_loses_no_character(form: Format, width: int, blocks: Table, render: Render) -> None:
    def characters(text: str) -> list[str]:
        return sorted("".join(COLOUR.sub("", text).split()))

    assert characters(render(blocks, form, colour=True, width=width)) == characters(render(blocks, form))


@pytest.mark.parametrize("width", range(130, 260, 10))
def test_folded_rows_fit_the_terminal(width: int, blocks: Table, render: Render) -> None:
    lines = COLOUR.sub("", render(blocks, Format.TABLE, colour=True, width=width)).splitlines()
    assert max(map(cell_width, lines)) <= width


def test_a_ulid_stays_whole_while_something_else_can_fold(render: Render) -> None:
    ulid = "01JD6Z0000AAAAAAAAAAAAAAAA"
    table = Table([Column("ulid"), Column("note")], [{"ulid": ulid, "note": "word " * 30}], {})
    text = render(table, Format.TABLE, colour=True, width=60)
    assert ulid in text
    assert text.count("\n") > 3


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (None, Kind.BYTES, "-"),
        ("", Kind.TEXT, "-"),
        ([], Kind.TEXT, "-"),
        (0, Kind.COUNT, "0"),
        (2**100, Kind.COUNT, str(2**100)),
        (0.25, Kind.COUNT, "0.25"),
        (33.3333333, Kind.COUNT, "33.333"),
        (10.0, Kind.TEXT, "10"),
        (True, Kind.COUNT, "true"),
        (0, Kind.BYTES, "0 B"),
        (1536, Kind.BYTES, "1.5 KiB"),
        (10**400, Kind.BYTES, str(10**400)),
        (float("inf"), Kind.DURATION_S, "inf"),
        (float("nan"), Kind.TIME_S, "nan"),
        (93_784, Kind.DURATION_S, "1d2h"),
        (0, Kind.TIME_S, "1970-01-01T00:00:00Z"),
        (1_732_147_200_123, Kind.TIME_MS, "2024-11-21T00:00:00Z"),
        ("not a number", Kind.BYTES, "not a number"),
        (9, Kind.SEVERITY, "9"),
        (2, Kind.SEVERITY, "high"),
        (["a\n", None, 1], Kind.TEXT, "a\\n,-,1"),
        ({"b": 1, "a\x1b": "[red]"}, Kind.TEXT, "b=1,a\\x1b=[red]"),
        ({3, 1, 2}, Kind.TEXT, "1,2,3"),
    ],
)
def test_a_value_as_a_person_reads_it(value: object, kind: Kind, shown: str) -> None:
    assert cell(value, kind) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("heartbeat_at_s", 0, "heartbeat_at=1970-01-01T00:00:00Z"),
        ("range_start_at_ms", 3_600_500, "range_start_at=1970-01-01T01:00:00.500Z"),
        ("max_time_ms", 0, "max_time=1970-01-01T00:00:00Z"),
        ("deletion_time_s", 5, "deletion_time=1970-01-01T00:00:05Z"),
        ("age_s", 1_800_000_000, "age=20833d8h"),
        ("lead_time_s", 1_800_000_000, "lead_time=20833d8h"),
        ("took_ms", 250, "took=250ms"),
        ("size_bytes", 2048, "size=2.0 KiB"),
        ("finished_time_s", None, "finished_time=-"),
        ("blocks", 1_800_000_000, "blocks=1800000000"),
        ("_s", 5, "_s=5"),
        ("gaps_at_ms", [[0, 1000]], "gaps_at=1970-01-01T00:00:00Z,1970-01-01T00:00:01Z"),
        ("registered_at_s", {"kv": 0, "pod": 1}, "registered_at=kv=1970-01-01T00:00:00Z,pod=1970-01-01T00:00:01Z"),
        ("listed_by_path_bytes", {"index": 2048}, 'listed_by_path="index=2.0 KiB"'),
    ],
)
def test_the_name_of_evidence_tells_what_its_numbers_are(name: str, value: Any, shown: str) -> None:
    assert evidence({name: value}) == [shown]


def test_every_character_that_does_not_print_is_spelled_out(hostile: str) -> None:
    assert escape(hostile) == r"two\nlines\tand \x1b[31m[red]x[/red]\x9b, \u202ebidi, \udc80"
    assert escape("é 日本 [red]") == "é 日本 [red]"


def test_hostile_headings_and_footers_are_escaped_too(render: Render) -> None:
    table = Table([Column("a\x1b[31m")], [], {}, note="x\x1b[31m")
    assert "\x1b" not in render(table, Format.TABLE)


def test_one_answer_is_its_text_with_one_line_end(render: Render) -> None:
    assert render(Document({}, "a\n b\x1b\n", {}), Format.TABLE) == "a\n b\\x1b\n"
    assert render(Document({}, "a", {}), Format.WIDE) == "a\n"


def test_findings_are_grouped_worst_first_and_keep_their_order_within(findings: FindingsResult, render: Render) -> None:
    heads = [line for line in render(findings, Format.TABLE).splitlines() if re.match(r"[A-Z]{4,} ", line)]
    assert [head.split()[0] for head in heads] == ["CRITICAL", "HIGH", "HIGH", "INFO"]


def test_sorting_findings_orders_them_within_a_severity(findings: FindingsResult, render: Render) -> None:
    mark, _, old, _ = findings.findings
    unsorted = [old, replace(mark, subject="01B"), replace(mark, subject="01A")]
    text = render(FindingsResult(unsorted, [], 1), Format.TABLE, sort=("subject",))
    assert text.index("01A") < text.index("01B") < text.index("INFO")


def test_findings_with_fields_are_a_table(findings: FindingsResult, render: Render) -> None:
    lines = render(findings, Format.TABLE, fields=("code", "severity")).splitlines()
    assert lines[:2] == ["CODE   SEVERITY", "MRK01  high"]


def test_the_next_command_is_never_folded(findings: FindingsResult, render: Render) -> None:
    text = render(findings, Format.TABLE, colour=True, width=30)
    assert f"    next: {findings.findings[0].next}\n" in text


def test_no_findings(render: Render) -> None:
    assert render(FindingsResult([], [], 3), Format.TABLE) == "no findings (3 tenants checked)\n"
    lacking = FindingsResult([], [NotRun("STG01", "--ring")], 3)
    assert render(lacking, Format.TABLE) == "no findings (3 tenants checked)\nnot run, needs --ring: STG01\n"


@pytest.mark.parametrize(("form", "shown"), [(Format.TABLE, 10), (Format.WIDE, 13)])
def test_of_many_findings_that_are_alike_a_page_has_the_first_and_wide_has_all(
    form: Format, shown: int, findings: FindingsResult, render: Render
) -> None:
    alike = [replace(findings.findings[0], subject=f"block-{number:02}") for number in range(13)]
    other = replace(findings.findings[0], scope="another")
    text = render(replace(findings, findings=[*alike, other]), form)
    assert sum("block-" in line for line in text.splitlines()) == shown
    more = f"… and 3 more {other.code} of {alike[0].scope}: -o wide has them"
    assert (more in text) == (form is Format.TABLE)
    assert "another" in text
