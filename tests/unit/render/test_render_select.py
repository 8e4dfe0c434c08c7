"""`--fields` and `--sort`."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cortexctl.errors import UsageError
from cortexctl.findings import Severity
from cortexctl.render import Format
from cortexctl.results import Column, Kind, Table

Render = Callable[..., str]


def sorted_by(render: Render, values: list[Any], key: str, kind: Kind = Kind.TEXT) -> list[int]:
    """Return the indexes of the values in their order."""
    table = Table([Column("n"), Column("v", kind)], [{"n": n, "v": v} for n, v in enumerate(values)], {})
    return [row["n"] for row in json.loads(render(table, Format.JSON, sort=(key,)))["items"]]


def test_fields_pick_and_order(blocks: Table, render: Render) -> None:
    document = json.loads(render(blocks, Format.JSON, fields=("series", "tenant", "series")))
    assert list(document["items"][0]) == ["series", "tenant"]
    assert render(blocks, Format.CSV, fields=("series", "ulid")).startswith("series,ulid\r\n1234567,01JD6Z")
    assert render(blocks, Format.TABLE, fields=("series", "ulid", "series")).startswith(
        "                   SERIES  ULID\n"
    )


def test_a_key_that_no_column_names_can_be_picked(blocks: Table, render: Render) -> None:
    text = render(blocks, Format.TABLE, fields=("ulid", "labels"))
    assert text.splitlines()[:2] == ["ULID                        LABELS", "01JD6Z0000AAAAAAAAAAAAAAAA  zone=é,n=1,-"]


def test_a_time_is_picked_with_its_raw_value_or_as_rfc_3339_alone(blocks: Table, render: Render) -> None:
    both = json.loads(render(blocks, Format.JSON, fields=("updated_at_s",)))["items"][0]
    assert both == {"updated_at_s": 1_732_154_400, "updated_at": "2024-11-21T02:00:00Z"}
    alone = json.loads(render(blocks, Format.JSON, fields=("updated_at",)))["items"]
    assert alone[0] == {"updated_at": "2024-11-21T02:00:00Z"}
    assert render(blocks, Format.TABLE, fields=("updated_at",)).startswith("UPDATED AT\n2024-11-21T02:00:00Z\n")


@pytest.mark.parametrize(
    "form",
    [Format.TABLE, Format.WIDE, Format.JSON, Format.NDJSON, Format.CSV, Format.YAML, Format.HTML],
)
@pytest.mark.parametrize("option", ["fields", "sort"])
def test_an_unknown_name_is_wrong_usage_and_lists_the_known(
    form: Format, option: str, blocks: Table, render: Render
) -> None:
    with pytest.raises(UsageError, match=rf"--{option}: no column 'colour'; .*tenant.*note.*min_time.*labels"):
        render(blocks, form, **{option: ("tenant", "colour")})


def test_sort_by_several_keys_is_stable(render: Render) -> None:
    pairs = [(1, 2), (2, 1), (1, 1), (2, 2), (1, 2)]
    table = Table(
        [Column("a"), Column("b"), Column("n")], [{"a": a, "b": b, "n": n} for n, (a, b) in enumerate(pairs)], {}
    )
    orders = {
        ("a", "b"): [2, 0, 4, 1, 3],
        ("b", "a"): [2, 1, 0, 4, 3],
        ("-b", "a"): [0, 4, 3, 2, 1],
        ("a", "-b"): [0, 4, 2, 3, 1],
        ("-a",): [1, 3, 0, 2, 4],
    }
    for sort, order in orders.items():
        assert [row["n"] for row in json.loads(render(table, Format.JSON, sort=sort))["items"]] == order


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_nothing_sorts_last_in_both_directions(nothing: object, render: Render) -> None:
    values = [nothing, 2, nothing, 1, 3]
    assert sorted_by(render, values, "v") == [3, 1, 4, 0, 2]
    assert sorted_by(render, values, "-v") == [4, 1, 3, 0, 2]


def test_mixed_types_sort_by_type_then_value(render: Render) -> None:
    values: list[Any] = ["b", 10, None, [1], "a", 9.5, {"k": 1}, True, 2**80]
    assert sorted_by(render, values, "v") == [7, 5, 1, 8, 4, 0, 3, 6, 2]
    assert sorted_by(render, values, "-v") == [6, 3, 0, 4, 8, 1, 5, 7, 2]


@pytest.mark.parametrize("as_text", [True, False])
def test_severities_sort_by_how_bad_they_are(as_text: bool, render: Render) -> None:
    grades = [Severity.HIGH, Severity.INFO, Severity.CRITICAL, Severity.WARNING]
    values = [str(grade) for grade in grades] if as_text else grades
    assert sorted_by(render, list(values), "-v", Kind.SEVERITY) == [2, 0, 3, 1]


def test_sorts_by_what_is_not_shown(blocks: Table, render: Render) -> None:
    for key in ("-updated_at", "-updated_at_s", "labels", "note"):
        text = render(blocks, Format.CSV, fields=("series",), sort=(key,), headers=False)
        assert text.split("\r\n")[0] == "1234567", key
