"""The catalogue of checks of a configuration, a file a family.

`CHECKS` is all of them, in the order of their codes: those of one configuration, and those of several processes' next
to each other.
"""

from collections.abc import Sequence
from typing import Any

from cortexctl.config.lint.checks import (
    agreement,
    blocks,
    compaction,
    delays,
    keys,
    queries,
    refusals,
    rings,
    sharding,
)
from cortexctl.config.lint.view import LintView
from cortexctl.findings import Check

OF_ONE: tuple[Check[LintView], ...] = (
    *keys.CHECKS,
    *refusals.CHECKS,
    *rings.CHECKS,
    *sharding.CHECKS,
    *blocks.CHECKS,
    *delays.CHECKS,
    *queries.CHECKS,
    *compaction.CHECKS,
)
OF_SEVERAL: tuple[Check[Sequence[LintView]], ...] = agreement.CHECKS
CHECKS: tuple[Check[Any], ...] = (*OF_ONE, *OF_SEVERAL)
