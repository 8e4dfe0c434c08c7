"""`cortexctl doctor`: what is seeded in the sample is found, and one part that cannot be looked at hides no other."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cortexctl.ring.components import INGESTER
from cortexctl.sample import TAKEN_AT_S
from tests.builders import NOW_S, TENANT
from tests.cli.conftest import Cli, Place
from tests.cli.rings import InConsul, a_ring, one_dead, save
from tests.fakes.cortex import Pod, down, running
from tests.fakes.ringstore import Store
from tests.servers import ACCESS_KEY, SECRET_KEY, ScriptedS3, hanging_server

Serve = Callable[[Pod], str]

CONFIG = "target: all\ncompactor: {sharding_enabled: true, deletion_delay: 1h, data_dir: /data}\n"
HOUR_S = 3600


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a pod, and returns its URL."""
    with ExitStack() as stack:
        yield lambda pod: stack.enter_context(running(pod))


@pytest.fixture
def cluster(cli: Cli, sample: Path, tmp_path: Path) -> Cli:
    """The program with the sample cluster as its current context."""
    (tmp_path / "cortex.yaml").write_text(CONFIG)
    rings = sample.parent / "rings"
    (tmp_path / "contexts.yaml").write_text(
        f"current-context: sample\ncontexts:\n  sample:\n    bucket: {sample}\n    config-file: cortex.yaml\n"
        f"    rings:\n      ingester: [{rings}/ingester-ring]\n      store-gateway: [{rings}/store-gateway-ring]\n"
    )
    cli.environment["CORTEXCTL_CONFIG"] = str(tmp_path / "contexts.yaml")
    cli.environment["CORTEXCTL_AS_OF"] = str(TAKEN_AT_S)
    return cli


@pytest.fixture
def s3(cli: Cli, scripted: ScriptedS3) -> str:
    """The URL of a scripted bucket with one small object, and credentials for it."""
    cli.environment |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    scripted.objects["team-a/bucket-index.json.gz"] = b"not gzip"
    return f"s3://{scripted.bucket}?endpoint={scripted.endpoint}&path-style=true&region=us-east-1"


def codes(document: Any, section: str) -> list[str]:
    """Return the codes of a section's findings, in order."""
    return [each["code"] for each in document["findings"] if each["section"] == section]


def statuses(document: Any) -> dict[str, str]:
    """Return how each section went."""
    return {each["section"]: each["status"] for each in document["summary"]["sections"]}


def test_what_is_wrong_with_the_sample_cluster_is_found_and_nothing_else(cluster: Cli) -> None:
    document = cluster("doctor", "--volume", "1Gi", "-o", "json", code=1).document
    assert document["schema"] == "cortexctl/doctor/v1"
    assert statuses(document) == {
        "access": "looked at", "clocks": "skipped", "rings": "looked at", "bucket": "looked at", "disk": "looked at",
        "config": "looked at",
    }  # fmt: skip
    assert codes(document, "access") == []
    assert codes(document, "rings") == ["RNG01", "RNG08", "RNG21", "RNG35", "RNG24"]
    assert codes(document, "bucket") == ["IDX03", "IDX05", "IDX07", "POI01", "POI03", "IDX06", "CMP05"]
    assert codes(document, "disk") == ["DSK01"]
    assert codes(document, "config") == ["CFG32", "CFG12", "CFG12", "CFG30", "CFG31", "CFG29"]
    first = document["summary"]["first"]
    assert (first["code"], first["scope"]) == ("RNG01", "store-gateway")
    assert first["next"] == "cortexctl ring show store-gateway --context sample"


def test_the_page_says_how_it_is_and_what_is_first(cluster: Cli) -> None:
    lines = cluster("doctor", "--volume", "1Gi", code=1).stdout.splitlines()
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert [line.partition(" ")[0] for line in heads] == [
        "access", "clocks", "rings", "bucket", "disk", "config", "verdict:", "first:",
    ]  # fmt: skip
    assert heads[0] == "access   ok"
    assert heads[3] == "bucket   7 findings: 5 critical, 1 high, 1 warning"
    assert lines[-2] == "verdict: 6 critical, 5 high, 7 warning, 1 info; not looked at: clocks"
    assert lines[-1] == "first:   RNG01 store-gateway: cortexctl ring show store-gateway --context sample"
    assert "         2 tenants; the oldest of 2 bucket indexes is team-faulty's, 3h1m old" in lines
    # Infos are counted only, and equal commands are printed once.
    assert not any("CFG29" in line for line in lines)
    assert sum("bucket index rebuild" in line for line in lines) == 1
    assert "CFG29" in cluster("doctor", "-o", "wide", code=1).stdout


