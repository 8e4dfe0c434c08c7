"""Every way out of a command: errors and signals to messages and exit codes. Nothing else catches them."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import typer

from cortexctl.errors import CortexctlError, ExitCode

_LINE_END = "\n"


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C, so that locks are given back."""


def handled(function: Callable[..., None], **values: Any) -> None:
    """Call a command, and leave with the code that fits what it raises."""
    # Set here and not at start-up: help and completion have nothing to give back.
    _on_signals()
    try:
        function(**values)
    except CortexctlError as error:
        if error.exit_code is ExitCode.FAULT:
            _report_fault(error)
        else:
            complain(str(error))
        raise typer.Exit(error.exit_code) from error
    except (KeyboardInterrupt, typer.Abort) as interrupt:
        # At a question, a signal comes as the Abort that click makes of it.
        terminated = isinstance(interrupt, Terminated) or isinstance(interrupt.__context__, Terminated)
        complain("stopped by SIGTERM" if terminated else "interrupted")
        raise typer.Exit(ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        # Who reads the result has had enough of it. Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.OK) from None
    except typer.Exit:
        raise
    except Exception as error:
        _report_fault(error)
        raise typer.Exit(ExitCode.FAULT) from error


def complain(message: str) -> None:
    """Write a message for the operator to stderr, in one line."""
    typer.echo(f"cortexctl: {_printable(message.replace(_LINE_END, ' '))}", err=True)


def _printable(text: str) -> str:
    """Return the text with what a terminal would obey, and what has no encoding, spelled out."""
    return "".join(
        each if each.isprintable() else repr(each)[1:-1] for each in text.encode("utf-8", "backslashreplace").decode()
    )


def _report_fault(error: BaseException) -> None:
    for line in "".join(traceback.format_exception(error)).split(_LINE_END):
        typer.echo(_printable(line), err=True)
    complain("this is a fault in cortexctl, not in your cluster; please report it with the lines above")


def _on_signals() -> None:
    def terminate(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    try:
        for number in (signal.SIGTERM, signal.SIGHUP):  # the latter is what a dropped terminal sends
            signal.signal(number, terminate)
    except ValueError:
        # Not in the main thread: whoever runs us there handles signals.
        return
