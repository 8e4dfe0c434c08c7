"""Rings that commands of buckets read besides: judged by the configuration of the bucket."""

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from cortexctl.cli.options import BucketOptions, OutputOptions
from cortexctl.cli.ring.options import AccessOptions, HttpOptions, RingOptions
from cortexctl.cli.session import Session

if TYPE_CHECKING:
    from cortexctl.audit.plan.gateways import Gateways
    from cortexctl.ring.components import Component
    from cortexctl.ring.survey import RingSurvey


def ring_beside(
    component: "Component", ring: RingOptions, source: BucketOptions, http: HttpOptions, output: OutputOptions
) -> "RingSurvey":
    """Return a ring, under the configuration and the time-outs of the bucket. Raises where there is none."""
    from cortexctl.audit.ring.survey import raise_unless_found
    from cortexctl.cli.ring.session import ring_session

    given = replace(
        ring,
        config_file=None if source.config_file is None else [source.config_file],
        config_expand_env=source.config_expand_env,
        from_live=None if source.from_live is None else [source.from_live],
        context=source.context,
    )
    spoken = {each.name: getattr(http, each.name) for each in fields(http)}
    access = AccessOptions(**spoken, timeout=source.timeout, deadline=source.deadline)
    with ring_session(given, access, output, "plan") as run:
        run.is_silent = True
        return raise_unless_found(run.survey([component]), component)


def gateways_beside(run: Session, ring: RingOptions, count: int | None, http: HttpOptions) -> "Gateways":
    """Return the store-gateways as far as they are known: by their ring where it is named, else by their number."""
    from cortexctl.audit.plan.gateways import Gateways, ShardSizes
    from cortexctl.config.rings import ring_config
    from cortexctl.ring.components import STORE_GATEWAY

    config, sizes = run.config, None
    told = None if config is None else ring_config(config, STORE_GATEWAY)
    if config is not None and told is not None and told.sharding_strategy == "shuffle-sharding":
        own = {name: limits.store_gateway_tenant_shard_size for name, limits in config.overrides.items()}
        sizes = ShardSizes(config.limits.store_gateway_tenant_shard_size, own)
    checked = ring_beside(STORE_GATEWAY, ring, run.source, http, run.output.options).primary if ring.source else None
    delay_s = Gateways().ignore_deletion_mark_delay_s
    return Gateways(
        checked,
        count or 1,
        ring.replication_factor or (told.replication_factor if told else STORE_GATEWAY.replication_factor),
        config.bucket_store.ignore_deletion_mark_delay_s if config else delay_s,
        sizes,
    )
