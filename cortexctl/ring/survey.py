"""All that a run knows of one ring: every view of it, earlier ones, configurations, token files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from cortexctl.errors import DataError
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import COMPACTOR_RING, INGESTER, STORE_GATEWAY, Component
from cortexctl.ring.configured import RingConfig
from cortexctl.ring.tokens import TokenFile

KEEPS_TOKENS = (INGESTER, STORE_GATEWAY, COMPACTOR_RING)
"""The rings whose instances should have the same tokens after a restart."""


class Need(StrEnum):
    """What a check may need to know, in words for the operator."""

    TOKENS = "every token: a JSON page or a KV store"
    STATES = "true states: the KV store or /memberlist"
    VALUE = "the stored value: the KV store"
    BACKEND = "the backend: the KV store, /memberlist or --config.file"
    CONFIG = "a configuration: --config.file or --from-live"
    CONFIGS = "configurations of queriers and store-gateways: --config.file for each"
    VIEWS = "several views: repeat --source"
    VIEWS_OR_STORAGE_TIME = "several views, or a page of a ring in DynamoDB: repeat --source"
    VIEWS_OR_EARLIER = "several views or an earlier snapshot: repeat --source, or --earlier FILE"
    EARLIER = "an earlier snapshot: --earlier FILE"
    HOSTS = "a running process: --source http://HOST:PORT"
    READERS = "a reader: a component's ring page"
    OTHERS = "another ring: check all rings at once, or --config.file"
    FILES = "token files: --token-file FILE"
    EXPECTED = "the number of members expected: --expect N"
    WATCH = "a watch of the store: --watch-store 20s"


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

    @cached_property
    def primary(self) -> CheckedRing:
        """The view that knows most: it has instances, true states, tokens, and the size of the stored value."""
        return max(self.views.values(), key=_knowledge)

    @property
    def times(self) -> Sequence[CheckedRing]:
        """The ring as it was, and as it is, the oldest first."""
        return (*self.earlier, self.primary)

    def has(self, need: str) -> bool:
        """Return whether what a check needs is known."""
        return _HAS[Need(need)](self)


_HAS: Mapping[Need, Callable[[RingSurvey], bool]] = {
    Need.TOKENS: lambda survey: survey.primary.stored.lists_tokens,
    Need.STATES: lambda survey: not _hides_states(survey.primary),
    Need.VALUE: lambda survey: _is_the_value(survey.primary),
    Need.BACKEND: lambda survey: survey.primary.backend is not None,
    Need.CONFIG: lambda survey: bool(survey.configs) or survey.component not in KEEPS_TOKENS,
    Need.CONFIGS: lambda survey: len(survey.configs) > 1 or survey.component is not STORE_GATEWAY,
    Need.VIEWS: lambda survey: len(survey.views) > 1,
    Need.VIEWS_OR_STORAGE_TIME: lambda survey: len(survey.views) > 1 or _tells_storage_time(survey.primary),
    Need.VIEWS_OR_EARLIER: lambda survey: len(survey.views) > 1 or bool(survey.earlier),
    Need.EARLIER: lambda survey: bool(survey.earlier),
    Need.HOSTS: lambda survey: bool(survey.hosts),
    Need.READERS: lambda survey: bool(survey.reader_versions) or any(map(_is_page, survey.views.values())),
    Need.OTHERS: lambda survey: bool(survey.others) or len(survey.stored_keys) > 1,
    Need.FILES: lambda survey: bool(survey.token_files),
    Need.EXPECTED: lambda survey: survey.expected_members is not None,
    Need.WATCH: lambda _: False,  # a survey is of one moment
}


def _hides_states(view: CheckedRing) -> bool:
    return any(each.hidden_state for each in view.stored.instances.values())


def _is_the_value(view: CheckedRing) -> bool:
    return view.stored.value_bytes is not None or view.backend is Backend.MEMBERLIST


def _tells_storage_time(view: CheckedRing) -> bool:
    """Return whether a page judges health at another time than its own, as only that of a ring in DynamoDB does."""
    return view.stored.updated_s is not None and view.now_s - view.stored.updated_s > 1


def _is_page(view: CheckedRing) -> bool:
    return view.stored.now_s is not None


def _knowledge(view: CheckedRing) -> tuple[bool, bool, bool, bool]:
    stored = view.stored
    return (
        bool(stored.instances),
        not _hides_states(view),
        stored.lists_tokens,
        stored.value_bytes is not None,
    )
