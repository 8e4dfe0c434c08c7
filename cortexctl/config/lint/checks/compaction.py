"""Settings of compactors that do not do what they seem to."""

from collections.abc import Iterator

from cortexctl.config.lint.view import LintView
from cortexctl.findings import Problem, Severity, check

_STRATEGY = "compactor.compaction_strategy"
_SHARDING = "compactor.sharding_strategy"
_ENABLED = "compactor.sharding_enabled"
_CONCURRENCY = "compactor.compaction_concurrency"


@check("CFG40", "partitioning-without-effect", Severity.WARNING)
def partitioning_without_effect(view: LintView) -> Iterator[Problem]:
    """The compaction strategy is `partitioning`, and the sharding strategy is not `shuffle-sharding`.

    Compactors compact by the default strategy: jobs that partitioning was to cut into parts are made whole, with the
    disk that they need.

    Set the sharding strategy, and the size of a tenant's shard.
    Source: Cortex, pkg/compactor/compactor.go, NewCompactor.
    """
    is_partitioning = view.text(_STRATEGY) == "partitioning" and view.flag(_ENABLED)
    if view.runs("compactor") and is_partitioning and view.text(_SHARDING) != "shuffle-sharding":
        yield Problem(
            _STRATEGY,
            "has no effect without shuffle-sharding",
            view.evidence(_STRATEGY, _SHARDING),
            view.repair(_SHARDING, "shuffle-sharding"),
        )


@check("CFG41", "concurrency-without-effect", Severity.INFO)
def concurrency_without_effect(view: LintView) -> Iterator[Problem]:
    """Compactors are to run several jobs at once, and the default strategy has one at a time of each tenant.

    Tenants are compacted one after another, so there is hardly ever a second job.

    Use shuffle-sharding, with which several jobs of a tenant run at once, on one compactor and on several.
    Source: Thanos, pkg/compact/planner.go; Cortex, pkg/compactor/compactor.go, compactUser.
    """
    is_default = not view.flag(_ENABLED) or view.text(_SHARDING) == "default"
    if view.runs("compactor") and is_default and view.number(_CONCURRENCY) > 1:
        yield Problem(
            _CONCURRENCY,
            f"is {view.shown(_CONCURRENCY)}, and there is one job at a time",
            view.evidence(_CONCURRENCY, _SHARDING),
            view.repair(_CONCURRENCY, "1"),
        )


CHECKS = (partitioning_without_effect, concurrency_without_effect)
