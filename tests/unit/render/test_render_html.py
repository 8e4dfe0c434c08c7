"""What the page promises: whole by itself, in order, and nothing of a bucket or ring in it is obeyed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import pytest

from cortexctl.errors import UsageError
from cortexctl.findings import Severity
from cortexctl.render import FindingsResult, Format, OutputSpec, Writer
from cortexctl.results import Column, Document, Kind, Table

Render = Callable[..., str]
RESULTS = ["blocks", "findings", "audit", "answer"]
EVIL = '</pre><script>alert("x")</script><img src=x onerror=alert(1)>'
VOID = {"meta"}


class Page(HTMLParser):
    """The elements of a page, and its text by the element that holds it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element ends"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def of(self, tag: str) -> list[str]:
        """Return the texts in elements of a kind."""
        return [text for at, text in self.texts if at == tag]

    def count(self, tag: str) -> int:
        """Return how many elements of a kind there are."""
        return sum(at == tag for at, _ in self.elements)


@pytest.mark.parametrize("name", RESULTS)
def test_the_page_needs_nothing_else(name: str, request: pytest.FixtureRequest, render: Render) -> None:
    page = Page(render(request.getfixturevalue(name), Format.HTML))
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in page.elements}
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.elements)
    (policy,) = (each["content"] for _, each in page.elements if each.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    (style,) = page.of("style")
    assert "prefers-color-scheme: dark" in style
    assert "url(" not in style


@pytest.mark.parametrize("name", RESULTS)
def test_nothing_on_the_page_is_obeyed(name: str, request: pytest.FixtureRequest, render: Render) -> None:
    text = render(request.getfixturevalue(name), Format.HTML)
    assert all(char == "\n" or char.isprintable() for char in text)


def test_findings_are_escaped(findings: FindingsResult, render: Render) -> None:
    odd = replace(
        findings.findings[0],
        scope=EVIL,
        subject=EVIL,
        message=EVIL,
        evidence={EVIL: EVIL},
        consequence=EVIL,
        next=EVIL,
    )
    page = Page(render(FindingsResult([odd], (), 1, notes=[EVIL], unread=[{"error": EVIL}]), Format.HTML))
    assert (page.count("script"), page.count("img")) == (1, 0)
    assert page.of("pre")[0] == EVIL


def test_rows_summary_and_answers_are_escaped(render: Render) -> None:
    table = Table([Column(EVIL), Column("id", Kind.ID)], [{EVIL: EVIL, "id": EVIL}], {EVIL: EVIL}, note=EVIL)
    for result in (table, Document({}, EVIL, {EVIL: EVIL})):
        page = Page(render(result, Format.HTML))
        assert (page.count("script"), page.count("img")) == (1, 0)


def test_findings_are_by_severity_with_all_that_is_known(findings: FindingsResult, render: Render) -> None:
    page = Page(render(findings, Format.HTML))
    assert page.of("h2") == ["Critical: 1", "High: 2", "Info: 1"]
    assert page.of("h3")[1] == "MRK01 deletion mark has no global copy"
    assert "size" in page.of("dt")
    assert "118 MiB" in page.of("dd")
    assert page.of("pre")[1] == findings.findings[0].next
    assert findings.findings[0].consequence in page.of("p")


def test_what_is_known_is_counted_and_not_shown(audit: FindingsResult, render: Render) -> None:
    page = Page(render(audit, Format.HTML))
    assert page.of("h2") == ["High: 2", "Info: 1", "Could not be read: 1"]
    assert "01JD6Z0000AAAAAAAAAAAAAAAA" not in page.of("code")


def test_columns_of_findings_can_be_chosen(findings: FindingsResult, render: Render) -> None:
    page = Page(render(findings, Format.HTML, fields=("code", "severity"), sort=("code",)))
    assert page.of("th") == ["CODE", "SEVERITY"]
    assert page.of("td") == ["IDX05", "critical", "IDX09", "info", "MRK01", "high", "MRK01", "high"]
    assert ("td", {"class": "critical"}) in page.elements


def test_rows_are_sorted_by_value_and_not_by_what_is_shown(blocks: Table, render: Render) -> None:
    page = Page(render(blocks, Format.HTML, fields=("size_bytes",)))
    assert page.of("td") == ["5.0 GiB", "0 B", "-"]
    orders = [each.get("data-order") for tag, each in page.elements if tag == "td"]
    assert orders == [str(5 * 2**30), "0", None]


def test_a_share_is_a_bar(render: Render) -> None:
    page = Page(render(Table([Column("share", Kind.SHARE)], [{"share": 0.25}, {"share": None}], {}), Format.HTML))
    assert [each["value"] for tag, each in page.elements if tag == "meter"] == ["0.25"]


@dataclass(frozen=True)
class Drawing(Table):
    """Rows that are drawn in one format."""

    def drawing(self, output: OutputSpec) -> Writer | None:
        return (lambda _, __, stream: stream.write("a picture")) if output.format is Format.SVG else None


def test_a_result_may_bring_its_own_drawing(render: Render) -> None:
    result = Drawing([Column("a")], [{"a": "one"}], {})
    assert render(result, Format.SVG) == "a picture"
    assert Page(render(result, Format.HTML)).of("td") == ["one"]


def test_what_has_no_drawing_says_what_it_has(blocks: Table, render: Render) -> None:
    with pytest.raises(UsageError, match=r"-o svg: bucket ls is not drawn; it has table, .*html"):
        render(blocks, Format.SVG)


def test_severities_have_a_colour_each(findings: FindingsResult, render: Render) -> None:
    (style,) = Page(render(findings, Format.HTML)).of("style")
    assert all(f"td.{severity} " in style for severity in Severity)
