"""Every check there is, by the commands that run it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortexctl.findings import Check


def checks(group: str = "") -> "tuple[Check[Any], ...]":
    """Return the checks of a group of commands, in the order of codes: `bucket`, `bucket index`, `ring`, `plan`,
    `config`.

    Of any other it is all of them.
    """
    from cortexctl.blocks.checks import CHECKS as OF_BLOCKS
    from cortexctl.blocks.checks import OF_AN_INDEX
    from cortexctl.compaction.checks import CHECKS as OF_PLANS
    from cortexctl.config.lint.checks import CHECKS as OF_CONFIGS
    from cortexctl.ring.checks import CHECKS as OF_RINGS

    match group:
        case "bucket index":
            return OF_AN_INDEX
        case "bucket":
            return OF_BLOCKS
        case "ring":
            return OF_RINGS
        case "plan":
            return OF_PLANS
        case "config":
            return OF_CONFIGS
        case _:
            return (*OF_BLOCKS, *OF_RINGS, *OF_PLANS, *OF_CONFIGS)
