"""All that a run knows of one ring: every view of it, earlier ones, configurations, token files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cortexctl.errors import DataError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import Component
from cortexctl.ring.configured import RingConfig
from cortexctl.ring.tokens import TokenFile


@dataclass(frozen=True)
class RingSurvey:
    """One ring as far as it is known. What is empty was not given, and is not held against the ring."""

    component: Component
    views: Mapping[str, CheckedRing]
    """By the name of the place, in the order of the sources; at least one."""
    earlier: Sequence[CheckedRing] = ()
    """The ring at earlier times, the oldest first."""
    configs: Sequence[RingConfig] = ()
    """What each configuration says of this ring."""
    token_files: Mapping[str, TokenFile | DataError] = field(default_factory=dict)
    """By path; an error where Cortex would ignore the file and make new tokens."""
    expected_members: int | None = None
    """How many instances the orchestrator runs."""
    others: Mapping[str, CheckedRing] = field(default_factory=dict)
    """The other rings that were read in this run, by component."""
    stored_keys: Mapping[str, str] = field(default_factory=dict)
    """The key of each ring that was read from a store or is configured, by component."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """The host of each view that is a running process, by the name of the place: a pod that answers is alive."""
    reader_versions: Mapping[str, str] = field(default_factory=dict)
    """The version of Cortex of each view that tells it, by the name of the place."""

    @property
    def primary(self) -> CheckedRing:
        """The view that knows most: it has true states, then tokens, then the size of the stored value."""
        return max(self.views.values(), key=_knowledge)


def _knowledge(view: CheckedRing) -> tuple[bool, bool, bool]:
    stored = view.stored
    return (
        not any(each.hidden_state for each in stored.instances.values()),
        stored.lists_tokens,
        stored.value_bytes is not None,
    )
