"""The published schemas: one for every command with a JSON document, each a schema, each able to refuse."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cortexctl.cli import tree
from cortexctl.cli.main import app
from cortexctl.render import FindingsResult
from cortexctl.render.schema import schema_of_findings, schema_of_rows
from cortexctl.results import Column, Kind
from docs import schemas
from docs.generate import ROOT

WITH_JSON = sorted(
    command.name
    for command in tree.commands(app)
    if any(option.field == "output" and "json" in option.words for option in command.options)
)


def test_every_command_with_a_document_has_a_schema() -> None:
    assert sorted(schemas.schemas()) == sorted([*WITH_JSON, "bucket check fix"]), "the latter is `bucket check --fix`"


@pytest.mark.parametrize("command", WITH_JSON)
def test_it_is_a_schema(command: str) -> None:
    schema = schemas.schemas()[command]
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["command"] == {"const": command}


def test_it_is_published_under_the_name_that_documents_give() -> None:
    files = schemas.files()
    assert len(files) == len(schemas.schemas())
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "docs/schemas").iterdir()} == files.keys()
    assert '"const": "cortexctl/bucket-index-rebuild/v1"' in files["docs/schemas/bucket-index-rebuild.v1.json"]


COLUMNS = [
    Column("tenant", Kind.ID),
    Column("blocks", Kind.COUNT),
    Column("age_s", Kind.DURATION_S),
    Column("made_at_s", Kind.TIME_S),
    Column("oldest_ms", Kind.TIME_MS),
    Column("severity", Kind.SEVERITY),
    Column("is_well", Kind.FLAG),
    Column("names", Kind.LIST),
    Column("facts", Kind.FACTS),
]
ROW = {
    "tenant": "a", "blocks": 1, "age_s": 0.5, "made_at_s": 60, "made_at": "1970-01-01T00:01:00Z", "oldest_ms": 1,
    "oldest": None, "severity": "high", "is_well": True, "names": ["a"], "facts": {"a": 1},
}  # fmt: skip


def document(**row: Any) -> dict[str, Any]:
    head = {"schema": "cortexctl/c/v1", "command": "c", "version": "1", "started_at": "1970-01-01T00:00:00Z"}
    return {**head, "summary": {}, "items": [{**ROW, **row}]}


def is_valid(value: dict[str, Any], *columns: Column) -> bool:
    schema = schema_of_rows("c", [columns or COLUMNS])
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(value)


def test_a_row_is_of_its_columns() -> None:
    assert is_valid(document())
    assert is_valid(document(**dict.fromkeys(ROW)))
    assert is_valid(document(more="keys"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tenant", 1),
        ("blocks", 1.5),
        ("blocks", "1"),
        ("age_s", "1s"),
        ("made_at_s", "1970"),
        ("oldest_ms", 1.5),
        ("severity", "bad"),
        ("is_well", "yes"),
        ("names", "a"),
        ("facts", ["a"]),
    ],
)
def test_another_type_is_refused(name: str, value: object) -> None:
    assert not is_valid(document(**{name: value}))


@pytest.mark.parametrize("name", ROW)
def test_a_key_that_is_gone_is_refused(name: str) -> None:
    gone = document()
    del gone["items"][0][name]
    assert not is_valid(gone)


@pytest.mark.parametrize("name", ["schema", "command", "version", "started_at", "summary", "items"])
def test_the_envelope_is_whole(name: str) -> None:
    gone = document()
    del gone[name]
    assert not is_valid(gone)
    assert not is_valid(document() | {"schema": "cortexctl/other/v1"})


def test_rows_may_be_of_one_of_several_kinds() -> None:
    schema = schema_of_rows("c", [[Column("tenant")], [Column("ring")]])
    validator = Draft202012Validator(schema)
    assert validator.is_valid(document() | {"items": [{"ring": "a"}, {"tenant": "b"}]})
    assert not validator.is_valid(document() | {"items": [{"place": "a"}]})


def test_findings_are_about_tenants_or_rings() -> None:
    row = {
        "code": "A01", "name": "a", "severity": "high", "ring": "r", "subject": "", "message": "", "evidence": {},
        "consequence": "", "next": "",
    }  # fmt: skip
    counts = dict.fromkeys(("findings", "critical", "high", "warning", "info", "scopes_checked", "checks_not_run"), 0)
    found = document() | {"summary": counts, "findings": [row], "not_run": [{"code": "A02", "needs": "more"}]}
    assert Draft202012Validator(schema_of_findings("c", FindingsResult((), (), 0, scope="ring"))).is_valid(found)
    assert not Draft202012Validator(schema_of_findings("c", FindingsResult((), (), 0))).is_valid(found)
    assert not Draft202012Validator(schema_of_findings("c", FindingsResult((), (), 0, scope="ring"))).is_valid(
        found | {"summary": {}}
    )
