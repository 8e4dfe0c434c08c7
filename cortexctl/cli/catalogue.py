"""Every check there is, by the commands that run it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortexctl.findings import Check


def checks(group: str = "") -> "tuple[Check[Any], ...]":
    """Return the checks of a group of commands, or of one, in the order of codes; of any other, all.

    Groups are `bucket`, `bucket index`, `ring`, `plan disk`, `plan store-gateway`, `config`, and `places`: those of
    `doctor` itself.
    """
    from cortexctl.audit.doctor.access import CHECKS as OF_ACCESS
    from cortexctl.audit.doctor.clocks import CHECKS as OF_CLOCKS
    from cortexctl.blocks.checks import CHECKS as OF_BLOCKS
    from cortexctl.blocks.checks import OF_AN_INDEX
    from cortexctl.blocks.checks.owners import CHECKS as OF_OWNERS
    from cortexctl.compaction.checks import CHECKS as OF_DISKS
    from cortexctl.config.lint.checks import CHECKS as OF_CONFIGS
    from cortexctl.ring.checks import CHECKS as OF_RINGS

    match group:
        case "bucket index":
            return OF_AN_INDEX
        case "bucket":
            return OF_BLOCKS
        case "ring":
            return OF_RINGS
        case "plan disk":
            return OF_DISKS
        case "plan store-gateway":
            return OF_OWNERS
        case "config":
            return OF_CONFIGS
        case "places":
            return (*OF_ACCESS, *OF_CLOCKS)
        case _:
            return (*OF_BLOCKS, *OF_RINGS, *OF_DISKS, *OF_OWNERS, *OF_CONFIGS, *OF_ACCESS, *OF_CLOCKS)
