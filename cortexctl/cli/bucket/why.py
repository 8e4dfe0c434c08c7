"""`cortexctl bucket why`: what Cortex does with one block, and why."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cortexctl.cli.bucket.in_force import origin, settings
from cortexctl.cli.choosing import chooser
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import AnswerOutputOptions, BucketOptions, FindingOptions
from cortexctl.cli.ring.beside import gateways_beside
from cortexctl.cli.ring.options import HttpOptions, RingOptions
from cortexctl.cli.session import Session, session
from cortexctl.cli.verdict import judge, read_earlier
from cortexctl.errors import ExitCode

if TYPE_CHECKING:
    from cortexctl.blocks.fate.rules import Rules

_STORE = "blocks_storage.bucket_store"
_DURATIONS = (
    "compactor.cleanup_interval",
    "compactor.deletion_delay",
    "compactor.compaction_interval",
    "compactor.consistency_delay",
    "compactor.compaction_visit_marker_timeout",
    f"{_STORE}.sync_interval",
    f"{_STORE}.ignore_deletion_mark_delay",
    f"{_STORE}.consistency_delay",
    f"{_STORE}.ignore_blocks_within",
    f"{_STORE}.ignore_blocks_before",
    f"{_STORE}.bucket_index.max_stale_period",
)
_LIMITS = ("limits.compactor_blocks_retention_period", "limits.query_store_after")
_ATTEMPTS = "querier.store_gateway_consistency_check_max_attempts"


@grouped
def why(
    source: BucketOptions,
    http: HttpOptions,
    output: AnswerOutputOptions,
    findings: FindingOptions,
    block: Annotated[str, typer.Argument(help="The block.", metavar="[TENANT/]ULID")],
    ring_source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            "-s",
            help="Where the store-gateway ring is, as for `cortexctl ring`: it says who owns the block.",
            metavar="URL",
        ),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option("--replication-factor", min=1, max=99, help="Instead of the configuration's.", metavar="N"),
    ] = None,
    zone_awareness: Annotated[
        bool | None, typer.Option("--zone-awareness/--no-zone-awareness", help="Instead of the configuration's.")
    ] = None,
) -> None:
    """Say what Cortex does with a block, and why.

    What the querier, the store-gateways, the cleaner and the compactor do with it now, from its meta.json, files, marks
    in both places, row in the bucket index, visit markers, lineage and planned job; the events to come, each with the
    setting that decides when; and the findings of `bucket check` that it has to do with. A block that is gone is
    answered for as long as a mark, the index, or a block that it was compacted into knows of it. Without a tenant every
    tenant is searched.

    Changes nothing. Exits 1 when a finding is at least as severe as --fail-on. Needs to list the tenant's prefix and
    to get objects; without a tenant, to list the bucket.
    """
    from cortexctl.audit.bucket.why import Asked, explain_block, find_block
    from cortexctl.audit.plan.settings import Parameters, WhatIf
    from cortexctl.blocks.checks import OF_A_TENANT

    with session(source, output, "bucket why") as run:
        ring = RingOptions(source=ring_source, replication_factor=replication_factor, zone_awareness=zone_awareness)
        earlier = read_earlier(findings)
        asked = Asked(
            run.now_s,
            settings(run, None),
            Parameters(run.config, WhatIf()),
            lambda tenant: _rules(run, tenant),
            chooser(findings, OF_A_TENANT),
            run.paste,
            gateways_beside(run, ring, None, http) if ring_source else None,
            lambda tenant: list(_in_force(run, tenant)),
        )
        tenant, block_id = find_block(run.bucket, block)
        with run.working([tenant]):
            document, found = explain_block(run.bucket, tenant, block_id, asked)
        verdict = judge(findings, earlier, found, lambda _code, _tenant: False)
        run.output.emit(document, is_well=verdict.is_well)
        if not verdict.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _rules(run: Session, tenant: str) -> "Rules":
    """Return what decides about a tenant's blocks, from the configuration or Cortex's defaults."""
    from cortexctl.blocks.fate.rules import Readers, Rules

    if run.config is None:
        return Rules()
    store, limits, compactor = run.config.bucket_store, run.config.limits_for(tenant), run.config.compactor
    is_partitioning = compactor.sharding_strategy == "shuffle-sharding" and compactor.compaction_strategy != "default"
    readers = Readers(
        sync_interval_s=store.sync_interval_s,
        consistency_delay_s=store.consistency_delay_s,
        ignore_blocks_within_s=store.ignore_blocks_within_s,
        ignore_blocks_before_s=store.ignore_blocks_before_s,
        query_store_after_s=limits.query_store_after_s,
        index_content_ttl_s=store.bucket_index_content_ttl_s if store.metadata_cache_backend else 0,
        has_bucket_index=store.bucket_index_enabled,
        check_attempts=_attempts(run),
    )
    return Rules(
        readers,
        retention_s=limits.compactor_blocks_retention_period_s,
        is_allowed=compactor.allows(tenant),
        is_converting=limits.parquet_converter_enabled,
        plans_by_index=is_partitioning and store.block_discovery_strategy == "bucket_index",
    )


def _attempts(run: Session) -> int:
    return 3 if run.config is None else run.config.section("querier").whole(_ATTEMPTS.rpartition(".")[2], 3)


def _in_force(run: Session, tenant: str) -> Iterator[dict[str, Any]]:
    """Yield each setting that the answer goes by, with its value and where that comes from."""
    from cortexctl.config.cortex import BucketStoreSettings, CompactorSettings, LimitsSettings
    from cortexctl.units import format_duration

    config = run.config
    compactor = config.compactor if config else CompactorSettings()
    store = config.bucket_store if config else BucketStoreSettings()
    limits = config.limits_for(tenant) if config else LimitsSettings()
    for path in (*_DURATIONS, *_LIMITS):
        held: Any = compactor if path.startswith("compactor.") else limits if path.startswith("limits.") else store
        value_s = getattr(held, f"{path.rpartition('.')[2]}_s")
        yield {
            "name": path,
            "value": format_duration(value_s),
            "value_s": value_s,
            "origin": _origin(run, path, tenant),
        }
    attempts = _attempts(run)
    yield {"name": _ATTEMPTS, "value": str(attempts), "origin": origin(run, _ATTEMPTS)}


def _origin(run: Session, path: str, tenant: str) -> str:
    is_own = path.startswith("limits.") and run.config is not None and tenant in run.config.overrides
    return f"limits of {tenant}" if is_own else origin(run, path)
