"""Checks of the tokens that instances hold."""

import math
from collections import Counter
from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.paste import show
from cortexctl.ring.components import REPORTING
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.survey import Need

_EXAMPLES = 5
_MANY = 10
_WITH_TOKENS = (InstanceState.ACTIVE, InstanceState.READONLY, InstanceState.JOINING)
_LEAST_EXCESS = 0.25
_DEVIATIONS = 4
_COPIED = 0.1
_FEWEST_COPIED = 2


@check("RNG01", "token-shared", Severity.WARNING, (Need.TOKENS,))
def token_shared(checked: CheckedRing) -> Iterator[Problem]:
    """A token is held by two instances or more.

    Readers give its keys to the instance with the greatest id, while memberlist and DynamoDB resolve conflicts to the
    smallest: the keys change hands when they do. Across zones, shards fall into the wrong zone.

    Critical where a tenth or more of an instance's tokens is another's, as with a copied token file: one of the two
    owns next to nothing, and stands for a replica that it cannot be. High across zones where replicas are spread over
    them. Else a warning: joiners draw at random, and in a ring of half a million tokens thirty such pairs are usual. So
    many are told together.

    In Consul and etcd remove the token from one of them; `renewTokens` fills an ingester up again, others on restart.
    Source: Cortex, pkg/ring/model.go, getTokensInfo.
    """
    holders: dict[tuple[int, str], list[int]] = {}
    for token, number in checked.view.doubles:
        owner = checked.view.owner(token)
        if checked.view.members[number].id != owner.id:
            holders.setdefault((number, owner.id), []).append(token)
    by_severity: dict[Severity | None, list[Problem]] = {}
    for (number, owner_id), shared in holders.items():
        holder, owner = checked.view.members[number], checked.view.instances[owner_id]
        severity = _graded(checked, holder, owner, len(shared))
        by_severity.setdefault(severity, []).append(
            Problem(
                holder.id,
                f"shares {_count(shared)} with {owner_id}, to which readers give the keys",
                {"owner": owner_id, "tokens": len(shared), "first_tokens": shared[:_EXAMPLES]},
                show(checked),
                severity,
            )
        )
    for severity, problems in by_severity.items():
        if severity is Severity.CRITICAL or len(problems) <= _MANY:
            yield from problems
        else:
            yield _together(checked, problems, severity)


def _together(checked: CheckedRing, pairs: list[Problem], severity: Severity | None) -> Problem:
    count = sum(each.evidence["tokens"] for each in pairs)
    return Problem(
        checked.component.name,
        f"{count} tokens are shared, by {len(pairs)} pairs of instances",
        {
            "tokens": count,
            "pairs": len(pairs),
            "first_pairs": [[p.subject, p.evidence["owner"]] for p in pairs[:_EXAMPLES]],
        },
        show(checked),
        severity,
    )


def _graded(checked: CheckedRing, holder: Instance, owner: Instance, shared: int) -> Severity | None:
    if checked.component.operations[0] is REPORTING:
        return None  # nothing is looked up by key
    if shared >= _FEWEST_COPIED and shared >= _COPIED * min(len(holder.tokens), len(owner.tokens)):
        return Severity.CRITICAL
    return Severity.HIGH if checked.settings.zone_awareness and holder.zone != owner.zone else None


@check("RNG02", "token-twice", Severity.WARNING, (Need.TOKENS,))
def token_twice(checked: CheckedRing) -> Iterator[Problem]:
    """An instance holds a token twice.

    Cortex counts a whole circle for it, so the page and metrics overstate what the instance owns. No version of
    Cortex writes this: something else did.

    Rewrite the entry with the token once.
    Source: Cortex, pkg/ring/ring.go, countTokens.
    """
    for each in checked.members:
        doubled = sorted({token for token, after in zip(each.tokens, each.tokens[1:], strict=False) if token == after})
        if doubled:
            yield Problem(
                each.id,
                f"holds {_count(doubled)} more than once",
                {"tokens": len(doubled), "first_tokens": doubled[:_EXAMPLES]},
                show(checked),
            )


