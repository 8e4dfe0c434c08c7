"""What a run from cron needs: not all hosts at one moment, no two runs at once, and a memory of the last one."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cortexctl.cli.files import fault_of
from cortexctl.cli.options import CronOptions
from cortexctl.errors import LockedError, UsageError
from cortexctl.units import format_duration, parse_duration_s

if TYPE_CHECKING:
    from cortexctl.history import Run


@contextmanager
def in_turn(options: CronOptions) -> Iterator[None]:
    """Wait as long as `--start-jitter` has it, and hold the lock for the time of the run.

    Raises LockedError where another run holds it: at once, for that one is doing the work. The lock ends with the
    process, however it ends.
    """
    if options.start_jitter is not None:
        import random

        time.sleep(random.uniform(0, parse_duration_s(options.start_jitter)))  # noqa: S311 - to spread load
    if options.lock_file is None:
        yield
        return
    import fcntl

    try:
        descriptor = os.open(options.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"{options.lock_file}: cannot be locked: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"{options.lock_file}: held by {_holder(descriptor)}; nothing was done") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {int(time.time())}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    words = os.pread(descriptor, 100, 0).decode("ascii", "replace").split()
    if len(words) != 2 or not all(each.isdecimal() for each in words):
        return "another run"
    return f"another run (process {words[0]}, begun {format_duration(max(0, time.time() - int(words[1])))} ago)"


def read_history(path: Path) -> "list[Run]":
    """Return the runs of a history file; none where there is no file yet. Raises UsageError."""
    from cortexctl.history import parse

    try:
        return parse(path.read_text("utf-8").splitlines(), str(path))
    except FileNotFoundError:
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: its directory is not there") from None
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {fault_of(error)}") from error


def keep_history(path: Path, newest: "Run") -> None:
    """Put a run into the file, beside what others put there meanwhile. Not to be able to is said, and fails nothing."""
    from cortexctl.durable import alone_in, replacing
    from cortexctl.history import kept

    try:
        with alone_in(path.absolute().parent):
            held = kept(read_history(path), newest)
            with replacing(path, 0o644) as file:
                file.writelines(f"{each.line()}\n" for each in held)
    except (OSError, UsageError) as error:
        why = fault_of(error) if isinstance(error, OSError) else str(error)
        sys.stderr.write(f"{path}: the history was not kept: {why}\n")
