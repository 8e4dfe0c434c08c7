"""Keys of rings, from what an operator types: a block, a tenant, a series, a rule group, a token.

What hashes to which token is in `cortexctl.ring.hashes`; who owns a key, in `ring_owners`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.errors import UsageError
from cortexctl.ring import hashes
from cortexctl.ring.components import (
    ALERTMANAGER_RING,
    COMPACTOR_RING,
    INGESTER,
    PARQUET_CONVERTER,
    RULER_RING,
    STORE_GATEWAY,
    Component,
)
from cortexctl.ring.model import SPACE
from cortexctl.tsdb import ulid


class KeyKind(StrEnum):
    """What a key was made of: the name of its option."""

    BLOCK = "block"
    TENANT = "tenant"
    TOKEN = "token"  # noqa: S105 - a place in the ring, no password
    SERIES = "series"
    RULE_GROUP = "rule-group"


_RINGS = {
    KeyKind.BLOCK: (STORE_GATEWAY, PARQUET_CONVERTER),
    KeyKind.TENANT: (INGESTER, COMPACTOR_RING, ALERTMANAGER_RING, PARQUET_CONVERTER),
    KeyKind.SERIES: (INGESTER,),
    KeyKind.RULE_GROUP: (RULER_RING,),
}
"""On which rings Cortex looks each kind up. A token is a key of any."""


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """Something that instances of a ring own."""

    kind: KeyKind
    text: str
    """As it was typed."""
    token: int | None
    """Its place on the ring; None where Cortex asks every instance, or every one of the tenant's shard."""
    tenant: str | None = None
    """Whose it is, where the key says."""
    is_read_by_key: bool = False
    """Whether queries ask the owners of this key alone: of a series without `-distributor.shard-by-all-labels`."""


def block_key(component: Component, text: str) -> OwnedKey:
    """Return the key of a block, `ULID` or `TENANT/ULID`. Raises UsageError."""
    _demand(component, KeyKind.BLOCK)
    tenant, _, block_id = text.rpartition("/")
    if not ulid.is_ulid(block_id) or "/" in tenant:
        raise UsageError(f"--block {text!r} is neither ULID nor TENANT/ULID{ulid.meant(block_id)}")
    hashed = hashes.block_token if component is STORE_GATEWAY else hashes.parquet_block_token
    return OwnedKey(KeyKind.BLOCK, text, hashed(block_id), tenant or None)


def tenant_key(component: Component, tenant: str) -> OwnedKey:
    """Return the key of a tenant, or of a compactor's job by its name.

    Ingesters and parquet-converters have no such token: all of the ring, or of the tenant's shard, serve a tenant.
    Raises UsageError.
    """
    _demand(component, KeyKind.TENANT)
    if not tenant or "/" in tenant:
        raise UsageError(f"--tenant {tenant!r} is no tenant")
    is_hashed = component in (COMPACTOR_RING, ALERTMANAGER_RING)
    return OwnedKey(KeyKind.TENANT, tenant, hashes.tenant_token(tenant) if is_hashed else None, tenant)


def token_key(token: int) -> OwnedKey:
    """Return a key that is known by its number. Raises UsageError where it is none of the ring's."""
    if not 0 <= token < SPACE:
        raise UsageError(f"--token {token} is no key: they go from 0 to {SPACE - 1}")
    return OwnedKey(KeyKind.TOKEN, str(token), token, is_read_by_key=True)


def rule_group_key(component: Component, text: str) -> OwnedKey:
    """Return the key of `TENANT/NAMESPACE/GROUP`; a `/` in the namespace or the group is part of it.

    Raises UsageError.
    """
    _demand(component, KeyKind.RULE_GROUP)
    tenant, _, rest = text.partition("/")
    namespace, _, group = rest.partition("/")
    if not (tenant and namespace and group):
        raise UsageError(f"--rule-group {text!r} is not TENANT/NAMESPACE/GROUP")
    return OwnedKey(KeyKind.RULE_GROUP, text, hashes.rule_group_token(tenant, namespace, group), tenant)


def series_key(component: Component, text: str, tenant: str | None, *, by_all_labels: bool) -> OwnedKey:
    """Return the key of a series as the distributor has it after relabelling, such as `up{job="x"}`.

    `by_all_labels` is `-distributor.shard-by-all-labels`. Raises UsageError.
    """
    _demand(component, KeyKind.SERIES)
    if not tenant:
        raise UsageError(f"--series {text}: the tenant is part of a series' key; add --tenant")
    labels = parse_series(text)
    if not by_all_labels and not labels.get("__name__"):
        raise UsageError(f"--series {text}: has no metric name, and without shard-by-all-labels that is the key")
    token = hashes.series_token(tenant, labels, by_all_labels=by_all_labels)
    return OwnedKey(KeyKind.SERIES, text, token, tenant, is_read_by_key=not by_all_labels)


