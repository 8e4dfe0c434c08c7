"""Rings for the tests of this folder: small ones, and those of a real Cortex."""

import base64
import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

from cortexctl.ring import codec, page
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import COMPONENTS, Component, Settings, Strategy
from cortexctl.ring.model import Instance, InstanceState, Ring, instance, ring

GOLDEN = Path(__file__).parents[2] / "golden" / "ring"
NOW_S = 1_760_000_000


def member(
    name: str, *tokens: int, state: str = "ACTIVE", zone: str = "", age_s: int = 0, registered_s: int = 1
) -> Instance:
    return instance(name, f"{name}:9095", InstanceState[state], zone, tokens, NOW_S - age_s, registered_s)


def checked(
    component: Component, *members: Instance, backend: Backend | None = None, tokens: int | None = None, **settings: Any
) -> CheckedRing:
    defaults = component.settings
    chosen = Settings(**{"replication_factor": defaults.replication_factor, "strategy": defaults.strategy} | settings)
    return CheckedRing(component, ring(members), chosen, NOW_S, backend, tokens)


def golden_page(state: str, name: str, ending: str = ".json") -> CheckedRing:
    """Return a ring as its page showed it."""
    found = page.decode((GOLDEN / "http" / state / f"{name}-ring{ending}").read_bytes())
    assert isinstance(found, Ring)
    assert found.now_s is not None
    component = COMPONENTS[name]
    return CheckedRing(component, found, component.settings, found.now_s)


def golden_value(state: str, name: str) -> CheckedRing:
    """Return the same ring as etcd had it."""
    folder = GOLDEN / "http" / state
    stored = codec.decode((folder / f"etcd-collectors-{'ring' if name == 'ingester' else name}.bin").read_bytes())
    component = COMPONENTS[name]
    return CheckedRing(component, stored, component.settings, int((folder / "captured_at").read_bytes()), Backend.ETCD)


@cache
def scenarios() -> list[dict[str, Any]]:
    """Return rings with the replica sets that Cortex computed of them."""
    loaded: list[dict[str, Any]] = json.loads(lzma.decompress((GOLDEN / "replica_sets.json.xz").read_bytes()))
    return loaded


def of_scenario(scenario: dict[str, Any], component: Component, strategy: str) -> CheckedRing:
    """Return the ring of a scenario as a component's, under a strategy."""
    described = scenario["scenario"]
    settings = Settings(
        described["replication_factor"],
        described["zone_awareness_enabled"],
        described["heartbeat_timeout_seconds"],
        Strategy(strategy),
    )
    stored = codec.decode(base64.b64decode(scenario["kv_value_base64"]))
    return CheckedRing(component, stored, settings, int(scenario["fixed_now_unix_seconds"]))
