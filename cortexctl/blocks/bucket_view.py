"""A bucket as the checks of all of it see it: its root, its user index, and a few facts of each tenant.

It is filled while tenants go by, and holds none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cortexctl.blocks.survey import Upload
from cortexctl.blocks.view import Delays, TenantView


@dataclass(frozen=True, slots=True)
class Scanning:
    """`blocks_storage.users_scanner`; the defaults are Cortex's own."""

    uses_index: bool | None = None
    """`strategy: user_index`; None where it is not known."""
    max_stale_period_s: float = 3600.0
    update_interval_s: float = 900.0


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """What is remembered of a tenant once its view is gone."""

    is_deleting: bool
    has_data: bool
    """Blocks, or a bucket index."""
    has_marks: bool
    objects: int
    oldest_s: float
    """When the oldest of its objects was written; of one that is being deleted, when it was marked."""


@dataclass(slots=True)
class BucketView:
    """Names are without a slash, sorted."""

    name: str
    now_s: float = 0.0
    delays: Delays = field(default_factory=Delays)
    scanning: Scanning = Scanning()
    directories: Sequence[str] = ()
    """In the root, those of tenants and all others, without `__markers__`."""
    objects: Sequence[str] = ()
    """In the root, but for the user index."""
    deleted: Sequence[str] = ()
    """Tenants of which only the deletion mark is left."""
    user_index: Mapping[str, str] | None = None
    """`active`, `deleting` or `deleted` by tenant; None where there is no user index."""
    user_index_fault: str = ""
    """Why it cannot be used."""
    user_index_updated_at_s: int = 0
    tenants: dict[str, TenantFacts] = field(default_factory=dict)
    """Those that could be read."""
    uploads: Sequence[Upload] | None = None
    """None where they cannot be listed."""
    sharing: Sequence[str] = ()
    """The sections of Cortex's configuration that name this bucket too."""

    def take(self, view: TenantView) -> None:
        """Remember what matters of a tenant."""
        details = view.details
        marks = (view.global_deletion_marks, view.global_no_compact_marks, view.global_parquet_marks)
        marked_s = getattr(view.deletion_mark, "deletion_time", None)
        self.tenants[view.id] = TenantFacts(
            is_deleting=view.is_deleting,
            has_data=bool(view.blocks or view.ghosts or view.index is not None),
            has_marks=view.is_deleting or any(marks) or bool(details.groups or details.partition_marks),
            objects=view.objects,
            oldest_s=float(marked_s or details.oldest_s or 0.0),
        )
