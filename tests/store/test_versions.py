"""Blocks that were deleted for good, brought back from the versions that moto's S3 keeps; and stores that keep none."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cortexctl.audit.apply import Done, Locking, apply_plan, undo_run
from cortexctl.audit.bucket.chosen import Selection, TenantChange, plan_changes
from cortexctl.audit.bucket.undeleting import undeletion
from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.decisions import Decision, Verdict
from cortexctl.blocks.view import Delays
from cortexctl.errors import ConflictError, NotFoundError, RefusedError
from cortexctl.repair.operations import Plan, plan_from_json, plan_to_json
from cortexctl.repair.unread import Revival
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.journal import FileJournal, new_run
from cortexctl.storage.objects import Bounds
from cortexctl.storage.open import Driver
from cortexctl.storage.requests import Requests
from cortexctl.storage.unread import ObjectsUnread
from tests.builders import NOW_S, TENANT, A, B, C, a_block, an_entry, an_index, an_indexed_mark, marked
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.stores import Store, local_store, moto_store, rclone_store

Answer = TypeVar("Answer")
INDEX = layout.bucket_index(TENANT)
DATA = [layout.block(TENANT, A) + path for path in ("chunks/000001", "index")]
META = layout.meta(TENANT, A)
LOCAL, GLOBAL = layout.local_deletion_mark(TENANT, A), layout.global_deletion_mark(TENANT, A)
NO_COMPACT = [key(TENANT, A, layout.NO_COMPACT_MARK) for key in (layout.global_mark, layout.local_mark)]
AT_ONCE = Locking(settle_s=0)


@dataclass
class World:
    """A versioned bucket, and a way to it aside from cortexctl."""

    store: Store
    client: Any
    name: str

    def put(self, key: str, body: bytes) -> None:
        """Upload an object."""
        self.client.put_object(Bucket=self.name, Key=key, Body=body)

    def delete(self, *keys: str, version: str = "") -> None:
        """Delete objects, or a version of one, for good."""
        for key in keys:
            self.client.delete_object(Bucket=self.name, Key=key, **({"VersionId": version} if version else {}))

    def delete_block(self, *, to_the_end: bool = True) -> None:
        """Delete block A as Cortex does it, and the global mark with it."""
        self.delete(META, *DATA)
        if to_the_end:
            self.delete(LOCAL, GLOBAL)

    def newest(self, key: str) -> str:
        """Return the id of the newest version."""
        answer = self.client.list_object_versions(Bucket=self.name, Prefix=key)
        return str(answer["Versions"][0]["VersionId"])

    def kept(self) -> set[tuple[str, str]]:
        """Return every version that the bucket keeps."""
        answer = self.client.list_object_versions(Bucket=self.name)
        return {(each["Key"], each["VersionId"]) for each in answer["Versions"]}

    def versioning(self, status: str) -> None:
        """Turn versioning on, or suspend it."""
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})


@contextmanager
def world_of(store: Store) -> Iterator[World]:
    """Yield a bucket with the marked block A and the live block B, versioned from its beginning."""
    import boto3

    settings: Any = store.location.store
    client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    with closing(client):
        world = World(store, client, settings.bucket)
        world.versioning("Enabled")
        objects = a_block(A) | a_block(B) | marked(A)
        for key, body in (objects | {INDEX: an_index([an_entry(B)])}).items():
            assert isinstance(body, bytes)
            world.put(key, body)
        yield world


@pytest.fixture(params=[Driver.OBSTORE, Driver.S3FS])
def world(request: pytest.FixtureRequest, moto_endpoint: str) -> Iterator[World]:
    """A versioned bucket by either driver."""
    with world_of(moto_store(moto_endpoint, request.param)) as made:
        yield made


@pytest.fixture
def obstores(moto_endpoint: str) -> Iterator[World]:
    """A versioned bucket, where the driver makes no difference."""
    with world_of(moto_store(moto_endpoint, Driver.OBSTORE)) as made:
        yield made


def planned(bucket: Bucket, *blocks: str, force: bool = False) -> Sequence[TenantChange]:
    chosen = Selection({TENANT: blocks or (A,)})
    planner = undeletion(bucket, force=force)
    return plan_changes(bucket, chosen, NOW_S, Delays(), planner, all_metas=True, unknown=True)


def decided(bucket: Bucket) -> Decision:
    ((decision,),) = (change.decisions for change in planned(bucket))
    return decision


@contextmanager
def begun(bucket: Bucket, directory: Path, changes: Sequence[TenantChange]) -> Iterator[FileJournal]:
    steps = tuple(each.step for each in changes if each.step is not None)
    plan = Plan("bucket undelete", bucket.display, NOW_S, "test", steps)
    assert plan_from_json(b"".join(plan_to_json(plan)), "plan") == plan, "a saved plan is the same plan"
    run = new_run("bucket undelete", "", "test", {}, locked=True)
    with closing(FileJournal.create(directory / "journal", run, plan)) as journal:
        yield journal


def reopened(journal: FileJournal) -> FileJournal:
    return FileJournal.open(journal.directory.parent, journal.run.id)


def objects_of(bucket: Bucket) -> dict[str, bytes]:
    return {found.key: bucket.read(found.key).body for found in bucket.scan(f"{TENANT}/")}


def errors(done: Sequence[Done]) -> list[object]:
    return [each.error for each in done]


def listed(bucket: Bucket) -> set[str]:
    return {each.block_id for each in bucket_index.decode(bucket.read(INDEX).body).index.blocks}


def test_a_deleted_block_comes_back_as_it_was_and_goes_again(world: World, tmp_path: Path) -> None:
    with world.store.open() as bucket:
        whole = objects_of(bucket)
        world.delete_block()
        gone = objects_of(bucket)
        etags = {each.key: bucket.backend.fetch(each.key).version for each in bucket.scan(f"{TENANT}/{B}/")}
        with begun(bucket, tmp_path, planned(bucket)) as journal:
            (step,) = journal.plan.steps
            changes = [each for each in step.operations if each.is_change]
            assert [each.key for each in changes] == [*DATA, META], "data, and meta.json last"
            assert [each.unread for each in changes[:2]] == [
                Revival(world.newest(DATA[0]), 64),
                Revival(world.newest(DATA[1]), 32),
            ]
            kept = world.kept()
            assert errors(apply_plan(bucket, journal, AT_ONCE)) == [None]
            assert objects_of(bucket) == {key: body for key, body in whole.items() if key not in (LOCAL, GLOBAL)}
            assert kept <= world.kept(), "no version is lost"
            assert listed(bucket) == {B}, "the cleaner lists it, with the time of its new meta.json"
            assert errors(undo_run(bucket, journal, AT_ONCE)) == [None]
            assert objects_of(bucket) == gone
            assert kept <= world.kept()
            assert etags.keys() == {each.key for each in bucket.scan(f"{TENANT}/{B}/")}


def test_an_interrupted_deletion_is_taken_back_with_its_marks_first(obstores: World, tmp_path: Path) -> None:
    obstores.put(INDEX, an_index([an_entry(A), an_entry(B)], [an_indexed_mark(A)]))
    obstores.delete_block(to_the_end=False)
    with obstores.store.open() as bucket:
        half = objects_of(bucket)
        with begun(bucket, tmp_path, planned(bucket)) as journal:
            changes = [each for step in journal.plan.steps for each in step.operations if each.is_change]
            assert [each.key for each in changes] == [GLOBAL, LOCAL, *DATA, META, INDEX]
            assert errors(apply_plan(bucket, journal, AT_ONCE)) == [None]
            assert listed(bucket) == {B}, "with its old time queries would need it before it is loaded"
            assert b'"block_deletion_marks":[]' in bucket_index_text(bucket)
            assert errors(undo_run(bucket, journal, AT_ONCE)) == [None]
            assert objects_of(bucket) == half


def bucket_index_text(bucket: Bucket) -> bytes:
    import gzip

    return gzip.decompress(bucket.read(INDEX).body)


def test_only_what_is_gone_of_a_live_block_comes_back(obstores: World, tmp_path: Path) -> None:
    obstores.delete(LOCAL, GLOBAL, DATA[0])
    with obstores.store.open() as bucket, begun(bucket, tmp_path, planned(bucket)) as journal:
        changes = [each for step in journal.plan.steps for each in step.operations if each.is_change]
        assert [each.key for each in changes] == [DATA[0], INDEX]
        assert errors(apply_plan(bucket, journal, AT_ONCE)) == [None]
        assert listed(bucket) == {A, B}


def test_a_no_compact_mark_that_went_with_the_block_comes_back(obstores: World, tmp_path: Path) -> None:
    mark = b'{"id":"%s","version":1,"no_compact_time":7,"reason":"manual"}' % A.encode()
    for key in NO_COMPACT:
        obstores.put(key, mark)
    obstores.delete_block()
    obstores.delete(*NO_COMPACT)
    with obstores.store.open() as bucket, begun(bucket, tmp_path, planned(bucket)) as journal:
        changes = [each.key for step in journal.plan.steps for each in step.operations if each.is_change]
        assert changes == [*DATA, *NO_COMPACT, META]
        assert errors(apply_plan(bucket, journal, AT_ONCE)) == [None]
        assert [bucket.read(key).body for key in NO_COMPACT] == [mark, mark]


def test_several_delete_markers_may_lie_over_an_object(obstores: World, tmp_path: Path) -> None:
    obstores.delete_block()
    obstores.delete_block()
    with obstores.store.open() as bucket, begun(bucket, tmp_path, planned(bucket)) as journal:
        assert errors(apply_plan(bucket, journal, AT_ONCE)) == [None]
        assert bucket.read(DATA[0]).body == b"c" * 64


def _lose_a_chunk(world: World) -> str:
    world.delete(DATA[0], version=world.newest(DATA[0]))
    return "no chunks/000001"


def _lose_the_meta(world: World) -> str:
    world.delete(META, version=world.newest(META))
    return "no version of its meta.json is kept"


def _cut_a_chunk(world: World) -> str:
    right = world.newest(DATA[0])
    world.put(DATA[0], b"c")
    world.delete(DATA[0])
    return f"though its version {right} has them: copy that over the newest"


def _break_the_meta(world: World) -> str:
    world.put(META, b"{")
    world.delete(META)
    return "the newest version of its meta.json"


def _another_meta(world: World) -> str:
    body = a_block(B)[layout.meta(TENANT, B)]
    assert isinstance(body, bytes)
    world.put(META, body)
    world.delete(META)
    return f"meta.json has ulid {B}"


@pytest.mark.parametrize("lose", [_lose_a_chunk, _lose_the_meta, _cut_a_chunk, _break_the_meta, _another_meta])
def test_one_file_that_is_lost_keeps_the_block_from_coming_back(obstores: World, lose: Callable[[World], str]) -> None:
    obstores.delete_block()
    says = lose(obstores)
    with obstores.store.open() as bucket:
        decision = decided(bucket)
        assert decision.verdict is Verdict.REFUSED
        assert says in decision.reason


def test_a_block_that_was_compacted_is_not_brought_back_unless_forced(obstores: World) -> None:
    for key, body in a_block(C, compaction={"level": 2, "sources": [A, B]}).items():
        assert isinstance(body, bytes)
        obstores.put(key, body)
    obstores.delete_block()
    with obstores.store.open() as bucket:
        assert f"it was compacted into {C}" in decided(bucket).reason
        ((forced,),) = (change.decisions for change in planned(bucket, force=True))
        assert forced.verdict is Verdict.CHANGE


def test_what_never_was_is_not_found(obstores: World) -> None:
    with obstores.store.open() as bucket, pytest.raises(NotFoundError, match="no version of any"):
        planned(bucket, C)


@pytest.mark.parametrize("uploaded", [DATA[0], DATA[1], META])
def test_a_new_upload_is_a_conflict_and_stays(obstores: World, tmp_path: Path, uploaded: str) -> None:
    obstores.delete_block()
    with obstores.store.open() as bucket, begun(bucket, tmp_path, planned(bucket)) as journal:
        obstores.put(uploaded, b"theirs")
        theirs = objects_of(bucket)
        (error,) = errors(apply_plan(bucket, journal, AT_ONCE))
        assert isinstance(error, ConflictError)
        assert uploaded in str(error)
        assert errors(undo_run(bucket, journal, AT_ONCE)) in ([None], [])
        assert objects_of(bucket) == theirs


def test_an_upload_after_the_restore_is_not_undone(obstores: World, tmp_path: Path) -> None:
    obstores.delete_block()
    with obstores.store.open() as bucket, begun(bucket, tmp_path, planned(bucket)) as journal:
        assert errors(apply_plan(bucket, journal, AT_ONCE)) == [None]
        obstores.put(DATA[1], b"theirs")
        (error,) = errors(undo_run(bucket, journal, AT_ONCE))
        assert isinstance(error, ConflictError)
        assert bucket.read(DATA[1]).body == b"theirs"


def test_nothing_is_taken_back_for_good(obstores: World) -> None:
    change = Revival(obstores.newest(DATA[0]), 64)
    obstores.versioning("Suspended")
    with obstores.store.open() as bucket:
        with pytest.raises(RefusedError, match="versioning is off"):
            ObjectsUnread(bucket).take_back(DATA[0], change)
        assert bucket.read(DATA[0]).body == b"c" * 64


def test_read_only_is_read_only(obstores: World) -> None:
    obstores.delete_block()
    with obstores.store.open(read_only=True) as bucket:
        change, objects = Revival(obstores.newest(DATA[0]), 64), ObjectsUnread(bucket)
        for write in (objects.make, objects.take_back):
            with pytest.raises(RefusedError, match="--read-only"):
                write(DATA[0], change)


class Crash(BaseException):
    """The process is gone."""


class Mortal(Requests):
    """Requests that end at the n-th one that writes, before it or after it, with all that follow."""

    def __init__(self, bounds: Bounds, concurrency: int, dies_at: int, *, after: bool) -> None:
        super().__init__(bounds, concurrency)
        self.dies_at = dies_at
        self.after = after
        self.writes = 0
        self.is_dead = False

    def make(self, verb: str, subject: str, call: Callable[[], Answer], *, is_counted: bool = True) -> Answer:
        if self.is_dead:
            raise Crash
        if verb not in ("PUT", "DELETE"):
            return super().make(verb, subject, call, is_counted=is_counted)
        self.writes += 1
        self.is_dead = self.writes == self.dies_at
        if self.is_dead and not self.after:
            raise Crash
        answer = super().make(verb, subject, call, is_counted=is_counted)
        if self.is_dead:
            raise Crash
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_it_is_resumed_or_undone(moto_endpoint: str, tmp_path: Path, after: bool) -> None:
    ends = 0
    for dies_at in range(1, 30):
        with world_of(moto_store(moto_endpoint, Driver.OBSTORE)) as world:
            world.delete_block(to_the_end=False)
            with world.store.open() as bucket:
                before = objects_of(bucket)
                directory = tmp_path / f"{dies_at}"
                directory.mkdir()
                with begun(bucket, directory, planned(bucket)) as journal:
                    mortal = Mortal(bucket.requests.bounds, 8, dies_at, after=after)
                    bucket.requests = mortal
                    try:
                        apply_plan(bucket, journal, AT_ONCE)
                    except Crash:
                        pass
                    else:
                        ends = dies_at
                        break
            with world.store.open() as bucket:
                _no_block_half_there(objects_of(bucket))
                with closing(reopened(journal)) as again:
                    assert errors(apply_plan(bucket, again, AT_ONCE)) == [None]
                    found = objects_of(bucket)
                    assert {META, *DATA} <= found.keys()
                    assert not {LOCAL, GLOBAL} & found.keys()
                    assert errors(undo_run(bucket, again, AT_ONCE)) == [None]
                    assert objects_of(bucket) == before
    assert ends > 7, "the lock, two marks, two files, the meta.json, and the lock given back"


def _no_block_half_there(found: dict[str, bytes]) -> None:
    if META in found:
        assert set(DATA) <= found.keys(), "its meta.json comes last"
    if set(DATA) & found.keys():
        assert not {LOCAL, GLOBAL} & found.keys(), "the cleaner would delete it at once"


def test_a_bucket_without_versioning_says_so(moto_endpoint: str) -> None:
    with world_of(moto_store(moto_endpoint, Driver.OBSTORE)) as world:
        world.delete_block(to_the_end=False)
        world.versioning("Suspended")
        with world.store.open() as bucket:
            assert "versioning is not on" in decided(bucket).reason


@pytest.mark.parametrize("kind", ["local", "rclone"])
def test_a_store_that_keeps_no_versions_says_so(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    if kind == "local":
        store, says = local_store(tmp_path), "knows versions of objects on S3 only"
    else:
        directory = request.getfixturevalue("rclone_directory")
        store, says = rclone_store(request.getfixturevalue("rclone_endpoint"), directory, Driver.OBSTORE), "versioning"
    partial = {key: body for key, body in (a_block(A) | marked(A)).items() if key != META}
    store.fill({key: body for key, body in partial.items() if isinstance(body, bytes)})
    with store.open() as bucket:
        decision = decided(bucket)
        assert decision.verdict is Verdict.REFUSED
        assert says in decision.reason, decision.reason
        with pytest.raises(NotFoundError, match=says):
            planned(bucket, C)
