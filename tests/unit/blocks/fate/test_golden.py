"""The tenant that a real Cortex left: everything in it is as it is meant to be, and its marks tell when what goes."""

import json
from pathlib import Path

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.fate.answer import answer
from cortexctl.blocks.fate.compactor import Planning
from cortexctl.blocks.fate.model import Component, Grade
from cortexctl.blocks.fate.rules import Rules
from cortexctl.blocks.fate.seen import see
from cortexctl.blocks.fate.survey import FateSurvey
from cortexctl.blocks.planning import PlannedTenant, PlanSurvey
from cortexctl.blocks.view import TenantView
from cortexctl.compaction.model import Settings
from cortexctl.sample import TAKEN_AT_S, TENANT, unpack
from tests.builders import Body, survey

HOUR = 3600


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tenant's objects."""
    directory = tmp_path_factory.mktemp("golden")
    unpack(directory)
    return {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}


def read(objects: dict[str, Path]) -> tuple[TenantView, PlannedTenant]:
    bodies: dict[str, Body] = {key: path.read_bytes() for key, path in objects.items()}
    mtimes = {key: path.stat().st_mtime for key, path in objects.items()}
    check, plan = CheckSurvey(TENANT, TAKEN_AT_S), PlanSurvey(TENANT, Settings(), TAKEN_AT_S)
    return survey(bodies, mtimes, FateSurvey("", check, plan))


def test_every_block_of_a_healthy_tenant(objects: dict[str, Path]) -> None:
    view, planned = read(objects)
    assert len(view.blocks) == 114
    marked = 0
    for block_id in view.blocks:
        seen = see(view, block_id, Rules())
        found = answer(seen, Planning(planned, Settings()))
        assert found.grade is Grade.WELL, found.verdict
        mark = objects.get(layout.local_deletion_mark(TENANT, block_id))
        deleted = [each for each in found.events if each.component is Component.CLEANER]
        if mark is None:
            assert deleted == []
            continue
        marked += 1
        marked_at_s = json.loads(mark.read_bytes())["deletion_time"]
        assert [each.at_s for each in deleted] == [marked_at_s + 12 * HOUR]
        dropped = [each.at_s for each in found.events if each.component is Component.STORE_GATEWAY]
        assert dropped == [marked_at_s + 6 * HOUR]
        assert seen.holders, "a compactor marks what another block has"
    assert marked == 104
