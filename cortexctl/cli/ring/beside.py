"""Rings that commands of buckets read besides: judged by the configuration of the bucket."""

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from cortexctl.cli.options import BucketOptions, ResultOptions
from cortexctl.cli.ring.options import AccessOptions, HttpOptions, RingOptions
from cortexctl.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortexctl.audit.plan.gateways import Gateways
    from cortexctl.config import CortexConfig
    from cortexctl.results import Row
    from cortexctl.ring.checked import CheckedRing
    from cortexctl.ring.components import Component
    from cortexctl.ring.survey import RingSurvey


def ring_beside(
    component: "Component", ring: RingOptions, source: BucketOptions, http: HttpOptions, output: ResultOptions
) -> "RingSurvey":
    """Return a ring, under the configuration and the time-outs of the bucket. Raises where there is none."""
    return _read(component, ring, source, http, output)[0]


def _read(
    component: "Component", ring: RingOptions, source: BucketOptions, http: HttpOptions, output: ResultOptions
) -> "tuple[RingSurvey, Callable[[str], str], list[Row]]":
    """Return a ring, how a command on it is pasted, and what it is judged by."""
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
    # Only the command's own session writes and sends.
    judged = ResultOptions(as_of=output.as_of, quiet=output.quiet)
    with ring_session(given, access, judged, "plan") as run:
        run.is_silent = True
        survey = raise_unless_found(run.survey([component]), component)
        return survey, run.paste, list(run.judging.parameters(component))


def gateways_beside(run: Session, ring: RingOptions, count: int | None, http: HttpOptions) -> "Gateways":
    """Return the store-gateways as far as they are known: by their ring where it is named, else by their number."""
    from cortexctl.audit.plan.gateways import Gateways, reading_of, shard_sizes_of
    from cortexctl.audit.ring.survey import Judging
    from cortexctl.config.rings import ring_config
    from cortexctl.ring.components import STORE_GATEWAY

    config = run.config
    told = STORE_GATEWAY if config is None else ring_config(config, STORE_GATEWAY)
    checked: CheckedRing | None = None
    paste: Callable[[str], str] = run.paste
    factor = ring.replication_factor or told.replication_factor
    judging = Judging(
        run.now_s, configs=() if config is None else (config,), replication_factor=ring.replication_factor
    )
    parameters = [row for row in judging.parameters(STORE_GATEWAY) if row["name"] == "replication_factor"]
    if ring.source:
        survey, paste, parameters = _read(STORE_GATEWAY, ring, run.source, http, run.output.options)
        checked = survey.primary
    reading, sizes = reading_of(config), shard_sizes_of(config)
    if sizes is not None:
        parameters.append(_row(config, "limits.store_gateway_tenant_shard_size", sizes.default))
    delay = "blocks_storage.bucket_store.ignore_deletion_mark_delay"
    parameters.append(_row(config, delay, reading.ignore_deletion_mark_delay_s, unit="_s"))
    return Gateways(checked, count or 1, factor, reading, sizes, paste, parameters)


def _row(config: "CortexConfig | None", path: str, value: float, unit: str = "") -> "Row":
    origin = config.name if config is not None and config.is_set(path) else "default"
    return {"name": path.rpartition(".")[2] + unit, "value": value, "origin": origin}
