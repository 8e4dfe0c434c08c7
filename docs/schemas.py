"""The schema of every JSON document: which command has rows with which columns, findings, or one answer."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cortexctl.audit import contexts
from cortexctl.audit.bucket import blocks, diff, index, marks, rebuild, retention, snapshot
from cortexctl.audit.plan import compaction, disk_result, gateways_result
from cortexctl.audit.ring import draintables, owners, rings, simulate, tables, tokens
from cortexctl.cli import journal
from cortexctl.cli.bucket import changing, cleanup
from cortexctl.cli.outcomes import outcomes
from cortexctl.render import DoctorResult, FindingsResult
from cortexctl.render.schema import schema_of_answer, schema_of_findings, schema_of_rows
from cortexctl.render.timeline.result import COLUMNS as OF_A_TIMELINE
from cortexctl.results import Column, Kind

_OUTCOMES = tuple(outcomes((), "", scope).columns for scope in ("tenant", "ring"))
_ROWS = {
    "ring list": (rings.LIST_COLUMNS,),
    "ring show": (rings.SHOW_COLUMNS,),
    "ring diff": ((Column("instance", Kind.ID), Column("field")),),
    "ring owners": (owners.COLUMNS,),
    "ring simulate": (simulate.columns_of(has_series=False, has_blocks=False),),
    "ring forget": (tables.COLUMNS,),
    "ring restore": (tables.COLUMNS,),
    "ring drain": (draintables.PLANNED_COLUMNS, draintables.PROGRESS_COLUMNS, draintables.ROLLED_BACK_COLUMNS),
    "ring tokens": (tokens.COLUMNS,),
    "ring snapshot": (rings.LIST_COLUMNS,),
    "bucket tenants": (blocks.TENANT_COLUMNS,),
    "bucket ls": (blocks.BLOCK_COLUMNS,),
    "bucket marks ls": (marks.COLUMNS,),
    "bucket marks migrate": (changing.COLUMNS,),
    "bucket marks add": (changing.COLUMNS,),
    "bucket marks rm": (changing.COLUMNS,),
    "bucket check fix": (changing.COLUMNS,),
    "bucket undelete": (changing.COLUMNS,),
    "bucket quarantine": (changing.COLUMNS,),
    "bucket cleanup": (cleanup.COLUMNS,),
    "bucket snapshot": (snapshot.COLUMNS,),
    "bucket diff": (diff.COLUMNS,),
    "bucket timeline": (OF_A_TIMELINE,),
    "bucket retention": (retention.COLUMNS,),
    "bucket index show": (index.ENTRY_COLUMNS,),
    "bucket index diff": (rebuild.CHANGE_COLUMNS,),
    "bucket index rebuild": (rebuild.REBUILD_COLUMNS,),
    "plan compaction": (compaction.JOB_COLUMNS, compaction.LEFT_COLUMNS),
    "plan disk": (disk_result.COLUMNS,),
    "plan store-gateway": (gateways_result.COLUMNS,),
    "config show": (contexts.SETTING_COLUMNS,),
    "config validate": (contexts.FAULT_COLUMNS,),
    "journal ls": (journal.RUN_COLUMNS,),
    "journal show": (journal.EVENT_COLUMNS,),
    "journal undo": _OUTCOMES,
    "journal resume": _OUTCOMES,
}
_FINDINGS = {
    "ring check": FindingsResult((), (), 0, scope="ring"),
    "bucket check": FindingsResult((), (), 0),
    "bucket index check": FindingsResult((), (), 0),
    "config lint": FindingsResult((), (), 0, scope="config"),
    "doctor": DoctorResult((), (), 0, scope="scope"),
}
_HELD = {"items": "rows", "findings": "findings", "answer": "one answer"}
_ANSWERS = ("bucket inspect", "bucket why", "config use-context", "version")


def schemas() -> Mapping[str, dict[str, Any]]:
    """Return the schema of each command's document, by the command."""
    return {
        **{command: schema_of_rows(command, variants) for command, variants in _ROWS.items()},
        **{command: schema_of_findings(command, nothing) for command, nothing in _FINDINGS.items()},
        **{command: schema_of_answer(command) for command in _ANSWERS},
    }


def page() -> Iterator[str]:
    """Yield the lines of the page that lists them."""
    yield "# Output schemas"
    yield ""
    yield "What `-o json` and `-o yaml` of each command write, as JSON Schema of 2020-12; a document names its own as"
    yield "`schema`. It holds for documents without `--fields`. [Output](output.md) has the other formats."
    yield ""
    yield "| Command | Schema | What it holds |"
    yield "| --- | --- | --- |"
    for (command, schema), path in zip(schemas().items(), files(), strict=True):
        name = path.removeprefix("docs/")
        held = next(
            each for each in ("items", "findings", "answer") if each in schema["properties"] or each == "answer"
        )
        yield f"| `{command}` | [{name}]({name}) | {_HELD[held]} |"


def files() -> Mapping[str, str]:
    """Return each schema as a file, by its path in the repository: `docs/schemas/bucket-ls.v1.json`."""
    made = {}
    for schema in schemas().values():
        _, name, version = schema["properties"]["schema"]["const"].split("/")
        made[f"docs/schemas/{name}.{version}.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return made
