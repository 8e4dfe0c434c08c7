"""`bucket cleanup`: what Cortex leaves for ever, with the multipart uploads that no listing of objects shows."""

from collections.abc import Iterator, Sequence

from cortexctl.audit.bucket.chosen import Planner
from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.cleaning import Rules, Unfinished, Waste, clean
from cortexctl.blocks.decisions import Decision
from cortexctl.blocks.survey import Upload
from cortexctl.errors import NotFoundError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.unread import ObjectsUnread


def cleaning(bucket: Bucket, rules: Rules, uploads: Sequence[Upload], now_s: float) -> Planner:
    """Return the planner of a cleanup. `uploads` are all that are unfinished, of which it takes the old ones."""
    old = [each for each in uploads if Waste.UPLOADS in rules.wastes and now_s - each.begun_s > rules.older_than_s]

    def plan(view: ChosenView, blocks: Sequence[str]) -> Iterator[Decision]:
        prefix = layout.tenant_prefix(view.tenant)
        return clean(view, blocks, rules, _measured(bucket, [each for each in old if each.key.startswith(prefix)]))

    return plan


def _measured(bucket: Bucket, uploads: Sequence[Upload]) -> Iterator[Unfinished]:
    objects = ObjectsUnread(bucket)
    for upload in sorted(uploads, key=lambda each: (each.key, each.begun_s, each.upload_id)):
        try:
            yield Unfinished(upload, objects.upload_bytes(upload.key, upload.upload_id))
        except NotFoundError:
            continue  # ended since it was listed
