"""Checks of a ring against what is beside it: processes, token files, the orchestrator, and other rings."""

from collections import Counter
from collections.abc import Iterator

from cortexctl.errors import DataError
from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.paste import show, tokens
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.survey import Need, RingSurvey
from cortexctl.ring.tokens import TokenFile

_EXAMPLES = 5
_UNFINISHED = ".tmp"


@check("RNG10", "stale-but-running", Severity.HIGH, (Need.HOSTS,))
def stale_but_running(survey: RingSurvey) -> Iterator[Problem]:
    """An instance's heartbeat is too old, and a process at its host answers.

    The ring does without an instance that runs: its heartbeats do not come through, because its loop hangs, the store
    refuses them, or it writes to another key. A store-gateway in that state unloads its blocks. Or the instance is
    gone, and its address was given to another.

    Restart it; see whether `cortex_dynamodb_kv_cas_attempt_total` and the heartbeat metrics still grow.
    Source: Cortex, pkg/ring/lifecycler.go, heartbeat.
    """
    checked = survey.primary
    times = Counter(_host(each.addr) for each in checked.members)
    answering = {host.lower(): place for place, host in survey.hosts.items()}
    for each in checked.stale:
        host = _host(each.addr)
        if host in answering and times[host] == 1:
            yield Problem(
                each.id,
                f"is stale, and {answering[host]} answers",
                {"address": each.addr, "answered": answering[host], "heartbeat_at_s": each.timestamp_s},
                show(survey),
            )


def _host(address: str) -> str:
    return address.rpartition(":")[0].removeprefix("[").removesuffix("]").lower()


@check("RNG36", "token-file", Severity.WARNING, (Need.FILES, Need.TOKENS))
def token_file(survey: RingSurvey) -> Iterator[Problem]:
    """A token file is not what the ring has for its instance, or cannot be read.

    The ring wins while it has the entry. Once it is forgotten, the next start takes the file's tokens, and keys move.

    High where Cortex cannot read the file: it makes new tokens. Info where only the state differs, which is written at
    a clean stop and not when the mode is changed. A file of none of this ring's tokens is taken for another's, unless
    it is as large as this ring's are.

    Write the file from the ring while the instance is stopped.
    Source: Cortex, pkg/ring/token_file.go, LoadTokenFile.
    """
    for path, file in survey.token_files.items():
        if path.endswith(_UNFINISHED):
            yield Problem(path, "was left by a write that did not finish", {"path": path}, tokens(path))
        elif isinstance(file, DataError):
            yield Problem(path, str(file), {"path": path}, tokens(path), Severity.HIGH)
        else:
            yield from _compared(survey, path, file)


def _compared(survey: RingSurvey, path: str, file: TokenFile) -> Iterator[Problem]:
    each, shared = _owner(survey.primary, file)
    if each is None or any(_owner(other, file)[1] > shared for other in survey.others.values()):
        if each is None and not any(_owner(other, file)[1] for other in survey.others.values()):
            usual = survey.primary.usual_tokens
            if not survey.others or len(file.tokens) == usual:
                evidence = {"path": path, "tokens": len(file.tokens)}
                yield Problem(path, "has tokens of no instance of the ring", evidence, tokens(path))
        return
    if file.tokens != each.tokens:
        evidence = {
            "path": path,
            "instance": each.id,
            "only_in_file": len(file.tokens) - shared,
            "only_in_ring": len(each.tokens) - shared,
            "first_only_in_file": sorted(set(file.tokens).difference(each.tokens))[:_EXAMPLES],
        }
        yield Problem(path, f"has other tokens than {each.id} has in the ring", evidence, tokens(path))
    mode = each.state if each.state is InstanceState.READONLY else InstanceState.ACTIVE
    if file.previous_state is not mode and not each.hidden_state:
        yield Problem(
            path,
            f"says {file.previous_state.name}, and {each.id} is {each.state.name}",
            {"path": path, "instance": each.id, "state": each.state.name, "state_in_file": file.previous_state.name},
            tokens(path),
            Severity.INFO,
        )


def _owner(checked: CheckedRing, file: TokenFile) -> tuple[Instance | None, int]:
    """Return the instance that has most of the file's tokens, and how many."""
    found = set(file.tokens)
    shared = ((len(found.intersection(each.tokens)), each.id) for each in checked.members)
    count, name = max(shared, default=(0, ""))
    return (checked.present.get(name), count) if count else (None, 0)


@check("RNG43", "ring-mixed", Severity.CRITICAL, (Need.OTHERS,))
def ring_mixed(survey: RingSurvey) -> Iterator[Problem]:
    """Two components keep their rings under one key.

    Each takes the other's instances for its own: it sends them what they do not serve, and counts them in its quorums.
    Ingesters and rulers have the key `ring` both, and only the prefix keeps them apart.

    Give each ring its prefix; then forget the foreign members.
    Source: Cortex, pkg/ruler/ruler_ring.go, RegisterFlags.
    """
    mine = survey.stored_keys.get(survey.component.name)
    names = dict.fromkeys((*survey.stored_keys, *survey.others))
    for name in names:
        if name == survey.component.name:
            continue
        other = survey.others.get(name)
        common = _in_common(survey.primary, other) if other else []
        is_one_key = mine is not None and survey.stored_keys.get(name) == mine
        if common or (is_one_key and other is None):
            said = f"has {len(common)} entries of the {name} ring" if common else f"has the key of the {name} ring"
            evidence = {"ring": name, "stored_key": mine, "instances": common[:_EXAMPLES]}
            yield Problem(survey.component.name, said, evidence, show(survey))


def _in_common(one: CheckedRing, other: CheckedRing) -> list[str]:
    """Return the instances that are one and the same entry in both: one process may have its id in both rings."""
    return [
        name
        for name, each in one.present.items()
        if each.tokens and name in other.present and other.present[name].tokens == each.tokens
    ]


@check("RNG46", "members-missing", Severity.HIGH, (Need.EXPECTED,))
def members_missing(survey: RingSurvey) -> Iterator[Problem]:
    """The ring has fewer members than the orchestrator runs.

    Those that are missing run and do nothing: they did not register, or are in another ring.

    Read the logs of their start, and compare their KV stores and prefixes.
    Source: Cortex, pkg/ring/lifecycler.go, initRing.
    """
    expected, count = survey.expected_members or 0, len(survey.primary.present)
    if count < expected:
        evidence = {"instances": count, "expected_instances": expected}
        yield Problem(survey.component.name, f"{count} of {expected} instances are in the ring", evidence, show(survey))


CHECKS = (stale_but_running, token_file, ring_mixed, members_missing)
