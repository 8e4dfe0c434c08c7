"""Where results go: stdout, a file, a webhook, a Pushgateway; and which formats a command has."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families

from cortexctl.cli import tree
from cortexctl.cli.main import app
from cortexctl.render import Format
from tests.cli.conftest import Cli, Place
from tests.fakes.receiver import Receiver, receiving

LAST_RUN = "cortexctl_last_run_timestamp_seconds"
LAST_SUCCESS = "cortexctl_last_success_timestamp_seconds"
CODE = "cortexctl_run_exit_code"
COMMANDS = {each.name: each for each in tree.commands(app)}
ROWS = {"table", "wide", "json", "ndjson", "csv", "yaml", "html"}
FINDINGS = {"prom", "junit", "sarif", "github"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def gauges(text: str) -> dict[str, float]:
    """Return the gauges of a run, and how many series there are of each other."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        is_one = len(family.samples) == 1 and set(family.samples[0].labels) == {"command"}
        found[family.name] = family.samples[0].value if is_one else len(family.samples)
    return found


def formats(command: str) -> set[str]:
    (option,) = (each for each in COMMANDS[command].options if each.field == "output")
    assert option.metavar == "|".join(option.words), "the help names them"
    return set(option.words)


@pytest.mark.parametrize(
    ("command", "has"),
    [
        ("bucket ls", ROWS),
        ("bucket marks add", ROWS),
        ("journal ls", ROWS),
        ("bucket inspect", ROWS - {"csv"}),
        ("version", ROWS - {"csv"}),
        ("ring watch", {"table", "wide", "ndjson"}),
        ("bucket timeline", ROWS | {"svg"}),
        ("bucket tenants", ROWS | {"prom"}),
        ("ring list", ROWS | {"prom"}),
        ("ring show", ROWS | {"prom"}),
        ("plan compaction", ROWS | {"prom"}),
        ("plan store-gateway", ROWS | FINDINGS),
        ("plan disk", ROWS | FINDINGS),
        ("bucket check", ROWS | FINDINGS),
        ("bucket index check", ROWS | FINDINGS),
        ("ring check", ROWS | FINDINGS),
        ("config lint", ROWS | FINDINGS),
    ],
)
def test_help_and_completion_name_the_formats_of_a_command(command: str, has: set[str]) -> None:
    assert formats(command) == has


def test_every_format_of_a_command_is_one() -> None:
    with_output = [name for name, each in COMMANDS.items() if any(o.field == "output" for o in each.options)]
    assert len(with_output) > 30
    assert all(formats(each) <= set(Format) for each in with_output)


def test_a_format_that_makes_no_sense_is_wrong_usage_that_lists_those_that_do(cli: Cli, well: Place) -> None:
    ran = cli("bucket", "ls", *well.then, "-o", "junit", code=2)
    assert "'junit' is not one of 'table', 'wide', 'json', 'ndjson', 'csv', 'yaml', 'html'" in " ".join(
        ran.stderr.split()
    )
    cli("bucket", "inspect", "team-a/01J", *well.then, "-o", "csv", code=2)


@pytest.mark.parametrize("output", sorted(FINDINGS))
def test_a_repair_has_no_format_of_findings(cli: Cli, behind: Place, output: str) -> None:
    ran = cli("bucket", "check", *behind.then, "--fix", "IDX", "-o", output, code=2)
    assert f"-o {output} is of findings, and --fix shows a plan; it has table, wide, json" in ran.stderr


@pytest.mark.parametrize("output", sorted((ROWS | FINDINGS) - {"table", "wide"}))
@pytest.mark.parametrize("command", ["bucket check", "bucket index check", "plan disk"])
def test_every_format_of_a_command_with_findings(cli: Cli, behind: Place, command: str, output: str) -> None:
    volume = ("--volume", "1") if command == "plan disk" else ()
    ran = cli(*command.split(), *behind.then, *volume, "-o", output, code=1)
    assert ran.stdout.strip()
    match output:
        case "junit":
            assert any(case.is_failure for suite in JUnitXml.fromstring(ran.stdout.encode()) for case in suite)
        case "sarif":
            assert ran.document["runs"][0]["results"]
        case "github":
            assert all(line.startswith("::") for line in ran.stdout.splitlines())
        case "prom":
            assert gauges(ran.stdout)["cortexctl_findings"] >= 1


# --output-file


