"""Help and completion start fast, because they import next to nothing; a command imports what it needs."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from cortexctl.ring import codec
from cortexctl.ring.model import instance, ring

HEAVY = frozenset(
    (
        "aiobotocore", "aiohttp", "asyncio", "boto3", "botocore", "concurrent", "cramjam", "fsspec", "gcsfs", "google",
        "httpx", "isal", "jinja2", "junitparser", "msgspec", "obstore", "prometheus_client", "rich", "s3fs", "ssl",
        "tarfile", "yaml", "zstandard",
    )
)  # fmt: skip
MOST_TIMES_BARE = 25
"""Measured at 10 to 16, most of it typer; boto3 or rich would double it."""

IMPORTED = """
import sys
from cortexctl.cli.main import main
sys.argv = ["cortexctl", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def modules_of(*arguments: str) -> set[str]:
    """Return the top-level modules that a run imports, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return {name.split(".")[0] for name in done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "command",
    [
        "",
        "bucket",
        "bucket ls",
        "bucket index rebuild",
        "bucket index check",
        "bucket marks add",
        "bucket cleanup",
        "ring",
        "ring check",
        "ring forget",
        "ring owners",
        "ring watch",
        "journal",
        "journal undo",
        "explain",
        "demo",
        "doctor",
    ],
)
def test_help_imports_nothing_heavy(command: str) -> None:
    assert not modules_of(*command.split(), "--help") & HEAVY


def test_reading_a_directory_imports_no_cloud_library(tmp_path: Path) -> None:
    assert not modules_of("bucket", "tenants", "-b", str(tmp_path), "-o", "json") & {
        "boto3",
        "botocore",
        "s3fs",
        "obstore",
    }


def test_a_saved_ring_needs_no_server_and_imports_no_library_for_one(tmp_path: Path) -> None:
    value = tmp_path / "ring"
    value.write_bytes(codec.encode(ring([instance("ingester-0", "10.0.0.1:9095", tokens=[1])])))
    imported = modules_of("ring", "show", "ingester", "-s", str(value), "-o", "json")
    assert "cramjam" in imported
    assert not imported & {"boto3", "botocore", "fsspec", "httpx", "obstore", "rich", "s3fs", "ssl", "yaml"}


def test_completion_needs_no_library_of_stores_and_servers() -> None:
    assert not modules_of("completion", "bash") & (HEAVY - {"msgspec"})


def test_help_takes_a_few_times_the_start_of_python() -> None:
    bare, help_ = (["-c", "pass"], ["-m", "cortexctl", "--help"])
    # The best of each, in turn: what else the machine does slows both, and never speeds one up.
    times = [(_seconds(bare), _seconds(help_)) for _ in range(5)]
    best_bare, best_help = (min(column) for column in zip(*times, strict=True))
    assert best_help < MOST_TIMES_BARE * best_bare


def _seconds(arguments: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    return time.perf_counter() - begun
