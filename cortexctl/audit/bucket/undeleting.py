"""`bucket undelete`: whole blocks lose their marks, and others are brought back from versions, where those are kept."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from cortexctl.audit.bucket.chosen import Planner
from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import Decision, Verdict, refused
from cortexctl.blocks.restoring import READ, Keeping, restore
from cortexctl.blocks.survey import History
from cortexctl.blocks.undeleting import lacks, undelete
from cortexctl.errors import NotFoundError, SourceError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.unread import ObjectsUnread

_BY_HAND = {
    "gs": "`gcloud storage restore` or `gcloud storage cp` of a generation",
    "az": "`az storage blob undelete` or a copy of a version",
}


def undeletion(bucket: Bucket, *, force: bool) -> Planner:
    """Return the planner that takes blocks back, also of which nothing is left but versions."""
    versions = _Versions(bucket)

    def plan(view: ChosenView, blocks: Sequence[str]) -> Iterator[Decision]:
        together = frozenset(blocks)
        for block_id in sorted(together):
            block = view.view.blocks.get(block_id)
            if block is not None and not any(lacks(block)):
                yield undelete(view, block_id, together.__contains__, force=force)
                continue
            keeping = versions.of(view, block_id)
            if isinstance(keeping, Keeping):
                yield restore(view, block_id, keeping, together.__contains__, force=force)
            else:
                yield _without(view, block_id, keeping)

    return plan


def _without(view: ChosenView, block_id: str, why_not: str) -> Decision:
    """Return why a block that is not whole stays as it is, without versions."""
    decision = undelete(view, block_id, lambda _: False, force=True)
    if decision.verdict is not Verdict.REFUSED:
        return decision
    return refused(view, block_id, f"{decision.reason}; {why_not}")


class _Versions:
    """Reads what the bucket keeps of single blocks, and asks only once whether it keeps anything."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._objects = ObjectsUnread(bucket)
        self._why_not: str | None = None

    def of(self, view: ChosenView, block_id: str) -> Keeping | str:
        """Return what is kept of a block, or why that cannot be known. Raises NotFoundError for one that never was."""
        try:
            if self._why_not is None:
                self._why_not = self._obstacle()
            if not self._why_not:
                return self._read(view, block_id)
        except NotFoundError:
            raise
        except SourceError as error:
            return f"what versions there are cannot be told: {error}"
        if block_id not in view.known():
            raise NotFoundError(f"{_nothing(view, block_id)}; {self._why_not}")
        return self._why_not

    def _obstacle(self) -> str:
        keeps = self._objects.keeps_versions()
        if keeps:
            return ""
        if keeps is None:
            by_hand = _BY_HAND.get(urlsplit(self._bucket.display).scheme)
            instead = f": bring its objects back with {by_hand}, then run this again" if by_hand else ""
            return f"cortexctl knows versions of objects on S3 only{instead}"
        return (
            "the bucket's versioning is not on, so what is deleted is gone; versions from before it was suspended are "
            "brought back once it is on again"
        )

    def _read(self, view: ChosenView, block_id: str) -> Keeping:
        prefix = layout.block(view.tenant, block_id)
        found = self._objects.histories(prefix)
        if not found and block_id not in view.known():
            raise NotFoundError(f"{_nothing(view, block_id)}, and no version of any")
        histories = {key.removeprefix(prefix): history for key, history in found.items()}
        bodies = {
            name: self._objects.read_version(prefix + name, histories[name].versions[0].version_id)
            for name in READ
            if _is_kept(histories.get(name))
        }
        return Keeping(histories, bodies)


def _is_kept(history: History | None) -> bool:
    return history is not None and history.is_deleted and bool(history.versions)


def _nothing(view: ChosenView, block_id: str) -> str:
    return f"{layout.block(view.tenant, block_id)}: no such block: no object, no global mark, no entry of the index"
