"""What could not be read, and what is not there: which of it fails a run, and how that is said."""

from typing import TYPE_CHECKING

from cortexctl.cli.ring.session import RingSession
from cortexctl.errors import NotFoundError

if TYPE_CHECKING:
    from cortexctl.audit.ring.survey import Surveyed
    from cortexctl.ring.reading import Unread


def unexpected(surveyed: "Surveyed", *, named: bool) -> "list[Unread]":
    """Return what should have been there: a page that a process does not serve is missing only where it was named."""
    held = {ring.component.name for ring in surveyed.rings}
    if not named:
        return surveyed.missing
    lost = {(each.place, each.component.name) for each in surveyed.missing}
    return [
        each for each in surveyed.failed if (each.place, each.component.name) in lost or each.component.name not in held
    ]


def fail_for_absent(run: RingSession, surveyed: "Surveyed", *, named: bool) -> None:
    """Raise when a ring that was named is nowhere, or when nothing at all was found, and say why as places tell it."""
    from cortexctl.audit.ring.survey import raise_unless_found
    from cortexctl.ring.page import Absence

    for each in surveyed.absent if named else ():
        raise_unless_found(surveyed, each.component)
    if surveyed.rings or surveyed.failed:
        return
    told = {
        f"{each.place}: {each.absence.message}": None
        for each in surveyed.absent
        if each.absence is not None and each.absence.absence in (Absence.DISABLED, Absence.STARTING)
    }
    if told:
        raise NotFoundError(f"no ring: {'; '.join(told)}")
    hint = ": if its prefix is not Cortex's default, give it in the source (?prefix=)" if is_store(run) else ""
    raise NotFoundError(f"the sources hold no ring{hint}")


def is_store(run: RingSession) -> bool:
    """Return whether a source is a KV store."""
    return any(not place.host and not place.is_saved for place in run.places)
