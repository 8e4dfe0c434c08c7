"""Surveying many tenants in one stream: their listings run ahead, and their reads share what is in flight."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.survey import Survey
from cortexctl.errors import DataError, NotFoundError, SourceError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Milestones, Stored
from cortexctl.storage.requests import Totals

Surveyed = TypeVar("Surveyed")

_INDEXES_AT_ONCE = 4
_MOST_MILESTONES = 1000


@dataclass(slots=True)
class _Running(Generic[Surveyed]):
    survey: Survey[Surveyed]
    listed: int = 0
    asked: int = 0
    taken: int = 0
    is_listed: bool = False
    fault: SourceError | None = None

    def is_complete(self) -> bool:
        return self.is_listed and self.taken == self.asked

    def take(self, key: str, outcome: Stored | SourceError) -> None:
        self.taken += 1
        if self.fault is None:
            try:
                self.survey.take(key, outcome.body if isinstance(outcome, Stored) else outcome)
            except SourceError as error:
                self.fault = error

    def finish(self, totals: Totals) -> tuple[str, Surveyed | SourceError]:
        totals.scopes_done += 1
        return self.survey.tenant, self._result()

    def _result(self) -> Surveyed | SourceError:
        if self.fault is not None:
            return self.fault
        if not self.listed:
            return NotFoundError(f"{self.survey.tenant}: no such tenant: nothing is under {self.survey.tenant}/")
        try:
            return self.survey.result()
        except SourceError as error:
            return error


def survey_all(
    bucket: Bucket, tenants: Sequence[str], surveys: Iterable[Survey[Surveyed]]
) -> Iterator[tuple[str, Surveyed | SourceError]]:
    """Yield each tenant with its survey's result, in order; a tenant that cannot be surveyed is an error value.

    One of which nothing is there is a NotFoundError: its name is mistyped, or it was deleted.

    `surveys` is taken lazily, one a tenant, as listings begin. All reads go through one bulk call, so that small
    tenants fill the gaps that large ones leave.
    """
    running: deque[_Running[Surveyed]] = deque()
    totals = bucket.totals

    def wanted() -> Iterator[str]:
        listings = bucket.scan_many(layout.tenant_prefix(tenant) for tenant in tenants)
        for survey, (_, objects) in zip(surveys, listings, strict=True):
            each = _Running(survey)
            running.append(each)
            try:
                for found in objects:
                    each.listed += 1
                    totals.reached = found.key
                    for key in survey.see(found):
                        each.asked += 1
                        yield key
                for key in survey.end():
                    each.asked += 1
                    yield key
            except SourceError as error:
                each.fault = error
            each.is_listed = True

    for key, outcome in bucket.read_many(wanted()):
        while running[0].is_complete():
            yield running.popleft().finish(bucket.totals)
        running[0].take(key, outcome)
    while running:
        yield running.popleft().finish(bucket.totals)


def with_index(
    bucket: Bucket, tenants: Sequence[str], make: Callable[[str, Stored | SourceError | None], Survey[Surveyed]]
) -> Iterator[Survey[Surveyed]]:
    """Yield a survey for each tenant, made from the bucket index that was read before its listing."""

    def read(tenant: str) -> Stored | SourceError | None:
        try:
            return bucket.read_or_none(layout.bucket_index(tenant))
        except SourceError as error:
            return error

    for tenant, index in bucket.each(read, tenants, _INDEXES_AT_ONCE):
        if len(tenants) == 1 and isinstance(index, Stored):
            expect(bucket, tenant, index)
        yield make(tenant, index)


def expect(bucket: Bucket, tenant: str, index: Stored) -> None:
    """Have the progress of a tenant's listing measured by its bucket index, if anybody watches."""
    if not bucket.totals.is_watched:
        return
    with suppress(DataError):
        ids = sorted(each.block_id for each in bucket_index.decode(index.body).index.blocks)
        some = ids[:: len(ids) // _MOST_MILESTONES + 1]
        bucket.totals.milestones = Milestones(len(ids), [layout.block(tenant, each) for each in some])
