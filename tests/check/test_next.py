"""The `next` command of every finding, run as it is on what it was found in: it works, and it has something to do."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cortexctl.cli.main import app
from tests.check.bucket import local_place
from tests.check.case import Case
from tests.check.golden import NOW_S, Golden
from tests.check.test_catalogue import CASES

FOUND = [pytest.param(code, case, id=f"{code} {case.name}") for code in CASES for case in CASES[code] if case.finds]
NONE = {"IDX13", "IDX14"}
"""Findings after which there is nothing to run."""
DOES = {
    "bucket index rebuild": ("differs", "stale"),
    **dict.fromkeys(("bucket check --", "bucket quarantine", "bucket marks", "bucket cleanup"), ("planned",)),
}
"""What a dry run says that has something to do, by the command."""
CONFIG = "limits: {compactor_blocks_retention_period: 30h}\n"


@pytest.mark.parametrize(("code", "case"), FOUND)
def test_what_is_to_be_run_next_runs(code: str, case: Case, light: Golden, tmp_path: Path) -> None:
    case.make(light)
    config = tmp_path / "cortex.yaml"
    config.write_text(CONFIG)
    with local_place(light, tmp_path) as place:
        found = [each for each in place.findings(case) if each.code in case.finds]
    for command in {each.next for each in found}:
        if not command:
            assert {each.code for each in found if not each.next} <= NONE
            continue
        words = shlex.split(command)
        here = ["-b", str(light.directory), "--config.file", str(config), "--as-of", str(NOW_S)]
        ran = CliRunner().invoke(app, [*words, *here], env={"COLUMNS": "200"})
        is_looking = command.startswith("bucket inspect")  # exits 4 for a block that is not what it should be
        assert ran.exit_code in ((0, 4) if is_looking else (0, 1)), f"{command}: {ran.stdout}\n{ran.stderr}"
        for verb, said in DOES.items():
            if command.startswith(verb):
                assert any(each in ran.stdout for each in said), f"{command} has nothing to do: {ran.stdout}"
