"""cortexctl killed at every point at which it writes, and stopped by signals: everything is accounted for."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cortexctl.blocks import layout
from cortexctl.cli.main import app
from tests.builders import NOW_S, TENANT, UPLOADED_S, A, B, a_block, an_entry, an_index
from tests.e2e.conftest import ROOT, Drive

INDEX = layout.bucket_index(TENANT)
MARKER = layout.cleaner_visit_marker(TENANT)
AT_ONCE = ("--lock-settle", "0s")
AT = ("--as-of", str(NOW_S))


@dataclass(frozen=True)
class Site:
    """A bucket with a tenant whose index lacks a block, and the journals."""

    directory: Path

    @classmethod
    def make(cls, directory: Path, index: bytes | None) -> "Site":
        """Fill a new directory."""
        objects: dict[str, Any] = a_block(A) | a_block(B)
        for key, body in (objects | ({} if index is None else {INDEX: index})).items():
            path = directory / "bucket" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            os.utime(path, (UPLOADED_S, UPLOADED_S))
        return cls(directory)

    def rebuild(self, *arguments: str) -> list[str]:
        """Return the arguments of a rebuild that is applied."""
        bucket = ("-b", str(self.directory / "bucket"), "-t", TENANT)
        return ["bucket", "index", "rebuild", *bucket, "--apply", *AT, *(arguments or AT_ONCE)]

    def job(self, arguments: list[str], die_at: int = 0) -> dict[str, Any]:
        """Return a run of cortexctl for the driver."""
        return {"directory": str(self.directory), "arguments": arguments, "die_at": die_at}

    @property
    def stderr(self) -> str:
        """What the driver's run said."""
        return (self.directory / "stderr").read_text()

    def cli(self, *arguments: str) -> str:
        """Run cortexctl in this process, and return what it says."""
        was = signal.getsignal(signal.SIGTERM)
        result = CliRunner().invoke(app, arguments, env={"CORTEXCTL_JOURNAL_DIR": str(self.directory / "journal")})
        signal.signal(signal.SIGTERM, was)
        assert result.exit_code == 0, f"{arguments}: {result.exit_code}: {result.stderr}"
        return result.stdout

    def objects(self) -> dict[str, bytes]:
        """Return every object of the bucket."""
        bucket = self.directory / "bucket"
        return {str(path.relative_to(bucket)): path.read_bytes() for path in bucket.rglob("*") if path.is_file()}

    def runs(self) -> list[Mapping[str, Any]]:
        """Return the journal's rows, which can all be read."""
        rows: list[Mapping[str, Any]] = json.loads(self.cli("journal", "ls", "-o", "json"))["items"]
        assert [row for row in rows if row["outcome"] == "damaged"] == []
        return rows

    def points(self) -> list[str]:
        """Return the points that a run came to."""
        return (self.directory / "points").read_text().splitlines()


OLD = an_index([an_entry(A)])


def whole_run(
    drive: Drive, directory: Path, index: bytes | None
) -> tuple[dict[str, bytes], dict[str, bytes], list[str]]:
    """Return the objects before and after a run that nobody kills, and the points that it comes to."""
    site = Site.make(directory, index)
    before = site.objects()
    assert drive([site.job(site.rebuild())]) == [0], site.stderr
    return before, site.objects(), site.points()


def killed_everywhere(drive: Drive, directory: Path, index: bytes | None, points: int) -> list[Site]:
    """Return a site for each point, at which a run was killed there."""
    sites = [Site.make(directory / str(point), index) for point in range(1, points + 1)]
    jobs = [site.job(site.rebuild(), point) for point, site in enumerate(sites, start=1)]
    assert drive(jobs) == [-signal.SIGKILL] * points
    assert [len(site.points()) for site in sites] == list(range(1, points + 1))
    return sites


