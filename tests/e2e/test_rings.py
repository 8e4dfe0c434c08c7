"""A forget killed at every point where it writes, and runs that fight over a ring: every entry is accounted for."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cortexctl.cli.main import app
from cortexctl.ring import codec
from cortexctl.ring.model import Instance
from tests.cli.rings import DEAD_S, a_ring, save
from tests.e2e.conftest import ROOT, Drive

DEAD = ("i-1", "i-4")
AT_ONCE = ("--verify-for", "0s")


@dataclass(frozen=True)
class Site:
    """A saved ring with two dead members, and the journals."""

    directory: Path
    before: Mapping[str, Instance]

    @classmethod
    def make(cls, directory: Path) -> "Site":
        """Fill a new directory."""
        directory.mkdir()
        stored = a_ring({1: DEAD_S, 4: DEAD_S})
        save(directory / "ring", stored)
        return cls(directory, stored.instances)

    @property
    def ring(self) -> str:
        """The path of the ring."""
        return str(self.directory / "ring")

    @property
    def entries(self) -> Mapping[str, Instance]:
        """What the ring holds now, which can be read."""
        return codec.decode(Path(self.ring).read_bytes()).instances

    @property
    def taken(self) -> set[str]:
        """Who is not in it any more; all others are as they were."""
        now = self.entries
        assert all(self.before[name] == each for name, each in now.items())
        return set(self.before) - set(now)

    def forget(self, *names: str) -> list[str]:
        """Return the arguments of a forget that is applied."""
        flags = ("--force-quorum", "--apply", *AT_ONCE, "--max", "9", "--force-healthy")
        return ["ring", "forget", "ingester", *(names or DEAD), "-s", self.ring, *flags]

    def job(self, arguments: Sequence[str], die_at: int = 0) -> dict[str, Any]:
        """Return a run of cortexctl for the driver."""
        return {"directory": str(self.directory), "arguments": list(arguments), "die_at": die_at}

    def cli(self, *arguments: str) -> str:
        """Run cortexctl in this process, and return what it says."""
        was = signal.getsignal(signal.SIGTERM)
        result = CliRunner().invoke(app, arguments, env={"CORTEXCTL_JOURNAL_DIR": str(self.directory / "journal")})
        signal.signal(signal.SIGTERM, was)
        assert result.exit_code == 0, f"{arguments}: {result.exit_code}: {result.stderr}"
        return result.stdout

    def runs(self) -> list[Mapping[str, Any]]:
        """Return the journal's rows, which can all be read."""
        rows: list[Mapping[str, Any]] = json.loads(self.cli("journal", "ls", "-o", "json"))["items"]
        assert [row for row in rows if row["outcome"] == "damaged"] == []
        return rows

    def points(self) -> list[str]:
        """Return the points that a run came to."""
        return (self.directory / "points").read_text().splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("then", ["undo", "resume"])
def test_a_forget_killed_at_any_point_is_accounted_for(drive: Drive, tmp_path: Path, then: str) -> None:
    whole = Site.make(tmp_path / "whole")
    assert drive([whole.job(whole.forget())]) == [0], (whole.directory / "stderr").read_text()
    assert whole.taken == set(DEAD)
    points = range(1, len(whole.points()) + 1)
    sites = [Site.make(tmp_path / str(point)) for point in points]
    jobs = [site.job(site.forget(), point) for point, site in zip(points, sites, strict=True)]
    assert drive(jobs) == [-signal.SIGKILL] * len(points)
    seen = set()
    for site in sites:
        rows = site.runs()
        seen.add((len(site.taken), bool(rows)))
        if not rows:
            assert site.taken == set(), "nothing is written before there is a journal"
            continue
        site.cli("journal", then, rows[0]["run"], "--apply")
        assert site.taken == (set() if then == "undo" else set(DEAD))
        # Of a run killed before it noted anything there is nothing to take back.
        assert site.runs()[0]["outcome"] in (("undone", "partial") if then == "undo" else ("applied",))
        if then == "resume":
            site.cli("journal", "undo", rows[0]["run"], "--apply")
            assert site.taken == set()
    assert seen == {(0, False), (0, True), (1, True), (2, True)}, "it died in each state that there is"


@pytest.mark.slow
def test_an_undo_killed_at_any_point_is_repeated(drive: Drive, tmp_path: Path) -> None:
    def applied(name: str) -> tuple[Site, list[str]]:
        site = Site.make(tmp_path / name)
        site.cli(*site.forget())
        return site, ["journal", "undo", site.runs()[0]["run"], "--apply"]

    whole, arguments = applied("whole")
    assert drive([whole.job(arguments)]) == [0]
    assert whole.taken == set()
    points = range(1, len(whole.points()) + 1)
    sites = [applied(str(point)) for point in points]
    jobs = [site.job(arguments, point) for point, (site, arguments) in zip(points, sites, strict=True)]
    assert drive(jobs) == [-signal.SIGKILL] * len(points)
    for site, arguments in sites:
        assert site.taken <= set(DEAD)
        site.cli(*arguments)
        assert site.taken == set()
        assert site.runs()[0]["outcome"] == "undone"


def test_runs_that_change_one_file_at_once_lose_nothing(tmp_path: Path) -> None:
    site = Site.make(tmp_path / "site")
    command = [sys.executable, "-c", "from cortexctl.cli.main import main; main()"]
    environment = os.environ | {"CORTEXCTL_JOURNAL_DIR": str(site.directory / "journal")}
    running = [
        subprocess.Popen([*command, *site.forget(name)], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        for name in site.before
        if name != "i-0"
    ]
    assert [each.wait(60) for each in running] == [0] * 5
    assert set(site.entries) == {"i-0"}
    for row in site.runs():
        site.cli("journal", "undo", row["run"], "--apply")
    assert site.taken == set()
