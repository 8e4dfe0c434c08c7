"""`cortexctl plan`: its commands, in the order in which its help lists them."""

import typer

from cortexctl.cli.plan.compaction import compaction
from cortexctl.cli.plan.disk import disk
from cortexctl.cli.plan.store_gateway import store_gateway

app = typer.Typer(no_args_is_help=True, help="Plan compaction, and the disk that it takes.")
for command in (compaction, disk):
    app.command()(command)
app.command("store-gateway")(store_gateway)
