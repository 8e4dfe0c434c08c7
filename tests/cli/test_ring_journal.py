"""Runs on rings, gone on with and taken back: after a crash, from elsewhere, by a configuration."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cortexctl.repair.operations import decompress
from cortexctl.ring import codec
from cortexctl.ring.components import INGESTER, RULER_RING
from cortexctl.ring.snapshot import ZSTD_MAGIC
from tests.cli.conftest import Cli
from tests.cli.rings import DEAD_S, InConsul, Kept, a_ring, one_dead, save

KEY = INGESTER.stored_key
AT_ONCE = ("--verify-for", "0s")
TWO = ("ring", "forget", "ingester", "i-1", "i-4", "--force-quorum", "--apply", *AT_ONCE)
ONE = ("ring", "forget", "ingester", "i-1", "--apply", *AT_ONCE)


def runs(cli: Cli) -> list[dict[str, Any]]:
    """Return the journal's rows."""
    rows: list[dict[str, Any]] = cli("journal", "ls", "-o", "json").document["items"]
    return rows


class Killer:
    """A Consul that has the writer killed at its n-th write, before or after it is made."""

    def __init__(self, store: InConsul, at: int, when: str) -> None:
        self._swap = store.consul.swap
        self._left, self._when = at, when
        self._process: subprocess.Popen[bytes] | None = None
        self._is_known = threading.Event()
        store.consul.swap = self.swap  # type: ignore[method-assign]  # stands in

    def aim(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._is_known.set()

    def swap(self, key: str, value: bytes, cas: int | None) -> bool:
        self._left -= 1
        if self._left:
            return self._swap(key, value, cas)
        assert self._is_known.wait(10)
        is_written = self._when == "after" and self._swap(key, value, cas)
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        return is_written


@pytest.fixture(
    params=[(1, "before"), (1, "after"), (2, "before"), (2, "after")], ids=lambda each: f"{each[1]}-{each[0]}"
)
def crashed(request: pytest.FixtureRequest, cli: Cli, consul: InConsul) -> int:
    """A run that was killed: how many entries it took out."""
    consul.put(a_ring({1: DEAD_S, 4: DEAD_S}))
    at, when = request.param
    killer = Killer(consul, at, when)
    command = [sys.executable, "-c", "from cortexctl.cli.main import main; main()", *TWO, "-s", consul.url]
    with subprocess.Popen(
        command, env=os.environ | cli.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        killer.aim(process)
        assert process.wait(20) == -signal.SIGKILL
    taken = at - (when == "before")
    assert len(consul.get()) == 6 - taken
    return taken


def test_a_run_that_was_killed_is_gone_on_with(cli: Cli, consul: InConsul, crashed: int) -> None:
    (run,) = runs(cli)
    assert run["outcome"] == "partial"
    dry = cli("journal", "resume", run["run"])
    assert "ingester/i-4" in dry.stdout
    assert len(consul.get()) == 6 - crashed
    for name in ("i-0", "i-2"):
        assert consul.heartbeat(name)
    done = cli("journal", "resume", run["run"], "--apply")
    assert "written" in done.stdout
    assert sorted(consul.get()) == ["i-0", "i-2", "i-3", "i-5"]
    assert runs(cli)[0]["outcome"] == "applied"
    before = consul.raw()
    cli("journal", "resume", run["run"], "--apply")
    assert consul.raw() == before


def test_a_run_that_was_killed_is_taken_back(cli: Cli, consul: InConsul, crashed: int) -> None:
    (run,) = runs(cli)
    before = {name: each for name, each in consul.get().items() if name not in ("i-1", "i-4")}
    cli("journal", "undo", run["run"], "--apply")
    after = consul.get()
    assert len(after) == 6
    assert {name: each for name, each in after.items() if name not in ("i-1", "i-4")} == before
    dead = a_ring({1: DEAD_S, 4: DEAD_S}).instances
    assert {after[name].tokens for name in ("i-1", "i-4")} == {dead[name].tokens for name in ("i-1", "i-4")}


def test_to_go_on_is_refused_once_an_instance_lives(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring({1: DEAD_S, 4: DEAD_S}))
    swap = consul.consul.swap
    consul.consul.swap = lambda key, value, cas: cas is None and swap(key, value, cas)  # type: ignore[method-assign]  # stands in
    assert "kept losing to other writers" in cli(*TWO, "-s", consul.url, code=5).stderr
    consul.consul.swap = swap  # type: ignore[method-assign]  # stands in
    consul.put(a_ring({4: DEAD_S}))
    (run,) = runs(cli)
    ran = cli("journal", "resume", run["run"], "--apply", code=5)
    assert "ingester/i-1: changed since the plan was made" in ran.stderr
    assert len(consul.get()) == 6
    cli("journal", "undo", run["run"], "--apply")
    assert len(consul.get()) == 6


CONFIG = """
target: all
ingester:
  lifecycler:
    ring:
      kvstore:
        store: consul
        prefix: prod/
        consul: {{host: "{host}"}}
ruler:
  enable_sharding: true
  ring:
    kvstore: {{store: consul, prefix: prod/rules/, consul: {{host: "{host}"}}}}
"""


def test_what_a_configuration_located_is_taken_back_where_it_was(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    config = tmp_path / "cortex.yaml"
    config.write_text(CONFIG.format(host=consul.url.removeprefix("consul://")))
    for key in ("prod/ring", "prod/rules/ring", KEY):
        consul.put(one_dead(), key)
    before = {key: consul.get(key) for key in ("prod/ring", "prod/rules/ring", KEY)}
    for ring, key in (("ingester", "prod/ring"), ("ruler", "prod/rules/ring")):
        cli("ring", "forget", ring, "i-1", "--config.file", config, "--force-quorum", "--apply", *AT_ONCE)
        assert {each: "i-1" in consul.get(each) for each in before} == {each: each != key for each in before}
        run = runs(cli)[-1]["run"]
        cli("journal", "undo", run, "--apply")
        assert {key: consul.get(key) for key in before} == before


def test_undo_of_a_ring_that_is_not_where_it_was_puts_it_nowhere_else(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead(), RULER_RING.stored_key)
    some = ("ring", "forget", "ruler", "i-1", "-s", f"{consul.url}?prefix=rulers/", "--force-quorum", "--apply")
    cli(*some, *AT_ONCE)
    cli("journal", "undo", runs(cli)[0]["run"], "--apply")
    assert "i-1" in consul.get(RULER_RING.stored_key)
    assert set(consul.consul.pairs) == {RULER_RING.stored_key}


def test_a_saved_value_is_taken_back_from_another_directory(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(tmp_path / "ring", one_dead())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    before = codec.decode(saved.read_bytes()).instances
    cli(*ONE, "-s", "ring")
    assert "i-1" not in codec.decode(saved.read_bytes()).instances
    monkeypatch.chdir(elsewhere)
    save(elsewhere / "ring", a_ring(size=2))
    cli("journal", "undo", runs(cli)[0]["run"], "--apply")
    assert codec.decode(saved.read_bytes()).instances == before
    assert len(codec.decode((elsewhere / "ring").read_bytes()).instances) == 2


def test_a_saved_value_that_is_gone(cli: Cli, tmp_path: Path) -> None:
    saved = save(tmp_path / "ring", one_dead())
    cli(*ONE, "-s", saved)
    run = runs(cli)[0]["run"]
    saved.unlink()
    assert f"{saved}: there is no such file" in cli("journal", "undo", run, "--apply", code=3).stderr
    saved.write_text('{"tokens": [1]}')
    assert str(saved) in cli("journal", "undo", run, "--apply", code=4).stderr
    saved.write_text('{"shards": [], "now": "2026-08-06T09:52:35Z"}')
    cli("journal", "undo", run, "--apply", code=8)


def test_the_store_is_down_at_the_undo(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    cli(*ONE, "-s", consul.url)
    run = runs(cli)[0]["run"]
    consul.consul.has_leader = False
    assert "No cluster leader" in cli("journal", "undo", run, "--apply", code=3).stderr
    consul.consul.has_leader = True
    cli("journal", "undo", run, "--apply")
    assert "i-1" in consul.get()


def test_journals_of_rings_are_listed_and_shown(cli: Cli, kept: Kept) -> None:
    kept.put(one_dead())
    cli(*ONE, "-s", kept.url)
    (row,) = runs(cli)
    assert (row["target"], row["outcome"]) == (kept.url, "applied")
    shown = cli("journal", "show", row["run"])
    assert "ingester/i-1" in shown.stdout
    assert [each["event"] for each in cli("journal", "show", row["run"], "-o", "json").document["items"]] == [
        "begin",
        "done",
    ]


def everything(directory: Path) -> str:
    """Return the texts of every file in a directory, those of bodies too."""
    texts = []
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            body = path.read_bytes()
            texts.append((decompress(body) if body.startswith(ZSTD_MAGIC) else body).decode())
    return "\n".join(texts)


def test_no_password_is_shown_or_kept(cli: Cli, etcd: Any, tmp_path: Path, journal_dir: Path) -> None:
    etcd.delete_all()
    etcd.put(KEY, codec.encode(one_dead()))
    url = etcd.url.replace("http://", "etcd://root:hunter2@")
    plan = tmp_path / "plan.json"
    said = []
    for arguments in (
        ("ring", "list"),
        ("ring", "show", "ingester"),
        ("ring", "check", "ingester", "-o", "json"),
        ("ring", "snapshot", str(tmp_path / "snapshot"), "ingester"),
        ("ring", "forget", "ingester", "i-1", "--plan-out", str(plan)),
        ("ring", "forget", "ingester", "--apply", str(plan), *AT_ONCE),
    ):
        ran = cli(*arguments, "-s", url, code=1 if arguments[1] == "check" else 0)
        said += [ran.stdout, ran.stderr]
    run = runs(cli)[0]["run"]
    for arguments in (("journal", "ls"), ("journal", "show", run), ("journal", "undo", run, "--apply")):
        ran = cli(*arguments)
        said += [ran.stdout, ran.stderr]
    ran = cli("ring", "restore", "ingester", "i-77", "-s", url, "--from", run, code=4)
    said += [ran.stdout, ran.stderr, everything(journal_dir), everything(tmp_path)]
    assert "hunter2" not in "\n".join(said)
    assert any(re.search(r"etcd://root@127", each) for each in said)
