"""Each renderer's text as a file."""

from collections.abc import Callable

import pytest

from cortexctl.render import Ended, FindingsResult, Format
from cortexctl.results import Document, Table

SUFFIX = {Format.TABLE: "table.txt", Format.WIDE: "wide.txt", Format.JUNIT: "junit.xml", Format.GITHUB: "github.txt"}
OF_FINDINGS = (Format.JUNIT, Format.SARIF, Format.GITHUB)
ENDED = Ended(1_732_147_260.25, 59.75, 6, 1_732_060_800, {"LIST": 2, "GET": 40})
Render = Callable[..., str]
Compare = Callable[[str, str], None]


@pytest.mark.parametrize("form", [form for form in Format if form not in (*OF_FINDINGS, Format.SVG)])
def test_rows(form: Format, blocks: Table, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(blocks, form), f"blocks.{SUFFIX.get(form, form)}")


@pytest.mark.parametrize("form", [form for form in Format if form not in (Format.WIDE, Format.SVG)])
def test_findings(form: Format, findings: FindingsResult, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(findings, form), f"findings.{SUFFIX.get(form, form)}")


@pytest.mark.parametrize("form", [Format.TABLE, Format.JSON, Format.NDJSON, Format.YAML, Format.HTML])
def test_one_answer(form: Format, answer: Document, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(answer, form), f"answer.{SUFFIX.get(form, form)}")


@pytest.mark.parametrize("form", [*OF_FINDINGS, Format.PROM, Format.HTML])
def test_findings_next_to_a_baseline(
    form: Format, audit: FindingsResult, render: Render, same_as_golden: Compare
) -> None:
    same_as_golden(render(audit, form, ended=ENDED), f"audit.{SUFFIX.get(form, form)}")


@pytest.mark.parametrize("width", [40, 100, 130, 160])
def test_rows_on_a_terminal(width: int, blocks: Table, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(blocks, Format.TABLE, colour=True, width=width), f"blocks.terminal-{width}.txt")


def test_findings_on_a_terminal(findings: FindingsResult, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(findings, Format.TABLE, colour=True, width=80), "findings.terminal-80.txt")
