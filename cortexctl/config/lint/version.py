"""Versions of Cortex, as far as its configuration is concerned: major and minor."""

import re

from cortexctl.errors import UsageError

Version = tuple[int, int]

NEWEST: Version = (1, 21)
"""The last release that cortexctl knows the keys of, and those that come after it."""

_WRITTEN = re.compile(r"v?(\d+)\.(\d+)(?:[.\-+].*)?")


def parse_version(text: str) -> Version:
    """Return the version that is written `1.21`, `v1.21.1` or `1.22.0-rc.1`. Raises UsageError."""
    version = told_version(text)
    if version is None:
        raise UsageError(f"{text!r} is not a version of Cortex: write for example 1.21")
    return version


def told_version(text: str) -> Version | None:
    """Return the version that a process tells; None for a build without a release, `main-0123abc`, and for nothing."""
    match = _WRITTEN.fullmatch(text.strip())
    return (int(match[1]), int(match[2])) if match else None


def display(version: Version) -> str:
    """Return a version as Cortex's releases are named."""
    return f"v{version[0]}.{version[1]}"
