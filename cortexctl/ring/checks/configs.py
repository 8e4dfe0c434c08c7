"""Checks of what configurations say of a ring: each by itself, and those of one cluster against each other."""

from collections.abc import Iterator
from typing import Any

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checks.paste import show
from cortexctl.ring.components import STORE_GATEWAY
from cortexctl.ring.configured import RingConfig
from cortexctl.ring.model import InstanceState
from cortexctl.ring.survey import KEEPS_TOKENS, Need, RingSurvey
from cortexctl.units import format_duration

_MUST_AGREE = (
    "is_enabled",
    "store",
    "stored_key",
    "replication_factor",
    "zone_awareness",
    "sharding_strategy",
    "tenant_shard_size",
)


@check("RNG35", "tokens-not-kept", Severity.WARNING, (Need.CONFIG,))
def tokens_not_kept(survey: RingSurvey) -> Iterator[Problem]:
    """A component leaves the ring when it stops, and keeps no token file.

    Each restart gives it new tokens: its share of the series, blocks or tenants moves to others and another comes to
    it.

    High while an instance is READONLY: after a restart it would be ACTIVE, with new tokens.

    Set the path of the token file, on a disk that outlives the process.
    Source: Cortex, pkg/ring/lifecycler.go, initRing.
    """
    if survey.component not in KEEPS_TOKENS:
        return
    has_readonly = any(each.state is InstanceState.READONLY for each in survey.primary.members)
    for config in survey.configs:
        if config.is_enabled and config.leaves_on_shutdown and config.tokens_file_path == "":
            yield Problem(
                config.name,
                f"sets no tokens_file_path for the {survey.component.name}, which unregisters on shutdown",
                {"tokens_file_path": "", "leaves_on_shutdown": True},
                show(survey),
                Severity.HIGH if has_readonly else None,
            )


@check("RNG38", "timeout-short", Severity.WARNING)
def timeout_short(survey: RingSurvey) -> Iterator[Problem]:
    """The heartbeat time-out is not more than two heartbeat periods, or processes have different ones.

    One heartbeat that is late makes its instance unhealthy for a moment, and readers disagree on who is. Members that
    forget others sooner than their time-out evict the healthy.

    High where the time-out is not longer than the period: then every instance is unhealthy again and again.

    Make the time-out longer or the period shorter, and the same in every process.
    Source: Cortex, pkg/ring/model.go, IsHeartbeatHealthy.
    """
    name, checked = survey.component.name, survey.primary
    yield from _short(survey, name, checked.settings.heartbeat_timeout_s, checked.period_s)
    in_force = (checked.settings.heartbeat_timeout_s, checked.period_s)
    enabled = [each for each in survey.configs if each.is_enabled]
    for config in enabled:
        if (config.heartbeat_timeout_s, config.heartbeat_period_s) != in_force:
            yield from _short(survey, config.name, config.heartbeat_timeout_s, config.heartbeat_period_s)
        if config.auto_forget_s and config.auto_forget_s < config.heartbeat_timeout_s:
            timeout, forget = format_duration(config.heartbeat_timeout_s), format_duration(config.auto_forget_s)
            yield Problem(
                config.name,
                f"members are forgotten after {forget}, and unhealthy only after {timeout}",
                {"auto_forget_s": config.auto_forget_s, "heartbeat_timeout_s": config.heartbeat_timeout_s},
                show(survey),
            )
    timeouts = {each.name: each.heartbeat_timeout_s for each in enabled}
    if len(set(timeouts.values())) > 1:
        yield Problem(
            name,
            f"processes have {len(set(timeouts.values()))} different heartbeat time-outs",
            {"timeouts_by_config_s": timeouts},
            show(survey),
        )


def _short(survey: RingSurvey, subject: str, timeout_s: float, period_s: float) -> Iterator[Problem]:
    if 0 < timeout_s <= 2 * period_s:
        yield Problem(
            subject,
            f"a heartbeat each {format_duration(period_s)} for a time-out of {format_duration(timeout_s)}",
            {"heartbeat_timeout_s": timeout_s, "heartbeat_period_s": period_s},
            show(survey),
            Severity.HIGH if timeout_s <= period_s else None,
        )


@check("RNG44", "store-gateway-settings", Severity.CRITICAL, (Need.CONFIGS,))
def store_gateway_settings(survey: RingSurvey) -> Iterator[Problem]:
    """Processes differ in their settings of the store-gateway ring.

    Queriers and rulers look for blocks where store-gateways have not loaded them: queries fail the consistency check,
    until the settings are one.

    A warning where only the sharding is switched off in some: those may be processes that read no blocks.

    Give queriers, rulers and store-gateways the same settings.
    Source: Cortex, pkg/querier/blocks_store_queryable.go, NewBlocksStoreQueryableFromConfig.
    """
    if survey.component is not STORE_GATEWAY:
        return
    differing = {name: found for name in _MUST_AGREE if len(set((found := _by_config(survey, name)).values())) > 1}
    if differing:
        yield Problem(
            survey.component.name,
            f"processes differ in {', '.join(differing)}",
            differing,
            show(survey),
            Severity.WARNING if list(differing) == ["is_enabled"] else None,
        )


def _by_config(survey: RingSurvey, name: str) -> dict[str, Any]:
    return {config.name: _setting(config, name) for config in survey.configs}


def _setting(config: RingConfig, name: str) -> Any:
    """Return a setting, or None where it makes no difference: the size of a shard counts with shuffle sharding only."""
    if name == "tenant_shard_size" and config.sharding_strategy == "default":
        return None
    return getattr(config, name)


CHECKS = (tokens_not_kept, timeout_short, store_gateway_settings)
