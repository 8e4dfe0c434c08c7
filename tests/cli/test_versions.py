"""`cortexctl bucket undelete` of a block that was deleted for good, as an operator runs it on a versioned bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cortexctl.storage.open import Driver
from tests.builders import NOW_S, TENANT, A
from tests.cli.conftest import Cli
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.stores import moto_store
from tests.store.test_versions import DATA, META, World, objects_of, world_of

AT_ONCE = ("--lock-settle", "0s", "--yes")
BLOCK = f"{TENANT}/{A}"


@pytest.fixture
def deleted(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A versioned bucket of which block A was deleted."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with world_of(moto_store(moto_endpoint, Driver.OBSTORE)) as world:
        world.delete_block()
        yield world


def test_a_deleted_block_is_shown_brought_back_and_deleted_again(cli: Cli, deleted: World, tmp_path: Path) -> None:
    here, plan = ("-b", f"s3://{deleted.name}"), tmp_path / "plan.json"
    dry = cli("bucket", "undelete", *here, BLOCK)
    assert "brings back 2 objects, 96 B" in dry.stdout
    assert f"cortexctl bucket undelete {BLOCK} -b s3://{deleted.name} --apply" in dry.stdout
    document = cli("bucket", "undelete", *here, BLOCK, "--plan-out", plan, "-o", "json").document
    assert [(row["key"], row["change"]) for row in document["items"]] == [
        (DATA[0], "restore"), (DATA[1], "restore"), (META, "create"),
    ]  # fmt: skip
    assert document["summary"]["restored_bytes"] == 96
    refused = cli("bucket", "undelete", *here, BLOCK, "--apply", *AT_ONCE, "--max-bytes", "95", code=8)
    assert "--max-bytes is 95" in refused.stderr
    cli("bucket", "undelete", *here, "--apply", plan, *AT_ONCE)
    with deleted.store.open() as bucket:
        assert {META, *DATA} <= objects_of(bucket).keys()
    assert BLOCK.rpartition("/")[2] in cli("bucket", "ls", *here, "-t", TENANT, "--state", "complete").stdout
    run = cli("journal", "ls", "-o", "json").document["items"][0]["run"]
    preview = cli("journal", "undo", run).stdout
    assert preview.count("delete, its version kept") == 2
    cli("journal", "undo", run, "--apply", *AT_ONCE[:2])
    with deleted.store.open() as bucket:
        assert not {META, *DATA} & objects_of(bucket).keys()
    cli("bucket", "undelete", *here, "--apply", plan, *AT_ONCE)
    with deleted.store.open() as bucket:
        assert {META, *DATA} <= objects_of(bucket).keys(), "the plan holds whatever markers lie over the versions"


def test_a_glob_finds_nothing_that_is_gone(cli: Cli, deleted: World) -> None:
    ran = cli("bucket", "undelete", "-b", f"s3://{deleted.name}", f"{TENANT}/*", "--as-of", str(NOW_S))
    assert A not in ran.stdout