@check("RNG03", "tokens-unsorted", Severity.WARNING, (Need.VALUE,))
def tokens_unsorted(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's tokens are not in ascending order.

    Cortex has sorted them since 1.7, so something else writes to this ring, or a version older than that. Readers
    sort them anew with each change, and show them sorted.

    Rewrite the entry with its tokens sorted, and find the writer.
    Source: Cortex, pkg/ring/model.go, GetTokens.
    """
    for each in checked.members:
        if not each.was_sorted:
            yield Problem(each.id, "its tokens are not ascending", {"tokens": each.token_count}, show(checked))


@check("RNG04", "no-tokens", Severity.HIGH)
def no_tokens(checked: CheckedRing) -> Iterator[Problem]:
    """An instance that is ACTIVE, READONLY or JOINING has no tokens.

    It owns no keys, yet counts for quorums and shard sizes, and its zone counts too. An ingester or compactor that
    finds itself so at its next start stays so.

    An ingester fills up on `/ingester/renewTokens`, a store-gateway, ruler or alertmanager on restart; stop, forget
    and start any other.
    Source: Cortex, pkg/ring/lifecycler.go, initRing.
    """
    for each in checked.members:
        if each.state in _WITH_TOKENS and not each.hidden_state and not each.token_count:
            yield Problem(each.id, f"is {each.state.name} without tokens", {"state": each.state.name}, show(checked))


@check("RNG05", "token-count", Severity.WARNING)
def token_count(checked: CheckedRing) -> Iterator[Problem]:
    """An instance has more or fewer tokens than the others, or than configured.

    Its load differs in the same measure. It lost tokens in a conflict, or was registered under another setting: a
    changed `num_tokens` never reaches entries that are there.

    An ingester comes to its number by `/ingester/renewTokens`; others by stop, forget, delete the token file, start.
    Source: Cortex, pkg/ring/lifecycler.go, initRing.
    """
    usual = checked.usual_tokens
    for each in checked.members:
        if usual is not None and each.token_count not in (0, usual):
            yield Problem(
                each.id,
                f"has {each.token_count} tokens, not {usual}",
                {"tokens": each.token_count, "expected_tokens": usual},
                show(checked),
            )


@check("RNG24", "share-off", Severity.WARNING, (Need.TOKENS,))
def share_off(checked: CheckedRing) -> Iterator[Problem]:
    """An instance owns much more or much less of the keys than its part.

    It has that much more or less load than the others. Random tokens vary by about one part in the square root of
    their number; this is beyond four times that, and a quarter.

    Where a tenth of its tokens or more are another's too, that is why, and only RNG01 says it. Its part is that of the
    instances of the ring, with zone awareness of its zone; Cortex's page takes owners from elsewhere for some of them.

    Renew an ingester's tokens; more tokens an instance make shares more even.
    Source: Cortex, pkg/ring/http.go, ServeHTTP.
    """
    if checked.component.operations[0] is REPORTING:
        return  # nothing is looked up by key
    by_zone = checked.settings.zone_awareness
    sizes = Counter(each.zone if by_zone else "" for each in checked.members)
    shared = _shared(checked)
    for each in checked.members:
        share = checked.shares[each.id].share
        part = 1 / sizes[each.zone if by_zone else ""]
        limit = max(_LEAST_EXCESS, _DEVIATIONS / math.sqrt(max(1, len(each.tokens))))
        is_explained = shared[each.id] >= _COPIED * len(each.tokens) and shared[each.id] >= _FEWEST_COPIED
        if each.tokens and abs(share / part - 1) > limit and not is_explained:
            yield Problem(
                each.id,
                f"owns {100 * share:.1f}% of the keys, where {100 * part:.1f}% is its part",
                {"share": share, "expected_share": part},
                show(checked),
            )


def _shared(checked: CheckedRing) -> Counter[str]:
    """Return how many tokens each instance has in common with another, whichever of them is the owner."""
    found: Counter[str] = Counter()
    for token, number in checked.view.doubles:
        holder, owner = checked.view.members[number].id, checked.view.owner(token).id
        if holder != owner:
            found.update((holder, owner))
    return found


def _count(tokens: list[int]) -> str:
    return f"token {tokens[0]}" if len(tokens) == 1 else f"{len(tokens)} tokens"


CHECKS = (token_shared, token_twice, tokens_unsorted, no_tokens, token_count, share_off)
