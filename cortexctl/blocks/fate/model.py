"""What a component does with a block, in words, and the dated events that come of it."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from cortexctl.units import format_time


class Component(StrEnum):
    """Who acts on blocks. The order is from queries backwards: what users notice comes first."""

    QUERIER = "querier"
    STORE_GATEWAY = "store-gateway"
    CLEANER = "cleaner"
    COMPACTOR = "compactor"
    PARQUET_CONVERTER = "parquet-converter"


class Grade(IntEnum):
    """How a component's dealings with a block are to be taken; higher is worse."""

    WELL = 0
    """As it is meant to be."""
    ODD = 1
    """Not as it is meant to be; no query fails or lacks samples because of it."""
    TROUBLE = 2
    """Queries fail or lack samples, or a component is stopped."""

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that comes to pass, at the earliest at `at_s` (Unix seconds)."""

    at_s: float
    component: Component
    what: str
    setting: str
    """The setting of Cortex that decides when; several are joined by commas."""

    def document(self) -> dict[str, Any]:
        """Return the event as machine formats have it."""
        return {
            "at_s": int(self.at_s),
            "at": format_time(self.at_s),
            "component": str(self.component),
            "what": self.what,
            "setting": self.setting,
        }


@dataclass(frozen=True, slots=True)
class Fate:
    """What one component does with the block now, and what it is going to do."""

    component: Component
    does: str
    """A word or two that programs may go by."""
    says: str
    """A sentence whose subject is the component."""
    grade: Grade = Grade.WELL
    because: tuple[str, ...] = ()
    """Further sentences: exceptions, and what to know besides."""
    events: tuple[Event, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as machine formats have it."""
        return {
            "component": str(self.component),
            "does": self.does,
            "grade": str(self.grade),
            "says": self.says,
            "because": list(self.because),
        }
