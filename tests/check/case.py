"""A golden tenant as changes to it, and everything that all checks together say of the bucket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cortexctl.audit.bucket.check import CheckedBucket, Settings, check_bucket, find_scope
from cortexctl.findings import Severity
from cortexctl.storage.bucket import Bucket
from tests.check.golden import NOW_S, Golden


@dataclass(frozen=True)
class Case:
    """What is done to the golden tenant, and what is found then: of each code, the subjects."""

    name: str
    make: Callable[[Golden], Any]
    finds: Mapping[str, list[str]] = field(default_factory=dict)
    severity: Severity | None = None
    """That of what is found, where it is not the check's own."""
    settings: Settings = field(default_factory=Settings)
    is_huge: bool = False
    """A directory can pretend to have a file of this size, and no server here."""


def check(bucket: Bucket, settings: Settings, now_s: float = NOW_S) -> CheckedBucket:
    """Return what all checks say of a bucket."""
    scope = find_scope(bucket, [], [])
    return check_bucket(bucket, scope, settings, now_s, only=lambda _: True, paste=lambda command: command)
