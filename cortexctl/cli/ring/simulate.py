"""`cortexctl ring simulate`: what a change of a ring would move, before it is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, GaugesOutputOptions, ResultOptions, Tenants, names
from cortexctl.cli.ring.options import AccessOptions, RingName, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.cli.session import Session, session
from cortexctl.errors import UsageError

if TYPE_CHECKING:
    from cortexctl.audit.ring.moving import BlockMoves
    from cortexctl.audit.ring.simulate import Shards
    from cortexctl.ring.simulating import Change, Simulated
    from cortexctl.ring.survey import RingSurvey


@dataclass(frozen=True)
class ChangeOptions:
    """What is done to the ring: one of --add, --remove and --lose-zone."""

    add: Annotated[int, typer.Option("--add", min=0, help="So many instances join.", metavar="N")] = 0
    zone: Annotated[
        str | None, typer.Option("--zone", help="The zone that they join; else the smallest ones.", metavar="ZONE")
    ] = None
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", help="An instance leaves. Repeatable, or with commas.", metavar="ID", callback=names),
    ] = None
    lose_zone: Annotated[
        str | None, typer.Option("--lose-zone", help="A zone falls silent, and is then forgotten.", metavar="ZONE")
    ] = None


@dataclass(frozen=True)
class LoadOptions:
    """What there is to move."""

    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket",
            "-b",
            help="The bucket whose blocks store-gateways load: who has to load which, and which nobody has meanwhile.",
            metavar="URL",
        ),
    ] = None
    tenant: Tenants = None
    shard_size: Annotated[
        float | None,
        typer.Option(
            "--shard-size",
            min=0,
            help="Of tenants' shuffle shards; below 1 a share.  [default: the configuration's]",
            metavar="N",
        ),
    ] = None
    blocks_per_minute: Annotated[
        float,
        typer.Option(
            "--blocks-per-minute",
            min=0.01,
            help="How many a store-gateway loads. Clusters were seen to take 15 to 20 minutes for thousands.",
            metavar="N",
        ),
    ] = 200
    series: Annotated[
        int | None,
        typer.Option("--series", min=0, help="Active series of the cluster, for those of each ingester.", metavar="N"),
    ] = None


@grouped
def simulate(
    source: RingOptions,
    access: AccessOptions,
    output: GaugesOutputOptions,
    change: ChangeOptions,
    load: LoadOptions,
    ring: RingName,
) -> None:
    """Say what moves when instances join or leave, or a zone is lost.

    Shares before and after, keys and quorums, and the shards of tenants that are named. With a bucket, the blocks that
    each store-gateway has to load, for how long, and those that no store-gateway has in the meantime: queries over them
    would fail. Changes nothing. Needs to read the ring page, or the KV store; with --bucket to list that.
    """
    from cortexctl.audit.ring.simulate import make, show_change
    from cortexctl.audit.ring.survey import raise_unless_found
    from cortexctl.ring.components import INGESTER, STORE_GATEWAY

    wanted = _change(change)
    with ring_session(source, access, output, "ring simulate", rings=[ring]) as run:
        (component,) = run.components([ring])
        if load.bucket is not None and component is not STORE_GATEWAY:
            raise UsageError(f"--bucket: blocks are the store-gateways', and not those of the {component.name} ring")
        if load.series is not None and component is not INGESTER:
            raise UsageError(f"--series: series are the ingesters', and not those of the {component.name} ring")
        surveyed = run.survey([component])
        found = raise_unless_found(surveyed, component)
        simulated = make(found.primary, wanted)
        if load.bucket is None:
            run.output.emit(show_change(simulated, _shards(found, load), series=load.series))
        else:
            with _bucket(run, load) as opened:
                moves = _moves(opened, simulated, load)
                run.output.emit(show_change(simulated, _shards(found, load), moves=moves))
                opened.fail_for(moves.failed, moves.tenants + len(moves.failed))
        run.fail_for(surveyed.failed, len(surveyed.rings))


def _change(given: ChangeOptions) -> "Change":
    from cortexctl.ring.simulating import Change

    if (given.add > 0) + bool(given.remove) + (given.lose_zone is not None) != 1:
        raise UsageError("say one change: --add N, --remove ID or --lose-zone ZONE")
    if given.zone is not None and not given.add:
        raise UsageError("--zone is where those of --add go")
    return Change(given.add, given.zone, tuple(given.remove or ()), given.lose_zone)


def _shards(found: "RingSurvey", load: LoadOptions) -> "Shards":
    """Return the shards that are to be compared: of tenants that are named, not of those that match."""
    from cortexctl.audit.ring.simulate import Shards

    limit = load.shard_size
    if limit is None:
        shuffled = [each for each in found.configs[:1] if each.sharding_strategy == "shuffle-sharding"]
        limit = shuffled[0].tenant_shard_size if shuffled else 0
    tenants = [each for each in load.tenant or () if not set(each) & set("*?[")]
    if load.shard_size is not None and not tenants and load.bucket is None:
        raise UsageError("each tenant has its own shuffle shard, and none is named: add --tenant")
    return Shards(tenants if limit else (), limit)


@contextmanager
def _bucket(run: RingSession, load: LoadOptions) -> Iterator[Session]:
    """Open the bucket, under the first of the configurations that the ring is judged by."""
    given, access = run.given, run.access
    config_file = given.config_file[0] if given.config_file else None
    options = BucketOptions(
        bucket=load.bucket,
        config_file=config_file,
        config_expand_env=given.config_expand_env,
        from_live=given.from_live[0] if given.from_live and config_file is None else None,
        context=given.context,
        timeout=access.timeout,
        deadline=access.deadline,
        read_only=True,
    )
    output = run.output.options
    with session(options, ResultOptions(as_of=output.as_of, quiet=output.quiet), "ring simulate") as opened:
        yield replace(opened, output=run.output)


def _moves(run: Session, simulated: "Simulated", load: LoadOptions) -> "BlockMoves":
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.audit.plan.gateways import ShardSizes, loaded_tenants, reading_of, shard_sizes_of
    from cortexctl.audit.ring.moving import move_blocks

    reading = reading_of(run.config)
    sizes = shard_sizes_of(run.config) if load.shard_size is None else ShardSizes(load.shard_size)
    chosen = choose(run.bucket, load.tenant or [], [])
    with run.working(chosen):
        tenants = loaded_tenants(run.bucket, chosen, run.now_s, reading.ignore_deletion_mark_delay_s)
        return move_blocks(simulated, tenants, sizes, reading, run.now_s, load.blocks_per_minute)
