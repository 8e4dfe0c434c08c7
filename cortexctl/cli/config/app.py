"""The commands of `cortexctl config`, in the order of its help."""

import typer

from cortexctl.cli.config import lint

app = typer.Typer(no_args_is_help=True, help="Say what is wrong with a configuration of Cortex.")
app.command(name="lint")(lint.lint)
