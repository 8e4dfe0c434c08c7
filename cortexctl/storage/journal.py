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
from pathlib import Path
from typing import Any, BinaryIO, Self

from cortexctl.errors import DataError, NotFoundError, SourceError, UsageError
from cortexctl.repair.apply import Entry
from cortexctl.repair.operations import Plan, digest, plan_from_json, plan_to_json

_MAX_BODY_BYTES = 4 << 30


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
    return Run(f"{stamp}-{secrets.token_hex(3)}", command, target, now_s, version, dict(source), locked)


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
        self._file: BinaryIO | None = None

    @classmethod
    def create(cls, base: Path, run: Run, plan: Plan) -> Self:
        """Make the directory of a new run, with its plan in it. Raises SourceError when that cannot be done."""
        directory = base / run.id
        try:
            (directory / "bodies").mkdir(parents=True, mode=0o700)
            _write(directory / "run.json", json.dumps(asdict(run), indent=1).encode())
            _write(directory / "plan.json", plan_to_json(plan))
            _write(directory / "journal.jsonl", b"")
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
            run = Run(**json.loads((directory / "run.json").read_bytes()))
            plan = plan_from_json((directory / "plan.json").read_bytes(), str(directory / "plan.json"))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(f"{directory}: not a journal that can be read: {error}") from error
        journal = cls(directory, run, plan)
        journal._replay()
        return journal

    @property
    def outcome(self) -> Outcome:
        """How far the run came."""
        if self._undone and not self._effective():
            return Outcome.UNDONE
        operations = sum(len(step.operations) for step in self.plan.steps)
        return Outcome.APPLIED if len(self._done) == operations else Outcome.PARTIAL

    @property
    def done_count(self) -> int:
        """How many operations are made and verified."""
        return len(self._done)

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield what happened, in order. A last line that a crash cut short is passed over."""
        path = self.directory / "journal.jsonl"
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error}") from error
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                event = json.loads(line)
            except ValueError as error:
                if number == len(lines):
                    return
                raise DataError(f"{path}: line {number} is not JSON: {error}") from error
            yield event

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

    def begun(self) -> dict[str, list[Entry]]:
        """Return what was begun and not taken back, in order, by scope: what an undo has to look at."""
        scopes: dict[str, list[Entry]] = {}
        for seq, event in sorted(self._effective().items()):
            entry = Entry(seq, event["scope"], event["key"], self._body(event["before"]), self._body(event["after"]))
            scopes.setdefault(entry.scope, []).append(entry)
        return scopes

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

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
                    self._file = (self.directory / "journal.jsonl").open("ab")
                self._file.write(line)
                self._file.flush()
                os.fsync(self._file.fileno())
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
            _write(path, zstandard.compress(body))
        except OSError as error:
            raise SourceError(f"{path}: the journal cannot be written: {error}") from error

    def _body(self, name: str | None) -> bytes | None:
        if name is None:
            return None
        import zstandard

        path = self.directory / "bodies" / f"{name}.zst"
        try:
            body = zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=_MAX_BODY_BYTES)
        except (OSError, zstandard.ZstdError) as error:
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
        return sorted(path for path in base.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SourceError(f"{base}: the journals cannot be listed: {error}") from error


def _write(path: Path, body: bytes) -> None:
    """Write a file under another name, and rename it once it is on the disk."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with partial.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
