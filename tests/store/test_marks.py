"""Changes to single blocks on a directory, on moto's S3 and on rclone's: applied, refused on a conflict, undone."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cortexctl.audit.apply import Done, Locking, apply_plan, undo_run
from cortexctl.audit.bucket.blocks import BlockFilter
from cortexctl.audit.bucket.chosen import Planner, Selection, TenantChange, plan_changes
from cortexctl.audit.bucket.marks import list_marks, migration
from cortexctl.blocks import layout
from cortexctl.blocks.cleaning import Rules, clean
from cortexctl.blocks.marking import add, deletion_mark, remove
from cortexctl.blocks.pairs import MarkKind
from cortexctl.blocks.undeleting import quarantine, undelete
from cortexctl.blocks.view import Delays
from cortexctl.errors import ConflictError
from cortexctl.repair.operations import Plan
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.journal import FileJournal, new_run
from cortexctl.storage.open import Driver
from tests.builders import NOW_S, TENANT, A, B, C, D, a_block, a_mark, an_entry, an_index, an_indexed_mark, marked
from tests.store.stores import Store, local_store, moto_store, rclone_store

INDEX = layout.bucket_index(TENANT)
AT_ONCE = Locking(settle_s=0)
DELAYS = Delays()
DELETION = MarkKind.DELETION
PLANNERS: Mapping[str, tuple[Planner, str]] = {
    "add": (lambda view, blocks: [add(view, each, DELETION, deletion_mark("x")) for each in blocks], B),
    "rm": (lambda view, blocks: [remove(view, each, DELETION) for each in blocks], A),
    "migrate": (migration(MarkKind), "*"),
    "undelete": (lambda view, blocks: [undelete(view, each, lambda _: True, force=False) for each in blocks], A),
    "cleanup": (lambda view, blocks: list(clean(view, blocks, Rules(older_than_s=-1e12))), D),
    "quarantine": (lambda view, blocks: [quarantine(view, each) for each in blocks], B),
}


@pytest.fixture(params=["local", "moto", "rclone"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A bucket in which A is marked, B is live, C has a local mark only, and D died."""
    match request.param:
        case "local":
            made = local_store(tmp_path)
        case "moto":
            made = moto_store(request.getfixturevalue("moto_endpoint"), Driver.OBSTORE)
        case _:
            directory = request.getfixturevalue("rclone_directory")
            made = rclone_store(request.getfixturevalue("rclone_endpoint"), directory, Driver.OBSTORE)
    objects = a_block(A) | a_block(B) | a_block(C) | marked(A) | {layout.local_deletion_mark(TENANT, C): a_mark(C)}
    objects[layout.block(TENANT, D) + "index"] = b"i"
    objects[INDEX] = an_index([an_entry(A), an_entry(B), an_entry(C)], [an_indexed_mark(A)])
    made.fill({key: body for key, body in objects.items() if isinstance(body, bytes)})
    return made


def objects_of(bucket: Bucket) -> dict[str, bytes]:
    return {found.key: bucket.read(found.key).body for found in bucket.scan(f"{TENANT}/")}


def planned(bucket: Bucket, name: str) -> Sequence[TenantChange]:
    planner, block = PLANNERS[name]
    chosen = Selection({TENANT: [block]}, wanted=BlockFilter())
    return plan_changes(bucket, chosen, NOW_S, DELAYS, planner, all_metas=True)


@contextmanager
def begun(bucket: Bucket, directory: Path, changes: Sequence[TenantChange]) -> Iterator[FileJournal]:
    steps = tuple(each.step for each in changes if each.step is not None)
    plan = Plan("bucket marks", bucket.display, NOW_S, "test", steps)
    run = new_run("bucket marks", "", "test", {}, locked=True)
    with closing(FileJournal.create(directory / "journal", run, plan)) as journal:
        yield journal


def errors(done: Sequence[Done]) -> list[object]:
    return [each.error for each in done]


@pytest.mark.parametrize("name", PLANNERS)
def test_a_change_is_applied_and_undone_to_the_byte(store: Store, tmp_path: Path, name: str) -> None:
    with store.open() as bucket, begun(bucket, tmp_path, planned(bucket, name)) as journal:
        before = objects_of(bucket)
        assert errors(apply_plan(bucket, journal, AT_ONCE)) == [None]
        wants = {each.key: each.wants for step in journal.plan.steps for each in step.operations}
        expected = {key: body for key, body in (before | wants).items() if body is not None}
        assert objects_of(bucket) == expected
        assert any(before.get(key) != body for key, body in wants.items())
        assert errors(undo_run(bucket, journal, AT_ONCE)) == [None]
        assert objects_of(bucket) == before


@pytest.mark.parametrize("name", PLANNERS)
def test_another_writer_is_a_conflict(store: Store, tmp_path: Path, name: str) -> None:
    with store.open() as bucket, begun(bucket, tmp_path, planned(bucket, name)) as journal:
        (step,) = journal.plan.steps
        target = [each for each in step.operations if each.is_change][-1].key
        bucket.write(target, b"theirs", bucket.read_or_none(target))
        theirs = objects_of(bucket)
        (error,) = errors(apply_plan(bucket, journal, AT_ONCE))
        assert isinstance(error, ConflictError)
        assert errors(undo_run(bucket, journal, AT_ONCE)) in ([None], [])
        assert objects_of(bucket) == theirs


def test_marks_are_listed_with_a_read_each(store: Store) -> None:
    with store.open() as bucket:
        listed = list_marks(bucket, [TENANT], NOW_S, DELAYS, frozenset(MarkKind), drifted=False)
        rows = {row["block"]: row["drift"] for row in listed.result.items}
        assert rows == {A: None, C: "local only"}
        # A directory has no ETags by which the two copies are known to be the same.
        reads = 3 if store.driver is Driver.OBSTORE else 4
        assert bucket.totals.requests["GET"] == reads, "two marks, copies that differ, and the index; no meta.json"


def test_copies_of_one_size_that_differ_are_both_read(store: Store) -> None:
    with store.open() as bucket:
        everywhere, body = layout.global_deletion_mark(TENANT, A), a_mark(A, deletion_time=1_795_000_000)
        assert len(body) == len(a_mark(A))
        bucket.write(everywhere, body, bucket.read_or_none(everywhere))
        listed = list_marks(bucket, [TENANT], NOW_S, DELAYS, frozenset(MarkKind), drifted=True)
        assert {row["block"]: row["drift"] for row in listed.result.items} == {A: "bodies differ", C: "local only"}
