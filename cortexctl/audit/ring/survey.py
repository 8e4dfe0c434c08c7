"""Rings as they were read, under the settings in force: what flags, configurations and Cortex's defaults say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cortexctl.config import CortexConfig
from cortexctl.config.rings import is_set_of_ring, ring_config
from cortexctl.errors import CortexctlError, DataError, NotFoundError
from cortexctl.results import Row
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import Component, Settings
from cortexctl.ring.configured import RingConfig
from cortexctl.ring.model import Ring
from cortexctl.ring.reading import Reading, Unread
from cortexctl.ring.survey import RingSurvey
from cortexctl.ring.tokens import TokenFile
from cortexctl.units import format_duration


@dataclass(frozen=True, slots=True)
class Judging:
    """What rings are judged by. What is None is as the first configuration says, or Cortex's default."""

    now_s: float
    as_of_s: float | None = None
    """The time to judge at, whatever the readings say."""
    configs: Sequence[CortexConfig] = ()
    replication_factor: int | None = None
    zone_awareness: bool | None = None
    heartbeat_timeout_s: float | None = None
    tokens: int | None = None

    def configured(self, component: Component) -> tuple[RingConfig, ...]:
        """Return what each configuration says of a ring."""
        return tuple(ring_config(config, component) for config in self.configs)

    def settings(self, component: Component) -> Settings:
        """Return the settings in force."""
        base = component.settings
        for config in self.configured(component)[:1]:
            base = replace(
                base,
                replication_factor=config.replication_factor,
                zone_awareness=config.zone_awareness,
                heartbeat_timeout_s=config.heartbeat_timeout_s,
                excluded_zones=config.excluded_zones,
            )
        if self.replication_factor is not None:
            base = replace(base, replication_factor=self.replication_factor)
        if self.zone_awareness is not None:
            base = replace(base, zone_awareness=self.zone_awareness)
        if self.heartbeat_timeout_s is not None:
            base = replace(base, heartbeat_timeout_s=self.heartbeat_timeout_s)
        return base

    def period_s(self, component: Component) -> float:
        """Return how often heartbeats are sent."""
        configured = [each.heartbeat_period_s for each in self.configured(component)]
        return configured[0] if configured else component.heartbeat_period_s

    def describe(self, component: Component) -> str:
        """Return the settings in force in a line, and where each is from."""
        settings = self.settings(component)
        timeout = format_duration(settings.heartbeat_timeout_s)
        parts = (
            (f"replication factor {settings.replication_factor}", self.replication_factor, "replication_factor"),
            (f"zone awareness {_on(settings.zone_awareness)}", self.zone_awareness, "zone_awareness_enabled"),
            (f"heartbeat time-out {timeout}", self.heartbeat_timeout_s, "heartbeat_timeout"),
        )
        return ", ".join(
            f"{text} ({self._origin(component, key) if flag is None else 'flag'})" for text, flag, key in parts
        )

    def _origin(self, component: Component, key: str) -> str:
        is_set = self.configs and is_set_of_ring(self.configs[0], component, key)
        return self.configs[0].name if is_set else "default"

    def parameters(self, component: Component) -> Iterator[Row]:
        """Yield each setting in force with its value and its origin: `flag`, `default`, or the configuration's name."""
        settings = self.settings(component)
        for name, value, flag, key in (
            ("replication_factor", settings.replication_factor, self.replication_factor, "replication_factor"),
            ("zone_awareness", settings.zone_awareness, self.zone_awareness, "zone_awareness_enabled"),
            ("heartbeat_timeout_s", settings.heartbeat_timeout_s, self.heartbeat_timeout_s, "heartbeat_timeout"),
        ):
            yield {"name": name, "value": value, "origin": self._origin(component, key) if flag is None else "flag"}

    def checked(self, reading: Reading, stored: Ring) -> CheckedRing:
        """Return a ring that was read as checks see it: at the time its page tells, or when it was read."""
        component = reading.component
        config = next(iter(self.configured(component)), None)
        now_s = stored.now_s
        if self.as_of_s is not None:
            now_s, stored = self.as_of_s, replace(stored, updated_s=None)
        elif now_s is None:
            now_s = reading.taken_at_s
        configured = None if config is None else config.tokens
        return CheckedRing(
            component,
            stored,
            self.settings(component),
            now_s,
            reading.backend or _backend(config),
            configured if self.tokens is None else self.tokens,
            config.heartbeat_period_s if config else None,
            config.left_timeout_s if config else 300,
        )


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _backend(config: RingConfig | None) -> Backend | None:
    return Backend(config.store) if config and config.store in set(Backend) else None


