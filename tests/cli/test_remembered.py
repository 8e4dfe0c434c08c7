"""What runs remember for completion: plain names, not too many, and never a reason to fail."""

from pathlib import Path

import pytest

from cortexctl.cli.remembered import CONTEXTS, MOST, TENANTS, remember
from tests.builders import TENANT
from tests.cli.conftest import Cli, Place


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what is remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/cortexctl"


def test_a_listing_of_all_tenants_is_remembered(cli: Cli, behind: Place, cache: Path) -> None:
    cli("bucket", "tenants", *behind.then)
    assert (cache / TENANTS).read_text() == "team-a\nteam-b\n"
    assert (cache / TENANTS).stat().st_mode & 0o777 == 0o600
    cli("bucket", "tenants", "-t", TENANT, *behind.then)
    assert (cache / TENANTS).read_text() == "team-a\nteam-b\n", "some are not all"


def test_contexts_are_remembered(cli: Cli, well: Place, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"contexts:\n  here: {{bucket: {well.url}}}\n  there: {{bucket: /nowhere}}\n")
    cli.environment["CORTEXCTL_CONFIG"] = str(tmp_path / "config.yaml")
    cli("bucket", "tenants", "--context", "here")
    assert (cache / CONTEXTS).read_text() == "here\nthere\n"


@pytest.mark.parametrize("name", ["$(touch x)", "`x`", "a b", "a\nb", "-x", "a'b", 'a"b', "", "é", "a;b"])
def test_what_a_shell_could_run_is_not_remembered(name: str, cache: Path) -> None:
    remember(TENANTS, ["team-a", name])
    assert (cache / TENANTS).read_text() == "team-a\n"


def test_not_more_are_remembered_than_anybody_reads(cache: Path) -> None:
    remember(TENANTS, map(str, range(2 * MOST)))
    assert len((cache / TENANTS).read_text().splitlines()) == MOST


def test_a_cache_that_cannot_be_written_fails_nothing(
    cli: Cli, well: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cli("bucket", "tenants", *well.then)
