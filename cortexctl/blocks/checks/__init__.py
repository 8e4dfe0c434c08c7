"""The catalogue of checks on one tenant, a file a family. `CHECKS` is all of them, in the order of their codes."""

from cortexctl.blocks.checks import index, poison

CHECKS = (*index.CHECKS, *poison.CHECKS)
