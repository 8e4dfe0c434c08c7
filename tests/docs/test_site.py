"""The site builds without a warning, asks nobody else for anything, and has every page."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs import generate

ROOT = generate.ROOT
PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
FETCHED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(https?:)?//|<link\b[^>]*\bhref=[\"']?(https?:)?//"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make site` builds it."""
    directory = tmp_path_factory.mktemp("site")
    build(ROOT, directory)
    return directory


def build(root: Path, directory: Path) -> str:
    """Build a site, and return what is said of it; it may not fail."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)],
        cwd=root,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:9", "https_proxy": "127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_it_has_every_page(site: Path) -> None:
    assert [page for page in PAGES if not (site / page).with_suffix(".html").is_file()] == []


def test_it_opens_without_the_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 10
    assert [str(page) for page in pages if FETCHED.search(page.read_text("utf-8"))] == []
    assert (site / "search/search_index.js").read_text("utf-8").startswith("var __index = ")


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://unpkg.com/x">',
        "<link rel=stylesheet href=//fonts.example/css>",
        '<img alt=a src="http://a/b">',
    ],
)
def test_a_page_that_needs_the_network_is_seen(tag: str) -> None:
    assert FETCHED.search(tag)


def test_a_link_to_nowhere_fails_the_build(tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs/quick-start.md").write_text("[nowhere](nowhere.md)\n")
    with pytest.raises(AssertionError, match=r"nowhere\.md"):
        build(tmp_path, tmp_path / "site")


def test_examples_are_shown_whole(site: Path) -> None:
    """Also as a reader of the page sees them."""
    shown = re.sub(r"<[^>]*>", "", (site / "automation.html").read_text("utf-8"))
    assert "# Alerts on what `cortexctl … -o prom` wrote" in shown
    assert "concurrencyPolicy: Forbid" in shown


def test_the_search_knows_every_check(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text("utf-8"))
    titles = {each["title"] for each in index["docs"]}
    assert {"RNG01", "IDX03", "Quick start"} <= titles
