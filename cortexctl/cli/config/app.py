"""The commands of `cortexctl config`, in the order of its help."""

import typer

from cortexctl.cli.config import contexts, lint

app = typer.Typer(no_args_is_help=True, help="Say what is wrong with a configuration of Cortex, and choose a cluster.")
app.command(name="lint")(lint.lint)
app.command(name="show")(contexts.show)
app.command(name="use-context")(contexts.use_context)
app.command(name="validate")(contexts.validate)
