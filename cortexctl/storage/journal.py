"""The journal of an apply: a directory a run, in which every write is noted before it is made.

`run.json` says what was run on what, `plan.json` what was going to be written, `bodies/` holds the bytes on both
sides of each write, compressed and named by their SHA-256, and `journal.jsonl` is what happened, one event a line,
each on the disk before the write that follows it.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import Any, Self

import msgspec

from cortexctl.durable import add_line, make_directory, open_to_add, sync_directory, write_whole
from cortexctl.errors import DataError, LockedError, NotFoundError, SourceError, UsageError
from cortexctl.repair.apply import Entry
from cortexctl.repair.operations import Plan, decompress, digest, plan_from_json, plan_to_json
from cortexctl.repair.unread import Unread, from_document, to_document

_BEGIN_FIELDS = frozenset(("seq", "scope", "key", "before", "after"))


class Outcome(StrEnum):
    """How far a run came."""

    APPLIED = "applied"
    PARTIAL = "partial"
    """Stopped before its end: to be resumed or undone."""
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Run:
    """What was run: enough to reach the same bucket again. Without secrets."""

    id: str
    command: str
    target: str
    started_at_s: float
    version: str
    source: Mapping[str, str] = field(default_factory=dict)
    """The options that named the bucket."""
    locked: bool = True

    @property
    def owner(self) -> str:
        """The name in the visit markers of this run, and of whoever resumes or undoes it."""
        return f"cortexctl-{self.id}"


def default_directory() -> Path:
    """Return where journals are kept: `CORTEXCTL_JOURNAL_DIR`, or below the user's state directory."""
    named = os.environ.get("CORTEXCTL_JOURNAL_DIR")
    if named:
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(state) / "cortexctl" / "journal"


def new_run(command: str, target: str, version: str, source: Mapping[str, str], *, locked: bool) -> Run:
    """Return a run with an id of its own that begins with its time."""
    now_s = time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    # Names sort by time within a second too: the oldest first is the order of the names.
    name = f"{stamp}-{int(now_s % 1 * 1e6):05x}{secrets.token_hex(2)}"
    return Run(name, command, target, now_s, version, dict(source), locked)


