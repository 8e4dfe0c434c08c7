"""Whatever a bucket's metas, marks and groups hold, a tenant is planned for: nothing raises, and nothing hangs."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.blocks import layout
from cortexctl.blocks.planning import PlanSurvey
from cortexctl.compaction.backlog import Outcome, left_over
from cortexctl.compaction.disk import tenant_disk
from cortexctl.compaction.model import Settings, Strategy
from cortexctl.compaction.simulate import jobs_now, until_done
from tests.builders import NOW_S, TENANT, A, B, Body, C, a_block, a_meta, survey
from tests.property.bodies import damaged, json_values, replaced

EXTENSIONS = {
    "partition_info": {"partitioned_group_id": 7, "partition_count": 2, "partition_id": 1},
    "time_range": 7_200_000,
}
META = a_meta(B, compaction={"level": 2}, thanos={"extensions": EXTENSIONS})
GROUP = json.dumps(
    {
        "partitionedGroupID": 7,
        "partitionCount": 1,
        "partitions": [{"partitionID": 0, "blocks": [A, C]}],
        "rangeStart": 0,
        "rangeEnd": 86_400_000,
        "creationTime": NOW_S - 60,
        "version": 1,
    }
).encode()
MARK = json.dumps(
    {"compactorID": "c", "status": "pending", "partitionID": 0, "visitTime": NOW_S, "version": 1}
).encode()
KEYS = {
    layout.meta(TENANT, B): META,
    f"{TENANT}/{A}/visit-mark.json": MARK,
    f"{TENANT}/{A}/no-compact-mark.json": b'{"version": 1, "reason": "manual"}',
    f"{TENANT}/partitioned-groups/7.json": GROUP,
    f"{TENANT}/partitioned-groups/visit-marks/7/partition-0-visit-mark.json": MARK,
}


@st.composite
def buckets(draw: st.DrawFn) -> dict[str, Body]:
    """Return a tenant of three blocks, of whose small objects some are not what they should be."""
    objects: dict[str, Body] = a_block(A) | a_block(B) | a_block(C)
    for key, body in KEYS.items():
        objects[key] = draw(
            st.just(body)
            | damaged(body)
            | replaced(json.loads(body))
            | json_values().map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
        )
    return objects


@given(buckets(), st.sampled_from(list(Strategy)), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_bucket_is_planned_for(objects: dict[str, Body], strategy: Strategy, is_limited: bool) -> None:
    told = Settings(strategy, consistency_delay_s=60, partition_series=1 if is_limited else 0)
    planned = survey(objects, {}, PlanSurvey(TENANT, told, NOW_S))
    outcome, taken = Outcome({each.id: each for each in planned.blocks}), set[str]()
    jobs_now(TENANT, planned.blocks, told, NOW_S, planned.groups)
    for number, step in enumerate(until_done(TENANT, planned.blocks, told, NOW_S, planned.groups)):
        outcome.take(step)
        taken.update(each.id for each in step.job.blocks)
        if number > 100:
            return  # a meta that lies asks for thousands of partitions
    left = {each.block.id for each in left_over(outcome.blocks, taken, told, NOW_S)}
    if strategy is not Strategy.PARTITIONING:
        assert left | taken | planned.passed_over.keys() >= {A, B, C}
        tenant_disk(TENANT, planned.blocks, told, NOW_S, horizon_s=86400)
