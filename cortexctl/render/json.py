"""JSON, as one document or as lines. Rows are written one by one: memory does not grow with them."""

import re
from typing import Any, TextIO

from cortexctl.render.envelope import head, schema, tail, whole
from cortexctl.render.machine import plain
from cortexctl.render.select import select
from cortexctl.render.spec import OutputSpec
from cortexctl.results import Document, Result

_INVISIBLE = re.compile("[\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""JSON may hold these as they are, but terminals obey, pages reorder by, or readers break lines at them."""


def write_json(result: Result, output: OutputSpec, stream: TextIO) -> None:
    """Write one document, indented by two: the envelope, then the rows under the result's own key."""
    selection = select(result, output)
    stream.write(encode_pretty(head(result.summary, output)).removesuffix("\n}"))
    stream.write(f",\n  {encode(plain(result.collection))}: [")
    between = "\n    "
    for document in selection.documents():
        stream.write(between + encode_pretty(document, depth=2))
        between = ",\n    "
    stream.write("]" if between == "\n    " else "\n  ]")
    after = tail(result).items()
    stream.writelines(f",\n  {encode(key)}: {encode_pretty(value, depth=1)}" for key, value in after)
    stream.write("\n}\n")


def write_lines(result: Result, output: OutputSpec, stream: TextIO) -> None:
    """Write a row a line; the last line has the summary and the schema."""
    stream.writelines(encode(document) + "\n" for document in select(result, output).documents())
    last = {"summary": plain(result.summary), **tail(result), "schema": schema(output)}
    stream.write(encode(last) + "\n")


def write_item(answer: Document, output: OutputSpec, stream: TextIO) -> None:
    """Write one thing as a document."""
    stream.write(encode_pretty(whole(answer, output)) + "\n")


def write_item_line(answer: Document, output: OutputSpec, stream: TextIO) -> None:
    """Write one thing as one line."""
    stream.write(encode(whole(answer, output)) + "\n")


def encode(value: Any) -> str:
    """Return a plain value as compact JSON on one line."""
    import msgspec

    return _visible(msgspec.json.encode(value).decode())


def encode_pretty(value: Any, depth: int = 0) -> str:
    """Return a plain value as JSON indented by two, as it stands at a depth of a document."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return _visible(text).replace("\n", "\n" + "  " * depth)


def _visible(text: str) -> str:
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
