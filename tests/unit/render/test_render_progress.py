"""The progress line, on a real pseudo-terminal, and what importing the renderers costs."""

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cortexctl.render.progress import progress

ROOT = Path(__file__).parents[3]
WORK = """
import sys, time
from cortexctl.render.progress import progress
done = [0]
with progress(lambda: (done[0], {total}, "01J\\x1b[31m"), {enabled}, "Reading"):
    for _ in range(20):
        done[0] += 5
        time.sleep({seconds} / 20)
sys.exit("rich" in sys.modules)
"""


def stderr_of(total: int | None, seconds: float, enabled: bool = True) -> tuple[str, int]:
    """Return what the work wrote to a terminal, and 1 if it imported rich."""
    ours, theirs = pty.openpty()
    code = WORK.format(total=total, seconds=seconds, enabled=enabled)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=environment) as work:
        os.close(theirs)
        written = b""
        while chunk := _read(ours):
            written += chunk
    os.close(ours)
    return written.decode(), work.returncode


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side is closed
        return b""


def test_long_work_shows_bar_count_rate_and_eta_and_leaves_nothing() -> None:
    text, imported = stderr_of(total=100, seconds=1.2)
    assert imported == 1
    for part in ("Reading", "━", "/100", "/s", "ETA ", r"01J\x1b[31m"):
        assert part in text
    assert text.rpartition("Reading")[2].count("\x1b[2K") >= 1
    assert "\x1b[?25h" in text.rpartition("\x1b[?25l")[2]


def test_without_a_total_there_is_no_bar_and_no_eta() -> None:
    text, _ = stderr_of(total=None, seconds=1.0)
    assert "Reading" in text
    assert "━" not in text
    assert "ETA" not in text


def test_short_work_writes_and_imports_nothing() -> None:
    assert stderr_of(total=100, seconds=0.1) == ("", 0)


def test_not_enabled_writes_and_imports_nothing() -> None:
    assert stderr_of(total=100, seconds=0.8, enabled=False) == ("", 0)


def test_a_source_that_raises_does_not_reach_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortexctl.render.progress._SHOWN_AFTER_S", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes any stderr for a terminal
    called = threading.Event()
    calls = 0

    def broken() -> tuple[int, int | None, str]:
        nonlocal calls
        calls += 1
        if calls > 2:
            called.set()
        raise RuntimeError("no numbers")

    with progress(broken, enabled=True, description="Reading"):
        assert called.wait(10)


def test_a_source_that_hangs_does_not_hold_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortexctl.render.progress._STOPS_WITHIN_S", 0.05)
    hangs, release = threading.Event(), threading.Event()

    def hanging() -> tuple[int, int | None, str]:
        hangs.set()
        release.wait(10)
        return 0, None, ""

    with progress(hanging, enabled=True, description="Reading"):
        assert hangs.wait(10)
    assert not release.is_set()
    release.set()


def test_the_error_of_the_work_is_what_the_caller_sees() -> None:
    with pytest.raises(KeyError, match="the work"), progress(lambda: (0, None, ""), enabled=True, description=""):
        raise KeyError("the work")


def test_importing_the_renderers_imports_no_heavy_library() -> None:
    code = "import sys, cortexctl.render; sys.exit(str({'rich', 'yaml', 'msgspec'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert found.stderr.strip() == "set()"
