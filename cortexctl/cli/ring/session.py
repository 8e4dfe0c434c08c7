"""One run of a ring command: its places, what rings are judged by, its clock and its output."""

import math
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import typer

from cortexctl import shell
from cortexctl.cli.contexts import ring_in_context, say_context
from cortexctl.cli.exits import complain
from cortexctl.cli.options import ResultOptions
from cortexctl.cli.ring.options import AccessOptions, RingOptions
from cortexctl.cli.ring.settings import access_of, find_sources, read_configs, stored_keys
from cortexctl.cli.session import Output
from cortexctl.errors import DeadlineError, PartialError, UsageError
from cortexctl.units import format_count, format_duration, parse_duration_s, parse_time_s

if TYPE_CHECKING:
    from cortexctl.audit.ring.survey import Extras, Judging, Surveyed
    from cortexctl.ring.components import Component
    from cortexctl.ring.reading import Reading, Unread
    from cortexctl.sources.place import Place


_PASTED = (
    "username", "password_file", "bearer_token_file", "tls_ca_file", "tls_cert_file", "tls_key_file", "tls_server_name",
)  # fmt: skip
"""The options of how servers are spoken to that a command is pasted with. A header may be a secret."""


@dataclass(slots=True)
class RingSession:
    """What a ring command works with."""

    places: "Sequence[Place]"
    judging: "Judging"
    output: Output
    given: RingOptions
    access: AccessOptions
    deadline_at_s: float | None = None
    """When the run is to end, by the monotonic clock."""
    is_silent: bool = False
    """Whether there is nothing to say, not even what it took."""
    kept_at: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The rings of each place that a configuration named, which knows where each is; empty for places given."""
    is_kept_only_there: bool = False
    """Whether a place has none but those rings: a context says so."""
    stored_keys: Mapping[str, str] = field(default_factory=dict)
    """The key of each ring, by component, as the configuration has it."""
    rings_read: set[tuple[str, str]] = field(default_factory=set)
    slowest_s: float = 0
    slowest: str = ""

    @property
    def now_s(self) -> float:
        """When the run began, or the time of --as-of."""
        return self.judging.now_s

    def components(self, names: Sequence[str] | None) -> "Sequence[Component]":
        """Return the rings that are meant: those named, or all that the sources may hold."""
        from cortexctl.ring.components import COMPONENTS

        if names:
            named = [component_named(name) for name in names]
            for each in named if self.is_kept_only_there else ():
                if not self.places_of(each):
                    raise UsageError(
                        f"context {self.given.context} has no source of the {each.name} ring: give --source"
                    )
            return named
        found = [each for each in COMPONENTS.values() if any(self._is_known_at(place, each) for place in self.places)]
        if not found:
            raise UsageError("a single saved ring does not say which it is: name the RING")
        return found

    def read(
        self, components: "Sequence[Component]", places: "Sequence[Place] | None" = None
    ) -> "list[Reading | Unread]":
        """Read rings at every place, or at some."""
        from cortexctl.ring.reading import Reading
        from cortexctl.sources.open import read_all

        left_s = None if self.deadline_at_s is None else max(self.left_s, 0)
        chosen = self.places if places is None else places
        read = [
            each
            for each in read_all(chosen, components, self.access.concurrency, left_s)
            if self._is_kept_at(each.place, each.component)
        ]
        for each in read:
            if isinstance(each, Reading) and each.parts:
                self.rings_read.add((each.component.name, each.place))
                if each.took_s > self.slowest_s:
                    self.slowest_s, self.slowest = each.took_s, each.place
        return read

    def read_in_time(self, component: "Component") -> "Sequence[Reading | Unread]":
        """Read one ring everywhere, as far as the deadline lets."""
        return self.read([component])

    def places_of(self, component: "Component") -> "Sequence[Place]":
        """Return the places where a ring may be."""
        return [each for each in self.places if self._is_kept_at(each.name, component)]

    def _is_kept_at(self, place: str, component: "Component") -> bool:
        """Return whether a ring may be at a place: a configuration may put each of its rings into another store."""
        if self.is_kept_only_there:
            return self._may_hold(place, component)
        elsewhere = any(component.name in rings for rings in self.kept_at.values())
        return not elsewhere or component.name in self.kept_at.get(place, ())

    def _is_known_at(self, place: "Place", component: "Component") -> bool:
        """Return whether a place says that it may have a ring, or a context says so of it."""
        is_told = self.is_kept_only_there and component.name in self.kept_at.get(place.name, ())
        return is_told or (component in place.components() and self._may_hold(place.name, component))

    def _may_hold(self, place: str, component: "Component") -> bool:
        kept = self.kept_at.get(place)
        return not (self.is_kept_only_there and kept) or component.name in kept

    def survey(self, components: "Sequence[Component]", extras: "Extras | None" = None) -> "Surveyed":
        """Read rings at every place, and judge them."""
        from cortexctl.audit.ring.survey import survey

        return survey(self.read(components), self.judging, extras)

    @property
    def left_s(self) -> float:
        """How long the run may go on; without end where there is no deadline."""
        return math.inf if self.deadline_at_s is None else self.deadline_at_s - time.monotonic()

    def check_deadline(self) -> None:
        """Raise DeadlineError when the run is to end."""
        if self.deadline_at_s is not None and time.monotonic() >= self.deadline_at_s:
            raise DeadlineError(f"--deadline {self.access.deadline} is over")

    def paste(self, command: str, source: str | None = None) -> str:
        """Return a command, given without the program and the sources, as it can be pasted; `source` is another one."""
        return f"cortexctl {shell.with_arguments(command, self._arguments(source))}"

    def _arguments(self, source: str | None) -> str:
        from cortexctl.config.source import display, parse_ring_source, redacted

        given = [display(parse_ring_source(each)) for each in self.given.source or ()]
        arguments = [f" --context {shlex.quote(self.given.context)}"] if self.given.context else []
        arguments += [f" -s {shlex.quote(each)}" for each in ([source] if source else given)]
        arguments += [f" --config.file {shlex.quote(str(path))}" for path in self.given.config_file or ()]
        arguments += [" --config.expand-env"] if self.given.config_expand_env else []
        arguments += [f" --from-live {shlex.quote(redacted(url))}" for url in self.given.from_live or ()]
        if self.given.replication_factor is not None:
            arguments.append(f" --replication-factor {self.given.replication_factor}")
        if self.given.zone_awareness is not None:
            arguments.append(" --zone-awareness" if self.given.zone_awareness else " --no-zone-awareness")
        if self.given.heartbeat_timeout is not None:
            arguments.append(f" --heartbeat-timeout {shlex.quote(self.given.heartbeat_timeout)}")
        if self.given.tokens is not None:
            arguments.append(f" --tokens {self.given.tokens}")
        for name in _PASTED:
            if value := getattr(self.access, name):
                arguments.append(f" --{name.replace('_', '-')} {shlex.quote(str(value))}")
        arguments += [" --tls-insecure"] if self.access.tls_insecure else []
        return "".join(arguments)

    def fail_for(self, failed: "Sequence[Unread]", rings: int) -> None:
        """Say what could not be read; raise when anything could not, after the rest was shown."""
        if not failed:
            return
        by_place: dict[str, dict[str, None]] = {}
        for each in failed:
            by_place.setdefault(each.place, {}).setdefault(str(each.error))
        for first, *others in by_place.values():
            complain(first + (f" (and {len(others)} rings more there)" if others else ""))
        if any(isinstance(each.error, DeadlineError) for each in failed):
            raise DeadlineError(f"--deadline {self.access.deadline} is over")
        if not rings:
            raise typer.Exit(failed[0].error.exit_code)
        raise PartialError(f"{len(by_place)} of {len(self.places)} places could not be read; the rest is shown")


def component_named(name: str) -> "Component":
    """Return a component by its name, or by an unambiguous beginning of it. Raises UsageError."""
    from cortexctl.ring.components import COMPONENTS

    matching = [each for each in COMPONENTS.values() if each.name == name or (name and each.name.startswith(name))]
    if len(matching) != 1:
        raise UsageError(f"{name!r} is not a ring: write one of {', '.join(COMPONENTS)}")
    return matching[0]


@contextmanager
def ring_session(
    given: RingOptions,
    access: AccessOptions,
    output: ResultOptions,
    command: str,
    *,
    rings: Sequence[str] = (),
    needs_source: bool = True,
) -> Iterator[RingSession]:
    """Open the places for one run, and say at its end what it took. `rings` are names that are to be right first."""
    from cortexctl.audit.ring.survey import Judging
    from cortexctl.config.source import display
    from cortexctl.sources.open import open_places

    started_at_s, deadline_at_s = time.time(), _deadline(access)
    for name in rings:
        component_named(name)
    written = given
    given, context = ring_in_context(given, needs_source=needs_source)
    spoken = access_of(access)
    if deadline_at_s is not None:
        spoken = replace(spoken, timeout_s=min(spoken.timeout_s, deadline_at_s - time.monotonic()))
    over, whose = ({}, "") if context is None else (context.settings, f"context {context.name}")
    configs = read_configs(given, spoken, over, whose)
    now_s = started_at_s if output.as_of is None else parse_time_s(output.as_of, started_at_s)
    judging = Judging(
        now_s=now_s,
        as_of_s=None if output.as_of is None else now_s,
        configs=configs,
        replication_factor=given.replication_factor,
        zone_awareness=given.zone_awareness,
        heartbeat_timeout_s=_heartbeat_timeout_s(given),
        tokens=given.tokens,
    )
    kept = context.rings if context is not None and not written.source else {}
    sources = find_sources(given, configs, needs_source=needs_source, rings=kept)
    to = Output(output, command, started_at_s)
    say_context(to, context, written.context)
    to.timeout_s = spoken.timeout_s
    keys = stored_keys(configs)
    with to.to_the_end(), open_places(list(sources), spoken, keys) as places:
        kept_at: dict[str, frozenset[str]] = {}
        for source, held in sources.items():
            kept_at[display(source)] = kept_at.get(display(source), frozenset()) | held
        run = RingSession(
            places,
            judging,
            to,
            replace(written, context=given.context),
            access,
            deadline_at_s,
            kept_at=kept_at,
            stored_keys=keys,
            is_kept_only_there=bool(kept),
        )
        try:
            yield run
        except typer.Exit:  # with findings, say: the work is done all the same
            to.say(_took(run, started_at_s))
            raise
        if not run.is_silent:
            to.say(_took(run, started_at_s))


def _heartbeat_timeout_s(given: RingOptions) -> float | None:
    if given.heartbeat_timeout is None:
        return None
    seconds = parse_duration_s(given.heartbeat_timeout)
    if seconds < 0:
        raise UsageError("--heartbeat-timeout may not be less than nothing")
    return seconds


def _deadline(access: AccessOptions) -> float | None:
    if access.deadline is None:
        return None
    seconds = parse_duration_s(access.deadline)
    if seconds <= 0:
        raise UsageError("--deadline must be more than nothing")
    return time.monotonic() + seconds


def _took(run: RingSession, started_at_s: float) -> str:
    slowest = f", the slowest {run.slowest} in {_short(run.slowest_s)}" if len(run.places) > 1 and run.slowest else ""
    count = len(run.places)
    rings = len({name for name, _ in run.rings_read})
    return (
        f"read {format_count(rings, 'ring')} at {format_count(count, 'place')}, "
        f"{time.time() - started_at_s:.1f} s{slowest}"
    )


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else format_duration(seconds)
