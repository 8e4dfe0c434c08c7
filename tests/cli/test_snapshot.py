"""`cortexctl bucket snapshot`, and every command that reads a bucket on what it wrote."""

import functools
import json
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cortexctl.blocks import layout
from cortexctl.cli.main import app
from cortexctl.cli.tree import commands
from cortexctl.sample import FAULTY_TENANT, TAKEN_AT_S
from cortexctl.sample import TENANT as SAMPLE_TENANT
from cortexctl.units import format_time
from tests.builders import NOW_S, TENANT, A, B, a_block, an_entry, an_index, marked
from tests.cli.conftest import INDEX, OTHER, Cli, Place
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.stores import Driver, Store, moto_store

MARKED = "01M7XSYTEBCV83CZTWA9MVTQW1"
LIVE = "01M7XT29S2CT4FNMYX7HPPV150"
CONFIG = """
limits: {compactor_blocks_retention_period: 24h}
compactor: {sharding_enabled: true, sharding_strategy: shuffle-sharding, compaction_strategy: partitioning}
"""
READING = {
    "tenants": "bucket tenants",
    "tenants by listings": "bucket tenants --fast -t 'team-*'",
    "ls": "bucket ls",
    "ls of some": "bucket ls -t team-b --state marked --level 1",
    "inspect": f"bucket inspect {SAMPLE_TENANT}/{LIVE}",
    "inspect what is broken": f"bucket inspect {FAULTY_TENANT}/{MARKED}",
    "why": f"bucket why {SAMPLE_TENANT}/{LIVE}",
    "why of what is marked": f"bucket why {FAULTY_TENANT}/{MARKED}",
    "timeline": "bucket timeline",
    "check": "bucket check",
    "check with a configuration": "bucket check --config.file CONFIG --volume 1Gi",
    "check of some": "bucket check -t team-faulty --only MRK --only IDX",
    "marks": "bucket marks ls",
    "index show": f"bucket index show {SAMPLE_TENANT}",
    "index check": "bucket index check",
    "index diff": "bucket index diff",
    "retention": "bucket retention --retention 24h --all",
    "plan compaction": "plan compaction --until-done --left",
    "plan compaction by partitions": "plan compaction --config.file CONFIG",
    "plan disk": "plan disk --volume 1Gi",
    "plan store-gateway": "plan store-gateway --gateways 3",
    "doctor": "doctor --config.file CONFIG --volume 1Gi --ignore RNG --ignore CFG",
}
"""By what is looked at. `index diff` and `check` exit 1 on what is wrong with the sample."""
DRY_RUNS = {
    "index rebuild": "bucket index rebuild --all-tenants",
    "marks migrate": "bucket marks migrate --all-tenants",
    "marks add": f"bucket marks add {SAMPLE_TENANT}/{LIVE} --kind deletion",
    "marks rm": f"bucket marks rm {SAMPLE_TENANT}/{MARKED} --kind deletion",
    "undelete": f"bucket undelete {SAMPLE_TENANT}/{MARKED} --force",
    "quarantine": f"bucket quarantine {SAMPLE_TENANT}/{LIVE}",
    "cleanup": "bucket cleanup --all-tenants --older-than 1h",
}
NOT_READING = {"bucket snapshot", "bucket diff", "ring simulate", "ring drain", "journal undo", "journal resume"}
"""Commands with a test of their own here, those that need a ring, and what changes a bucket that a journal names."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.zst"


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("snapshot") / "sample.zst"


@pytest.fixture
def of_sample(cli: Cli, sample: Path, saved: Path) -> Path:
    """A snapshot of the sample bucket at its moment."""
    if not saved.exists():
        cli("bucket", "snapshot", saved, "-b", sample, "--as-of", str(TAKEN_AT_S))
    return saved


def on(cli: Cli, command: str, bucket: str, config: Path, *more: str) -> tuple[int, Any, list[str]]:
    """Return the exit code, the document and the errors of a command on a bucket, but for the bucket's name."""
    words = [str(config) if word == "CONFIG" else word for word in shlex.split(command)]
    ran = CliRunner().invoke(app, [*words, "-b", bucket, "-o", "json", *more], env=cli.environment)

    def nameless(text: str) -> str:
        names = (shlex.quote(bucket), bucket, bucket.partition("?")[0])
        return functools.reduce(lambda said, name: said.replace(name, "BUCKET"), names, text)

    document = json.loads(nameless(ran.stdout) or "null")
    if document:
        del document["started_at"]
    errors = [line for line in nameless(ran.stderr).splitlines() if line.startswith("cortexctl: ")]
    return ran.exit_code, document, errors


@pytest.mark.parametrize("command", [*READING.values(), *DRY_RUNS.values()], ids=[*READING, *DRY_RUNS])
def test_a_snapshot_answers_as_the_bucket_did(
    command: str, cli: Cli, sample: Path, of_sample: Path, tmp_path: Path
) -> None:
    config = tmp_path / "cortex.yaml"
    config.write_text(CONFIG)
    then = on(cli, command, str(sample), config, "--as-of", str(TAKEN_AT_S))
    assert then[0] in (0, 1, 4, 6, 8)
    assert on(cli, command, f"snapshot:{of_sample}", config) == then


