"""The tour that `cortexctl demo` gives: the main jobs on the sample cluster, each command before its output."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import typer

from cortexctl.errors import CortexctlError
from cortexctl.sample import BUCKET, FAULTY_TENANT, NEGLECTED, RINGS, TAKEN_AT_S, TENANT
from cortexctl.sample.neglected import CODES, LOST, NEGLECTED_TENANT
from cortexctl.sample.rings import DEAD, INGESTERS, STORE_GATEWAYS
from cortexctl.units import format_time

_LONGEST_S = 120


def run_main_jobs(directory: Path) -> None:
    """Run the jobs in turn, and fail when one does not end as it should."""
    environment = {
        "CORTEXCTL_BUCKET": str(directory / BUCKET),
        "CORTEXCTL_AS_OF": format_time(TAKEN_AT_S),
        "CORTEXCTL_JOURNAL_DIR": str(directory / "journal"),
    }
    _comment(f"a sample cluster is in {directory}; it was taken at {environment['CORTEXCTL_AS_OF']}")
    for name, value in environment.items():
        typer.echo(f"$ export {name}={shlex.quote(value)}")
    plan = str(directory / "plan.json")
    _comment("which tenants are there, and in what state")
    _run(environment, "bucket tenants")
    _comment(f"what is unusual in {FAULTY_TENANT}")
    _run(
        environment,
        f"bucket ls -t {FAULTY_TENANT} --state partial --state broken --state ghost --fields block,state,lacks",
    )
    _comment("is each bucket index what the bucket holds? a healthy one first")
    _run(environment, f"bucket index check -t {TENANT}")
    _run(environment, f"bucket index check -t {FAULTY_TENANT}", code=1)
    _comment("what one of these means")
    _run(environment, "explain POI03")
    _comment("what a rebuild would change; then do exactly that")
    _run(environment, f"bucket index rebuild -t {FAULTY_TENANT} --plan-out {plan}")
    _run(environment, f"bucket index rebuild --apply {plan} --lock-settle 1s --yes")
    _comment("what is left is not the index's fault: these objects are for a human to mend")
    _run(environment, f"bucket index check -t {FAULTY_TENANT} --only IDX")
    _comment("will the compactor's disk hold? one volume does not, another does")
    _run(environment, f"plan disk -t {TENANT} --volume 1Gi", code=1)
    _run(environment, f"plan disk -t {TENANT} --volume 2Gi --quiet")
    _repair(environment, str(directory / NEGLECTED))
    _run_ring_jobs(environment, directory / RINGS)
    _comment("everything written can be taken back")
    _run(environment, "journal ls")


def _repair(environment: dict[str, str], bucket: str) -> None:
    families = ",".join(sorted({code[:3] for code in CODES}))
    _comment(f"a bucket that nobody looked after, with {len(CODES)} faults")
    typer.echo(f"$ export CORTEXCTL_BUCKET={shlex.quote(bucket)}")
    environment = {**environment, "CORTEXCTL_BUCKET": bucket}
    _run(environment, "bucket check", code=1)
    _comment(f'a query failed: "some blocks were not queried: {LOST}"')
    _run(environment, f"bucket why {NEGLECTED_TENANT}/{LOST}", code=1)
    _comment("what would be done about all of it; then do it, and look again")
    _run(environment, f"bucket check --fix {families}", code=1)
    _run(environment, f"bucket check --fix {families} --apply --lock-settle 1s --yes")
    _run(environment, "bucket check --fail-on info")


def _run_ring_jobs(environment: dict[str, str], rings: Path) -> None:
    store_gateways, ingesters = f"-s {rings / STORE_GATEWAYS}", f"-s {rings / INGESTERS}"
    _comment("the rings, as etcd held them: two store-gateways with the same tokens")
    _run(environment, f"ring check store-gateway {store_gateways} --zone-awareness", code=1)
    _comment("an ingester that is dead")
    _run(environment, f"ring show ingester {ingesters} --zone-awareness")
    _comment("where the samples of a series go, and why")
    series = "--tenant team-b --series 'up{job=\"api\"}'"
    _run(environment, f"ring owners ingester {ingesters} --zone-awareness {series}")
    _comment("what would be forgotten; then do it")
    _run(environment, f"ring forget ingester {ingesters} --zone-awareness --unhealthy")
    _run(environment, f"ring forget ingester {ingesters} --zone-awareness {DEAD} --verify-for 1s --apply --yes")
    _run(environment, f"ring check ingester {ingesters} --zone-awareness")


def _comment(text: str) -> None:
    typer.echo(f"\n# {text}")


def _run(environment: dict[str, str], command: str, code: int = 0) -> None:
    typer.echo(f"$ cortexctl {command}")
    sys.stdout.flush()
    done = subprocess.run(  # noqa: S603 - our own program with our own arguments
        [sys.executable, "-m", "cortexctl", *shlex.split(command)],
        env={**os.environ, **environment},
        timeout=_LONGEST_S,
        check=False,
    )
    if done.returncode != code:
        raise CortexctlError(f"`cortexctl {command}` ended with {done.returncode}, not {code}")
    if code:
        typer.echo(f"(exit code {code})")