@pytest.mark.slow
@pytest.mark.parametrize("index", [OLD, None], ids=["replaced", "created"])
def test_killed_at_any_point_it_is_undone(drive: Drive, tmp_path: Path, index: bytes | None) -> None:
    before, after, points = whole_run(drive, tmp_path / "whole", index)
    assert after.keys() == before.keys() | {INDEX}
    assert points.count("before put") == 2, "the marker and the index"
    assert points.count("before delete") == 1
    assert points.count("before fsync") > 10

    seen = set()
    for site in killed_everywhere(drive, tmp_path, index, len(points)):
        left, rows = site.objects(), site.runs()
        seen.add((MARKER in left, left.get(INDEX) == after[INDEX], bool(rows)))
        assert left.get(INDEX) in (before.get(INDEX), after[INDEX]), "one or the other, and whole"
        others = {key: body for key, body in left.items() if key not in (MARKER, INDEX)}
        assert others == {key: body for key, body in before.items() if key != INDEX}
        if not rows:
            assert left == before, "nothing is written before there is a journal"
            continue
        (row,) = rows
        site.cli("journal", "show", row["run"])
        site.cli("journal", "undo", row["run"], "--apply", *AT_ONCE)
        assert site.objects() == before
    assert seen == {
        (False, False, False),
        (False, False, True),
        (True, False, True),
        (True, True, True),
        (False, True, True),
    }, "it died in each state that there is"


@pytest.mark.slow
@pytest.mark.parametrize("index", [OLD, None], ids=["replaced", "created"])
def test_killed_at_any_point_it_is_resumed(drive: Drive, tmp_path: Path, index: bytes | None) -> None:
    before, after, points = whole_run(drive, tmp_path / "whole", index)
    resumed = 0
    for site in killed_everywhere(drive, tmp_path, index, len(points)):
        for row in site.runs():
            site.cli("journal", "resume", row["run"], "--apply", *AT_ONCE, *AT)
            assert site.objects() == after
            assert site.runs()[0]["outcome"] == "applied"
            site.cli("journal", "undo", row["run"], "--apply", *AT_ONCE)
            assert site.objects() == before
            assert site.runs()[0]["outcome"] == "undone"
            resumed += 1
        if not site.runs():
            assert site.objects() == before
    assert resumed > len(points) / 2


@pytest.mark.slow
def test_an_undo_killed_at_any_point_is_repeated(drive: Drive, tmp_path: Path) -> None:
    def applied(directory: Path) -> tuple[Site, dict[str, bytes], list[str]]:
        site = Site.make(directory, OLD)
        before = site.objects()
        site.cli(*site.rebuild())
        return site, before, ["journal", "undo", site.runs()[0]["run"], "--apply", *AT_ONCE]

    whole, before, arguments = applied(tmp_path / "whole")
    assert drive([whole.job(arguments)]) == [0], whole.stderr
    assert whole.objects() == before
    points = range(1, len(whole.points()) + 1)
    sites = [applied(tmp_path / str(point)) for point in points]
    jobs = [site.job(arguments, point) for point, (site, _, arguments) in zip(points, sites, strict=True)]
    assert drive(jobs) == [-signal.SIGKILL] * len(points)
    for site, before, arguments in sites:
        site.cli(*arguments)
        assert site.objects() == before
        assert site.runs()[0]["outcome"] == "undone"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_it_waits_gives_the_lock_back(tmp_path: Path, number: signal.Signals, code: int) -> None:
    site = Site.make(tmp_path, OLD)
    before = site.objects()
    job = json.dumps(site.job(site.rebuild("--lock-settle", "5s")))
    command = [sys.executable, "-m", "tests.e2e.driver", job]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        ends_at = time.monotonic() + 20
        while MARKER not in site.objects():
            assert time.monotonic() < ends_at
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.1)
        began = time.monotonic()
        process.send_signal(number)
        out, said = process.communicate(timeout=20)
        took_s = time.monotonic() - began
    assert process.returncode == code, said
    assert took_s < 2
    assert out == ""
    assert said.splitlines()[-1] == f"cortexctl: {'interrupted' if code == 130 else 'stopped by SIGTERM'}"
    assert "Traceback" not in said
    assert site.objects() == before
    (row,) = site.runs()
    assert (row["outcome"], row["done"]) == ("partial", 0)
    site.cli("journal", "resume", row["run"], "--apply", *AT_ONCE, *AT)
    assert site.objects().keys() == before.keys()
    assert site.objects()[INDEX] != before[INDEX]


ROUNDS = 50


def _blocks(body: bytes) -> set[str]:
    return {block["block_id"] for block in json.loads(gzip.decompress(body))["blocks"]}


