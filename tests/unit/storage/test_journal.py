"""The journal on a disk: what it holds, in which order, and what becomes of it when it is damaged."""

import errno
import json
import os
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cortexctl.errors import DataError, LockedError, NotFoundError, SourceError, UsageError
from cortexctl.repair.apply import Entry
from cortexctl.repair.operations import Operation, Plan, Step, digest
from cortexctl.repair.unread import Revival
from cortexctl.storage import journal as journals
from cortexctl.storage.journal import FileJournal, Outcome, Run, list_runs, new_run

OLD, NEW = b"old bytes", b"new bytes"


def a_run(run_id: str = "20261121T030000Z-aaaaaa") -> Run:
    return Run(run_id, "bucket index rebuild", "memory://x", 1_795_230_000.5, "1.0", {"bucket": "memory://x"})


def a_plan(*tenants: str) -> Plan:
    steps = tuple(
        Step(tenant, (Operation(f"{tenant}/index", digest(OLD), NEW, "why"),), "print") for tenant in tenants or ("a",)
    )
    return Plan("bucket index rebuild", "memory://x", 1_795_230_000.0, "1.0", steps)


def an_entry(seq: int = 0, scope: str = "a") -> Entry:
    return Entry(seq, scope, f"{scope}/index", OLD, NEW)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Where journals go; not there yet."""
    return tmp_path / "state" / "journal"


def create(base: Path, run_id: str = "20261121T030000Z-aaaaaa", *tenants: str) -> FileJournal:
    return FileJournal.create(base, a_run(run_id), a_plan(*tenants))


def events_file(journal: FileJournal) -> Path:
    return journal.directory / "journal.jsonl"


def test_what_was_noted_is_there_when_it_is_opened(base: Path) -> None:
    journal = create(base, "r1", "a", "b")
    journal.begin(an_entry(0, "a"))
    journal.done(0)
    journal.begin(Entry(1, "b", "b/index", None, NEW))
    journal.close()

    opened = FileJournal.open(base, "r1")
    assert opened.run == a_run("r1")
    assert opened.plan == a_plan("a", "b")
    assert (opened.is_done(0), opened.is_done(1), opened.done_count) == (True, False, 1)
    assert opened.begun() == {"a": [an_entry(0, "a")], "b": [Entry(1, "b", "b/index", None, NEW)]}
    assert opened.begun_scopes() == {"a", "b"}
    assert [event["event"] for event in opened.events()] == ["begin", "done", "begin"]
    assert all(isinstance(event["at_s"], float) for event in opened.events())


def test_the_outcome_follows_what_happened(base: Path) -> None:
    journal = create(base, "r1", "a", "b")
    assert journal.outcome is Outcome.PARTIAL
    journal.begin(an_entry(0, "a"))
    journal.done(0)
    assert journal.outcome is Outcome.PARTIAL
    journal.begin(an_entry(1, "b"))
    journal.done(1)
    assert journal.outcome is Outcome.APPLIED
    journal.undone(1)
    assert (journal.outcome, journal.done_count, list(journal.begun())) == (Outcome.PARTIAL, 1, ["a"])
    journal.undone(0)
    assert (journal.outcome, journal.done_count, journal.begun()) == (Outcome.UNDONE, 0, {})
    journal.begin(an_entry(0, "a"))
    journal.done(0)
    assert (journal.outcome, list(journal.begun())) == (Outcome.PARTIAL, ["a"])
    journal.done(1)
    assert journal.outcome is Outcome.APPLIED
    journal.close()
    assert FileJournal.open(base, "r1").outcome is Outcome.APPLIED


def test_the_first_beginning_counts_until_it_is_taken_back(base: Path) -> None:
    journal = create(base)
    journal.begin(an_entry())
    journal.begin(Entry(0, "a", "a/index", NEW, NEW))
    assert journal.begun()["a"][0].before == OLD
    journal.undone(0)
    journal.begin(Entry(0, "a", "a/index", b"older", NEW))
    assert journal.begun()["a"][0].before == b"older"
    journal.close()


def test_only_its_owner_may_look_at_it(base: Path) -> None:
    was = os.umask(0o022)
    try:
        journal = create(base)
    finally:
        os.umask(was)
    for directory in (base, journal.directory, journal.directory / "bodies"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_what_is_too_much_for_the_disk_is_no_journal(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(base, "r1")
    real, calls = os.fsync, iter(range(1000))

    def full(descriptor: int) -> None:
        if next(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match=r"cannot be written, so nothing is: .*No space left"):
        create(base, "r2")
    assert [each.run.id for each in list_runs(base) if isinstance(each, FileJournal)] == ["r1"]
    assert len(list(list_runs(base))) == 1


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="cannot be written, so nothing is"):
        create(tmp_path / "file")
    with pytest.raises(SourceError, match="cannot be written, so nothing is"):
        create(tmp_path / "file" / "below")


def test_everything_is_on_the_disk_before_a_call_returns(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is synced before its name, and its directory after; a body before the event that names it."""
    order: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(descriptor: int) -> None:
        order.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name.partition('.')[0]}")
        real_sync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        order.append(f"name {target.name.partition('.')[0]}")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    journal = create(base, "r1")
    in_the_run = [each for each in order if each.startswith(("sync run", "name run"))]
    assert in_the_run == ["sync run", "name run"]
    assert order[-1] == "sync journal", "the last is the directory that has the run"
    assert order.count("sync journal") >= 2, "the empty list of events, and the directory of that name"
    assert order[0] == f"sync {base.parent.parent.name.partition('.')[0]}", "directories that are made outlast it too"

    order.clear()
    journal.begin(an_entry())
    old, new = digest(OLD), digest(NEW)
    assert order == [
        f"sync {old}", f"name {old}", "sync bodies", f"sync {new}", f"name {new}", "sync bodies", "sync journal"
    ]  # fmt: skip
    for note in (
        lambda: journal.done(0),
        lambda: journal.undone(0),
        lambda: journal.locked("a/marker", "me", None),
        lambda: journal.unlocked("a/marker"),
    ):
        order.clear()
        note()
        assert order == ["sync journal"]
    journal.close()