class FileJournal:
    """The journal of one run. Safe to use from many threads."""

    def __init__(self, directory: Path, run: Run, plan: Plan) -> None:
        self.directory = directory
        self.run = run
        self.plan = plan
        self._lock = threading.Lock()
        self._done: set[int] = set()
        self._begun: dict[int, Mapping[str, Any]] = {}
        self._undone: set[int] = set()
        self._file: FileIO | None = None

    @classmethod
    def create(cls, base: Path, run: Run, plan: Plan) -> Self:
        """Make the directory of a new run, with its plan in it: whole, or not at all to `open` and `list_runs`.

        Raises SourceError when that cannot be done.
        """
        directory, partial = base / run.id, base / f".{run.id}.part"
        try:
            make_directory(partial / "bodies")
            write_whole(partial / "run.json", [json.dumps(asdict(run), indent=1).encode()])
            write_whole(partial / "plan.json", plan_to_json(plan))
            write_whole(partial / "journal.jsonl", [])
            partial.rename(directory)
            sync_directory(base)
        except OSError as error:
            raise SourceError(f"{directory}: the journal cannot be written, so nothing is: {error}") from error
        return cls(directory, run, plan)

    @classmethod
    def open(cls, base: Path, run_id: str) -> Self:
        """Return the journal of an earlier run, by its id or the unambiguous beginning of it."""
        matching = [path for path in _directories(base) if path.name.startswith(run_id)]
        if not run_id or not matching:
            raise NotFoundError(f"{base}: no journal {run_id!r}; `cortexctl journal ls` shows them")
        if len(matching) > 1 and run_id not in [path.name for path in matching]:
            raise UsageError(f"{run_id!r} is the beginning of {len(matching)} journals: write more of it")
        directory = next((path for path in matching if path.name == run_id), matching[0])
        try:
            run = msgspec.json.decode((directory / "run.json").read_bytes(), type=Run)
            plan = plan_from_json((directory / "plan.json").read_bytes(), str(directory / "plan.json"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(f"{directory}: not a journal that can be read: {error}") from error
        journal = cls(directory, run, plan)
        journal._replay()
        return journal

    @property
    def outcome(self) -> Outcome:
        """How far the run came."""
        if len(self._done) == sum(len(step.operations) for step in self.plan.steps):
            return Outcome.APPLIED
        return Outcome.UNDONE if self._undone and not self._effective() else Outcome.PARTIAL

    @property
    def done_count(self) -> int:
        """How many operations are made and verified."""
        return len(self._done)

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield what happened, in order. A last line that a crash cut short is passed over: nothing came of it."""
        path = self.directory / "journal.jsonl"
        try:
            *lines, _torn = path.read_bytes().split(b"\n")
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error}") from error
        for number, line in enumerate(lines, start=1):
            try:
                yield _event(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}: line {number} is not an event: {error}") from error

    def is_done(self, seq: int) -> bool:
        """Return whether an operation is made, verified, and not taken back."""
        return seq in self._done

    def begin(self, entry: Entry) -> None:
        """Put the bytes on both sides, and then the operation, on the disk."""
        for body in (entry.before, entry.after):
            self._keep(body)
        self._note(
            {
                "event": "begin", "seq": entry.seq, "scope": entry.scope, "key": entry.key,
                "before": digest(entry.before), "after": digest(entry.after),
                **({} if entry.unread is None else {"unread": to_document(entry.unread)}),
            }
        )  # fmt: skip

    def done(self, seq: int) -> None:
        """Note that an operation is made and verified."""
        self._note({"event": "done", "seq": seq})

    def undone(self, seq: int) -> None:
        """Note that an operation is taken back."""
        self._note({"event": "undone", "seq": seq})

    def locked(self, key: str, owner: str, before: bytes | None) -> None:
        """Note that a lock is about to be taken, and what stood in its place."""
        self._keep(before)
        self._note({"event": "lock", "key": key, "owner": owner, "before": digest(before)})

    def unlocked(self, key: str) -> None:
        """Note that a lock was given back."""
        self._note({"event": "unlock", "key": key})

    def note(self, event: str, **fields: Any) -> None:
        """Note what is no write, such as how far a wait has come."""
        self._note({"event": event, **fields})

    def begun(self) -> dict[str, list[Entry]]:
        """Return what was begun and not taken back, in order, by scope: what an undo has to look at."""
        scopes: dict[str, list[Entry]] = {}
        for seq, event in sorted(self._effective().items()):
            before, after = self._body(event["before"]), self._body(event["after"])
            entry = Entry(seq, event["scope"], event["key"], before, after, self._unread(event))
            scopes.setdefault(entry.scope, []).append(entry)
        return scopes

    def begun_scopes(self) -> set[str]:
        """Return the scopes of what was begun and not taken back."""
        return {event["scope"] for event in self._effective().values()}

    def close(self) -> None:
        """Close the file, and let others at the run."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _effective(self) -> dict[int, Mapping[str, Any]]:
        return {seq: event for seq, event in self._begun.items() if seq not in self._undone}

    def _replay(self) -> None:
        for event in self.events():
            self._apply_event(event)

    def _apply_event(self, event: Mapping[str, Any]) -> None:
        seq = event.get("seq")
        if not isinstance(seq, int):
            return
        match event.get("event"):
            case "begin":
                self._begun.setdefault(seq, event)
                if seq in self._undone:
                    self._begun[seq] = event
                    self._undone.discard(seq)
            case "done":
                self._done.add(seq)
            case "undone":
                self._undone.add(seq)
                self._done.discard(seq)

    def _note(self, event: dict[str, Any]) -> None:
        line = json.dumps({"at_s": round(time.time(), 3), **event}).encode() + b"\n"
        with self._lock:
            try:
                if self._file is None:
                    self._file = open_to_add(self.directory / "journal.jsonl")
                add_line(self._file, line)
            except BlockingIOError as error:
                raise LockedError(f"{self.directory}: another cortexctl is at work on this run") from error
            except OSError as error:
                raise SourceError(f"{self.directory}: the journal cannot be written: {error}") from error
            self._apply_event(event)

    def _keep(self, body: bytes | None) -> None:
        if body is None:
            return
        import zstandard

        path = self.directory / "bodies" / f"{digest(body)}.zst"
        if path.exists():
            return
        try:
            write_whole(path, [zstandard.compress(body)])
        except OSError as error:
            raise SourceError(f"{path}: the journal cannot be written: {error}") from error

    def _unread(self, event: Mapping[str, Any]) -> Unread | None:
        try:
            return from_document(event.get("unread"))
        except ValueError as error:
            raise DataError(f"{self.directory}: what was done to {event['key']} cannot be read: {error}") from error

    def _body(self, name: str | None) -> bytes | None:
        if name is None:
            return None
        path = self.directory / "bodies" / f"{name}.zst"
        try:
            body = decompress(path.read_bytes())
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read: {error}") from error
        if digest(body) != name:
            raise DataError(f"{path}: damaged: not the bytes it is named by")
        return body


def list_runs(base: Path) -> Iterator[FileJournal | DataError]:
    """Yield each journal, the oldest first; one that cannot be read is an error in its place."""
    for directory in _directories(base):
        try:
            yield FileJournal.open(base, directory.name)
        except DataError as error:
            yield error


def _directories(base: Path) -> list[Path]:
    try:
        return sorted(path for path in base.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SourceError(f"{base}: the journals cannot be listed: {error}") from error


def _event(line: bytes) -> Mapping[str, Any]:
    event = json.loads(line)
    if not isinstance(event, dict):
        raise ValueError(f"a {type(event).__name__}")
    if event.get("event") == "begin" and (lacking := _BEGIN_FIELDS - event.keys()):
        raise ValueError(f"without {', '.join(sorted(lacking))}")
    return event