@dataclass(frozen=True, slots=True)
class Extras:
    """What is known of rings besides their readings."""

    earlier: Sequence[Reading] = ()
    token_files: Mapping[str, TokenFile | DataError] = field(default_factory=dict)
    expected_members: int | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    stored_keys: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, int] = field(default_factory=dict)
    """How many are expected, by ring, where that is known of each."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Every ring that was found, what has none, and what could not be read."""

    rings: Sequence[RingSurvey]
    readings: Sequence[Reading]
    absent: Sequence[Reading]
    """Where the place answered, and has no such ring."""
    failed: Sequence[Unread]

    @property
    def missing(self) -> list[Unread]:
        """What should have been there: a page that a process does not serve is not.

        Of a place that has no answer at all, such as a table that does not exist, everything is.
        """
        answered = {each.place for each in (*self.readings, *self.absent)}
        return [each for each in self.failed if not isinstance(each.error, NotFoundError) or each.place not in answered]


def survey(read: Sequence[Reading | Unread], judging: Judging, extras: Extras | None = None) -> Surveyed:
    """Return what was read, ring by ring. A value that cannot be decoded counts as unread."""
    extras = extras or Extras()
    absent: list[Reading] = []
    failed: list[Unread] = []
    found: dict[str, dict[str, CheckedRing]] = {}
    readings: list[Reading] = []
    for each in read:
        if isinstance(each, Unread):
            failed.append(each)
            continue
        try:
            stored = each.ring
        except DataError as error:
            failed.append(Unread(each.component, each.place, error))
            continue
        if stored is None:
            absent.append(each)
        else:
            readings.append(each)
            found.setdefault(each.component.name, {})[each.place] = judging.checked(each, stored)
    rings = [_surveyed(views, found, readings, judging, extras) for views in found.values()]
    return Surveyed(rings, readings, absent, failed)


def _surveyed(
    views: Mapping[str, CheckedRing],
    found: Mapping[str, Mapping[str, CheckedRing]],
    readings: Sequence[Reading],
    judging: Judging,
    extras: Extras,
) -> RingSurvey:
    component = next(iter(views.values())).component
    of_this = [each for each in readings if each.component is component]
    earlier = [
        replace(judging, as_of_s=None).checked(each, each.ring)
        for each in extras.earlier
        if each.component.name == component.name and each.ring is not None
    ]
    return RingSurvey(
        component,
        views,
        sorted(earlier, key=lambda each: each.now_s),
        judging.configured(component),
        extras.token_files,
        extras.members.get(component.name, extras.expected_members),
        {name: next(iter(others.values())) for name, others in found.items() if name != component.name},
        {each.component.name: each.stored_key for each in readings if each.stored_key} | dict(extras.stored_keys),
        {place: host for place, host in extras.hosts.items() if place in views},
        {each.place: each.reader_version for each in of_this if each.reader_version},
    )


def raise_unless_found(surveyed: Surveyed, component: Component) -> RingSurvey:
    """Return the ring of a component. Raises what kept it from being read, or says why there is none."""
    for ring in surveyed.rings:
        if ring.component is component:
            return ring
    for unread in surveyed.failed:
        if unread.component is component:
            raise unread.error
    raise _no_ring(surveyed, component)


def _no_ring(surveyed: Surveyed, component: Component) -> CortexctlError:
    for each in surveyed.absent:
        if each.component is component and each.absence is not None:
            return NotFoundError(f"{each.place}: no {component.name} ring: {each.absence.message}")
    return NotFoundError(f"no {component.name} ring: no source has one")
