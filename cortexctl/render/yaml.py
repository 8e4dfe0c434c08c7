"""YAML: the same document as JSON, in ASCII, also written row by row."""

from typing import Any, TextIO

from cortexctl.render.envelope import head, tail, whole
from cortexctl.render.machine import plain
from cortexctl.render.select import select
from cortexctl.render.spec import OutputSpec
from cortexctl.results import Document, Result


def write_yaml(result: Result, output: OutputSpec, stream: TextIO) -> None:
    """Write the envelope, then the rows as a list under the result's own key, then what follows them."""
    selection = select(result, output)
    stream.write(_dump(head(result.summary, output)))
    empty = _dump({plain(result.collection): []})
    key, is_empty = empty.removesuffix(" []\n") + "\n", True
    for document in selection.documents():
        stream.write(key * is_empty + _dump([document]))
        is_empty = False
    if is_empty:
        stream.write(empty)
    if after := tail(result):
        stream.write(_dump(after))


def write_item(answer: Document, output: OutputSpec, stream: TextIO) -> None:
    """Write one thing as a document."""
    stream.write(_dump(whole(answer, output)))


def _dump(value: Any) -> str:
    import yaml

    # The C emitter writes the same text five times as fast; wheels have it, some distributions do not.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, width=2**31 - 1)
    return text
