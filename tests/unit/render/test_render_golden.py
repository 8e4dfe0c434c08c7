"""Each renderer's text as a file."""

from collections.abc import Callable

import pytest

from cortexctl.render import FindingsResult, Format
from cortexctl.render.spec import PICTURES
from cortexctl.results import Document, Table

SUFFIX = {Format.TABLE: "table.txt", Format.WIDE: "wide.txt"}
ROWS = [form for form in Format if form not in PICTURES]
Render = Callable[..., str]
Compare = Callable[[str, str], None]


@pytest.mark.parametrize("form", ROWS)
def test_rows(form: Format, blocks: Table, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(blocks, form), f"blocks.{SUFFIX.get(form, form)}")


@pytest.mark.parametrize("form", [form for form in ROWS if form is not Format.WIDE])
def test_findings(form: Format, findings: FindingsResult, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(findings, form), f"findings.{SUFFIX.get(form, form)}")


@pytest.mark.parametrize("form", [Format.TABLE, Format.JSON, Format.NDJSON, Format.YAML])
def test_one_answer(form: Format, answer: Document, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(answer, form), f"answer.{SUFFIX.get(form, form)}")


@pytest.mark.parametrize("width", [40, 100, 130, 160])
def test_rows_on_a_terminal(width: int, blocks: Table, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(blocks, Format.TABLE, colour=True, width=width), f"blocks.terminal-{width}.txt")


def test_findings_on_a_terminal(findings: FindingsResult, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(findings, Format.TABLE, colour=True, width=80), "findings.terminal-80.txt")