def test_without_volumes_the_disk_is_not_looked_at_and_that_is_said(cluster: Cli) -> None:
    ran = cluster("doctor", code=1)
    assert "disk     not looked at: no volumes: give --volume SIZE, or INSTANCE=SIZE" in ran.stdout
    assert "holds" not in cluster("doctor", "--volume", "1Ti", "--only", "DSK").stdout


def test_nothing_is_named(cli: Cli) -> None:
    ran = cli("doctor", code=2)
    assert "give --config.file FILE or --from-live URL, --bucket URL, --source URL of its rings, --k8s-namespace" in (
        ran.stderr
    )
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["-b", "foo://x"], "foo:// is not supported"),
        (["-s", "foo://x"], "foo://x"),
        (["-b", "memory://x", "--as-of", "soon"], "'soon' is not a time"),
        (["-b", "memory://x", "--deadline", "soon"], "'soon' is not a duration"),
        (["-b", "memory://x", "--timeout", "0s"], "--timeout must be more than nothing"),
        (["-b", "memory://x", "--volume", "1Gi", "--volume", "2Gi"], "given twice"),
    ],
)
def test_what_can_mean_nothing_is_said_at_once(cli: Cli, wrong: list[str], said: str) -> None:
    ran = cli("doctor", *wrong, code=2)
    assert said in ran.stderr
    assert ran.stdout == ""


def test_quiet_is_silent_when_all_is_well(cli: Cli, well: Place) -> None:
    ran = cli("doctor", *well.then, "--ignore", "CMP03", "--quiet")
    assert ran.stdout == ran.stderr == ""
    page = cli("doctor", *well.then, "--ignore", "CMP03").stdout
    assert "verdict: no findings; not looked at: clocks, rings, disk, config" in page


@pytest.mark.parametrize(
    ("verb", "action", "resource"),
    [("LIST", "s3:ListBucket", "arn:aws:s3:::blocks"), ("GET", "s3:GetObject", "arn:aws:s3:::blocks/*")],
)
def test_the_permission_that_is_missing_is_named(
    cli: Cli, scripted: ScriptedS3, s3: str, verb: str, action: str, resource: str
) -> None:
    scripted.denied.add(verb)
    document = cli("doctor", "-b", s3, "-o", "json", code=3).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["severity"], finding["scope"]) == ("ACC03", "high", "s3://blocks")
    assert finding["evidence"]["action"] == action
    assert finding["evidence"]["resource"] == resource
    assert finding["next"] == f'{{"Effect": "Allow", "Action": ["{action}"], "Resource": "{resource}"}}'
    assert statuses(document)["bucket"] == "failed"
    assert document["summary"]["first"]["code"] == "ACC03"
    page = cli("doctor", "-b", s3, code=3).stdout
    assert f"denied; missing is {action} on {resource}" in page
    assert scripted.count("PUT") == scripted.count("DELETE") == 0


def test_uploads_that_may_not_be_listed_are_no_more_than_told(cli: Cli, scripted: ScriptedS3, s3: str) -> None:
    scripted.denied.add("UPLOADS")
    document = cli("doctor", "-b", s3, "--only", "ACC", "-o", "json").document
    (finding,) = document["findings"]
    assert (finding["code"], finding["severity"]) == ("ACC03", "info")
    assert finding["evidence"]["action"] == "s3:ListBucketMultipartUploads"
    access = document["summary"]["sections"][0]
    assert access["told"] == [
        "bucket: may list, get",
        "writes not tried: they need s3:PutObject, s3:DeleteObject on arn:aws:s3:::blocks/*",
    ]


def test_a_kv_store_that_is_down_hides_nothing_else(cli: Cli, well: Place) -> None:
    with down() as url:
        source = url.replace("http://", "consul://")
        ran = cli("doctor", *well.then, "-s", source, "--timeout", "2s", code=6)
        document = cli("doctor", *well.then, "-s", source, "--timeout", "2s", "-o", "json", code=6).document
    assert "rings    could not be looked at: see access" in ran.stdout
    assert "bucket   1 finding: 1 high" in ran.stdout
    assert f"first:   ACC01 {source}: cortexctl ring show ingester -s {source}" in ran.stdout
    assert "could not be looked at, or not whole: rings" in ran.stderr
    assert [(each["code"], each["scope"]) for each in document["findings"]] == [("ACC01", source), ("CMP03", TENANT)]
    assert statuses(document)["rings"] == "failed"


