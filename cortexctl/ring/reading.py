"""What one place showed of a ring at one time: the bytes, and the ring they hold.

Which bytes those are is for `cortexctl.sources`; how each form is decoded, for `codec` and `page`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from cortexctl.errors import CortexctlError, DataError
from cortexctl.ring import codec, page
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import Component
from cortexctl.ring.model import Ring
from cortexctl.ring.page import Absence, NoRing


class Form(StrEnum):
    """How a ring was shown."""

    PAGE = "page"
    """A component's ring page, JSON or HTML."""
    VALUE = "value"
    """The whole descriptor as Consul and etcd hold it, and as memberlist's `downloadKey` gives it."""
    ITEMS = "items"
    """DynamoDB's items: the JSON that `aws dynamodb query` prints, with `Data` in base64."""
    VIEW_KEY = "view-key"
    """Memberlist's `viewKey`, as `json` or `json-pretty`."""


@dataclass(frozen=True)
class Reading:
    """A ring as one place showed it. `ring` raises DataError where the bytes are not a ring."""

    component: Component
    place: str
    """The URL of the pod or store, or the path of the file; without secrets."""
    taken_at_s: float
    """By our clock, when the answer was complete."""
    parts: Mapping[Form, bytes] = field(repr=False)
    """The bytes as they were read. A process that gossips shows its page and its memberlist."""
    backend: Backend | None = None
    """The store the ring is in, where the place tells."""
    stored_key: str = ""
    """Its key there; the component's default where it is empty."""
    took_s: float = 0.0
    """How long the place took to answer."""
    has_own_time: bool = True
    """Whether `taken_at_s` is when the ring was so for certain, and not the time of a file that it was saved in."""
    reader_version: str = ""
    """The version of Cortex that showed it, where it tells."""
    missing: NoRing | None = None
    """Why there is nothing to decode, where the place tells it with a status and not with bytes."""
    lacks: str = ""
    """What else the place would have shown, and why it did not, in a sentence: an oddity of the ring."""
    clock_ahead_s: float | None = field(default=None, compare=False)
    """By how much the clock there is ahead of ours, to about a second; None where the place does not tell the time.

    Of the moment, and not kept in snapshots.
    """

    @cached_property
    def shown(self) -> Ring | NoRing:
        """What the place shows: what memberlist knows, at the time that the page tells, where there are both."""
        if self.missing is not None:
            return self.missing
        shown = decode(self.parts, self.stored_key or self.component.stored_key, self.place)
        if self.lacks and isinstance(shown, Ring):
            return replace(shown, oddities=(*shown.oddities, self.lacks))
        return shown

    @property
    def ring(self) -> Ring | None:
        """The ring, or None where the place has none. Raises DataError, naming the place."""
        return self.shown if isinstance(self.shown, Ring) else None

    @property
    def absence(self) -> NoRing | None:
        """Why the place has no ring."""
        return self.shown if isinstance(self.shown, NoRing) else None


@dataclass(frozen=True, slots=True)
class Unread:
    """A place that could not be read, and why."""

    component: Component
    place: str
    error: CortexctlError

    def document(self) -> dict[str, str]:
        """Return it as JSON has it."""
        return {"place": self.place, "ring": self.component.name, "error": str(self.error)}


def decode(parts: Mapping[Form, bytes], stored_key: str, place: str) -> Ring | NoRing:
    """Return what the bytes of a reading hold. Raises DataError, naming the place."""
    if not parts:
        return NoRing(Absence.ABSENT, f"has no {stored_key}")
    decoded: dict[Form, Ring | NoRing] = {}
    for form, body in parts.items():
        try:
            decoded[form] = _decode(form, body, stored_key)
        except DataError as error:
            raise DataError(f"{place}: {error}") from error
    on_page, gossiped = decoded.get(Form.PAGE), decoded.get(Form.VIEW_KEY)
    if isinstance(on_page, Ring) and isinstance(gossiped, Ring):
        # The page hides the states of the unhealthy; only it has the reader's clock.
        return replace(gossiped, now_s=on_page.now_s, updated_s=on_page.updated_s)
    return gossiped or on_page or next(iter(decoded.values()))


def _decode(form: Form, body: bytes, stored_key: str) -> Ring | NoRing:
    match form:
        case Form.PAGE:
            return page.decode(body)
        case Form.VALUE:
            return codec.decode(body)
        case Form.ITEMS:
            return codec.decode_items_json(body, stored_key)
        case Form.VIEW_KEY:
            return codec.decode_view_key(body)
