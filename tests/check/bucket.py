"""The golden tenant on a store of each kind, what it holds, and a plan that is made there and taken back."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cortexctl.audit.apply import Done, Locking, apply_plan, undo_run
from cortexctl.audit.bucket.chosen import TenantChange
from cortexctl.audit.bucket.fix import plan_fixes
from cortexctl.blocks import layout
from cortexctl.config import BucketLocation, FilesystemSettings, S3Settings
from cortexctl.findings import Finding
from cortexctl.repair.operations import Plan
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.journal import FileJournal, new_run
from cortexctl.storage.open import Driver, open_bucket
from tests.check.case import Case, check
from tests.check.golden import NOW_S, TENANT, Golden
from tests.store.stores import moto_store, rclone_store

AT_ONCE = Locking(settle_s=0)
CLEANER = layout.cleaner_visit_marker(TENANT)


@dataclass
class Place:
    """A bucket with the golden tenant in it, spoilt."""

    bucket: Bucket
    directory: Path
    """For the journals."""
    objects: Callable[[], dict[str, bytes]]
    """Returns every object, aside from cortexctl."""
    settle: Callable[[set[str]], None]
    """Lets objects that are there have been written at the tests' own time."""
    _runs: int = field(default=0)

    def findings(self, case: Case) -> list[Finding]:
        """Return what all checks say."""
        checked = check(self.bucket, case.settings)
        assert checked.failed == []
        return list(checked.findings)

    def planned(self, found: Sequence[Finding], case: Case) -> list[TenantChange]:
        """Return how the findings are repaired."""
        return plan_fixes(self.bucket, found, NOW_S, case.settings.delays, lambda _: None)

    @contextmanager
    def journal(self, changes: Sequence[TenantChange]) -> Iterator[FileJournal]:
        """Begin a run."""
        self._runs += 1
        steps = tuple(each.step for each in changes if each.step is not None)
        plan = Plan("bucket check fix", self.bucket.display, NOW_S, "test", steps)
        run = new_run(plan.command, "", "test", {}, locked=True)
        with closing(FileJournal.create(self.directory / f"journal-{self._runs}", run, plan)) as journal:
            yield journal

    def apply(self, journal: FileJournal, *, check_inputs: bool = False) -> list[object]:
        """Apply the plan of a journal, or go on with it; return the errors."""
        before = self.objects()
        done = apply_plan(self.bucket, journal, AT_ONCE, check_inputs=check_inputs)
        self.settle({key for key, body in self.objects().items() if before.get(key) != body})
        return errors(done)

    def undo(self, journal: FileJournal) -> list[object]:
        """Take the plan of a journal back; return the errors."""
        return errors(undo_run(self.bucket, journal, AT_ONCE))


def errors(done: Sequence[Done]) -> list[object]:
    """Return what went wrong."""
    return [each.error for each in done if each.error is not None]


def without_lock(objects: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return all but the cleaner's lock: a run that is not about it takes it, and gives it back."""
    return {key: body for key, body in objects.items() if key != CLEANER}


@contextmanager
def local_place(golden: Golden, directory: Path) -> Iterator[Place]:
    """Open the directory itself."""

    def settle(keys: set[str]) -> None:
        for key in keys:
            os.utime(golden.directory / key, (NOW_S, NOW_S))

    with open_bucket(BucketLocation(FilesystemSettings(str(golden.directory)))) as bucket:
        yield Place(bucket, directory, lambda: _bodies(golden.directory), settle)


@contextmanager
def moto_place(golden: Golden, directory: Path, endpoint: str) -> Iterator[Place]:
    """Put it into a bucket of moto, each object with its time."""
    from moto.s3.models import s3_backends

    store, bodies = moto_store(endpoint, Driver.OBSTORE), _bodies(golden.directory)
    store.fill(bodies)
    assert isinstance(store.location.store, S3Settings)
    keys = s3_backends["123456789012"]["aws"].buckets[store.location.store.bucket].keys

    def date(key: str, modified_s: float) -> None:
        keys[key].last_modified = datetime.fromtimestamp(modified_s, UTC).replace(tzinfo=None)

    def settle(written: set[str]) -> None:
        for key in written:
            date(key, NOW_S)

    for key in bodies:
        date(key, (golden.directory / key).stat().st_mtime)
    with store.open() as bucket:
        yield Place(bucket, directory, lambda: {key: keys[key].value for key in keys}, settle)


@contextmanager
def rclone_place(golden: Golden, directory: Path, endpoint: str, served: Path) -> Iterator[Place]:
    """Put it into a bucket of rclone, which is a directory."""
    store, bodies = rclone_store(endpoint, served, Driver.OBSTORE), _bodies(golden.directory)
    store.fill(bodies)
    root = store.directory
    assert root is not None

    def date(key: str, modified_s: float) -> None:
        os.utime(root / key, (modified_s, modified_s))

    for key in bodies:
        date(key, (golden.directory / key).stat().st_mtime)
    with store.open() as bucket:

        def settle(keys: set[str]) -> None:
            for key in keys:
                date(key, NOW_S)
            # The server looks at its files again a little later.
            while any(found.modified_s != NOW_S for found in bucket.scan("") if found.key in keys):
                bucket.requests.pause(0.02)

        yield Place(bucket, directory, lambda: _bodies(root), settle)


def _bodies(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}
