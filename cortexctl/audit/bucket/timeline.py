"""`bucket timeline`: the time that the blocks of each tenant cover."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cortexctl.audit.bucket.blocks import views
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.timeline import Scale, Timeline, timeline
from cortexctl.blocks.view import Delays
from cortexctl.errors import SourceError
from cortexctl.storage.bucket import Bucket


@dataclass(frozen=True, slots=True)
class Timelines:
    """Tenants by name, and those that could not be read."""

    tenants: Sequence[Timeline]
    failed: Sequence[SourceError]


def read_timelines(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    delays: Delays,
    compacting: Callable[[str], Compacting],
    scale: Scale,
) -> Timelines:
    """Return the timeline of each tenant, of whose views one is held at a time."""
    found: list[Timeline] = []
    failed: list[SourceError] = []
    for tenant, view in views(bucket, tenants, now_s, delays):
        if isinstance(view, SourceError):
            failed.append(view)
            continue
        view.details.compacting = compacting(tenant)
        found.append(timeline(view, scale))
        del view  # before the next is read: they are large
    return Timelines(found, failed)
