"""A meta.json that is written anew: what changes in it, what does not, and which are left to a person."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenSurvey, ChosenView
from cortexctl.blocks.decisions import Decision, Verdict
from cortexctl.blocks.rewriting import own_labels, own_sources, own_ulid
from cortexctl.blocks.view import Delays
from tests.builders import ABSENT, NOW_S, TENANT, A, B, Body, a_block, a_meta, a_visit_marker, survey

META = layout.meta(TENANT, A)
Rewrite = Callable[[ChosenView, str], Decision]


def decided(rewrite: Rewrite, objects: dict[str, Body]) -> Decision:
    return rewrite(survey(objects, {}, ChosenSurvey(TENANT, NOW_S, Delays(), lambda _: True)), A)


@pytest.mark.parametrize(
    ("rewrite", "wrong", "right"),
    [
        (own_sources, {"compaction": {"sources": []}}, {"compaction": {"sources": [A]}}),
        (own_sources, {"compaction": ABSENT}, {"compaction": {"sources": [A], "level": ABSENT}}),
        (own_ulid, {"ulid": B}, {"ulid": A}),
        (own_labels, {"thanos": {"labels": {"__org_id__": "team-z", "replica": "a"}}}, {}),
        (own_labels, {"thanos": {"labels": {"__org_id__": ABSENT}}}, {}),
    ],
)
def test_only_what_is_wrong_changes(rewrite: Rewrite, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    before = a_block(A, **wrong, unknown={"<&>": [1.5, 2**60]})
    decision = decided(rewrite, before)
    ((operation,), expected) = decision.operations, a_block(A, **right, unknown={"<&>": [1.5, 2**60]})[META]
    assert isinstance(expected, bytes)
    assert isinstance(operation.wants, bytes)
    assert operation.key == META
    assert json.loads(operation.wants) == json.loads(expected)
    assert b"<" not in operation.wants
    assert operation.wants.startswith(b"{\n\t")
    assert operation.wants.endswith(b"}\n")
    again = decided(rewrite, before | {META: operation.wants})
    assert again.verdict is Verdict.UNCHANGED


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (a_block(A, ulid=B) | a_block(B), f"{B} is there too"),
        (a_block(A, ulid=B) | {f"{TENANT}/{A}/index": b"other"}, "may be of other data: index has 5 bytes"),
        (a_block(A, ulid=B, thanos={"files": ABSENT}), "lists no sizes"),
        ({**a_block(A), META: b"{"}, "cannot be read by now"),
    ],
)
def test_what_may_be_of_other_data_is_left(objects: dict[str, Body], said: str) -> None:
    decision = decided(own_ulid, objects)
    assert decision.verdict is Verdict.REFUSED
    assert said in decision.reason


def test_a_text_that_is_no_unicode_is_left() -> None:
    text = json.dumps(json.loads(a_meta(A, compaction={"sources": []})) | {"x": "\ud800"})
    decision = decided(own_sources, a_block(A) | {META: text.encode()})
    assert decision.verdict is Verdict.REFUSED
    assert decision.reason.startswith("its meta.json is not plain enough to be rewritten: ")


def test_what_is_null_is_as_if_it_were_not_there() -> None:
    text = json.dumps(json.loads(a_meta(A)) | {"thanos": None, "compaction": None})
    labels, sources = (decided(each, a_block(A) | {META: text.encode()}) for each in (own_labels, own_sources))
    assert json.loads(labels.operations[0].wants or b"")["thanos"] == {"labels": {"__org_id__": TENANT}}
    assert json.loads(sources.operations[0].wants or b"")["compaction"] == {"sources": [A]}


@pytest.mark.parametrize("rewrite", [own_sources, own_ulid, own_labels])
def test_a_compactor_at_work_keeps_its_block(rewrite: Rewrite) -> None:
    decision = decided(rewrite, {**a_block(A, ulid=B), layout.visit_mark(TENANT, A): a_visit_marker()})
    assert decision.verdict is Verdict.LOCKED