def test_what_stood_in_a_locks_place_is_kept(base: Path) -> None:
    journal = create(base)
    journal.locked("a/marker", "me", b"a compactor's")
    journal.close()
    (event,) = journal.events()
    assert (event["event"], event["before"]) == ("lock", digest(b"a compactor's"))
    assert [each.name for each in (journal.directory / "bodies").iterdir()] == [f"{event['before']}.zst"]


def test_a_body_is_kept_once(base: Path) -> None:
    journal = create(base)
    for seq in range(3):
        journal.begin(an_entry(seq))
    assert sorted(path.name for path in (journal.directory / "bodies").iterdir()) == sorted(
        f"{digest(body)}.zst" for body in (OLD, NEW)
    )
    journal.close()


@pytest.mark.parametrize("torn", [b'{"at_s": 1.5, "ev', b"\0" * 40, b'{"event": "done", "seq": 0}', b"{"])
def test_a_torn_last_line_is_passed_over_and_written_over(base: Path, torn: bytes) -> None:
    journal = create(base)
    journal.begin(an_entry())
    journal.close()
    with events_file(journal).open("ab") as file:
        file.write(torn)

    opened = FileJournal.open(base, journal.run.id)
    assert [event["event"] for event in opened.events()] == ["begin"]
    assert not opened.is_done(0)
    opened.undone(0)
    opened.close()
    again = FileJournal.open(base, journal.run.id)
    assert [event["event"] for event in again.events()] == ["begin", "undone"]
    assert again.outcome is Outcome.UNDONE


@pytest.mark.parametrize(
    "line", [b"not JSON", b"[]", b"12", b'{"event": "begin", "seq": 0}', b"\xff\xfe", b"[" * 100_000, b""]
)
def test_a_damaged_line_is_named(base: Path, line: bytes) -> None:
    journal = create(base)
    journal.begin(an_entry())
    journal.close()
    events = events_file(journal)
    events.write_bytes(events.read_bytes() + line + b"\n" + events.read_bytes())
    with pytest.raises(DataError, match=r"journal\.jsonl: line 2 is not an event"):
        FileJournal.open(base, journal.run.id)


def test_a_change_that_this_version_does_not_know_is_named(base: Path) -> None:
    journal = create(base)
    journal.begin(Entry(0, "a", "a/index", None, None, Revival("v1", 5)))
    journal.close()
    assert journal.begun()["a"][0].unread == Revival("v1", 5)
    events = events_file(journal)
    events.write_bytes(events.read_bytes().replace(b"revival", b"rebirth"))
    with pytest.raises(DataError, match="what was done to a/index cannot be read"):
        FileJournal.open(base, journal.run.id).begun()


def test_a_journal_without_its_events_is_damaged(base: Path) -> None:
    journal = create(base)
    events_file(journal).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        FileJournal.open(base, journal.run.id)


def _garbage(path: Path) -> None:
    path.write_bytes(b"garbage")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def _another(path: Path) -> None:
    import zstandard

    path.write_bytes(zstandard.compress(b"another body"))


def _huge(path: Path) -> None:
    """Claim 2^50 bytes in the frame's header."""
    path.write_bytes(b"\x28\xb5\x2f\xfd\xe0" + (1 << 50).to_bytes(8, "little") + b"\x01\x00\x00")


@pytest.mark.parametrize("damage", [_garbage, _cut, _another, _huge, Path.unlink])
def test_a_damaged_body_is_named(base: Path, damage: Callable[[Path], None]) -> None:
    journal = create(base)
    journal.begin(an_entry())
    journal.close()
    damage(journal.directory / "bodies" / f"{digest(OLD)}.zst")
    opened = FileJournal.open(base, journal.run.id)
    with pytest.raises(DataError, match=f"{digest(OLD)}.zst: (cannot be read|damaged)"):
        opened.begun()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"text"', "{}", '{"id": 1}', "[" * 100_000, json.dumps({"started_at_s": "now"})]
)
def test_a_damaged_run_is_named_and_hides_no_other(base: Path, text: str) -> None:
    create(base, "r1")
    damaged = create(base, "r2")
    create(base, "r3")
    document = json.loads((damaged.directory / "run.json").read_bytes())
    if "started_at_s" in text:
        text = json.dumps(document | json.loads(text))
    (damaged.directory / "run.json").write_text(text)
    with pytest.raises(DataError, match="r2: not a journal that can be read"):
        FileJournal.open(base, "r2")
    first, second, third = list_runs(base)
    assert isinstance(second, DataError)
    assert [each.run.id for each in (first, third) if isinstance(each, FileJournal)] == ["r1", "r3"]


