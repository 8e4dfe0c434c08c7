"""The program: its top-level commands, and its entry point."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cortexctl import __version__
from cortexctl.cli import journal
from cortexctl.cli.bucket import app as bucket
from cortexctl.cli.config import app as config
from cortexctl.cli.doctor import doctor
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import AnswerOutputOptions
from cortexctl.cli.plan import app as plan
from cortexctl.cli.ring import app as ring

app = typer.Typer(
    name="cortexctl",
    no_args_is_help=True,
    # `cortexctl completion` has scripts of our own: typer's start the program at every press of the key.
    add_completion=False,
    # Without it typer formats help with rich, which takes longer than all the rest of --help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Inspect and repair the hash rings and block buckets of Cortex. Nothing is written without --apply.",
    epilog="Exit codes: 0 well, 1 findings, 2 usage, 3 cannot be read, 4 not what it should be, 5 conflict, "
    "6 partial, 7 locked, 8 refused, 70 a fault in cortexctl, 124 deadline, 130/143 interrupted.",
)
app.add_typer(ring.app, name="ring")
app.add_typer(bucket.app, name="bucket")
app.add_typer(plan.app, name="plan")
app.add_typer(journal.app, name="journal")
app.add_typer(config.app, name="config")
app.command()(doctor)


@app.command()
@grouped
def explain(
    code: Annotated[str | None, typer.Argument(help="A finding's code; none lists them all.", metavar="CODE")] = None,
) -> None:
    """Say what a finding means.

    And what it does to the cluster, and how it is repaired; without a code, list them all.
    """
    from cortexctl.cli.catalogue import checks
    from cortexctl.errors import UsageError

    if code is None:
        width = max(len(check.name) for check in checks())
        for check in checks():
            typer.echo(f"{check.code}  {check.severity!s:<8}  {check.name:<{width}}  {check.summary}")
        return
    found = next((check for check in checks() if check.code == code.upper()), None)
    if found is None:
        raise UsageError(f"no check {code!r}; `cortexctl explain` lists them")
    repair = "" if found.repair is None else f"\n\n{found.repair.line}"
    typer.echo(f"{found.code} {found.name} ({found.severity})\n\n{found.explanation}{repair}")


@app.command()
@grouped
def version(output: AnswerOutputOptions) -> None:
    """Show the version.

    With -o json also those of the libraries that matter.
    """
    import platform
    import time
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    from cortexctl.cli.session import Output
    from cortexctl.results import Document

    libraries = {}
    for name in (
        "obstore",
        "fsspec",
        "s3fs",
        "boto3",
        "gcsfs",
        "adlfs",
        "msgspec",
        "isal",
        "zstandard",
        "typer",
        "rich",
    ):
        try:
            libraries[name] = version_of(name)
        except PackageNotFoundError:
            libraries[name] = "not installed"
    body = {"version": __version__, "python": platform.python_version(), "libraries": libraries}
    Output(output, "version", time.time()).emit(Document(body, f"cortexctl {__version__}", {}))


@app.command()
@grouped
def demo(
    directory: Annotated[
        Path, typer.Argument(help="Where to write the sample cluster; must be new or empty.", metavar="DIR")
    ] = Path("demo"),
    run: Annotated[bool, typer.Option("--run/--no-run", help="Run the main jobs on it, or only write it.")] = True,
) -> None:
    """Write a sample cluster, and try the main jobs on it.

    Into a folder; each command is shown before its output.
    """
    from cortexctl.cli.demo import run_main_jobs
    from cortexctl.sample import write_sample

    write_sample(directory)
    if run:
        run_main_jobs(directory)


@app.command()
@grouped
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell.", metavar="SHELL")],
) -> None:
    """Print the completion script of a shell.

    It answers without starting cortexctl. For bash:
    cortexctl completion bash > ~/.local/share/bash-completion/completions/cortexctl
    """
    from cortexctl.cli.completion import script
    from cortexctl.cli.tree import commands

    typer.echo(script(shell, commands(app)), nl=False)


def with_plan_files(arguments: list[str]) -> list[str]:
    """Return the arguments with `--apply FILE` as `--apply --plan FILE`: an option's value cannot be left out."""
    rewritten: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("--apply="):
            rewritten += ["--apply", "--plan", argument.removeprefix("--apply=")]
            continue
        rewritten.append(argument)
        if argument == "--apply":
            following = next(rest, None)
            if following is None:
                break
            # A name of a plan or a path to one; anything else belongs to the command.
            rewritten += ["--plan", following] if _is_plan_file(following) else [following]
    return rewritten


def _is_plan_file(argument: str) -> bool:
    return not argument.startswith("-") and (argument.endswith((".json", ".plan")) or Path(argument).is_file())


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # What a bucket holds need not fit the locale's encoding, and must not stop us from naming it.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(args=with_plan_files(sys.argv[1:]), prog_name="cortexctl")
