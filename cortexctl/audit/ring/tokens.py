"""Token files against a ring, each other and the number of tokens there should be.

The file itself is `cortexctl.ring.tokens`; what a start makes of it is in `ring_restart`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.audit.ring.restart import is_basic, restart
from cortexctl.errors import DataError, UsageError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import DISTRIBUTOR, INGESTER, RULER_RING, Component
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.tokens import TokenFile
from cortexctl.units import format_count

LEFTOVER = ".tmp"
"""What Cortex adds to the path of a file while it writes it."""

COLUMNS = (
    Column("file", Kind.ID),
    Column("verdict"),
    Column("tokens", Kind.COUNT),
    Column("state"),
    Column("instance", Kind.ID),
    Column("in_ring", Kind.COUNT),
    Column("only_in_file", Kind.COUNT, "ONLY FILE"),
    Column("only_in_ring", Kind.COUNT, "ONLY RING"),
    Column("shared", Kind.COUNT),
    Column("on_restart"),
    Column("why"),
    Column("is_sorted", Kind.FLAG, heading="SORTED", wide=True),
    Column("in_others", Kind.COUNT, wide=True),
)


class FileVerdict(StrEnum):
    """How a file stands."""

    OK = "ok"
    DIFFERS = "differs"
    """From the ring, from the number there should be, or from what Cortex writes."""
    DUPLICATE = "duplicate"
    """Another file has the same tokens."""
    UNREADABLE = "unreadable"
    NOT_COMPARED = "not compared"
    """There is no ring and no number of tokens to compare it with, and no other file has any of its tokens."""


_SOUND = (FileVerdict.OK, FileVerdict.NOT_COMPARED)


def compare_tokens(
    files: Mapping[str, TokenFile | DataError],
    checked: CheckedRing | None = None,
    *,
    expected: int | None = None,
    leftovers: Collection[str] = (),
    component: Component | None = None,
) -> Table:
    """Return a row a file, in the order given; `differs` in the summary says whether any is not as it should be.

    `expected` is how many tokens an instance should have, where that is not to be seen in the ring or its
    configuration. `leftovers` are the paths of `.tmp` files. `component` is whose files these are, where there is no
    ring. Raises UsageError for distributors, which keep none.
    """
    component = component or (checked.component if checked else None)
    if component is DISTRIBUTOR:
        raise UsageError("distributors keep no token file")
    comparison = _Comparison(files, checked, _expected(component, checked, expected), frozenset(leftovers), component)
    rows = [comparison.row(path, file) for path, file in files.items()]
    strays = sorted(each for each in leftovers if each.removesuffix(LEFTOVER) not in files)
    verdicts = Counter(str(row["verdict"]) for row in rows)
    summary = {
        "files": len(rows),
        "verdicts": dict(sorted(verdicts.items())),
        "differs": bool(strays) or any(row["verdict"] not in _SOUND for row in rows),
        "ring": component.name if component else None,
        "expected_tokens": comparison.expected,
        "leftovers": sorted(leftovers),
    }
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    note = f"{format_count(len(rows), 'file')}: {counts}" if rows else "no files"
    if comparison.expected is not None:
        note += f"; {comparison.expected} tokens expected"
    for stray in strays:
        note += f"\n{stray}: left by an interrupted write, and never read"
    return Table(COLUMNS, rows, summary, note=note)


def _expected(component: Component | None, checked: CheckedRing | None, given: int | None) -> int | None:
    """Return how many tokens an instance should have: given, configured, fixed, or as most of the ring have."""
    if given is not None:
        return given
    if checked is not None and checked.expected_tokens is not None:
        return checked.expected_tokens
    if component is not None and component not in (INGESTER, RULER_RING):
        return component.tokens
    return checked.usual_tokens if checked is not None else None


@dataclass(frozen=True, slots=True)
class _Fit:
    """How a file's tokens stand to the instance it is of. None where there is none, or its tokens are not listed."""

    in_ring: int | None = None
    only_in_file: int | None = None
    only_in_ring: int | None = None