def test_a_pod_that_is_down_hides_no_other(cli: Cli, serve: Serve) -> None:
    up = serve(Pod(Store({INGESTER: a_ring()}), "distributor"))
    with down() as url:
        document = cli("doctor", "-s", up, "-s", url, "--timeout", "2s", "-o", "json", code=6).document
    assert statuses(document)["rings"] == "partly"
    assert codes(document, "access") == ["ACC01"]
    assert document["summary"]["sections"][0]["told"] == ["1 of 2 places of rings answered"]


def test_a_configuration_that_cannot_be_asked_for_hides_nothing_else(cli: Cli, well: Place) -> None:
    with down() as url:
        ran = cli("doctor", *well.then, "--ignore", "CMP03", "--from-live", url, "--timeout", "2s", code=6)
    assert "bucket   ok" in ran.stdout
    assert "config   could not be looked at: see access" in ran.stdout
    assert f"HIGH     ACC01 {url}  read its configuration: not answered" in ran.stdout


def test_a_configuration_that_cortex_does_not_take_is_linted(cli: Cli, well: Place, tmp_path: Path) -> None:
    file = tmp_path / "cortex.yaml"
    file.write_text("compactor: {deletion_delay: soon}\n")
    document = cli("doctor", *well.then, "--config.file", file, "-o", "json", code=6).document
    assert statuses(document)["bucket"] == "failed"
    assert "CFG02" in codes(document, "config")


def test_credentials_that_are_not_accepted(cli: Cli, serve: Serve) -> None:
    url = serve(Pod(Store({INGESTER: a_ring()}), bearer="s3cr3t"))
    document = cli("doctor", "-s", url, "-o", "json", code=3).document
    assert codes(document, "access") == ["ACC02"]


def test_a_directory_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    document = cli("doctor", "-b", tmp_path / "none", "-o", "json", code=3).document
    assert codes(document, "access") == ["ACC04"]


def test_clocks_that_agree(cli: Cli, serve: Serve, s3: str) -> None:
    url = serve(Pod(Store({INGESTER: a_ring()}), "distributor"))
    document = cli("doctor", "-b", s3, "-s", url, "--only", "CLK", "-o", "json").document
    assert document["findings"] == []
    (told,) = document["summary"]["sections"][1]["told"]
    assert told.startswith("2 clocks told, the furthest ")


def test_a_pod_whose_clock_is_ahead_is_told_from_us(cli: Cli, serve: Serve, s3: str) -> None:
    pods = [Pod(Store({INGESTER: a_ring()}), "distributor") for _ in range(3)]
    pods[1].clock_ahead_s = HOUR_S
    urls = [serve(each) for each in pods]
    sources = [word for url in urls for word in ("-s", url)]
    document = cli("doctor", "-b", s3, *sources, "--only", "CLK", "-o", "json", code=1).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["subject"], finding["severity"]) == ("CLK02", urls[1], "high")
    assert finding["message"].endswith("ahead of most others")
    assert finding["evidence"]["ahead_s"] == pytest.approx(HOUR_S, abs=5)


def test_our_clock_is_the_one_that_is_off(cli: Cli, scripted: ScriptedS3, serve: Serve, s3: str) -> None:
    scripted.clock_ahead_s = -HOUR_S
    url = serve(Pod(Store({INGESTER: a_ring()}), "distributor", clock_ahead_s=-HOUR_S))
    document = cli("doctor", "-b", s3, "-s", url, "--only", "CLK", "-o", "json", code=1).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["subject"]) == ("CLK01", "this machine")
    assert finding["evidence"]["ahead_s"] == pytest.approx(HOUR_S, abs=5)


def test_clocks_that_could_not_be_told_are_named(cli: Cli, serve: Serve, consul: InConsul) -> None:
    consul.put(a_ring())
    url = serve(Pod(Store({INGESTER: a_ring()}), "distributor"))
    page = cli("doctor", "-s", url, "-s", consul.url, "--only", "CLK").stdout
    assert f"could not be told: {consul.url}" in page


def test_a_saved_value_that_does_not_say_its_ring(cli: Cli, tmp_path: Path) -> None:
    value = save(tmp_path / "value", one_dead())
    ran = cli("doctor", "-s", value, code=2)
    assert "does not say which ring it is: name it in a context" in ran.stdout


