"""Who owns a key: the replica set that Cortex computes for each operation, and why each candidate is in it or not.

What an operator types becomes a key in `ring_keys`; what Cortex asks for it is in `ring_asking`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cortexctl.audit.ring.asking import Answer, Asked, Question, Sharding, answer, counts_zones, questions
from cortexctl.audit.ring.keys import OwnedKey
from cortexctl.errors import UsageError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import RULER, Operation
from cortexctl.ring.model import Instance
from cortexctl.ring.view import Verdict, View
from cortexctl.units import format_duration

OUTSIDE_SHARD = "outside shard"
"""The verdict on an instance that would be a replica, were it not for shuffle sharding."""
ZONE_FAILED = "zone failed"
"""The verdict on a healthy instance that is not asked because of an unhealthy one in its zone."""

_ANSWERED = ("push", "query", "send", "report")
"""The purposes for which the instances of a set are called, so that some may fail."""
_NAMED = 12
"""How many instances of a set the note names."""

COLUMNS = (
    Column("key", Kind.ID),
    Column("key_token", Kind.NUMBER, wide=True),
    Column("operation"),
    Column("purpose", heading="FOR"),
    Column("order", Kind.NUMBER),
    Column("instance", Kind.ID),
    Column("zone"),
    Column("token", Kind.NUMBER),
    Column("verdict"),
    Column("heartbeat_age_s", Kind.DURATION_S, "HEARTBEAT"),
    Column("why"),
    Column("state", wide=True),
    Column("addr", Kind.ID, "ADDRESS", wide=True),
)


def explain_owners(
    checked: CheckedRing,
    keys: Sequence[OwnedKey],
    *,
    tenant: str | None = None,
    shard_size: float = 0,
    lookback_s: float = 0,
    operations: Sequence[Operation] | None = None,
    zone_stable: bool = True,
) -> Table:
    """Return a row for each instance that the search for each key came to, in its order; the sets are in `summary`.

    `tenant` is whose shuffle shard it is, where the key does not say. `shard_size` is Cortex's limit: below 1 a share
    of the instances, 0 for no shuffle sharding. `lookback_s` is for queries to ingesters, `zone_stable` for
    store-gateways. `operations` are those of the component that come by themselves.

    Raises UsageError for what Cortex does not do, and where the source lists no tokens.
    """
    component = checked.component
    if not keys:
        raise UsageError("no key is given")
    if not checked.stored.lists_tokens:
        raise UsageError(
            f"the {component.name} ring was read from a page without tokens, and without them nobody's keys are "
            "known: give the page as JSON or with ?tokens=true, or the KV store"
        )
    sharding = Sharding(checked, shard_size, lookback_s, zone_stable)
    asked = [each for key in keys for each in questions(key, key.tenant or tenant, sharding, operations)]
    answered = [(each, answer(each)) for each in asked]
    rows = [row for each, found in answered for row in _rows(checked, each, found)]
    settings = checked.view.settings
    summary = {
        "ring": component.name,
        "instances": len(checked.members),
        "replication_factor": settings.replication_factor,
        "zone_awareness": settings.zone_awareness,
        "strategy": str(settings.strategy),
        "heartbeat_timeout_s": settings.heartbeat_timeout_s,
        "excluded_zones": sorted(settings.excluded_zones),
        "sets": [_set(each, found) for each, found in answered],
    }
    return Table(COLUMNS, rows, summary, note="\n".join(_note(checked, answered)))


def _rows(checked: CheckedRing, question: Question, found: Answer) -> Iterator[Row]:
    is_by_key = question.asked is Asked.OWNERS
    steps = _candidates(question, checked.view) if is_by_key else _everyone(question, found)
    for instance, step in steps:
        yield {
            "key": question.key.text,
            "kind": str(question.key.kind),
            "key_token": question.token,
            "operation": question.operation.name,
            "purpose": question.purpose,
            "order": None,
            "instance": instance.id,
            "zone": instance.zone,
            "token": None,
            **step,
            "state": instance.state_name,
            "addr": instance.addr or None,
            "heartbeat_age_s": checked.age_s(instance) if instance.id in question.view.instances else None,
        }


_Step = tuple[Instance, Mapping[str, Any]]


def _candidates(question: Question, whole: View) -> Iterator[_Step]:
    """Yield whom the search came to, and after them whom it would have chosen without shuffle sharding."""
    view, token = question.view, question.token or 0
    for order, each in enumerate(view.explain(token, question.operation), 1):
        instance = view.instances.get(each.id, Instance(each.id, zone=each.zone))
        yield (
            instance,
            {
                "order": order,
                "token": each.token,
                "verdict": str(each.verdict),
                "extends": each.extends,
                "why": each.why,
            },
        )
    if view is whole:
        return
    for each in whole.explain(token, question.operation):
        if each.id not in view.instances and each.verdict is Verdict.REPLICA:
            why = f"{each.why}, and not in the shard of {question.tenant}"
            yield whole.instances[each.id], {"token": each.token, "verdict": OUTSIDE_SHARD, "why": why}


def _everyone(question: Question, found: Answer) -> Iterator[_Step]:
    """Yield every instance that is asked, or would be, were it healthy."""
    view, operation = question.view, question.operation
    for each in view.instances.values():
        verdict, why = Verdict.REPLICA.value, f"is {each.state_name} and healthy"
        if not operation.takes(each.state):
            verdict, why = Verdict.STATE.value, f"is {each.state_name}, which {operation.name} does not take"
        elif not view.is_alive(each):
            age = format_duration(view.judged_at_s - each.timestamp_s)
            limit = format_duration(view.settings.heartbeat_timeout_s)
            verdict, why = Verdict.STALE.value, f"its last heartbeat is {age} old, more than {limit}"
        elif each.zone in found.failed_zones:
            verdict, why = ZONE_FAILED, f"is healthy, and somebody else in zone {each.zone or '(none)'} is not"
        yield each, {"verdict": verdict, "why": why}


def _set(question: Question, found: Answer) -> dict[str, Any]:
    """Return one final set as machine formats have it."""
    return {
        "key": question.key.text,
        "kind": str(question.key.kind),
        "key_token": question.token,
        "operation": question.operation.name,
        "purpose": question.purpose,
        "asked": str(question.asked),
        "tenant": question.tenant or question.key.tenant,
        "shard": None if question.tenant is None else list(question.view.instances),
        "instances": list(found.instances),
        "may_fail": None if found.error else found.may_fail,
        "may_fail_counts": "zones" if counts_zones(question) else "instances",
        "failed_zones": list(found.failed_zones),
        "error": found.error,
    }


def _note(checked: CheckedRing, answered: Sequence[tuple[Question, Answer]]) -> Iterator[str]:
    for question, found in answered:
        token = "" if question.token is None else f" (key {question.token})"
        head = f"{question.operation.name} {question.key.text}{token}, to {question.purpose.replace(', ', ' and ')}"
        yield f"{head}: {found.error or _in_words(question, found)}"
    shards = {(each.tenant, tuple(each.view.instances)) for each, _ in answered if each.tenant is not None}
    for tenant, ids in sorted(shards):
        yield f"shard of {tenant}: {len(ids)} of {len(checked.members)} instances: {_names(ids)}"
    settings = checked.view.settings
    zones = f"; without {', '.join(sorted(settings.excluded_zones))}" if settings.excluded_zones else ""
    yield (
        f"replication factor {settings.replication_factor}, zone awareness "
        f"{'on' if settings.zone_awareness else 'off'}, strategy {settings.strategy}{zones}"
    )
    hidden = [each.id for each in checked.members if each.hidden_state]
    if hidden:
        yield f"the page hides the state of the unhealthy, here taken for ACTIVE: {_names(hidden)}"


def _in_words(question: Question, found: Answer) -> str:
    if question.asked is Asked.OWNERS:
        names = ", ".join(found.instances)
        if question.operation is RULER and len(found.instances) > 1:
            return f"{names}; the first of them does it"
        is_answered = question.purpose in _ANSWERED
        return f"{names}; {_losses(found.may_fail, 'of them')}" if is_answered else names
    what = "the ring" if question.tenant is None else "the shard"
    if question.asked is Asked.HEALTHY:
        return f"every healthy instance of {what}: {_names(found.instances)}"
    zones = f", none of zone {', '.join(found.failed_zones)}" if found.failed_zones else ""
    unit = "of the zones" if counts_zones(question) else "of them"
    return f"all of {what}{zones}: {_names(found.instances)}; {_losses(found.may_fail, unit)}"


def _losses(may_fail: int, unit: str) -> str:
    return f"{may_fail or 'none'} {unit} may fail"


def _names(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return (", ".join(ids[:_NAMED]) + more) or "none"
