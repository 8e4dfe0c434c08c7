"""What store-gateways hold, for people and machines: the fullest first, and what is known and what is guessed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.audit.plan.settings import described
from cortexctl.errors import DataError, SourceError
from cortexctl.findings import Finding
from cortexctl.results import Column, Kind, Row
from cortexctl.tsdb.index_toc import IndexToc
from cortexctl.units import format_size

ANY = "each store-gateway"
"""The name of a store-gateway where they are not told apart."""
HEADER_LIKELY, HEADER_MOST = 0.11, 0.20
"""The part of an index that its header has: 5 to 20 percent. Labels with many values make it large."""
_NAMED = 5
_LOADING = ("ACTIVE", "JOINING", "LEAVING")

_GUESSED = (
    Column("headers_likely_bytes", Kind.BYTES, "HEADERS LIKELY"),
    Column("headers_most_bytes", Kind.BYTES, "AT MOST"),
)
_EXACT = (Column("headers_exact_bytes", Kind.BYTES, "HEADERS"),)
_PARTLY = (*_GUESSED, Column("headers_exact_bytes", Kind.BYTES, "OF THAT EXACT"))


def _with_headers(headers: Sequence[Column]) -> tuple[Column, ...]:
    return (
        Column("instance", Kind.ID),
        Column("zone", Kind.STATE),
        Column("state", Kind.STATE),
        Column("tenants", Kind.COUNT, wide=True),
        Column("blocks", Kind.COUNT),
        *headers,
        Column("share", Kind.SHARE, "OF THE FULLEST"),
        Column("open_files", Kind.COUNT, "OPEN FILES", wide=True),
        Column("size_bytes", Kind.BYTES, "BLOCKS' SIZE"),
        Column("index_bytes", Kind.BYTES, "INDEXES", wide=True),
    )


COLUMNS = _with_headers(_PARTLY)
"""Every column: machine formats have them all."""


@dataclass(slots=True)
class Load:
    """What a store-gateway holds."""

    blocks: int = 0
    size_bytes: int = 0
    index_bytes: int = 0
    headers_bytes: int = 0
    """Index-headers, of the blocks whose index was looked at."""
    guessed_index_bytes: int = 0
    """The indexes of the others."""
    tenants: set[str] = field(default_factory=set)

    def take(self, tenant: str, size_bytes: int, index_bytes: int, toc: IndexToc | None) -> None:
        """Take in a block."""
        self.blocks += 1
        self.size_bytes += size_bytes
        self.index_bytes += index_bytes
        self.tenants.add(tenant)
        if toc is None:
            self.guessed_index_bytes += index_bytes
        else:
            self.headers_bytes += toc.index_header_bytes

    def headers(self, part_of_index: float) -> int:
        """Return the bytes of all index-headers, those that are guessed as a part of the index."""
        return self.headers_bytes + round(self.guessed_index_bytes * part_of_index)

    def part(self, share: float) -> "Load":
        """Return the share of one of many that hold it together."""
        return Load(
            round(self.blocks * share),
            round(self.size_bytes * share),
            round(self.index_bytes * share),
            round(self.headers_bytes * share),
            round(self.guessed_index_bytes * share),
            self.tenants,
        )


@dataclass(frozen=True)
class GatewaysPlan:
    """A row a store-gateway, the fullest first; and what is wrong with blocks on their ring."""

    total: Load
    """Of all blocks, each once."""
    loads: Mapping[str, Load]
    members: Mapping[str, tuple[str, str]]
    """The zone and the state of each."""
    has_ring: bool
    count: int
    replication_factor: int
    parameters: Sequence[Row]
    """Each setting in force with its value and its origin."""
    is_exact: bool
    orphans: Sequence[str]
    unread: Sequence[DataError | SourceError]
    """Indexes that were to be looked at."""
    findings: Sequence[Finding]
    failed: Sequence[SourceError] = ()
    collection: str = "items"

    @property
    def columns(self) -> Sequence[Column]:
        """The columns: headers as they are, as they are guessed, or both."""
        headers = (_PARTLY if self.unread else _EXACT) if self.is_exact else _GUESSED
        return _with_headers(headers)

    def rows(self) -> Iterable[Row]:
        """Yield the store-gateways, the fullest first."""
        return list(self._rows())

    def _rows(self) -> Iterator[Row]:
        if not self.has_ring:
            part = self.total.part(min(self.replication_factor, self.count) / self.count)
            yield self._row(ANY, part, part.headers(HEADER_LIKELY))
            return
        fullest = max((each.headers(HEADER_LIKELY) for each in self.loads.values()), default=0)
        for name, load in sorted(self.loads.items(), key=lambda each: (-each[1].headers(HEADER_LIKELY), each[0])):
            yield self._row(name, load, fullest)

    def _row(self, name: str, load: Load, fullest_bytes: int) -> Row:
        likely = load.headers(HEADER_LIKELY)
        zone, state = self.members.get(name, ("", ""))
        return {
            "instance": name,
            "zone": zone or None,
            "state": state or None,
            "tenants": len(load.tenants),
            "blocks": load.blocks,
            "headers_likely_bytes": likely,
            "headers_most_bytes": load.headers(HEADER_MOST),
            "headers_exact_bytes": load.headers_bytes if self.is_exact else None,
            "share": round(likely / fullest_bytes, 4) if fullest_bytes else 0.0,
            "open_files": load.blocks,
            "size_bytes": load.size_bytes,
            "index_bytes": load.index_bytes,
        }

    @property
    def summary(self) -> Mapping[str, Any]:
        """The totals, what of the headers is known, the blocks without an owner, and the findings."""
        return {
            "tenants": len(self.total.tenants),
            "blocks": self.total.blocks,
            "size_bytes": self.total.size_bytes,
            "index_bytes": self.total.index_bytes,
            "headers": "exact" if self.is_exact and not self.unread else "partly exact" if self.is_exact else "guessed",
            "headers_exact_bytes": self.total.headers_bytes if self.is_exact else None,
            "indexes_unread": [str(each) for each in self.unread],
            "imbalance": self._imbalance(),
            "replication_factor": self.replication_factor,
            "parameters": list(self.parameters),
            "ownerless": len(self.orphans),
            "blocks_without_owner": list(self.orphans),
            "findings": [each.document() for each in self.findings],
            "failed": len(self.failed),
        }

    def _imbalance(self) -> float | None:
        """Return how much more the fullest has than the mean of those that load blocks; None without a ring."""
        held = [each.headers(HEADER_LIKELY) for name, each in self.loads.items() if self.members[name][1] in _LOADING]
        return round(max(held) * len(held) / sum(held) - 1, 4) if sum(held) else None

    def footer(self) -> str:
        """Return the totals, what is exact and what is guessed, and the findings."""
        total, imbalance = self.total, self._imbalance()
        sizes = f"{format_size(total.size_bytes)}, their indexes {format_size(total.index_bytes)}"
        lines = [f"{total.blocks} blocks of {len(total.tenants)} tenants, {sizes}", *self._header_lines()]
        lines.append(described(self.parameters))
        if imbalance is not None:
            lines.append(f"the fullest has {imbalance:.0%} more headers than the mean")
        for finding in self.findings:
            lines += ["", f"{str(finding.severity).upper()} {finding.code} {finding.scope} {finding.subject}"]
            lines += [f"    {each}" for each in (finding.message, finding.consequence, f"next: {finding.next}") if each]
        return "\n".join(lines)

    def _header_lines(self) -> Iterator[str]:
        guess = f"{HEADER_LIKELY:.0%} likely, {HEADER_MOST:.0%} at most"
        if not self.is_exact:
            yield f"headers are guessed from the indexes: {guess}; --exact reads their sizes, in two requests a block"
            return
        read = self.total.blocks - len(self.unread)
        if read or not self.unread:
            yield f"headers are exact, from the tables of contents of {read} indexes"
        if self.unread:
            yield f"{len(self.unread)} could not be read, and are guessed from the indexes: {guess}"
            yield from (f"  {each}" for each in self.unread[:_NAMED])
            if len(self.unread) > _NAMED:
                yield f"  and {len(self.unread) - _NAMED} more"