def test_every_command_that_reads_a_bucket_is_tried() -> None:
    with_bucket = {each.name for each in commands(app) if not each.commands and "bucket" in each.fields}
    shown = (*READING.values(), *DRY_RUNS.values())
    tried = {name for name in with_bucket if any(f"{each} ".startswith(f"{name} ") for each in shown)}
    assert with_bucket - tried - NOT_READING == set()


def test_it_is_judged_at_its_own_moment_unless_another_is_given(cli: Cli, well: Place, file: Path) -> None:
    cli("bucket", "snapshot", file, *well.then)
    ran = cli("bucket", "tenants", "-b", f"snapshot:{file}", "-o", "json")
    assert ran.document["items"][0]["index_age_s"] == 0
    assert f"a snapshot of file://{well.url}, judged as of {format_time(NOW_S)}" in ran.stderr
    later = cli("bucket", "tenants", "-b", f"snapshot:{file}", "-o", "json", "--as-of", "+1h")
    assert later.document["items"][0]["index_age_s"] == 3600
    assert cli("bucket", "tenants", "-b", f"snapshot:{file}", "-q").stderr == ""


def test_what_it_says_of_itself(cli: Cli, behind: Place, file: Path) -> None:
    behind.put({"user-index.json.gz": b"x", "rules/a": b"12"})
    ran = cli("bucket", "snapshot", file, *behind.then, "-o", "json")
    summary = ran.document["summary"]
    assert ran.document["schema"] == "cortexctl/bucket-snapshot/v1"
    assert [(row["tenant"], row["objects"], row["saved"], row["unread"]) for row in ran.document["items"]] == [
        ("rules", 1, 0, 0), (TENANT, 7, 3, 0), (OTHER, 7, 3, 0),
    ]  # fmt: skip
    assert (summary["is_whole"], summary["is_complete"], summary["tenants"], summary["unread"]) == (True, True, 3, 0)
    assert (summary["bucket"], summary["taken_at"]) == (f"file://{behind.url}", format_time(NOW_S))
    assert summary["file_bytes"] == file.stat().st_size
    assert f"cortexctl bucket check -b snapshot:{file}" in ran.stderr


def test_an_existing_file_is_overwritten_only_when_told(cli: Cli, well: Place, file: Path) -> None:
    file.write_bytes(b"mine")
    assert "--force overwrites it" in cli("bucket", "snapshot", file, *well.here, code=2).stderr
    assert file.read_bytes() == b"mine"
    cli("bucket", "snapshot", file, *well.here, "--force")
    cli("bucket", "ls", "-b", f"snapshot:{file}")


def test_of_some_tenants(cli: Cli, behind: Place, file: Path) -> None:
    behind.put({"user-index.json.gz": b"not gzip"})
    cli("bucket", "snapshot", file, *behind.then, "-t", TENANT)
    here = ("-b", f"snapshot:{file}")
    assert [row["tenant"] for row in cli("bucket", "tenants", *here, "-o", "json").document["items"]] == [TENANT]
    checked = cli("bucket", "check", *here, "-o", "json", code=1).document
    assert {row["tenant"] for row in checked["findings"]} == {TENANT}
    assert "TEN04" in {row["code"] for row in checked["not_run"]}  # it is about the whole bucket
    ran = cli("bucket", "ls", *here, "-t", OTHER, code=3)
    assert f"{OTHER}/: not in the snapshot {file}, which is of {TENANT}" in ran.stderr
    smaller = file.with_name("b.zst")
    cli("bucket", "snapshot", smaller, *here)
    assert cli("bucket", "ls", "-b", f"snapshot:{smaller}", "-o", "json").document["summary"]["blocks"] == 2


def test_a_tenant_that_is_not_there_is_told_and_again(cli: Cli, well: Place, file: Path) -> None:
    ran = cli("bucket", "snapshot", file, *well.here, "-t", TENANT, "-t", "typo", code=6)
    assert "typo: no such tenant" in ran.stderr
    assert "typo: no such tenant" in cli("bucket", "ls", "-b", f"snapshot:{file}", "-t", "typo", code=3).stderr
    file.unlink()
    cli("bucket", "snapshot", file, *well.here, "-t", "typo", code=3)
    assert not file.exists()


def test_the_mark_of_a_tenant_outside_its_prefix_is_in_it(cli: Cli, well: Place, file: Path) -> None:
    well.put({layout.tenant_deletion_mark(TENANT): b'{"deletion_time": 1795226400}'})
    for which in ((), ("-t", TENANT)):
        cli("bucket", "snapshot", file, *well.then, *which, "--force")
        (row,) = cli("bucket", "tenants", "-b", f"snapshot:{file}", "-o", "json").document["items"]
        assert row["standing"] == "deleting"