def test_a_deadline(cli: Cli, well: Place) -> None:
    with hanging_server() as (endpoint, _):
        ran = cli("doctor", *well.then, "-s", endpoint, "--deadline", "1s", "--timeout", "30s", code=124)
    assert "--deadline 1s is over" in ran.stderr
    assert "rings    could not be looked at" in ran.stdout


def test_known_findings_do_not_fail_and_are_not_shown(cluster: Cli, tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    known.write_text(cluster("doctor", "-o", "json", code=1).stdout)
    ran = cluster("doctor", "--baseline", known)
    assert "18 known, 0 fixed since" in ran.stdout
    assert "bucket   ok" in ran.stdout
    assert "verdict: no findings" in ran.stdout
    cluster.environment["CORTEXCTL_AS_OF"] = str(TAKEN_AT_S + 3 * HOUR_S)
    document = cluster("doctor", "--baseline", known, "-o", "json", code=1).document
    assert {(each["code"], each["scope"]) for each in document["findings"] if not each["known"]} >= {
        ("IDX03", "team-b")
    }
    of_rings = cluster("ring", "check", "-o", "json", code=1).stdout
    known.write_text(of_rings)
    assert "is of another command" in cluster("doctor", "--baseline", known, code=2).stderr


def test_what_is_chosen_and_what_fails(cluster: Cli) -> None:
    cluster("doctor", "--only", "CFG", "--fail-on", "critical")
    ran = cluster("doctor", "--only", "CFG", "--ignore", "CFG3")
    assert "bucket   not looked at: --only or --ignore leaves all of its checks out" in ran.stdout
    assert "listed 0 objects" in ran.stderr
    assert "no check begins with 'XYZ'" in cluster("doctor", "--only", "XYZ", code=2).stderr


def test_rows_for_those_who_want_them(cluster: Cli) -> None:
    rows = cluster("doctor", "--only", "DSK", "--volume", "1Gi", "-o", "csv", code=1).stdout.splitlines()
    assert rows[0].startswith("section,code,name,severity,scope,subject,message")
    assert rows[1].startswith("disk,DSK01,")
    listed = cluster("doctor", "--fields", "section,code", "--only", "DSK", "--volume", "1Gi", code=1).stdout
    assert "disk     DSK01" in listed


def test_explain(cli: Cli) -> None:
    assert cli("explain", "clk02").stdout.startswith("CLK02 clocks-apart (warning)")


def test_the_bucket_of_some_tenants(cli: Cli, behind: Place) -> None:
    document = cli("doctor", "-b", behind.url, "--as-of", NOW_S, "-t", "team-b", "-o", "json", code=1).document
    assert {each["scope"] for each in document["findings"]} == {"team-b"}


def test_a_table_that_is_not_there(cli: Cli, moto_endpoint: str) -> None:
    cli.environment |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    source = f"dynamodb://eu-west-1/none?endpoint={moto_endpoint}"
    document = cli("doctor", "-s", source, "-o", "json", code=3).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["scope"]) == ("ACC04", source)
    assert "there is no such table in this region and account" in finding["message"]


@pytest.mark.parametrize("form", ["html", "prom", "junit", "sarif", "github", "ndjson", "yaml", "csv"])
def test_every_format_has_the_findings(cluster: Cli, form: str) -> None:
    ran = cluster("doctor", "--only", "DSK,CFG32", "--volume", "1Gi", "-o", form, code=1)
    assert "DSK01" in ran.stdout
    assert "CFG32" in ran.stdout


def test_what_could_not_be_looked_at_is_told_in_other_formats_too(cli: Cli, well: Place) -> None:
    with down() as url:
        ran = cli("doctor", *well.then, "-s", url, "--timeout", "2s", "-o", "junit", code=6)
    assert "refused the connection" in ran.stdout


def test_runs_are_remembered(cluster: Cli, tmp_path: Path) -> None:
    history = ("--history", tmp_path / "history")
    assert "the first run in the history" in cluster("doctor", *history, code=1).stdout
    again = cluster("doctor", *history, "--ignore", "CFG", code=1).stdout
    assert "since the last run at " in again
    assert "0 new, 0 fixed" in again


def test_a_result_in_a_file_is_written_once(cluster: Cli, tmp_path: Path) -> None:
    file = tmp_path / "doctor.prom"
    ran = cluster("doctor", "-o", "prom", "--output-file", file, code=1)
    assert ran.stdout == ""
    assert 'command="doctor"' in file.read_text()
