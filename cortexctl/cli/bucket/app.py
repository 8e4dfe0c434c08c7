"""`cortexctl bucket`: its commands, in the order in which its help lists them."""

import typer

from cortexctl.cli.bucket import index, marks
from cortexctl.cli.bucket.blocks import quarantine, undelete
from cortexctl.cli.bucket.check import check
from cortexctl.cli.bucket.cleanup import cleanup, retention
from cortexctl.cli.bucket.reading import inspect, ls, tenants
from cortexctl.cli.bucket.snapshots import diff, snapshot
from cortexctl.cli.bucket.timeline import timeline
from cortexctl.cli.bucket.why import why

app = typer.Typer(no_args_is_help=True, help="Look into a bucket of blocks, and repair it.")
app.add_typer(index.app, name="index")
app.add_typer(marks.app, name="marks")
for command in (
    *(tenants, ls, inspect, why, timeline),
    *(check, undelete, quarantine, retention, cleanup),
    *(snapshot, diff),
):
    app.command()(command)
