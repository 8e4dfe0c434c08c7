"""A tenant as it will be once some operations are made: what an index is rebuilt from, in one plan with them."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from cortexctl.blocks.build import Build, Fingerprint, IndexSurvey
from cortexctl.blocks.survey import StoredObject
from cortexctl.errors import SourceError


@dataclass(slots=True)
class AfterSurvey:
    """Shows an index survey the listing with what is wanted in the place of what is there.

    What is written anew keeps the time of what it replaces: a block was uploaded then. What is created is of now.
    """

    inner: IndexSurvey
    wants: Mapping[str, bytes | None]
    """The bytes of the objects that are to change, by key; None for those that are to go."""
    now_s: float
    listing: Fingerprint = field(default_factory=Fingerprint)
    """Of what is there, before anything changes."""
    tenant: str = field(init=False)
    _to_come: deque[str] = field(init=False)

    def __post_init__(self) -> None:
        self.tenant = self.inner.tenant
        self._to_come = deque(sorted(key for key, body in self.wants.items() if body is not None))

    def see(self, found: StoredObject) -> Iterator[str]:
        """Take in one object of the listing. Keys have to come in order."""
        self.listing.see(found)
        yield from self._created(found.key)
        if found.key not in self.wants:
            yield from self._asked(self.inner.see(found))
        elif (body := self.wants[found.key]) is not None:
            self._to_come.popleft()
            yield from self._asked(self.inner.see(msgspec.structs.replace(found, size_bytes=len(body))))

    def end(self) -> Iterator[str]:
        """Ask for what is missing now that the listing is complete."""
        yield from self._created(None)
        yield from self._asked(self.inner.end())

    def _created(self, before: str | None) -> Iterator[str]:
        while self._to_come and (before is None or self._to_come[0] < before):
            key = self._to_come.popleft()
            yield from self._asked(self.inner.see(StoredObject(key, len(self.wants[key] or b""), self.now_s)))

    def _asked(self, keys: Iterable[str]) -> Iterator[str]:
        for key in keys:
            body = self.wants.get(key)
            if body is None:
                yield key
            else:
                self.inner.take(key, body)

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in one object that was asked for."""
        self.inner.take(key, body)

    def result(self) -> Build:
        """Return the index that is to be, with the fingerprint of what is there now."""
        return replace(self.inner.result(), fingerprint=self.listing.digest())