def test_a_damaged_plan_is_named(base: Path) -> None:
    journal = create(base)
    (journal.directory / "plan.json").write_text('{"schema": "cortexctl/plan/v1"}')
    with pytest.raises(DataError, match=r"plan\.json: not a plan of cortexctl"):
        FileJournal.open(base, journal.run.id)


def test_a_run_is_opened_by_the_beginning_of_its_name(base: Path) -> None:
    create(base, "20261121T03-aaa")
    create(base, "20261121T03-aab")
    create(base, "20261121T03-aa")
    assert FileJournal.open(base, "20261121T03-aab").run.id == "20261121T03-aab"
    assert FileJournal.open(base, "20261121T03-aa").run.id == "20261121T03-aa", "a whole name is not ambiguous"
    with pytest.raises(UsageError, match="the beginning of 3 journals"):
        FileJournal.open(base, "20261121")
    for unknown in ("nope", "", ".", "20261121T03-aabc", "../journal"):
        with pytest.raises(NotFoundError, match="no journal"):
            FileJournal.open(base, unknown)


def test_without_a_directory_there_are_no_runs(tmp_path: Path) -> None:
    assert list(list_runs(tmp_path / "none")) == []
    with pytest.raises(NotFoundError):
        FileJournal.open(tmp_path / "none", "r1")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="cannot be listed"):
        list(list_runs(tmp_path / "file"))


def test_runs_are_listed_oldest_first(base: Path) -> None:
    for run_id in ("b", "c", "a"):
        create(base, run_id)
    (base / "a-file").write_bytes(b"")
    runs = list(list_runs(base))
    assert [each.run.id for each in runs if isinstance(each, FileJournal)] == ["a", "b", "c"]
    assert len(runs) == 3, "a file is no run, and no fault"


def test_a_full_disk_leaves_no_part_of_an_event(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = create(base)
    journal.begin(an_entry())
    before = events_file(journal).read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(SourceError, match=r"cannot be written: .*No space left"):
            journal.done(0)
    assert not journal.is_done(0)
    assert events_file(journal).read_bytes() == before
    journal.done(0)
    journal.close()
    assert FileJournal.open(base, journal.run.id).outcome is Outcome.APPLIED


def test_two_are_not_at_work_on_one_run(base: Path) -> None:
    journal = create(base)
    other = FileJournal.open(base, journal.run.id)
    journal.begin(an_entry())
    with pytest.raises(LockedError, match="another cortexctl"):
        other.done(0)
    assert not other.is_done(0)
    journal.close()
    other.done(0)
    other.close()
    assert [event["event"] for event in FileJournal.open(base, journal.run.id).events()] == ["begin", "done"]


def test_threads_write_whole_events(base: Path) -> None:
    tenants = [f"t{number}" for number in range(16)]
    journal = create(base, "r1", *tenants)
    gate = threading.Barrier(len(tenants))

    def work(seq: int) -> None:
        gate.wait(10)
        journal.begin(Entry(seq, tenants[seq], f"{tenants[seq]}/index", OLD, f"new {seq % 3}".encode()))
        journal.done(seq)

    with ThreadPoolExecutor(len(tenants)) as pool:
        list(pool.map(work, range(len(tenants))))
    journal.close()
    opened = FileJournal.open(base, "r1")
    assert opened.outcome is Outcome.APPLIED
    assert sorted(opened.begun()) == sorted(tenants)
    for seq in range(len(tenants)):
        mine = [event["event"] for event in opened.events() if event["seq"] == seq]
        assert mine == ["begin", "done"]


def test_runs_have_names_of_their_own_that_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = iter(1_795_230_000 + step / 64 for step in range(200))
    monkeypatch.setattr("cortexctl.storage.journal.time.time", lambda: next(now_s))
    runs = [new_run("c", "t", "1", {}, locked=True) for _ in range(150)]
    assert len({run.id for run in runs}) == 150
    assert sorted(runs, key=lambda run: run.id) == runs
    assert runs[0].id.startswith("20261121T030000Z-")
    assert runs[0].owner == f"cortexctl-{runs[0].id}"


def test_the_default_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert journals.default_directory() == tmp_path / ".local/state/cortexctl/journal"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert journals.default_directory() == tmp_path / "state/cortexctl/journal"
    monkeypatch.setenv("CORTEXCTL_JOURNAL_DIR", str(tmp_path / "named"))
    assert journals.default_directory() == tmp_path / "named"
