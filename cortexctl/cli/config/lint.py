"""`cortexctl config lint`: what in a configuration of Cortex will hurt."""

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.choosing import chooser
from cortexctl.cli.contexts import ring_in_context, say_context
from cortexctl.cli.exits import complain
from cortexctl.cli.files import read_text
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import CheckOptions, ContextName, FindingsOutputOptions
from cortexctl.cli.ring.options import AccessOptions, HttpOptions, RingOptions
from cortexctl.cli.ring.settings import access_of
from cortexctl.cli.verdict import RunName, judge, read_earlier
from cortexctl.errors import CortexctlError, DataError, ExitCode, PartialError, SourceError, UsageError

if TYPE_CHECKING:
    from cortexctl.audit.config import Text
    from cortexctl.config.lint.view import LintView
    from cortexctl.config.source import Access


@grouped
def lint(
    output: FindingsOutputOptions,
    findings: CheckOptions,
    http: HttpOptions,
    file: Annotated[
        list[Path] | None,
        typer.Argument(help="Cortex's YAML; several are of processes of one cluster.", metavar="[FILE]..."),
    ] = None,
    config_file: Annotated[
        list[Path] | None,
        typer.Option("--config.file", help="Likewise.", metavar="FILE", envvar="CORTEXCTL_CONFIG_FILE"),
    ] = None,
    config_expand_env: Annotated[
        bool, typer.Option("--config.expand-env", help="Replace ${VAR} in the YAML, as Cortex does.")
    ] = False,
    from_live: Annotated[
        list[str] | None,
        typer.Option(
            "--from-live", help="A process's /config page, which has its flags too. Repeatable.", metavar="URL"
        ),
    ] = None,
    context: ContextName = None,
    cortex_version: Annotated[
        str | None,
        typer.Option(
            "--cortex-version", help="Of the Cortex that reads it.  [default: what the process tells]", metavar="X.Y"
        ),
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", help="For one request.", metavar="DURATION")] = "10s",
) -> None:
    """Say what in a configuration of Cortex will hurt.

    Keys and values that Cortex does not start with, rings, delays, caches, and what queries leave out; each with the
    YAML and the flag that repair it. Several configurations are compared with each other, too. Flags of the processes
    are not in a file: --from-live has them. `cortexctl explain` lists the checks. Changes nothing.
    """
    import time

    from cortexctl.audit.config import lint_texts
    from cortexctl.cli.session import Output
    from cortexctl.config.lint.checks import CHECKS
    from cortexctl.config.lint.version import parse_version
    from cortexctl.render import FindingsResult, NotRun

    to = Output(output, "config lint", time.time())
    only, earlier = chooser(findings, CHECKS), read_earlier(findings, "config")
    version = None if cortex_version is None else parse_version(cortex_version)
    access = access_of(AccessOptions(**{each.name: getattr(http, each.name) for each in fields(http)}, timeout=timeout))
    to.timeout_s = access.timeout_s
    with to.to_the_end():
        given = RingOptions(
            config_file=file or config_file, from_live=from_live, config_expand_env=config_expand_env, context=context
        )
        given, in_force = ring_in_context(given, needs_source=True)
        say_context(to, in_force, context)
        texts = [_file_text(path, expand=given.config_expand_env) for path in given.config_file or ()]
        live, failed = _live_texts(given.from_live or (), access)
        if not texts and not given.from_live:
            raise UsageError(
                "no configuration: give FILE, --config.file, CORTEXCTL_CONFIG_FILE, --from-live URL or --context"
            )
        linted, views = lint_texts([*texts, *live], version, only)
        for error in failed:
            complain(str(error))
        if not views:
            raise typer.Exit(failed[0].exit_code)
        names, codes = {view.name for view in views} | {"all"}, {each.code for each in CHECKS if only(each)}
        codes -= {code for code, _ in linted.not_run}
        this = RunName("config lint", ", ".join(view.name for view in views), to.started_at_s)
        verdict = judge(findings, earlier, linted.findings, lambda code, name: code in codes and name in names, this)
        result = FindingsResult(
            linted.findings,
            [NotRun(*each) for each in linted.not_run],
            len(views),
            scope="config",
            notes=[_note(view) for view in views],
            unread=[{"error": str(error)} for error in failed],
            compared=verdict.compared,
            since=verdict.since,
            checks=[each for each in CHECKS if only(each)],
            scopes=[view.name for view in views],
            fail_on=verdict.fail_on,
        )
        to.emit(result, is_well=verdict.is_well and not failed)
        if failed:
            raise PartialError(f"{len(failed)} of {len(failed) + len(views)} configurations could not be read")
        if not verdict.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _file_text(path: Path, *, expand: bool) -> "Text":
    from cortexctl.audit.config import Text
    from cortexctl.config import expand_env

    text = read_text(path)
    return Text(str(path), expand_env(text, os.environ) if expand else text)


def _live_texts(urls: Sequence[str], access: "Access") -> "tuple[list[Text], list[CortexctlError]]":
    if not urls:
        return [], []
    from cortexctl.audit.config import live_text

    texts: list[Text] = []
    failed: list[CortexctlError] = []
    for url in urls:
        try:
            texts.append(live_text(url, access))
        except (SourceError, DataError) as error:
            failed.append(error)
    return texts, failed


def _note(view: "LintView") -> str:
    """Return for whom a configuration is, as far as is known."""
    from cortexctl.config.lint.version import display

    targets = f"target {','.join(sorted(view.targets))}" if view.targets else "target not said: every component"
    version = "version not said" if view.version is None else f"Cortex {display(view.version)}"
    return f"{view.name}: {targets}; {version}"
