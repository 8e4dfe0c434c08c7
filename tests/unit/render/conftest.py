"""Results with hostile values, and the comparison of a text with its golden file."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from cortexctl.baseline import Compared, Known
from cortexctl.findings import Finding, Problem, Severity, check
from cortexctl.render import FindingsResult, Format, NotRun, OutputSpec, emit
from cortexctl.results import Column, Document, Kind, Result, Table

GOLDEN = Path(__file__).parents[2] / "golden" / "render"
HOSTILE = "two\nlines\tand \x1b[31m[red]x[/red]\x9b, \u202ebidi, \udc80"

Render = Callable[..., str]


class Terminal(StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def hostile() -> str:
    return HOSTILE


@pytest.fixture
def blocks() -> Table:
    columns = (
        Column("tenant"),
        Column("ulid", Kind.ID),
        Column("severity", Kind.SEVERITY),
        Column("series", Kind.COUNT),
        Column("size_bytes", Kind.BYTES),
        Column("min_time_ms", Kind.TIME_MS),
        Column("updated_at_s", Kind.TIME_S),
        Column("age_s", Kind.DURATION_S),
        Column("note", wide=True),
    )
    rows: list[dict[str, Any]] = [
        {
            "tenant": "team-a",
            "ulid": "01JD6Z0000AAAAAAAAAAAAAAAA",
            "severity": Severity.WARNING,
            "series": 1_234_567,
            "size_bytes": 5 * 2**30,
            "min_time_ms": 1_732_147_200_123,
            "updated_at_s": 1_732_154_400,
            "age_s": 93_784,
            "note": "fine",
            "labels": {"zone": "é", "n": [1, None]},
        },
        {
            "tenant": HOSTILE,
            "ulid": "01JD6Z0000BBBBBBBBBBBBBBBB",
            "severity": Severity.CRITICAL,
            "series": 0,
            "size_bytes": 0,
            "min_time_ms": 0,
            "updated_at_s": 0,
            "age_s": 0,
            "note": HOSTILE,
        },
        {
            "tenant": "日本",
            "ulid": None,
            "severity": None,
            "series": 2**80,
            "size_bytes": None,
            "min_time_ms": 2**63 - 1,
            "updated_at_s": None,
            "age_s": float("nan"),
            "note": None,
            "extra": HOSTILE,
        },
    ]
    return Table(columns, rows, {"blocks": 3, "bytes": 5 * 2**30}, note="3 blocks, 5.0 GiB")


@pytest.fixture
def findings() -> FindingsResult:
    mark = Finding(
        code="MRK01",
        name="local-deletion-mark-only",
        severity=Severity.HIGH,
        scope="team-a",
        subject="01JD6Z0000AAAAAAAAAAAAAAAA",
        message="deletion mark has no global copy",
        evidence={
            "marked_at_s": 1_732_147_200,
            "age_s": 90_000,
            "size_bytes": 123_456_789,
            "fetch_ms": 250,
            "min_time_ms": 1_732_147_200_123,
            "cause": "two words",
            "files": ["index", "chunks"],
            "series": 12,
        },
        consequence="The compactor skips the block, the cleaner never deletes it, and queriers go on reading it.",
        next="cortexctl bucket marks migrate --bucket s3://prod --tenant team-a",
    )
    gone = Finding("IDX05", "gone", Severity.CRITICAL, "team-b", HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE)
    old = Finding("IDX09", "old", Severity.INFO, "team-b", "", "index is old", {}, "", "")
    lacking = [NotRun("RNG39", "a second --source"), NotRun("STG01", "--ring"), NotRun("RNG40", "a second --source")]
    return FindingsResult([mark, gone, old, mark], lacking, scopes_checked=12)


@check("MRK01", "local-deletion-mark-only", Severity.HIGH)
def local_mark_only(_: object) -> Iterator[Problem]:
    """A block's deletion mark has no global copy.

    The compactor skips the block.

    `cortexctl bucket marks migrate`.
    """
    yield from ()


@check("IDX09", "old", Severity.INFO)
def old(_: object) -> Iterator[Problem]:
    """The index is old.

    Nothing."""
    yield from ()


@check("TEN04", "no-limit", Severity.WARNING, needs=("--runtime-config.file",))
def no_limit(_: object) -> Iterator[Problem]:
    """A tenant has no limit.

    It may grow."""
    yield from ()


@pytest.fixture
def audit(findings: FindingsResult) -> FindingsResult:
    """A whole audit: two tenants of which one is well, one not read, a check not run, and a baseline."""
    mark, _, old_index, _ = findings.findings
    fixed = Known("MRK01", Severity.HIGH, "team-c", "01JD6Z0000CCCCCCCCCCCCCCCC", "deletion mark has no global copy")
    return FindingsResult(
        [mark, replace(mark, subject="01JD6Z0000DDDDDDDDDDDDDDDD"), old_index, replace(mark, subject=HOSTILE)],
        [NotRun("TEN04", "--runtime-config.file")],
        scopes_checked=3,
        notes=["delays are Cortex' defaults"],
        unread=[{"tenant": "team-d", "error": f"team-d: access denied {HOSTILE}"}],
        compared=Compared("yesterday.json", [True, False, False, False], [fixed]),
        checks=[old, no_limit, local_mark_only],
        scopes=["team-a", "team-b", "team-c"],
        fail_on=Severity.HIGH,
    )


@pytest.fixture
def answer() -> Document:
    return Document({"ulid": "01J", "key": HOSTILE}, f"01J\n  key {HOSTILE}", {"files": 3})


@pytest.fixture
def render() -> Render:
    """Return a function from a result, a format and any field of OutputSpec to the text."""

    def render(result: Result | Document, form: Format, terminal: bool = False, **spec: Any) -> str:
        stream = Terminal() if terminal else StringIO()
        output = {"command": "bucket ls", "version": "0.1.0", "started_at_s": 1_732_147_200.5, **spec}
        emit(result, OutputSpec(format=form, **output), stream)
        return stream.getvalue()

    return render


@pytest.fixture
def same_as_golden() -> Callable[[str, str], None]:
    """Return a function that compares a text, byte by byte, with a file of `tests/golden/render`."""

    def compare(text: str, name: str) -> None:
        golden = (GOLDEN / name).read_bytes().decode()
        if text.encode() != golden.encode():
            lines = difflib.unified_diff(
                [repr(line) for line in golden.split("\n")], [repr(line) for line in text.split("\n")],
                name, "rendered", lineterm="",
            )  # fmt: skip
            pytest.fail("\n".join(lines), pytrace=False)

    return compare
