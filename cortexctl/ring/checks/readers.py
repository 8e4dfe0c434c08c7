"""Checks of those who read a ring: whether they know all that is in it."""

import re
from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checks.paste import show
from cortexctl.ring.components import INGESTER, Operation
from cortexctl.ring.model import NO_STORAGE_TIME, NUMBERED_STATES, InstanceState
from cortexctl.ring.quorum import read_quorum, write_quorum
from cortexctl.ring.survey import Need, RingSurvey

_OLD_READ = Operation("Read before 1.19", 0x14000F)
_OLD_WRITE = Operation("Write before 1.19", 0x1E0001)
_KNOWS_READONLY, _SHARDS_READONLY = (1, 19), (1, 20)
_SHUFFLES = "shuffle-sharding"
_OLD = (NO_STORAGE_TIME, NUMBERED_STATES)


@check("RNG34", "readonly-unknown", Severity.HIGH, (Need.READERS,))
def readonly_unknown(survey: RingSurvey) -> Iterator[Problem]:
    """An instance is READONLY, and a reader is too old to know that state.

    Before 1.19 such a reader takes it for failed: queries lose a replica, and writes look for no other in its place.
    Before 1.20 one with shuffle sharding takes it out of the shards that hold its data.

    Critical where the quorum of that reader's queries or writes is broken.

    Upgrade every reader first, or set the instance ACTIVE.
    Source: Cortex, pkg/ring/ring.go, NewOp.
    """
    names = [each.id for each in survey.primary.members if each.state is InstanceState.READONLY]
    old = _old_readers(survey) if names else {}
    if old:
        least, said = min(old.values()), ", ".join(f"{place} {why}" for place, (_, why) in old.items())
        yield Problem(
            survey.component.name,
            f"{len(names)} READONLY, which {len(old)} of its readers do not know: {said}",
            {"instances": names, "readers": {place: why for place, (_, why) in old.items()}},
            show(survey),
            Severity.CRITICAL if least[0] < _KNOWS_READONLY and _breaks(survey) else None,
        )


def _old_readers(survey: RingSurvey) -> dict[str, tuple[tuple[int, int], str]]:
    """Return the readers that are too old, each with its version, as far as it is known, and how it is known."""
    shuffles = any(each.sharding_strategy == _SHUFFLES and each.tenant_shard_size > 0 for each in survey.configs)
    found: dict[str, tuple[tuple[int, int], str]] = {}
    for place, view in survey.views.items():
        version = _version(survey.reader_versions.get(place, ""))
        signs = [each for each in view.stored.oddities if each in _OLD]
        if version and version < (_SHARDS_READONLY if shuffles else _KNOWS_READONLY):
            found[place] = (version, f"is {survey.reader_versions[place]}")
        elif signs and not version:
            found[place] = ((1, 18), f"shows {signs[0]}")
    return found


def _version(text: str) -> tuple[int, int] | None:
    match = re.match(r"v?(\d{1,4})\.(\d{1,4})", text)
    return (int(match[1]), int(match[2])) if match else None


def _breaks(survey: RingSurvey) -> bool:
    checked = survey.primary
    if survey.component is not INGESTER or not checked.stored.lists_tokens or not checked.view.arcs.tokens:
        return False
    return read_quorum(checked.view, _OLD_READ).error is not None or write_quorum(checked.view, _OLD_WRITE).margin < 0


CHECKS = (readonly_unknown,)
