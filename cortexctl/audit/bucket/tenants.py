"""Which tenants there are: by a scan of the bucket's root, by their deletion marks, and by the user index.

Source: cortexproject/cortex, pkg/util/users/scanner.go.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.blocks import layout, user_index
from cortexctl.errors import DataError, NotFoundError, SourceError, UsageError
from cortexctl.storage.bucket import Bucket

_GLOB = frozenset("*?[")


class Standing(StrEnum):
    """What a tenant is to Cortex."""

    ACTIVE = "active"
    DELETING = "deleting"
    """Marked for deletion, with objects left."""
    DELETED = "deleted"
    """Marked for deletion, with nothing left but the mark."""
    INVALID = "invalid"
    """Not a tenant id, or an object in the bucket's root; Cortex takes it for a tenant all the same."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The tenants of a bucket, by id, and what the user index says of each."""

    tenants: Mapping[str, Standing]
    user_index: Mapping[str, str] | None
    """`active`, `deleting` or `deleted` by tenant; None without a user index, or with one that cannot be read."""
    objects: Sequence[str] = ()
    """In the root, but for the user index."""
    user_index_fault: str = ""
    user_index_updated_at_s: int | None = None


def marked_for_deletion(bucket: Bucket, tenant: str = "") -> set[str]:
    """Return the tenants with a deletion mark outside their prefix, or of one tenant whether it has it."""
    prefix = layout.GLOBAL_TENANT_MARKS + (f"{tenant}/" if tenant else "")
    return {
        found.key.split("/")[1]
        for found in bucket.scan(prefix)
        if found.key.endswith(f"/{layout.TENANT_MARK_NAME}") and found.key.count("/") == 2
    }


def discover(bucket: Bucket) -> Discovery:
    """Return every tenant of the bucket: two listings, and the user index where there is one.

    A user index that cannot be read is a fault of its own: the listings are what counts, to Cortex as well.
    Source: pkg/util/users/scanner.go, userIndexScanner.ScanUsers.
    """
    directories, objects = bucket.children()
    names = {each.rstrip("/") for each in directories} - {layout.GLOBAL_TENANT_MARKS.rstrip("/")}
    marked = marked_for_deletion(bucket)
    standing = {name: Standing.DELETING if name in marked else Standing.ACTIVE for name in names}
    standing |= dict.fromkeys(marked - names, Standing.DELETED)
    standing |= {name: Standing.INVALID for name in names if not layout.is_valid_tenant(name)}
    standing |= {name: Standing.INVALID for name in objects if name != layout.USER_INDEX}
    listed, fault, updated_at_s = _user_index(bucket) if layout.USER_INDEX in objects else (None, "", None)
    others = [name for name in objects if name != layout.USER_INDEX]
    return Discovery(dict(sorted(standing.items())), listed, others, fault, updated_at_s)


def _user_index(bucket: Bucket) -> tuple[dict[str, str] | None, str, int | None]:
    try:
        index = user_index.decode(bucket.read(layout.USER_INDEX).body)
    except NotFoundError:
        return None, "", None
    except DataError as error:
        return None, f"{layout.USER_INDEX} {error}", None
    except SourceError as error:
        return None, str(error), None
    return index.standing(), "", index.updated_at


def choose(bucket: Bucket, patterns: Sequence[str], excluded: Sequence[str] = ()) -> list[str]:
    """Return the ids of the tenants that the patterns name, sorted; no pattern means all that are not deleted.

    Ids without a wild card cost no listing of the root. Raises NotFoundError for a pattern that no tenant matches.
    """
    literal = [pattern for pattern in patterns if not _GLOB & set(pattern)]
    for tenant in literal:
        if not layout.is_valid_tenant(tenant):
            raise UsageError(f"{tenant!r} is not a tenant id")
    chosen = set(literal)
    if len(literal) != len(patterns) or not patterns:
        found = discover(bucket).tenants
        known = [name for name, standing in found.items() if standing in (Standing.ACTIVE, Standing.DELETING)]
        chosen |= set(known) if not patterns else set()
        for pattern in (each for each in patterns if each not in chosen):
            matching = fnmatch.filter(known, pattern)
            if not matching:
                raise NotFoundError(f"{bucket.display}: no tenant matches {pattern!r}")
            chosen.update(matching)
    return sorted(each for each in chosen if not any(fnmatch.fnmatchcase(each, pattern) for pattern in excluded))
