"""The tenant that a real Cortex left: rebuilt on every kind of store, and equal to what Cortex built."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from cortexctl.cli.main import app, with_plan_files
from cortexctl.sample import TENANT, unpack
from tests.servers import ACCESS_KEY, SECRET_KEY

INDEX = f"{TENANT}/bucket-index.json.gz"
EXPECTED = json.loads((Path(__file__).parents[1] / "golden/bucket/team-b.expected-index.json").read_bytes())["index"]


@dataclass(frozen=True)
class Served:
    """The sample tenant somewhere, and a way to its objects aside from cortexctl."""

    url: str
    arguments: tuple[str, ...]
    directory: Path | None = None
    moto_bucket: str = ""

    def index(self) -> bytes:
        return (self.directory / INDEX).read_bytes() if self.directory else self._moto_key().value

    def put_index(self, body: bytes | None) -> None:
        if self.directory and body is None:
            (self.directory / INDEX).unlink()
        elif self.directory:
            (self.directory / INDEX).write_bytes(body or b"")
        elif body is None:
            self._moto().delete_object(self.moto_bucket, INDEX)
        else:
            self._moto().put_object(self.moto_bucket, INDEX, body)

    def keys(self) -> list[str]:
        if self.directory:
            return sorted(str(path.relative_to(self.directory)) for path in self.directory.rglob("*") if path.is_file())
        return sorted(self._moto().buckets[self.moto_bucket].keys)

    def _moto(self) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends["123456789012"]["aws"]

    def _moto_key(self) -> Any:
        return self._moto().get_object(self.moto_bucket, INDEX)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run cortexctl on it, and return what it writes to stdout."""
        environment = {
            "CORTEXCTL_BUCKET": self.url,
            "CORTEXCTL_JOURNAL_DIR": os.environ["PYTEST_JOURNAL_DIR"],
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        if self.arguments[-1:] == ("s3fs",):
            return self._run_here(arguments, environment, code)
        done = subprocess.run(
            [sys.executable, "-m", "cortexctl", *arguments, *self.arguments],
            env={name: value for name, value in os.environ.items() if not name.startswith("CORTEXCTL_")} | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    def _run_here(self, arguments: Sequence[str], environment: dict[str, str], code: int) -> str:
        """Run it in this process, which has imported s3fs: that takes longer than all that is done with it."""
        was = signal.getsignal(signal.SIGTERM)
        done = CliRunner().invoke(app, with_plan_files([*arguments, *self.arguments]), env=environment)
        signal.signal(signal.SIGTERM, was)
        assert done.exit_code == code, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tenant, not to be written to."""
    directory = tmp_path_factory.mktemp("sample")
    unpack(directory)
    return directory


def _linked(unpacked: Path, directory: Path) -> Path:
    """Make a bucket of links to the tenant's objects, but for the index, which is written in place."""
    shutil.copytree(unpacked, directory, copy_function=os.link)
    (directory / INDEX).unlink()
    shutil.copy2(unpacked / INDEX, directory / INDEX)
    return directory


def _moto(endpoint: str, source: Path, name: str) -> None:
    """Put the tenant into moto, with the times its objects had."""
    from moto.s3.models import s3_backends

    backend = s3_backends["123456789012"]["aws"]
    backend.create_bucket(name, "us-east-1")
    for path in source.rglob("*"):
        if path.is_file():
            key = backend.put_object(name, str(path.relative_to(source)), path.read_bytes())
            key.last_modified = datetime.fromtimestamp(int(path.stat().st_mtime), tz=UTC).replace(tzinfo=None)


@pytest.fixture(params=["local", "moto-obstore", "moto-s3fs", "rclone-obstore", "rclone-s3fs"])
def served(
    request: pytest.FixtureRequest, unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """The sample tenant on each kind of store, through each driver."""
    monkeypatch.setenv("PYTEST_JOURNAL_DIR", str(tmp_path / "journal"))
    kind, _, driver = request.param.partition("-")
    name = f"sample-{os.getpid()}-{abs(hash(str(tmp_path))) % 10**8}"
    arguments = ("--storage-driver", driver) if driver else ()
    if kind == "local":
        directory = _linked(unpacked, tmp_path / "bucket")
        yield Served(str(directory), (), directory)
    elif kind == "rclone":
        directory = _linked(unpacked, request.getfixturevalue("rclone_directory") / name)
        endpoint = quote(request.getfixturevalue("rclone_endpoint"), safe="")
        yield Served(f"s3://{name}?endpoint={endpoint}&path-style=true", arguments, directory)
    else:
        endpoint = request.getfixturevalue("moto_endpoint")
        _moto(endpoint, unpacked, name)
        yield Served(f"s3://{name}?endpoint={quote(endpoint, safe='')}&path-style=true", arguments, moto_bucket=name)


def _values(index: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    blocks = {block["block_id"]: block for block in index["blocks"]}
    marks = {mark["block_id"]: mark for mark in index["block_deletion_marks"]}
    assert len(blocks) == len(index["blocks"])
    assert len(marks) == len(index["block_deletion_marks"])
    return blocks, marks


REBUILD = ("bucket", "index", "rebuild", "--tenant", TENANT, "--apply", "--lock-settle", "0s", "-o", "json")


def test_a_rebuild_gives_what_cortex_built(served: Served) -> None:
    left_by_cortex = json.loads(gzip.decompress(served.index()))
    assert _values(left_by_cortex) == _values(EXPECTED), "the two golden indexes agree"
    before = served.keys()

    served.put_index(None)
    (created,) = json.loads(served.run(*REBUILD))["items"]
    assert (created["outcome"], created["blocks_added"], created["marks_added"]) == ("written", 114, 104)
    body = served.index()
    assert body.startswith(b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xffbucket-index.json\x00")
    rebuilt = json.loads(gzip.decompress(body))
    assert _values(rebuilt) == _values(EXPECTED)
    assert list(rebuilt) == ["version", "blocks", "block_deletion_marks", "updated_at"]
    assert rebuilt["version"] == 1
    assert served.keys() == before, "the visit marker is given back, and nothing else is left"


def test_an_incremental_rebuild_gives_the_same(served: Served) -> None:
    old = json.loads(gzip.decompress(served.index()))
    old["blocks"], old["block_deletion_marks"] = old["blocks"][::2], old["block_deletion_marks"][::3]
    served.put_index(gzip.compress(json.dumps(old).encode()))

    (row,) = json.loads(served.run(*REBUILD, "--reuse"))["items"]
    assert (row["outcome"], row["reused"], row["blocks_added"]) == ("written", 57 + 35, 57)
    assert _values(json.loads(gzip.decompress(served.index()))) == _values(EXPECTED)


def test_a_plan_is_refused_when_the_index_changed_since(served: Served, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    served.run(*REBUILD[:5], "--plan-out", str(plan))
    other = gzip.compress(b'{"version":1,"blocks":null,"block_deletion_marks":[],"updated_at":1}')
    served.put_index(other)
    before = served.keys()
    served.run(*REBUILD[:3], "--apply", str(plan), "--lock-settle", "0s", code=5)
    assert served.index() == other
    assert served.keys() == before


def test_it_is_undone_byte_for_byte(served: Served) -> None:
    original = served.index()
    served.run(*REBUILD)
    assert served.index() != original
    (run,) = json.loads(Served(served.url, ()).run("journal", "ls", "-o", "json"))["items"]
    served.run("journal", "undo", run["run"], "--apply", "--lock-settle", "0s")
    assert served.index() == original


def test_the_tenant_has_no_findings_at_its_moment(served: Served) -> None:
    text = served.run("bucket", "index", "check", "-o", "json", "--as-of", "2026-11-21T01:19:25Z", "--fail-on", "info")
    assert json.loads(text)["findings"] == []


def test_the_whole_catalogue_finds_nothing_at_its_moment(served: Served) -> None:
    text = served.run("bucket", "check", "-o", "json", "--as-of", "2026-11-21T01:19:25Z", "--fail-on", "info")
    document = json.loads(text)
    assert document["findings"] == []
    assert document["summary"]["scopes_checked"] == 1


def test_blocks_are_listed_as_they_are(served: Served) -> None:
    document = json.loads(served.run("bucket", "ls", "-o", "json"))
    assert document["summary"]["states"] == {"complete": 10, "marked": 104}
    assert {row["block"] for row in document["items"]} == {block["block_id"] for block in EXPECTED["blocks"]}
