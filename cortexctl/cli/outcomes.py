"""What was, or would be, done to each object of a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortexctl.audit.apply import Done
    from cortexctl.results import Table


def outcomes(rows: Sequence[tuple[str, str, str]], note: str, scope: str = "tenant") -> "Table":
    """Return a table of tenant or ring, which `scope` says, key and outcome."""
    from cortexctl.results import Column, Table

    columns = (Column(scope), Column("key"), Column("outcome"))
    items = [{scope: name, "key": key, "outcome": outcome} for name, key, outcome in rows]
    return Table(columns, items, {"objects": len(items)}, note=note)


def outcomes_of(done: "Sequence[Done]", outcome: str, scope: str = "tenant") -> "Table":
    """Return the same of what was done."""
    rows = [
        (each.scope, key, "failed" if each.error else outcome)
        for each in done
        for key in each.keys or (("-",) if each.error else ())
    ]
    return outcomes(rows, "" if rows else "nothing to do", scope)