@pytest.mark.parametrize("conditional", [True, False], ids=["with a condition", "without"])
def test_a_writer_that_races_us_on_a_directory(tmp_path: Path, conditional: bool) -> None:
    from cortexctl.config import parse_bucket_url
    from cortexctl.errors import ConflictError
    from cortexctl.storage.open import open_bucket

    site = Site.make(tmp_path, OLD)
    url = str(site.directory / "bucket")
    outcomes: list[int] = []
    took_s = 0.02
    ours_stood, theirs_stood = 0, 0
    with open_bucket(parse_bucket_url(url)) as bucket:
        for number in range(ROUNDS):
            (site.directory / "bucket" / INDEX).write_bytes(OLD)
            theirs = an_index([an_entry(B)], updated_at=NOW_S + number)
            wrote, gate = [False], threading.Barrier(2)

            def write(theirs: bytes = theirs, wrote: list[bool] = wrote, gate: threading.Barrier = gate) -> None:
                gate.wait(10)
                time.sleep(number % 10 / 10 * took_s)  # noqa: B023 - the round waits for it
                try:
                    if conditional:
                        bucket.write(INDEX, theirs, bucket.read_or_none(INDEX))
                    else:
                        aside = site.directory / "theirs"
                        aside.write_bytes(theirs)
                        aside.replace(site.directory / "bucket" / INDEX)
                    wrote[0] = True
                except ConflictError:
                    pass

            began = time.monotonic()
            outcome = _raced(site, url, write, gate)
            took_s = time.monotonic() - began  # the next round's writer comes somewhere within that
            outcomes.append(outcome)
            final = site.objects()[INDEX]
            if final == theirs:
                assert wrote[0]
                theirs_stood += 1
            else:
                assert _blocks(final) == {A, B}, "ours, and whole"
                assert outcome == 0, "what stands is ours, so it was said to be written"
                ours_stood += 1
            assert MARKER not in site.objects()
    assert set(outcomes) <= {0, 5}
    assert ours_stood + theirs_stood == ROUNDS
    _assert_journals_agree(site, outcomes)


def test_a_writer_that_races_us_in_memory(tmp_path: Path) -> None:
    import uuid

    from cortexctl.config import parse_bucket_url
    from cortexctl.errors import ConflictError
    from cortexctl.storage.open import open_bucket

    site = Site(tmp_path)
    url = f"memory://race-{uuid.uuid4().hex}"
    outcomes: list[int] = []
    took_s = 0.02
    with open_bucket(parse_bucket_url(url)) as bucket:
        objects: dict[str, Any] = a_block(A) | a_block(B)
        for key, body in objects.items():
            bucket.write(key, body, None)
        for number in range(ROUNDS):
            bucket.write(INDEX, an_index([an_entry(A)], updated_at=number), bucket.read_or_none(INDEX))
            theirs = an_index([an_entry(B)], updated_at=NOW_S + number)
            wrote, gate = [False], threading.Barrier(2)

            def write(theirs: bytes = theirs, wrote: list[bool] = wrote, gate: threading.Barrier = gate) -> None:
                gate.wait(10)
                time.sleep(number % 10 / 10 * took_s)  # noqa: B023 - the round waits for it
                try:
                    bucket.write(INDEX, theirs, bucket.read_or_none(INDEX))
                    wrote[0] = True
                except ConflictError:
                    pass

            began = time.monotonic()
            outcome = _raced(site, url, write, gate)
            took_s = time.monotonic() - began  # the next round's writer comes somewhere within that
            outcomes.append(outcome)
            final = bucket.read(INDEX).body
            if final == theirs:
                assert wrote[0]
            else:
                assert outcome == 0
                assert _blocks(final) == {A, B}
            assert bucket.read_or_none(MARKER) is None
    assert set(outcomes) <= {0, 5}
    _assert_journals_agree(site, outcomes)


def _raced(site: Site, url: str, write: Any, gate: threading.Barrier) -> int:
    """Run a rebuild while another writes, and return its exit code."""
    thread = threading.Thread(target=write)
    thread.start()
    gate.wait(10)
    was = signal.getsignal(signal.SIGTERM)
    arguments = ["bucket", "index", "rebuild", "-b", url, "-t", TENANT, "--apply", *AT, *AT_ONCE]
    result = CliRunner().invoke(app, arguments, env={"CORTEXCTL_JOURNAL_DIR": str(site.directory / "journal")})
    signal.signal(signal.SIGTERM, was)
    thread.join(10)
    assert result.exit_code in (0, 5), result.stderr
    return result.exit_code


def _assert_journals_agree(site: Site, outcomes: list[int]) -> None:
    """Assert that success was said of the runs whose bytes were read back, and of no other."""
    assert [row["outcome"] == "applied" for row in site.runs()] == [each == 0 for each in outcomes]
    assert len(set(outcomes)) == 2, "each was first at times"
