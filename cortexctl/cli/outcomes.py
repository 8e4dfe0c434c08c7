"""What was, or would be, done to each object of a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortexctl.audit.apply import Done
    from cortexctl.results import Table


def outcomes(rows: Sequence[tuple[str, str, str]], note: str) -> "Table":
    """Return a table of tenant or ring, key and outcome."""
    from cortexctl.results import Column, Table

    columns = (Column("tenant"), Column("key"), Column("outcome"))
    items = [{"tenant": scope, "key": key, "outcome": outcome} for scope, key, outcome in rows]
    return Table(columns, items, {"objects": len(items)}, note=note)


def outcomes_of(done: "Sequence[Done]", outcome: str) -> "Table":
    """Return the same of what was done."""
    rows = [
        (each.scope, key, "failed" if each.error else outcome)
        for each in done
        for key in each.keys or (("-",) if each.error else ())
    ]
    return outcomes(rows, "" if rows else "nothing to do")
