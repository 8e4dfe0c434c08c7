"""The catalogue of checks of a compactor's volume. `CHECKS` is all of them, in the order of their codes."""

from cortexctl.compaction.checks import disk

CHECKS = disk.CHECKS
