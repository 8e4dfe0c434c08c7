"""Reads a tenant once in two ways: as checks see it, and as compactors plan for it."""

from collections.abc import Iterator

from cortexctl.blocks import layout
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.planning import PlannedTenant, PlanSurvey
from cortexctl.blocks.survey import StoredObject
from cortexctl.blocks.view import TenantView
from cortexctl.errors import SourceError


class FateSurvey:
    """The survey of `bucket why`; both copies of the block's marks are read, and the visit marks of all partitions."""

    def __init__(self, block_id: str, check: CheckSurvey, plan: PlanSurvey) -> None:
        self.tenant = check.tenant
        self._block_id = block_id
        self._check, self._plan = check, plan
        self._checked: set[str] = set()
        self._planned: set[str] = set()

    def see(self, found: StoredObject) -> Iterator[str]:
        """Take in one object of the listing; ask for it where either wants it."""
        _, rest = layout.split(found.key)
        is_checked = any([*self._check.see(found)]) or self._is_asked_for_besides(rest)
        is_planned = any([*self._plan.see(found)])
        if is_checked:
            self._checked.add(found.key)
        if is_planned:
            self._planned.add(found.key)
        if is_checked or is_planned:
            yield found.key

    def _is_asked_for_besides(self, rest: str) -> bool:
        copy = layout.globally_marked(rest)
        return layout.visited_partition(rest) is not None or (copy is not None and copy[0] == self._block_id)

    def end(self) -> Iterator[str]:
        """Ask for nothing more."""
        return iter(())

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in one object that was asked for."""
        if key in self._checked:
            self._check.take(key, body)
        if key in self._planned:
            self._plan.take(key, body)

    def result(self) -> tuple[TenantView, PlannedTenant]:
        """Return the tenant, as either has it."""
        return self._check.result(), self._plan.result()