def _demand(component: Component, kind: KeyKind) -> None:
    """Raise UsageError where Cortex does not look this kind up on the ring."""
    rings = _RINGS[kind]
    if component in rings:
        return
    takes = [f"--{each}" for each, takers in _RINGS.items() if component in takers]
    instead = f"give {' or '.join(takes)}" if takes else "its members are only counted"
    names = " and ".join(each.name for each in rings)
    raise UsageError(f"the {component.name} ring has no key of a {kind}: {instead} (--{kind} is for {names})")


_SPACE = re.compile(r"[ \t\r\n]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}


def parse_series(text: str) -> dict[str, str]:
    """Return the labels of a series written as Prometheus' selector: `up{job="x"}`, `{__name__="up"}`, `{"a.b"}`.

    Bytes that are not UTF-8 become surrogates, as the hashes take them. Raises UsageError, also for a matcher that is
    not `=`: only that says what a series is.
    """
    return _Selector(text).labels()


class _Selector:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def labels(self) -> dict[str, str]:
        found: dict[str, str] = {}
        name = self._take(_METRIC)
        if name:
            found["__name__"] = name
        if not name or not self._is_over():
            self._expect("{")
            for label, value in self._matchers():
                if label in found:
                    raise self._error(f"has {label} twice")
                found[label] = value
        if not self._is_over():
            raise self._error("goes on after its }")
        if not any(found.values()):
            raise self._error("has no label")
        return found

    def _matchers(self) -> Iterator[tuple[str, str]]:
        while not self._accept("}"):
            quoted = self._take(_QUOTED)
            label = self._unquoted(quoted) if quoted else self._take(_LABEL)
            if not label:
                raise self._error("has no label name where one should be")
            operator = self._take(_OPERATOR)
            if operator == "=":
                value = self._take(_QUOTED)
                if not value:
                    raise self._error(f"has no quoted value for {label}")
                yield label, self._unquoted(value)
            elif operator or not quoted:
                raise self._error(f"has {operator or 'no ='} after {label}: only = says what a series is")
            else:
                yield "__name__", label
            if not self._accept(","):
                self._expect("}")
                return

    def _unquoted(self, quoted: str) -> str:
        """Return what a string stands for.

        Source: Prometheus, util/strutil/quote.go, Unquote.
        """
        quote, inner = quoted[0], quoted[1:-1]
        if quote == "`" or "\\" not in inner:
            return inner
        found, end = bytearray(), 0
        for match in _ESCAPE.finditer(inner):
            found += inner[end : match.start()].encode("utf-8", "surrogateescape") + self._escaped(match, quote)
            end = match.end()
        found += inner[end:].encode("utf-8", "surrogateescape")
        return found.decode("utf-8", "surrogateescape")

    def _escaped(self, match: re.Match[str], quote: str) -> bytes:
        as_byte, short, long, octal, simple = match.groups()
        if simple is not None:
            if simple == quote:
                return quote.encode()
            if simple in _SIMPLE:
                return bytes([_SIMPLE[simple]])
        elif as_byte or octal:
            value = int(as_byte, 16) if as_byte else int(octal, 8)
            if value < 256:
                return bytes([value])
        else:
            value = int(short or long, 16)
            if value <= 0x10FFFF:
                is_half = 0xD800 <= value < 0xE000
                return ("\ufffd" if is_half else chr(value)).encode()
        raise self._error(f"has the escape {match[0]}, which Prometheus does not know")

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        self._skip()
        match = pattern.match(self._text, self._at)
        if not match:
            return ""
        self._at = match.end()
        return match[0]

    def _accept(self, mark: str) -> bool:
        self._skip()
        is_there = self._text.startswith(mark, self._at)
        self._at += is_there
        return is_there

    def _expect(self, mark: str) -> None:
        if not self._accept(mark):
            raise self._error(f"has no {mark} at character {self._at + 1}")

    def _is_over(self) -> bool:
        self._skip()
        return self._at == len(self._text)

    def _error(self, fault: str) -> UsageError:
        return UsageError(f"--series {self._text}: {fault}")