def test_a_file_is_written_whole_readable_and_instead_of_stdout(cli: Cli, well: Place, tmp_path: Path) -> None:
    file = tmp_path / "out" / "tenants.json"
    file.parent.mkdir()
    file.write_text("old")
    file.chmod(0o600)
    was = os.umask(0o077)
    try:
        ran = cli("bucket", "tenants", *well.then, "-o", "json", "--output-file", file)
    finally:
        os.umask(was)
    assert ran.stdout == ""
    assert [each["tenant"] for each in json.loads(file.read_text("utf-8"))["items"]] == ["team-a"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(file.parent.iterdir()) == [file], "nothing is left beside it"


def test_it_holds_what_stdout_would(cli: Cli, behind: Place, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    given = ("bucket", "check", *behind.then, "-o", "csv")
    cli(*given, "--output-file", file, code=1)
    assert file.read_text("utf-8") == cli(*given, code=1).stdout


def test_quiet_is_about_stdout_alone(cli: Cli, well: Place, tmp_path: Path) -> None:
    file = tmp_path / "findings.json"
    given = ("bucket", "index", "check", *well.then, "-o", "json", "--quiet")
    assert cli(*given, "--output-file", file).stdout == ""
    assert json.loads(file.read_text("utf-8"))["findings"] == []


def test_a_result_that_fails_to_be_written_leaves_the_old_file(cli: Cli, well: Place, tmp_path: Path) -> None:
    file = tmp_path / "tenants"
    file.write_text("old")
    cli("bucket", "tenants", *well.then, "--fields", "nonsense", "--output-file", file, code=2)
    assert file.read_text() == "old"
    assert set(tmp_path.iterdir()) == {well.directory, file}


@pytest.mark.parametrize("name", ["nowhere/file", "."])
def test_a_file_that_cannot_be_is_named_before_anything_is_read(cli: Cli, tmp_path: Path, name: str) -> None:
    ran = cli("bucket", "tenants", "-b", tmp_path / "no-bucket", "--output-file", tmp_path / name, code=2)
    assert f"--output-file {tmp_path / name}: " in ran.stderr


def test_what_a_link_leads_to_is_replaced(cli: Cli, well: Place, tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    cli("bucket", "tenants", *well.then, "--output-file", link)
    assert link.is_symlink()
    assert "team-a" in file.read_text()


def test_what_is_no_regular_file_is_written_to_and_stays(cli: Cli, well: Place) -> None:
    cli("bucket", "tenants", *well.then, "--output-file", os.devnull)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_watch_is_not_for_a_file(cli: Cli, tmp_path: Path) -> None:
    ran = cli("ring", "watch", "ingester", "-s", "http://127.0.0.1:9", "--output-file", tmp_path / "file", code=2)
    assert "redirect stdout" in ran.stderr


# -o prom


def test_metrics_say_how_the_run_went(cli: Cli, behind: Place) -> None:
    found = gauges(cli("bucket", "check", *behind.then, "-o", "prom", code=1).stdout)
    assert found[CODE] == 1
    assert found[LAST_RUN] == found[LAST_SUCCESS] > 1_700_000_000
    assert found["cortexctl_run_duration_seconds"] > 0
    assert found["cortexctl_run_requests"] >= 1
    assert found["cortexctl_scopes_checked"] == 2


def test_the_last_success_outlives_runs_that_fail(cli: Cli, well: Place, tmp_path: Path) -> None:
    file = tmp_path / "cortexctl.prom"
    given = ("bucket", "tenants", "-o", "prom", "--output-file", file)
    cli(*given, *well.then)
    first = gauges(file.read_text())
    for _ in range(2):
        cli(*given, "-b", tmp_path / "gone", code=3)
        failed = gauges(file.read_text())
        assert failed[LAST_SUCCESS] == first[LAST_SUCCESS]
        assert failed[LAST_RUN] > first[LAST_RUN]
        assert failed[CODE] == 3
        assert "cortexctl_bucket_tenants_blocks" not in failed
    cli(*given, *well.then)
    again = gauges(file.read_text())
    assert again[LAST_SUCCESS] > first[LAST_SUCCESS]
    assert again[CODE] == 0


def test_without_a_success_before_there_is_none(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "cortexctl.prom"
    file.write_text("not metrics {{{")
    cli("bucket", "tenants", "-b", tmp_path / "gone", "-o", "prom", "--output-file", file, code=3)
    assert LAST_SUCCESS not in gauges(file.read_text())


def test_wrong_usage_leaves_the_file_alone(cli: Cli, well: Place, tmp_path: Path) -> None:
    file = tmp_path / "cortexctl.prom"
    file.write_text("old")
    cli("bucket", "check", *well.then, "--only", "NONSENSE", "-o", "prom", "--output-file", file, code=2)
    assert file.read_text() == "old"


def test_the_most_series_are_an_option(cli: Cli, behind: Place) -> None:
    ran = cli("bucket", "tenants", *behind.then, "-o", "prom", "--max-series", "1")
    assert 'cortexctl_bucket_tenants_blocks{tenant="_other"} 2.0' in ran.stdout


def test_a_label_of_every_metric(cli: Cli, behind: Place, receiver: Receiver) -> None:
    label = ("--metric-label", "cluster=prod")
    ran = cli("bucket", "check", *behind.then, "-o", "prom", *label, "--pushgateway", receiver.url, code=1)
    samples = [each for family in text_string_to_metric_families(ran.stdout) for each in family.samples]
    assert samples
    assert all(each.labels["cluster"] == "prod" for each in samples)
    assert receiver.got[0].path.startswith("/metrics/job/cortexctl/cluster/prod/command@base64/")


@pytest.mark.parametrize(
    "given", ["cluster", "=prod", "cluster=", "a-b=c", "__name__=x", "command=x", "job=x", "tenant=x"]
)
def test_a_label_that_cannot_be(cli: Cli, behind: Place, given: str) -> None:
    ran = cli("bucket", "tenants", *behind.then, "-o", "prom", "--metric-label", given, code=2)
    assert "--metric-label" in ran.stderr
    assert ran.stdout == ""


def test_a_plan_has_the_gauges_of_its_rows_summary_and_findings(cli: Cli, behind: Place) -> None:
    ran = cli("plan", "disk", *behind.then, "--volume", "1", "-o", "prom", code=1)
    assert 'cortexctl_findings{code="DSK01",command="plan disk",instance="each compactor",severity=' in ran.stdout
    assert "cortexctl_plan_disk_likely_bytes{" in ran.stdout
    assert 'cortexctl_plan_disk_summary_instances_likely_total_bytes{instance="each compactor"}' in ran.stdout


# --webhook and --pushgateway


def test_the_document_goes_to_the_webhook_too(cli: Cli, behind: Place, receiver: Receiver) -> None:
    ran = cli("bucket", "check", *behind.then, "--webhook", f"{receiver.url}/hush", code=1)
    (got,) = receiver.got
    sent = json.loads(got.body)
    assert (got.path, sent["schema"]) == ("/hush", "cortexctl/bucket-check/v1")
    assert all(each["code"] in ran.stdout for each in sent["findings"])


def test_fields_are_not_for_the_webhook(cli: Cli, behind: Place, receiver: Receiver) -> None:
    cli("bucket", "check", *behind.then, "--fields", "code", "--webhook", receiver.url, code=1)
    assert "evidence" in json.loads(receiver.got[0].body)["findings"][0]


@pytest.mark.parametrize(("quiet", "sent"), [((), 1), (("--quiet",), 0)])
def test_quiet_sends_nothing_when_all_is_well(
    cli: Cli, well: Place, receiver: Receiver, quiet: tuple[str, ...], sent: int
) -> None:
    cli("bucket", "index", "check", *well.then, "--webhook", receiver.url, *quiet)
    assert len(receiver.got) == sent


@pytest.mark.parametrize("option", ["--webhook", "--pushgateway"])
def test_what_cannot_be_sent_is_named_and_loses_nothing(
    cli: Cli, well: Place, behind: Place, receiver: Receiver, option: str
) -> None:
    receiver.status = 500
    given = (*behind.then, option, f"{receiver.url}/hush")
    ran = cli("bucket", "index", "check", *given, "--fail-on", "critical", "--only", "IDX14", code=6)
    assert "no findings" in ran.stdout
    assert f"cortexctl: {option}: {receiver.url}: the server answers 500" in ran.stderr
    assert "hush" not in ran.stderr
    assert cli("bucket", "index", "check", *given, code=1).stdout, "findings are worth more than the webhook"


def test_a_url_that_is_none_is_named_before_anything_is_read(cli: Cli, tmp_path: Path) -> None:
    ran = cli("bucket", "check", "-b", tmp_path / "gone", "--webhook", "hooks.example/hush", code=2)
    assert "--webhook: the URL has to begin with" in ran.stderr
    assert "hush" not in ran.stderr


def test_metrics_are_pushed_whole_or_after_a_failure_only_those_of_the_run(
    cli: Cli, behind: Place, tmp_path: Path, receiver: Receiver
) -> None:
    cli("bucket", "check", *behind.then, "--pushgateway", receiver.url, code=1)
    cli("bucket", "check", "-b", tmp_path / "gone", "--pushgateway", receiver.url, code=3)
    whole, failed = receiver.got
    assert (whole.method, failed.method) == ("PUT", "POST")
    assert whole.path == failed.path == "/metrics/job/cortexctl/command@base64/YnVja2V0IGNoZWNr"
    assert gauges(whole.body.decode())["cortexctl_findings"] >= 1
    assert gauges(failed.body.decode()).keys() == {LAST_RUN, CODE, "cortexctl_run_duration_seconds"}


def test_a_ring_is_sent_as_well(cli: Cli, tmp_path: Path, receiver: Receiver) -> None:
    from cortexctl.ring import codec
    from cortexctl.ring.model import instance, ring

    value = tmp_path / "ring"
    value.write_bytes(codec.encode(ring([instance("ingester-0", "10.0.0.1:9095", tokens=[1])])))
    cli("ring", "check", "ingester", "-s", value, "--pushgateway", receiver.url, "--webhook", receiver.url, code=1)
    assert {got.method for got in receiver.got} == {"PUT", "POST"}
    (pushed,) = (got.body.decode() for got in receiver.got if got.method == "PUT")
    assert 'ring="ingester"' in pushed
