"""`cortexctl config lint`: files, running processes, versions, and what becomes of the exit code."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Cli
from tests.fakes.cortex import Pod, running
from tests.fakes.ringstore import Store

GOLDEN = Path(__file__).parents[1] / "golden"
SENSIBLE = GOLDEN / "config/sensible.yaml"
LINT = ("config", "lint")

Serve = Callable[[Pod], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a pod, and returns its URL."""
    with ExitStack() as stack:
        yield lambda pod: stack.enter_context(running(pod))


@pytest.fixture
def hasty(tmp_path: Path) -> Path:
    """A configuration that deletes blocks too soon."""
    file = tmp_path / "hasty.yaml"
    file.write_text(SENSIBLE.read_text().replace("  data_dir: /data/compactor\n", "  deletion_delay: 1h\n"))
    return file


def test_a_sensible_configuration_is_well(cli: Cli) -> None:
    ran = cli(*LINT, SENSIBLE)
    assert "no findings (1 config checked)" in ran.stdout
    assert f"{SENSIBLE}: target not said: every component; version not said" in ran.stdout
    assert "not run, needs Cortex's version: --cortex-version: CFG06" in ran.stdout
    assert cli(*LINT, SENSIBLE, "--quiet").stdout == ""


def test_a_finding_has_its_line_and_what_repairs_it(cli: Cli, hasty: Path) -> None:
    document = cli(*LINT, hasty, "-o", "json", code=1).document
    (finding,) = document["findings"]
    assert finding["code"] == "CFG32"
    assert finding["config"] == str(hasty)
    assert finding["subject"] == "compactor.deletion_delay"
    line = 1 + hasty.read_text().split("\n").index("  deletion_delay: 1h")
    assert finding["evidence"]["compactor.deletion_delay"] == f"1h (line {line})"
    assert finding["next"] == "compactor: {deletion_delay: 7h}  # or -compactor.deletion-delay=7h"
    assert yaml.safe_load(finding["next"]) == {"compactor": {"deletion_delay": "7h"}}
    assert shlex.split(finding["next"], comments=True)[0] == "compactor:"


def test_the_configuration_comes_from_options_and_the_environment(cli: Cli, hasty: Path) -> None:
    assert "CFG32" in cli(*LINT, "--config.file", hasty, code=1).stdout
    cli.environment["CORTEXCTL_CONFIG_FILE"] = str(hasty)
    assert "CFG32" in cli(*LINT, code=1).stdout
    assert "no findings" in cli(*LINT, SENSIBLE).stdout


def test_which_checks_and_what_fails(cli: Cli, hasty: Path, tmp_path: Path) -> None:
    cli(*LINT, hasty, "--fail-on", "critical")
    assert "no findings" in cli(*LINT, hasty, "--ignore", "CFG3").stdout
    assert "no check begins with 'CFG9'" in cli(*LINT, hasty, "--only", "CFG9", code=2).stderr
    known = tmp_path / "known.json"
    known.write_text(cli(*LINT, hasty, "-o", "json", code=1).stdout)
    assert "1 known, 0 fixed" in cli(*LINT, hasty, "--baseline", known).stdout
    sensible = tmp_path / "sensible.yaml"
    sensible.write_text(SENSIBLE.read_text())
    hasty.write_text(SENSIBLE.read_text())
    assert "0 known, 1 fixed" in cli(*LINT, hasty, "--baseline", known).stdout


def test_versions_of_cortex(cli: Cli) -> None:
    ran = cli(*LINT, SENSIBLE, "--cortex-version", "1.21", "--only", "CFG06", code=1)
    assert "there is such a key since v1.22, and this is v1.21" in ran.stdout
    assert "CFG06" not in cli(*LINT, SENSIBLE, "--cortex-version", "v1.22.0").stdout
    assert "'soon' is not a version of Cortex" in cli(*LINT, SENSIBLE, "--cortex-version", "soon", code=2).stderr


def test_variables(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "cortex.yaml"
    file.write_text("compactor:\n  compaction_retries: ${RETRIES}\n")
    cli.environment["RETRIES"] = "4"
    ran = cli(*LINT, file, "--only", "CFG02", code=1)
    assert "holds a variable: --config.expand-env replaces it, as Cortex does" in ran.stdout
    cli(*LINT, file, "--only", "CFG02", "--config.expand-env")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "line 2: not YAML"), ("- a", "is a list, not a mapping"), ("a: {b: 1, c", "not YAML")],
)
def test_what_is_no_configuration_is_named(cli: Cli, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "cortex.yaml"
    file.write_text(text)
    ran = cli(*LINT, file, code=2)
    assert str(file) in ran.stderr
    assert said in ran.stderr


def test_none_is_named(cli: Cli, tmp_path: Path) -> None:
    assert "no configuration: give FILE" in cli(*LINT, code=2).stderr
    assert "cannot be read" in cli(*LINT, tmp_path / "none.yaml", code=2).stderr


def test_a_running_process(cli: Cli, serve: Serve) -> None:
    page = (GOLDEN / "pages/config-full.yaml").read_text()
    url = serve(Pod(Store({}), config=page, version="1.21.1"))
    document = cli(*LINT, "--from-live", url, "-o", "json").document
    assert [each["code"] for each in document["findings"]] == ["CFG08", "CFG12", "CFG29", "CFG30", "CFG31"]
    unread, tokens, *_ = document["findings"]
    assert unread["message"].endswith("reads ruler_storage, alertmanager, alertmanager_storage")
    assert tokens["evidence"]["compactor.sharding_ring.tokens_file_path"] == "(empty) (default)"
    assert document["summary"]["notes"] == [
        f"{url}: target compactor,distributor,ingester,querier,query-frontend,store-gateway; Cortex v1.21"
    ]
    table = cli(*LINT, "--from-live", f"{url}/config?mode=diff").stdout
    assert "CFG12" in table


def test_several_processes_are_compared(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    querier = yaml.safe_load(SENSIBLE.read_text())
    querier["store_gateway"]["sharding_ring"]["replication_factor"] = 2
    url = serve(Pod(Store({}), config=yaml.safe_dump(querier)))
    document = cli(*LINT, SENSIBLE, "--from-live", url, "-o", "json", code=1).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["config"]) == ("CFG42", "all")
    assert finding["evidence"] == {str(SENSIBLE): "3", url: "2"}


def test_a_process_that_does_not_answer(cli: Cli, serve: Serve) -> None:
    down = serve(Pod(Store({}), fault="500"))
    ran = cli(*LINT, SENSIBLE, "--from-live", down, code=6)
    assert "no findings (1 config checked)" in ran.stdout
    assert f"{down}/config" in ran.stderr
    assert "1 of 2 configurations could not be read" in ran.stderr
    assert cli(*LINT, "--from-live", down, code=3).stdout == ""


def test_secrets_of_a_url_are_not_shown(cli: Cli, serve: Serve) -> None:
    url = serve(Pod(Store({}), config="target: all\n", basic=("user", "s3cr3t")))
    ran = cli(*LINT, "--from-live", url.replace("://", "://user:s3cr3t@"), "-o", "json")
    assert "s3cr3t" not in ran.stdout + ran.stderr


def test_explain(cli: Cli) -> None:
    ran = cli("explain", "cfg32")
    assert ran.stdout.startswith("CFG32 deletion-delay-short (warning)")
