"""The catalogue of checks on one view of one ring, a file a family.

`CHECKS` is all of them, in the order of their codes. Codes that are missing here need more than one view, a
configuration, or a process to look at.
"""

from cortexctl.ring.checks import heartbeats, members, quorum, store, tokens, zones

CHECKS = tuple(
    sorted(
        (
            *tokens.CHECKS,
            *heartbeats.CHECKS,
            *zones.CHECKS,
            *quorum.CHECKS,
            *members.CHECKS,
            *store.CHECKS,
        ),
        key=lambda each: each.code,
    )
)
