"""Tenants as compactors plan for them, read one after the other in one stream."""

from collections.abc import Iterator, Sequence

from cortexctl.audit.bucket.load import survey_all
from cortexctl.audit.bucket.tenants import marked_for_deletion
from cortexctl.audit.plan.settings import Parameters
from cortexctl.blocks.planning import PlannedTenant, PlanSurvey
from cortexctl.errors import SourceError
from cortexctl.storage.bucket import Bucket


def planned_tenants(
    bucket: Bucket, tenants: Sequence[str], now_s: float, parameters: Parameters
) -> Iterator[tuple[str, PlannedTenant | SourceError]]:
    """Yield each tenant with what there is to compact of it: one listing each, and the meta.json of live blocks."""
    marked = marked_for_deletion(bucket, tenants[0] if len(tenants) == 1 else "")

    def surveys() -> Iterator[PlanSurvey]:
        for tenant in tenants:
            survey = PlanSurvey(tenant, parameters.settings(tenant), now_s)
            if tenant in marked:
                survey.stop("it is marked for deletion", for_good=True)
            survey.stop(parameters.why_stopped(tenant), for_good=True)
            yield survey

    return survey_all(bucket, tenants, surveys())
