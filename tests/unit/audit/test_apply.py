"""A plan made to happen on a bucket: what a second attempt goes on with, and what is said of steps that failed."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cortexctl.audit.apply import Done, Locking, apply_plan, raise_for, undo_run
from cortexctl.blocks import layout
from cortexctl.blocks.build import Fingerprint
from cortexctl.blocks.survey import StoredObject
from cortexctl.config import parse_bucket_url
from cortexctl.errors import ConflictError, CortexctlError, LockedError, PartialError, SourceError
from cortexctl.repair.apply import Entry
from cortexctl.repair.operations import Operation, Plan, Step, digest
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.journal import FileJournal, new_run
from cortexctl.storage.open import open_bucket
from tests.builders import TENANT, A, B, a_visit_marker

UNLOCKED = Locking(enabled=False)
KEYS = (layout.global_deletion_mark(TENANT, A), layout.global_deletion_mark(TENANT, B))


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with open_bucket(parse_bucket_url(f"memory://apply-{uuid.uuid4().hex}")) as bucket:
        yield bucket


def fingerprint(bucket: Bucket) -> str:
    """Return that of the tenant as it is now."""
    made = Fingerprint()
    for found in bucket.scan(layout.tenant_prefix(TENANT)):
        assert isinstance(found, StoredObject)
        made.see(found)
    return made.digest()


def a_journal(base: Path, *operations: Operation, fingerprint: str = "") -> FileJournal:
    plan = Plan("test", "here", 1.0, "test", (Step(TENANT, operations, fingerprint),))
    return FileJournal.create(base, new_run("test", "here", "test", {}, locked=False), plan)


def written(key: str) -> Operation:
    return Operation(key, None, b"mark")


def begin_first(bucket: Bucket, journal: FileJournal) -> None:
    """Make the first operation of a plan, as a run does that is then killed."""
    journal.begin(Entry(0, TENANT, KEYS[0], None, b"mark"))
    bucket.write(KEYS[0], b"mark", None)
    journal.done(0)


def test_a_step_that_was_begun_is_gone_on_with_although_its_own_writes_changed_the_tenant(
    bucket: Bucket, tmp_path: Path
) -> None:
    with closing(a_journal(tmp_path, *map(written, KEYS), fingerprint=fingerprint(bucket))) as journal:
        begin_first(bucket, journal)
        assert [each.error for each in apply_plan(bucket, journal, UNLOCKED, check_inputs=True)] == [None]
        assert [bucket.read(key).body for key in KEYS] == [b"mark", b"mark"]
        assert all(map(journal.is_done, (0, 1)))


def test_a_step_that_was_not_begun_is_refused_once_the_tenant_changed(bucket: Bucket, tmp_path: Path) -> None:
    with closing(a_journal(tmp_path, written(KEYS[0]), fingerprint=fingerprint(bucket))) as journal:
        bucket.write(KEYS[1], b"another's", None)
        (done,) = apply_plan(bucket, journal, UNLOCKED, check_inputs=True)
        assert isinstance(done.error, ConflictError)
        assert bucket.read_or_none(KEYS[0]) is None
        assert [each.error for each in apply_plan(bucket, journal, UNLOCKED)] == [None]


def test_the_cleaners_marker_is_freed_before_the_lock_and_put_back_after_it(bucket: Bucket, tmp_path: Path) -> None:
    marker = layout.cleaner_visit_marker(TENANT)
    stuck = b"not JSON"
    bucket.write(marker, stuck, None)
    with closing(a_journal(tmp_path, Operation(marker, digest(stuck), None), written(KEYS[0]))) as journal:
        assert [each.error for each in apply_plan(bucket, journal, Locking(settle_s=0))] == [None]
        assert (bucket.read_or_none(marker), bucket.read(KEYS[0]).body) == (None, b"mark")
        (undone,) = undo_run(bucket, journal, Locking(settle_s=0))
        assert undone == Done(TENANT, [KEYS[0], marker])
        assert bucket.read(marker).body == stuck


def test_a_lock_that_a_killed_run_left_is_given_back_also_where_nothing_was_begun(
    bucket: Bucket, tmp_path: Path
) -> None:
    marker = layout.cleaner_visit_marker(TENANT)
    with closing(a_journal(tmp_path, written(KEYS[0]))) as journal:
        journal.locked(marker, journal.run.owner, None)
        bucket.write(marker, a_visit_marker(compactorID=journal.run.owner), None)
        assert undo_run(bucket, journal, Locking(settle_s=0)) == [Done(TENANT, [])]
        assert bucket.read_or_none(marker) is None
        assert undo_run(bucket, journal, Locking(settle_s=0)) == []


@pytest.mark.parametrize(
    ("errors", "raised", "said"),
    [
        ([ConflictError("a")], ConflictError, r"^a; journal "),
        ([ConflictError("a"), ConflictError("b")], ConflictError, r"^a \(and 1 .* more\); journal "),
        ([ConflictError("a"), None], PartialError, "^1 of 2 tenants failed: t0: a; go on with"),
        ([ConflictError("a"), LockedError("b")], PartialError, "^2 of 2 tenants failed: t0: a; t1: b; go on with"),
        ([None, *(SourceError(each) for each in "abcd")], PartialError, "^4 of 5 .* t1: a; t2: b; t3: c; go on"),
    ],
)
def test_what_failed_is_raised_as_what_it_is_or_as_part_of_the_run(
    tmp_path: Path, errors: list[CortexctlError | None], raised: type[CortexctlError], said: str
) -> None:
    results = [Done(f"t{number}", [], error) for number, error in enumerate(errors)]
    with closing(a_journal(tmp_path)) as journal:
        raise_for([Done("well", [])], journal)
        with pytest.raises(raised, match=said) as caught:
            raise_for(results, journal)
    assert type(caught.value) is raised
    assert journal.run.id in str(caught.value)
