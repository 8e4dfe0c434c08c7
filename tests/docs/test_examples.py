"""The examples: each is what its reader takes, and each command and metric in them exists."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from docs import generate
from tests.cli.conftest import Cli, cli, journal_dir
from tests.unit.test_docs import faults_of

__all__ = ["cli", "journal_dir"]

ROOT = generate.ROOT
EXAMPLES = ROOT / "docs/examples"
FILES = sorted(EXAMPLES.iterdir())
METRIC = re.compile(r"\bcortexctl_[a-z_]+")


def documents(name: str) -> list[Any]:
    """Return what is in a YAML file."""
    return list(yaml.safe_load_all((EXAMPLES / name).read_text("utf-8")))


def containers() -> list[Any]:
    (job,) = documents("kubernetes-cronjob.yaml")
    return list(job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"])


def crontab() -> Iterator[tuple[list[str], str, str]]:
    """Yield the times, the user and the command of each line."""
    for line in (EXAMPLES / "crontab").read_text("utf-8").splitlines():
        if line and not line.startswith("#") and not re.match(r"[A-Z_]+=", line):
            *times, user, command = line.split(None, 6)
            yield times, user, command


def commands() -> Iterator[str]:
    """Yield every command line of ours in the examples."""
    yield from (f"cortexctl {command.partition(' ')[2]}" for _, _, command in crontab())
    for each in containers():
        yield f"cortexctl {shlex.join(each['args'])}"
    for job in documents("github-actions.yaml")[0]["jobs"].values():
        yield from (step["run"] for step in job["steps"] if step.get("run", "").startswith("cortexctl "))
    for job in documents("gitlab-ci.yaml")[0].values():
        yield from (line for line in job["script"] if line.startswith("cortexctl "))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_parses(path: Path) -> None:
    match path.suffix:
        case ".yaml":
            assert all(documents(path.name))
        case ".json":
            assert json.loads(path.read_text("utf-8"))
        case _:
            assert path.name == "crontab"


@pytest.mark.parametrize("line", list(commands()))
def test_a_command_is_one(line: str) -> None:
    assert list(faults_of(line)) == []


def test_the_crontab_has_times_and_users() -> None:
    lines = list(crontab())
    assert len(lines) >= 3
    for times, user, command in lines:
        assert all(re.fullmatch(r"(\*|\d+)(/\d+)?([,-]\d+)*", each) for each in times)
        assert user == "cortexctl"
        assert command.startswith("/usr/local/bin/cortexctl ")
        assert "--quiet" in command
        assert "--deadline" in command


def test_the_cronjob_is_one() -> None:
    (job,) = documents("kubernetes-cronjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    inside = job["spec"]["jobTemplate"]["spec"]
    assert inside["activeDeadlineSeconds"] < 15 * 60, "it ends before the next begins"
    pod = inside["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"] is True
    volumes = {each["name"] for each in pod["volumes"]}
    for each in pod["containers"]:
        assert each["securityContext"]["readOnlyRootFilesystem"] is True
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {mount["name"] for mount in each["volumeMounts"]} <= volumes
        assert "limits" in each["resources"]


@pytest.mark.parametrize(
    ("name", "schema"), [("github-actions.yaml", "vendor.github-workflows"), ("gitlab-ci.yaml", "vendor.gitlab-ci")]
)
def test_a_pipeline_fits_its_schema(name: str, schema: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_nobody(tmp_path: Path) -> None:
    parsed = DockerfileParser(path=str(tmp_path / "Dockerfile"), cache_content=False)
    parsed.content = (ROOT / "Dockerfile").read_text("utf-8")
    instructions = [(each["instruction"], each["value"]) for each in parsed.structure]
    last = max(at for at, (name, _) in enumerate(instructions) if name == "FROM")
    stage = dict(instructions[last:])
    assert stage["FROM"].endswith("-slim")
    assert int(stage["USER"].split(":")[0]) > 0
    assert json.loads(stage["ENTRYPOINT"]) == ["cortexctl"]
    assert "ADD" not in dict(instructions)
    sent = set((ROOT / ".dockerignore").read_text("utf-8").splitlines())
    for name, value in instructions[:last]:
        if name == "COPY":
            for source in value.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source.removeprefix('./')}" in sent, f"{source} is not sent to the builder"


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool")
@pytest.mark.parametrize(
    "arguments", [("check", "rules", "prometheus-alerts.yaml"), ("test", "rules", "prometheus-alerts-test.yaml")]
)
def test_promtool_takes_the_alerts(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=EXAMPLES, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_is_one() -> None:
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text("utf-8"))
    panels = dashboard["panels"]
    assert len({each["id"] for each in panels}) == len(panels) > 5
    assert all(each["datasource"]["uid"] == "${datasource}" for each in panels)
    taken = [
        (at["x"] + x, at["y"] + y)
        for at in (p["gridPos"] for p in panels)
        for x in range(at["w"])
        for y in range(at["h"])
    ]
    assert len(taken) == len(set(taken)), "no panel lies on another"
    assert all(0 <= x < 24 for x, _ in taken)


@pytest.mark.parametrize("name", ["prometheus-alerts.yaml", "grafana-dashboard.json"])
def test_a_metric_that_is_asked_for_is_written(name: str, cli: Cli, tmp_path: Path) -> None:
    cli("demo", tmp_path / "demo", "--no-run")
    here = ("-b", tmp_path / "demo/bucket", "-o", "prom")
    rings = tmp_path / "demo/rings"
    said = [
        cli("bucket", "check", *here, code=1),
        cli("bucket", "tenants", *here),
        cli("plan", "disk", *here, "--volume", "1Gi", code=1),
        cli("plan", "store-gateway", *here, "-s", rings / "store-gateway-ring"),
        cli("ring", "show", "ingester", "-s", rings / "ingester-ring", "-o", "prom"),
    ]
    written = {metric for each in said for metric in METRIC.findall(each.stdout)}
    asked = set(METRIC.findall((EXAMPLES / name).read_text("utf-8")))
    assert len(asked) > 5
    assert asked - written == set()
