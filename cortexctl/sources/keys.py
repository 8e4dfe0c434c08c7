"""Under which key of a store each ring is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cortexctl.ring.components import COMPONENTS, RULER_RING, Component


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """The keys at one store: under the prefix that the source names, else as configured, else Cortex's defaults."""

    prefix: str | None = None
    configured: Mapping[str, str] = field(default_factory=dict)
    """By component."""

    def of(self, component: Component) -> str:
        """Return the key of a ring."""
        if self.prefix is not None:
            return self.prefix + component.key
        return self.configured.get(component.name, component.stored_key)

    def components(self) -> tuple[Component, ...]:
        """Return the rings that may be here.

        Under one prefix ingesters and rulers would have one key: with the default prefix of some rings these are
        meant, with any other all but the rulers'.
        """
        rings = tuple(COMPONENTS.values())
        if self.prefix is None:
            return rings
        usual = tuple(each for each in rings if each.prefix == self.prefix)
        return usual or tuple(each for each in rings if each is not RULER_RING)
