"""CSV as RFC 4180 has it: machine values, lists and objects as compact JSON, an empty field for None."""

import csv
from typing import Any, TextIO

from cortexctl.render.json import encode
from cortexctl.render.select import select
from cortexctl.render.spec import OutputSpec
from cortexctl.results import Result


def write_csv(result: Result, output: OutputSpec, stream: TextIO) -> None:
    """Write a header and the rows.

    The header names every key of any row, so all rows are held in memory; with `--fields` they pass through.
    """
    selection = select(result, output)
    names = dict.fromkeys(selection.keys())
    documents = selection.documents()
    if selection.keeps_others:
        held = list(documents)
        names |= dict.fromkeys(key for document in held for key in document)
        documents = iter(held)
    writer = csv.writer(stream)
    if output.headers:
        writer.writerow(names)
    for document in documents:
        writer.writerow([_field(document.get(name)) for name in names])


def _field(value: Any) -> Any:
    return encode(value) if isinstance(value, (bool, list, dict)) else value