def test_nothing_is_written_to_a_snapshot(cli: Cli, behind: Place, file: Path, journal_dir: Path) -> None:
    cli("bucket", "snapshot", file, *behind.then)
    before = file.read_bytes()
    command = ("bucket", "index", "rebuild", "--all-tenants", "-b", f"snapshot:{file}")
    dry = cli(*command).stdout
    assert f"to write 2 bucket indexes give the bucket itself, for this is a snapshot of file://{behind.url}" in dry
    assert "--apply" not in dry
    ran = cli(*command, "--apply", "--yes", code=8)
    assert f"nothing was written, for this is a snapshot of file://{behind.url}" in ran.stderr
    assert file.read_bytes() == before
    assert not journal_dir.exists()


def test_a_file_that_is_no_snapshot_or_is_damaged(cli: Cli, well: Place, file: Path) -> None:
    assert f"snapshot:{file}: not found" in cli("bucket", "ls", "-b", f"snapshot:{file}", code=3).stderr
    file.write_bytes(b"mine")
    ran = cli("bucket", "ls", "-b", f"snapshot:{file}", code=4)
    assert ran.stderr == f"cortexctl: {file}: is no snapshot of a bucket\n"
    cli("bucket", "snapshot", file, *well.here, "--force")
    body = file.read_bytes()
    file.write_bytes(body[:200] + bytes(8) + body[208:])
    assert f"{file}: is damaged at byte " in cli("bucket", "ls", "-b", f"snapshot:{file}", code=4).stderr
    file.write_bytes(body[:-1])
    assert f"{file}: is cut off" in cli("bucket", "ls", "-b", f"snapshot:{file}", code=4).stderr
    assert "write a file, as in snapshot:FILE" in cli("bucket", "ls", "-b", "snapshot:", code=2).stderr


def test_other_options_of_a_bucket(cli: Cli, well: Place, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("bucket", "snapshot", file, *well.here)
    ran = cli("bucket", "ls", "-b", f"snapshot:{file}", "--storage-driver", "s3fs", code=2)
    assert "does not fit" in ran.stderr
    assert "snapshot:FILE" in cli("bucket", "ls", "-b", "ftp://x", code=2).stderr
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("CORTEXCTL_BUCKET", f"snapshot:{file.name}")
    cli("bucket", "ls")


@pytest.fixture
def denied(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A bucket of moto with two blocks, of which the meta.json of one may not be read."""
    import boto3

    store = moto_store(moto_endpoint, Driver.OBSTORE)
    objects = a_block(A) | a_block(B) | marked(A) | {INDEX: an_index([an_entry(A), an_entry(B)])}
    store.fill({key: body for key, body in objects.items() if isinstance(body, bytes)})
    settings: Any = store.location.store
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{settings.bucket}/{layout.meta(TENANT, B)}",
        },
    }
    client = boto3.client(
        "s3",
        endpoint_url=moto_endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    with closing(client):
        client.put_bucket_policy(Bucket=settings.bucket, Policy=json.dumps(policy))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        yield store


def test_an_object_of_s3_that_may_not_be_read_is_the_same_fault_in_the_snapshot(
    cli: Cli, denied: Store, file: Path, tmp_path: Path
) -> None:
    settings: Any = denied.location.store
    url = f"s3://{settings.bucket}?endpoint={settings.endpoint_url}&region=us-east-1"
    ran = cli("bucket", "snapshot", file, "-b", url, "-o", "json", code=6)
    summary = ran.document["summary"]
    assert (summary["unread"], summary["is_complete"]) == (1, False)
    (said,) = summary["unread_examples"]
    assert said.startswith(f"{layout.meta(TENANT, B)}: access denied")
    taken_at_s = str(summary["taken_at_s"])
    for command in ("bucket ls", "bucket check", "bucket tenants", f"bucket inspect {TENANT}/{B}", "bucket index diff"):
        there = on(cli, command, url, tmp_path, "--as-of", taken_at_s)
        here = on(cli, command, f"snapshot:{file}", tmp_path)
        assert here == there
        if command.startswith(("bucket inspect", "bucket ls")):
            assert "denied" in json.dumps(here)


def test_memory_does_not_grow_with_the_bucket(cli: Cli, empty: Place, tmp_path: Path) -> None:
    """What the writer holds of a tenant is a frame: of ten times the blocks, no more at the same time."""
    from cortexctl.storage.snapshots import writer

    held: list[int] = []
    flush = writer._Lines.flush

    def seen(self: Any) -> None:
        held.append(self._size_bytes)
        flush(self)

    empty.put(dict.fromkeys((f"{TENANT}/debug/metas/{number:05d}.json" for number in range(2000)), b"x" * 2000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer._Lines, "flush", seen)
        patch.setattr(writer, "FRAME_BYTES", 100_000)
        cli("bucket", "snapshot", tmp_path / "a.zst", *empty.here)
    assert len([each for each in held if each > 50_000]) > 20
    assert max(held) <= 102_100
    assert (tmp_path / "a.zst").stat().st_size < 2000 * 200
