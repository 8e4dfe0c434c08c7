"""One entry of a ring, as it is compared with what was read of it before it is changed."""

from cortexctl.errors import RefusedError
from cortexctl.ring.model import Instance


def id_of_change(subject: str, before: Instance | None, after: Instance | None) -> str:
    """Return whose entry a change is of, `subject` being where it is, for the message.

    Raises RefusedError for an entry that a page told too little of to compare it or to write it.
    """
    given = [each for each in (before, after) if each is not None]
    if len({each.id for each in given}) != 1:
        raise ValueError("a change is of one entry")
    for each in given:
        if each.hidden_state or each.hidden_tokens:
            raise RefusedError(
                f"{subject}: {each.id} was read where its state or tokens are not all shown: read it from the store"
            )
    return given[0].id


def is_same(one: Instance | None, other: Instance | None) -> bool:
    """Return whether two entries are one to a store, in whatever order their tokens were written."""
    return _fields(one) == _fields(other)


def difference(before: Instance | None, found: Instance | None) -> str:
    """Return what happened to an entry that is not the same any more, in a few words."""
    if found is None:
        return "was taken out"
    if before is None:
        return "came into the ring"
    fields = {
        "its address": before.addr != found.addr,
        f"its state, now {found.state_name}": before.state != found.state,
        "its zone": before.zone != found.zone,
        "its tokens": before.tokens != found.tokens,
        "its registration": before.registered_s != found.registered_s,
    }
    changed = [name for name, is_changed in fields.items() if is_changed]
    if changed:
        return f"changed {', '.join(changed)}"
    return "sent a heartbeat" if found.timestamp_s > before.timestamp_s else "was written anew"


def _fields(each: Instance | None) -> tuple[object, ...]:
    """Return what a store holds of an entry."""
    if each is None:
        return ()
    return each.addr, each.state, each.zone, each.tokens, each.registered_s, each.timestamp_s
