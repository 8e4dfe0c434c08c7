"""`cortexctl ring`: its commands, in the order in which its help lists them."""

import typer

from cortexctl.cli.ring.check import check
from cortexctl.cli.ring.drain import drain
from cortexctl.cli.ring.forget import forget
from cortexctl.cli.ring.keys import owners, tokens
from cortexctl.cli.ring.reading import diff, list_, show, snapshot
from cortexctl.cli.ring.restore import restore
from cortexctl.cli.ring.simulate import simulate
from cortexctl.cli.ring.watch import watch

app = typer.Typer(
    no_args_is_help=True, help="Look into hash rings, take dead instances out of them, and drain ingesters."
)
app.command("list")(list_)
for command in (show, check, diff, snapshot, owners, tokens, simulate, forget, restore, drain, watch):
    app.command()(command)