class _Comparison:
    """All files and the ring, by token."""

    def __init__(
        self,
        files: Mapping[str, TokenFile | DataError],
        checked: CheckedRing | None,
        expected: int | None,
        leftovers: frozenset[str],
        component: Component | None,
    ) -> None:
        self.expected = expected
        self._component = component
        self._checked = checked
        self._leftovers = leftovers
        self._sound = FileVerdict.NOT_COMPARED if checked is None and expected is None else FileVerdict.OK
        self._instances = checked.view.instances if checked else {}
        self._tokens = {path: frozenset(file.tokens) for path, file in files.items() if isinstance(file, TokenFile)}
        self._holders: dict[int, list[str]] = {}
        for each in self._instances.values():
            for token in set(each.tokens):
                self._holders.setdefault(token, []).append(each.id)

    def row(self, path: str, file: TokenFile | DataError) -> Row:
        """Return the row of one file."""
        readable = file if isinstance(file, TokenFile) else None
        mine = self._tokens.get(path, frozenset())
        held = Counter(name for token in mine for name in self._holders.get(token, ()))
        instance = self._instance(path, held)
        others = {name: count for name, count in sorted(held.items()) if instance is None or name != instance.id}
        shared = self._shared(path)
        twin = next((other for other in shared if self._tokens[other] == mine), None)
        fit = self._fit(path, instance)
        has_leftover = path + LEFTOVER in self._leftovers
        if isinstance(file, DataError):
            verdict, reasons = FileVerdict.UNREADABLE, [f"{file}: Cortex ignores it"]
        else:
            reasons = list(self._reasons(file, instance, fit, others, shared))
            is_sound = not reasons and not has_leftover
            verdict = FileVerdict.DUPLICATE if twin else self._sound if is_sound else FileVerdict.DIFFERS
        if has_leftover:
            reasons.append(f"there is a {LEFTOVER} beside it, left by an interrupted write")
        return {
            "file": path,
            "verdict": str(verdict),
            "tokens": len(readable.tokens) if readable else None,
            "state": readable.previous_state.name if readable else None,
            "instance": instance.id if instance else None,
            "in_ring": fit.in_ring,
            "only_in_file": fit.only_in_file,
            "only_in_ring": fit.only_in_ring,
            "shared": sum(any(token in self._tokens[other] for other in shared) for token in mine),
            "why": "; ".join(reasons) or None,
            "is_sorted": readable.was_sorted if readable else None,
            "in_others": sum(others.values()) if readable and self._checked else None,
            "others": others,
            "shared_with": shared,
            "duplicate_of": twin,
            "has_leftover": has_leftover,
            **self._on_restart(readable, instance),
        }

    def _shared(self, path: str) -> dict[str, int]:
        """Return how many of a file's tokens each other file has that has any."""
        mine = self._tokens.get(path, frozenset())
        counts = {other: len(tokens & mine) for other, tokens in self._tokens.items() if other != path}
        return {other: count for other, count in counts.items() if count}

    def _instance(self, path: str, held: Counter[str]) -> Instance | None:
        """Return the instance that the path names, or else the one that has most of the tokens."""
        named = [
            name for name in self._instances if re.search(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", path)
        ]
        if named:
            return self._instances[max(named, key=len)]
        return self._instances[min(held, key=lambda name: (-held[name], name))] if held else None

    def _fit(self, path: str, instance: Instance | None) -> _Fit:
        if instance is None or instance.hidden_tokens or path not in self._tokens:
            return _Fit()
        mine, its = self._tokens[path], frozenset(instance.tokens)
        return _Fit(len(mine & its), len(mine - its), len(its - mine))

    def _reasons(
        self,
        file: TokenFile,
        instance: Instance | None,
        fit: _Fit,
        others: Mapping[str, int],
        shared: Mapping[str, int],
    ) -> Iterator[str]:
        """Yield what is not as it should be."""
        count = len(file.tokens)
        if instance is not None and (fit.only_in_file or fit.only_in_ring):
            lacks = f"lacks {fit.only_in_ring} that it has"
            yield f"has {fit.only_in_file} tokens that {instance.id} has not in the ring, and {lacks}"
        elif instance is not None and instance.token_count != count:
            yield f"the ring has {instance.token_count} tokens of {instance.id}"
        if self._checked is not None and instance is None and count and self._checked.stored.lists_tokens:
            yield "no instance in the ring has any of its tokens"
        if others:
            yield "in the ring they are also of " + _counts(others)
        if shared:
            yield "the same tokens are in " + _counts(shared)
        if self.expected is not None and count != self.expected:
            yield f"has {count} tokens, and {self.expected} are expected"
        if len(set(file.tokens)) != count:
            yield f"has {count - len(set(file.tokens))} tokens more than once"
        if instance is not None and not instance.hidden_state and self._component and not is_basic(self._component):
            modes = {file.previous_state, instance.state}
            if modes == {InstanceState.ACTIVE, InstanceState.READONLY}:
                yield f"says {file.previous_state.name}, as at the last clean stop, and the ring {instance.state.name}"

    def _on_restart(self, file: TokenFile | None, instance: Instance | None) -> Row:
        if self._component is None:
            return dict.fromkeys(("on_restart", "restart_from", "restart_tokens", "restart_state"))
        backend = self._checked.backend if self._checked else None
        start = restart(self._component, file, instance, self.expected, backend)
        entry = "tokens of it" if is_basic(self._component) else "an entry of it"
        return {
            "on_restart": start.text if instance else f"{start.text}, unless the ring has {entry}",
            "restart_from": str(start.origin),
            "restart_tokens": start.tokens,
            "restart_state": start.state.name if start.state is not None else None,
        }


def _counts(by_name: Mapping[str, int], most: int = 3) -> str:
    names = [f"{name} ({count})" for name, count in list(by_name.items())[:most]]
    return ", ".join(names) + (f" and {len(by_name) - most} more" if len(by_name) > most else "")
