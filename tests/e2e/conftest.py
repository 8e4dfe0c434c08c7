"""The process whose children are killed."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Drive = Callable[[list[dict[str, Any]]], list[int]]


@pytest.fixture(scope="session")
def drive() -> Iterator[Drive]:
    """Run jobs of `tests.e2e.driver`, each in a process of its own, and return how each ended."""
    command = [sys.executable, "-m", "tests.e2e.driver"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        asked, answers = driver.stdin, driver.stdout

        def run(jobs: list[dict[str, Any]]) -> list[int]:
            asked.write(json.dumps(jobs) + "\n")
            asked.flush()
            ends: list[int] = json.loads(answers.readline())
            return ends

        yield run
