"""Where results go: stdout or a file, a webhook and a Pushgateway; stderr is for everything else."""

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from cortexctl import __version__
from cortexctl.cli.exits import complain
from cortexctl.cli.options import FindingsOutputOptions, GaugesOutputOptions, ResultOptions
from cortexctl.errors import CortexctlError, ExitCode, PartialError, UsageError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from cortexctl.render import Ended, FindingsResult, OutputSpec
    from cortexctl.results import Document, Result

OF_ROWS = ("table", "wide", "json", "ndjson", "csv", "yaml", "html")
"""The formats of a command whose answer has rows."""
OF_FINDINGS = ("prom", "junit", "sarif", "github")
"""Those that a command with findings has besides."""
_ANSWERED = (ExitCode.OK, ExitCode.FINDINGS)
_PUSH_TIMEOUT_S = 10.0
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


class Output:
    """Where results go. `-o prom`, `--webhook` and `--pushgateway` need the run to be over: see `to_the_end`."""

    def __init__(self, options: ResultOptions, command: str, started_at_s: float) -> None:
        """Raises UsageError for a file that cannot be written, and for a URL that is none, before anything is done."""
        self.options = options
        self.command = command
        self.started_at_s = started_at_s
        self.timeout_s = _PUSH_TIMEOUT_S
        """For each thing that is sent."""
        self.requests: Mapping[str, int] = {}
        """What the run has asked of the store so far, by verb."""
        self._result: Result | Document | None = None
        self._findings: FindingsResult | None = None
        self._is_well = False
        if options.output_file is not None:
            _demand_writable(options.output_file)
        self._labels: tuple[tuple[str, str], ...] = ()
        if isinstance(options, (GaugesOutputOptions, FindingsOutputOptions)):
            self._labels = tuple(_metric_label(each) for each in options.metric_label or ())
        self._webhook = self._pushgateway = None
        if isinstance(options, FindingsOutputOptions) and (options.webhook or options.pushgateway):
            from cortexctl.sources.delivery import shown

            self._webhook, self._pushgateway = options.webhook, options.pushgateway
            for option, url in (("--webhook", options.webhook), ("--pushgateway", options.pushgateway)):
                if url:
                    shown(url, option)

    def emit(
        self, result: "Result | Document", *, is_well: bool = False, findings: "FindingsResult | None" = None
    ) -> None:
        """Write the result; to stdout with --quiet only when not all is well.

        `findings` come with a result that is more than they are; formats of findings alone show them.
        """
        self._result, self._findings, self._is_well = result, findings, is_well
        if self.options.output == "prom":
            return
        shown = findings if findings is not None and self.options.output in OF_FINDINGS else result
        if self.options.output_file is not None:
            with _written(self.options.output_file) as file:
                self._write(shown, self.options.output, file)
        elif not (self.options.quiet and is_well):
            self._write(shown, self.options.output, sys.stdout)

    def preview(self, result: "Result | Document") -> None:
        """Show a person what is about to be asked, on stderr: stdout is for the result."""
        self._write(result, "table", sys.stderr)

    @contextmanager
    def to_the_end(self) -> Iterator[None]:
        """Write and send at the end of the run what tells how it went, also when it fails.

        What cannot be sent is named on stderr. A run that went well then raises PartialError; of any other the exit
        code stays.
        """
        try:
            yield
        except typer.Exit as left:
            self._end(left.exit_code)
            raise
        except CortexctlError as error:
            if error.exit_code not in (ExitCode.USAGE, ExitCode.FAULT):
                self._end(error.exit_code)
            raise
        if unsent := self._end(ExitCode.OK):
            raise PartialError(f"the result is written, and could not be sent to {' and '.join(unsent)}")

    def _end(self, code: int) -> list[str]:
        """Return the options whose URLs could not be reached."""
        if self.options.output == "prom":
            self._write_gauges(code)
        unsent = []
        for option, send in (
            ("--webhook", self._post_document),
            ("--pushgateway", lambda: self._push_gauges(code)),
        ):
            try:
                send()
            except CortexctlError as error:
                complain(f"{option}: {error}")
                unsent.append(option)
        return unsent

    def _write_gauges(self, code: int) -> None:
        from cortexctl.render.prom import last_success_s, write_registry

        path = self.options.output_file
        if path is None:
            if self._result is not None and not (self.options.quiet and self._is_well):
                write_registry(self._gauges(self._ended(code)), sys.stdout)
            return
        ended = self._ended(code, last_success_s(_text_of(path), self.command))
        with _written(path) as file:
            write_registry(self._gauges(ended), file)

    def _gauges(self, ended: "Ended") -> "CollectorRegistry":
        from cortexctl.render.prom import registry
        from cortexctl.results import Document

        result = None if isinstance(self._result, Document) else self._result
        output = replace(self.spec("prom", sys.stdout), ended=ended)
        return registry(result, output, self._findings)

    def _ended(self, code: int, before_s: float | None = None) -> "Ended":
        from cortexctl.render import Ended

        now_s = time.time()
        succeeded_at_s = now_s if code in _ANSWERED and self._result is not None else before_s
        return Ended(now_s, now_s - self.started_at_s, code, succeeded_at_s, self.requests)

    def _post_document(self) -> None:
        if not self._webhook or self._result is None or (self.options.quiet and self._is_well):
            return
        from cortexctl.render import emit
        from cortexctl.sources.delivery import post_document

        document = StringIO()
        emit(self._result, replace(self.spec("json", document), fields=(), sort=()), document)
        post_document(self._webhook, document.getvalue().encode(), self.timeout_s)

    def _push_gauges(self, code: int) -> None:
        if not self._pushgateway:
            return
        from cortexctl.sources.delivery import push

        # Of a run that failed only how it went is pushed: what the one before it found stays, and when it did.
        gauges = self._gauges(self._ended(code))
        is_whole = code in _ANSWERED and self._result is not None
        grouping = {"command": self.command, **dict(self._labels)}
        push(self._pushgateway, gauges, grouping, self.timeout_s, is_whole=is_whole)

    def _write(self, result: "Result | Document", output: str, stream: TextIO) -> None:
        from cortexctl.render import emit

        emit(result, self.spec(output, stream), stream)
        stream.flush()

    def spec(self, output: str, stream: TextIO) -> "OutputSpec":
        """Return what the options ask of a stream's output."""
        from cortexctl.render import Format, OutputSpec

        terminal = stream.isatty()
        options = self.options
        most = options.max_series if isinstance(options, (GaugesOutputOptions, FindingsOutputOptions)) else 1000
        return OutputSpec(
            format=Format(output),
            command=self.command,
            version=__version__,
            started_at_s=self.started_at_s,
            fields=tuple(each.strip() for each in (options.fields or "").split(",") if each.strip()),
            sort=tuple(options.sort or ()),
            headers=not options.no_headers,
            colour=terminal and not os.environ.get("NO_COLOR"),
            max_series=most,
            metric_labels=self._labels,
        )

    def say(self, message: str) -> None:
        """Tell the operator something, on stderr; not with --quiet."""
        if not self.options.quiet:
            typer.echo(message, err=True)


def _metric_label(given: str) -> tuple[str, str]:
    name, _, value = given.partition("=")
    if not _LABEL_NAME.fullmatch(name) or not value or name in ("command", "job"):
        raise UsageError(
            f"--metric-label {given!r}: write NAME=VALUE with a name that Prometheus takes and cortexctl has not"
        )
    return name, value


def _demand_writable(path: Path) -> None:
    parent = path.resolve().parent
    if path.is_dir() or not parent.is_dir() or not os.access(parent, os.W_OK):
        what = "is a directory" if path.is_dir() else f"{parent} is no directory that can be written to"
        raise UsageError(f"--output-file {path}: {what}")


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """Yield a file that takes the place of another, or of none, when all of it is written; readable by everyone.

    What is no regular file, such as a pipe, is written to. Raises UsageError where it cannot be written.
    """
    from cortexctl.durable import replacing

    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="") as file:
                yield file
            return
        with replacing(path, 0o644) as file:
            yield file
    except OSError as error:
        raise UsageError(f"--output-file {path}: cannot be written: {error}") from error
