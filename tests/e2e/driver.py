"""cortexctl in processes that die at the n-th point at which something is written.

A point is each file that is synced or renamed, and each object that is written or deleted, once before and once
after. Each is written to a file as it is reached.

    python -m tests.e2e.driver JOB      run one, in this process
    python -m tests.e2e.driver          of each line of jobs, run each in a child, and print a line of how each ended

A job is JSON: `arguments` of cortexctl, the point to `die_at` (0 for none), and the `directory` that gets `points`,
`stdout` and `stderr`, and whose `journal` it uses.
"""

import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import typer.main

import cortexctl
from cortexctl.cli.main import app, main
from cortexctl.storage.local import LocalBackend

_LOADED_AHEAD = ("fsspec.implementations.local", "isal.isal_zlib", "zstandard")


class _Points:
    """Counts the points, over all threads, and dies at one."""

    def __init__(self, die_at: int, out: Path) -> None:
        self._die_at = die_at
        self._out = out.open("w")
        self._reached = 0
        self._lock = threading.Lock()

    def point(self, name: str) -> None:
        with self._lock:
            self._reached += 1
            self._out.write(f"{name}\n")
            self._out.flush()
            if self._reached == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        """Make a function a point before and a point after."""
        real: Callable[..., Any] = getattr(owner, name)

        @wraps(real)
        def function(*arguments: Any, **options: Any) -> Any:
            self.point(f"before {name}")
            result = real(*arguments, **options)
            self.point(f"after {name}")
            return result

        setattr(owner, name, function)


def _run(job: dict[str, Any]) -> None:
    directory = Path(job["directory"])
    points = _Points(job["die_at"], directory / "points")
    points.around(os, "fsync")
    points.around(Path, "replace")
    points.around(Path, "rename")
    points.around(LocalBackend, "put")
    points.around(LocalBackend, "delete")
    os.environ["CORTEXCTL_JOURNAL_DIR"] = str(directory / "journal")
    # A shell that starts us in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[1:] = job["arguments"]
    main()


def _run_in_child(job: dict[str, Any]) -> int:
    """Return what the process ends with, a signal as its negative."""
    child = os.fork()
    if not child:
        for name, number in (("stdout", 1), ("stderr", 2)):
            os.dup2(os.open(Path(job["directory"]) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        try:
            _run(job)
        except SystemExit as leaving:
            sys.stdout.flush()
            os._exit(int(leaving.code or 0))
        finally:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _load_ahead() -> None:
    """Do what every child would do anew: import all there is, and build the tree of commands."""
    for module in (*_LOADED_AHEAD, *(each.name for each in walk_packages(cortexctl.__path__, "cortexctl."))):
        if not module.endswith(".__main__"):
            import_module(module)
    typer.main.get_command = cache(typer.main.get_command)
    typer.main.get_command(app)
    gc.freeze()


if __name__ == "__main__":
    os.fsync = os.fstat  # killed, it leaves what it wrote to the kernel, synced or not
    if len(sys.argv) > 1:
        _run(json.loads(sys.argv[1]))
    _load_ahead()
    for line in sys.stdin:
        sys.stdout.write(json.dumps([_run_in_child(job) for job in json.loads(line)]) + "\n")
        sys.stdout.flush()
