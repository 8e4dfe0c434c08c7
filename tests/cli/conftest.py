"""Buckets to run commands on, and a way to run them that keeps stdout and stderr apart."""

import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cortexctl.blocks import layout
from cortexctl.cli.main import app, with_plan_files
from cortexctl.sample import write_sample
from tests.builders import NOW_S, TENANT, UPLOADED_S, A, B, Body, a_block, an_entry, an_index
from tests.cli.rings import InConsul, InDynamoDB, InEtcd, Kept
from tests.fakes.consul import FakeConsul
from tests.fakes.etcd import Etcd, is_installed, started
from tests.schemas import keeps_its_promise
from tests.servers import ACCESS_KEY, SECRET_KEY

INDEX = layout.bucket_index(TENANT)
OTHER = "team-b"


@dataclass(frozen=True)
class Ran:
    """What a command said."""

    stdout: str
    stderr: str
    code: int

    @property
    def document(self) -> Any:
        """The JSON on stdout."""
        return json.loads(self.stdout)


@dataclass
class Cli:
    """The program, with a journal directory of the test's own."""

    environment: dict[str, str]

    def __call__(self, *arguments: str | Path, code: int | None = 0, stdin: str | None = None) -> Ran:
        """Run a command, and require its exit code; None: well or with findings."""
        given = with_plan_files([str(each) for each in arguments])
        result = CliRunner().invoke(app, given, env=self.environment, input=stdin)
        ran = Ran(result.stdout, result.stderr, result.exit_code)
        assert ran.code == code or (code is None and ran.code in (0, 1)), (
            f"{given}: {ran.code}, not {code}\n{ran.stdout}\n{ran.stderr}\n{result.exception!r}"
        )
        is_whole = "--fields" not in given and ("json" in given or "-ojson" in given)
        if is_whole and ran.stdout.startswith("{\n"):
            keeps_its_promise(ran.document)
        if ran.code not in (0, 1):
            assert "Traceback" not in ran.stderr or code == 70
        return ran


@dataclass
class Place:
    """A bucket of this machine, at `NOW_S`, and its bytes aside from cortexctl."""

    url: str
    directory: Path | None = None
    here: tuple[str, ...] = field(init=False)
    """The arguments that name it."""
    then: tuple[str, ...] = field(init=False)
    """The arguments that name it and its moment."""

    def __post_init__(self) -> None:
        self.here = ("-b", self.url)
        self.then = ("-b", self.url, "--as-of", str(NOW_S))

    def put(self, objects: Mapping[str, Body], modified_s: int = UPLOADED_S) -> None:
        """Write objects."""
        for key, body in objects.items():
            assert isinstance(body, bytes)
            if self.directory is None:
                self._memory().pipe_file(self._memory_path(key), body)
            else:
                path = self.directory / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
                os.utime(path, (modified_s, modified_s))

    def delete(self, key: str) -> None:
        """Delete an object."""
        if self.directory is None:
            self._memory().rm_file(self._memory_path(key))
        else:
            (self.directory / key).unlink()

    def objects(self) -> dict[str, bytes]:
        """Return every object."""
        if self.directory is None:
            root = self._memory_path("")
            found = self._memory().find(root)
            return {path.removeprefix(root): self._memory().cat_file(path) for path in found}
        files = (path for path in self.directory.rglob("*") if path.is_file())
        return {str(path.relative_to(self.directory)): path.read_bytes() for path in files}

    def _memory(self) -> Any:
        from fsspec.implementations.memory import MemoryFileSystem

        return MemoryFileSystem()

    def _memory_path(self, key: str) -> str:
        return f"/{self.url.removeprefix('memory://')}/{key}"


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Leave this process's signals as they were: a command sets its own."""
    was = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, was)


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    """Where journals go."""
    return tmp_path / "journal"


@pytest.fixture
def cli(journal_dir: Path) -> Cli:
    """The program."""
    return Cli({"CORTEXCTL_JOURNAL_DIR": str(journal_dir), "COLUMNS": "200"})


@pytest.fixture
def empty(tmp_path: Path) -> Place:
    """An empty directory."""
    directory = tmp_path / "bucket"
    directory.mkdir()
    return Place(str(directory), directory)


@pytest.fixture(params=["local", "memory"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty bucket: a directory, and this process's memory."""
    if request.param == "memory":
        return Place(f"memory://cli-{uuid.uuid4().hex}")
    directory = tmp_path / "bucket"
    directory.mkdir()
    return Place(str(directory), directory)


@pytest.fixture
def well(empty: Place) -> Place:
    """A bucket with one healthy tenant of two blocks."""
    empty.put(a_block(A) | a_block(B) | {INDEX: an_index([an_entry(A), an_entry(B)])})
    return empty


@pytest.fixture
def behind(empty: Place) -> Place:
    """A bucket with two tenants whose indexes lack a block each."""
    for tenant in (TENANT, OTHER):
        labels = {"thanos": {"labels": {"__org_id__": tenant}}}
        empty.put(a_block(A, tenant, **labels) | a_block(B, tenant, **labels))
        empty.put({layout.bucket_index(tenant): an_index([an_entry(A)])})
    return empty


@pytest.fixture(scope="session")
def _sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory)
    return directory


@pytest.fixture
def sample(_sample: Path) -> Path:
    """The directory of the sample bucket, to be read only."""
    return _sample / "bucket"


@pytest.fixture(scope="session")
def etcd(only_this_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """A real etcd."""
    if not is_installed():
        pytest.skip("etcd is not installed")
    with started(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest.fixture(scope="session")
def dynamodb(moto_endpoint: str) -> Iterator[Any]:
    """A client of moto's DynamoDB."""
    import boto3

    client = boto3.client(
        "dynamodb",
        endpoint_url=moto_endpoint,
        region_name="eu-west-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    with closing(client):
        yield client


@pytest.fixture(params=["consul", "etcd", "dynamodb"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    """An empty KV store: the fake Consul, a real etcd, moto's DynamoDB."""
    match request.param:
        case "etcd":
            running: Etcd = request.getfixturevalue("etcd")
            running.delete_all()
            yield InEtcd(running)
        case "dynamodb":
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            yield InDynamoDB(request.getfixturevalue("dynamodb"), request.getfixturevalue("moto_endpoint"))
        case _:
            with FakeConsul() as consul, httpx.Client(trust_env=False) as client:
                yield InConsul(consul, client)


@pytest.fixture
def consul() -> Iterator[InConsul]:
    """The fake Consul, empty: for what all stores do alike."""
    with FakeConsul() as running, httpx.Client(trust_env=False) as client:
        yield InConsul(running, client)
