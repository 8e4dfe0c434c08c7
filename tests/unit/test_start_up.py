"""Help and completion start fast, because they import next to nothing; a command imports what it needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cortexctl.ring import codec
from cortexctl.ring.model import instance, ring

HEAVY = frozenset(
    (
        "aiobotocore", "aiohttp", "asyncio", "boto3", "botocore", "concurrent", "cramjam", "fsspec", "gcsfs", "google",
        "httpx", "isal", "jinja2", "junitparser", "kubernetes", "msgspec", "obstore", "prometheus_client", "rich",
        "s3fs", "ssl", "tarfile", "yaml", "zstandard",
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


def test_help_takes_a_few_times_the_start_of_python(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path)
    bare, help_ = (["-c", "pass"], ["-m", "cortexctl", "--help"])
    _cpu_s(help_, environment)  # which compiles what it imports, as an installation has it
    # The best of each, in turn: what else the machine does slows both, and never speeds one up.
    times = [(_cpu_s(bare, environment), _cpu_s(help_, environment)) for _ in range(6)]
    best_bare, best_help = (min(column) for column in zip(*times, strict=True))
    assert best_help < MOST_TIMES_BARE * best_bare


def _cpu_s(arguments: list[str], environment: dict[str, str]) -> float:
    """Return what a run took of the processor, however long it waited for one."""
    with subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime
