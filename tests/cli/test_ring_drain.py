"""`cortexctl ring drain` against pods that live in a time of their own, and a bucket that they ship to."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cortexctl.cli.ring import drainrun
from cortexctl.errors import UnavailableError
from cortexctl.ring.components import INGESTER, Settings
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance
from cortexctl.sources.ingester import IngesterProcess
from cortexctl.storage.journal import FileJournal
from tests.cli.conftest import Cli, Ran
from tests.fakes.cortex import Pod, running
from tests.fakes.ingester import FakeTenant, World
from tests.servers import ACCESS_KEY, SECRET_KEY, create_bucket

ZONES = ("zone-a", "zone-b", "zone-c")
C1, C0, B1 = "ingester-zone-c-1", "ingester-zone-c-0", "ingester-zone-b-1"
START_S = 1_795_230_000
CONFIG = """
limits: {query_ingesters_within: 15m}
ingester: {lifecycler: {ring: {zone_awareness_enabled: true, replication_factor: 3}}}
blocks_storage:
  tsdb: {head_compaction_idle_timeout: 4m, retention_period: 30m}
  bucket_store: {sync_interval: 5m}
compactor: {cleanup_interval: 5m}
"""


def entries() -> Iterator[Instance]:
    """Yield two ingesters a zone, with ten tokens each, spread evenly."""
    step = SPACE // 60
    for number in range(6):
        zone = ZONES[number % 3]
        tokens = [(turn * 6 + number) * step + number for turn in range(10)]
        name = f"ingester-{zone}-{number // 3}"
        yield instance(name, "127.0.0.1:9095", 0, zone, tokens, START_S, START_S - 86400 * 30)


@dataclass
class Cluster:
    """The pods, and how the program reaches them."""

    cli: Cli
    world: World
    distributor: Pod
    pods: dict[str, Pod]
    urls: dict[str, str]
    source: str
    config: Path
    bucket: str
    journals: Path
    also: list[str] = field(default_factory=list)

    def arguments(self, *names: str, bucket: bool = True) -> list[str]:
        given = ["ring", "drain", *names, "-s", self.source, "--config.file", str(self.config)]
        given += ["-b", self.bucket] if bucket else ["--no-bucket"]
        for name, url in self.urls.items():
            given += ["--pod", f"{name}={url}"]
        return [*given, "--timeout", "1s", *self.also]

    def __call__(self, *names: str, code: int = 0, bucket: bool = True) -> Ran:
        return self.cli(*self.arguments(*names, bucket=bucket), code=code)

    def mode_asked(self, name: str) -> int:
        return self.world.ingesters[name].asked.count("POST /ingester/mode")

    def runs(self) -> list[dict[str, Any]]:
        return list(self.cli("journal", "ls", "-o", "json").document["items"])

    @property
    def passed_s(self) -> float:
        return self.world.clock.now_s - START_S


Make = Callable[..., Cluster]


@pytest.fixture
def make(cli: Cli, tmp_path: Path, journal_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make clusters whose bucket is a directory, or where `upload` puts objects."""
    numbers = iter(range(1000))
    with ExitStack() as stack:

        def a_cluster(bucket: str = "", upload: Callable[[str, bytes], None] | None = None) -> Cluster:
            directory = tmp_path / f"bucket-{next(numbers)}"
            directory.mkdir()

            def keep(key: str, body: bytes) -> None:
                path = directory / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)

            world = World(entries(), upload or keep, START_S)
            world.idle_s, world.index_s, world.retention_s = 280.0, 300.0, 1800.0
            monkeypatch.setattr(drainrun, "wall_clock", lambda: world.clock)
            settings = {INGESTER.name: Settings(zone_awareness=True)}
            distributor = Pod(world.store, "distributor", settings)
            source = stack.enter_context(running(distributor))
            pods, urls = {}, {}
            for name, each in world.ingesters.items():
                each.tenants = {"team-a": FakeTenant(100), "team-b": FakeTenant(20)}
                pods[name] = Pod(world.store, "ingester", settings, ingester=each)
                pods[name].config = f"target: ingester\ningester: {{lifecycler: {{id: {name}}}}}\n"
                urls[name] = stack.enter_context(running(pods[name]))
            config = tmp_path / "cortex.yaml"
            config.write_text(CONFIG)
            return Cluster(cli, world, distributor, pods, urls, source, config, bucket or str(directory), journal_dir)

        yield a_cluster


@pytest.fixture
def cluster(make: Make) -> Cluster:
    """Three zones of two, all well."""
    return make()


def rows(ran: Ran) -> list[dict[str, Any]]:
    return list(ran.document["items"])


def command_in(text: str, having: str = "") -> list[str]:
    """Return the arguments of the command that is shown."""
    found = [line for line in text.splitlines() if line.startswith("  cortexctl") and having in line]
    program, *arguments = shlex.split(found[-1])
    assert program == "cortexctl"
    return arguments


def test_a_dry_run_says_whether_and_how_and_changes_nothing(cluster: Cluster) -> None:
    before = cluster.world.states()
    ran = cluster(C1)
    assert "zone-c: 2 of 2 active, 1 to drain, 1 left; 2 may be down at once now" in ran.stdout
    assert (
        "now: every key has 3 replicas or more to be written to, and queries stand the loss of 1 zone more"
        in ran.stdout
    )
    assert (
        "meanwhile: every key has 3 replicas or more to be written to, and queries stand the loss of no more zone"
        in (ran.stdout)
    )
    assert (
        f"wait 15m: queries ask ingesters for so long (limits.query_ingesters_within, {cluster.config})" in ran.stdout
    )
    assert "4m to 7m after its last sample" in ran.stdout
    assert "ok to drain" in ran.stdout
    assert cluster.world.states() == before
    assert not any("/ingester/mode" in each for one in cluster.world.ingesters.values() for each in one.asked)
    assert not cluster.journals.exists()
    document = cluster(C1, "-o", "json").document
    assert document["summary"]["ok_to_stop"] is True
    assert document["summary"]["wait_s"] == 900
    assert document["items"][0]["series"] == 120
    assert cluster(C1, "-q").stdout == ""


def test_the_command_of_a_dry_run_does_it(cluster: Cluster) -> None:
    cluster.cli(*command_in(cluster(C1).stdout))
    assert cluster.world.states()[C1] == "READONLY"


def drained(cluster: Cluster, ran: Ran, name: str = C1) -> None:
    """Require that an ingester was drained, and nobody else touched."""
    assert {each for each, state in cluster.world.states().items() if state == "READONLY"} == {name}
    assert cluster.mode_asked(name) == 1
    assert f"kubectl scale statefulset {name[:-2]} --replicas={name[-1]}" in ran.stdout
    assert "safe to stop" in ran.stdout
    of_it = cluster.world.ingesters[name]
    assert not any(each.series for each in of_it.tenants.values())


def test_the_whole_way(cluster: Cluster) -> None:
    ran = cluster(C1, "--apply")
    drained(cluster, ran)
    assert "2 blocks shipped and indexed" in ran.stdout
    # Queries need it for 15 min; meanwhile its head goes idle, ships, and is indexed and loaded.
    assert 900 <= cluster.passed_s < 960
    said = [line for line in ran.stderr.splitlines() if line.startswith(C1)]
    assert said[0] == f"{C1}: waits for queries to leave it: 15m left of 15m"
    assert said[-1] == f"{C1}: safe to stop: 2 blocks shipped and indexed"
    (run,) = cluster.runs()
    assert (run["command"], run["outcome"], run["done"]) == ("ring drain", "applied", 1)


_BUCKETS = count()


@pytest.fixture
def on_s3(make: Make, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster whose bucket is in a real S3."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    name = f"drained-{next(_BUCKETS)}"
    create_bucket(moto_endpoint, name)
    client = boto3.client("s3", endpoint_url=moto_endpoint, region_name="us-east-1")
    url = f"s3://{name}?endpoint={moto_endpoint}&region=us-east-1"
    with closing(client):
        yield make(url, lambda key, body: client.put_object(Bucket=name, Key=key, Body=body))


def test_the_whole_way_with_a_real_s3(on_s3: Cluster) -> None:
    ran = on_s3(C1, "--apply", "-o", "json")
    (row,) = rows(ran)
    assert (row["stage"], row["series"], row["blocks"], row["shipped"], row["indexed"]) == ("safe to stop", 0, 2, 2, 2)
    assert ran.document["summary"]["safe_to_stop"] == 1


def test_zones_go_one_after_the_other(cluster: Cluster) -> None:
    changes: list[tuple[str, str]] = []
    for name, each in cluster.world.ingesters.items():
        real = each.answer

        def answer(method: str, path: str, query: str, body: bytes, real: Any = real, name: str = name) -> Any:
            if path == "/ingester/mode":
                others = [one for one, state in cluster.world.states().items() if state == "READONLY"]
                changes.append((name, ",".join(others)))
            return real(method, path, query, body)

        each.answer = answer  # type: ignore[method-assign]  # stands in
    ran = cluster(B1, C1, C0, "--apply", code=8)
    assert "nobody would be left in zone-c" in ran.stderr
    ran = cluster(B1, C1, "--apply")
    assert changes == [(B1, ""), (C1, B1)]
    assert cluster.passed_s >= 1800, "the second zone waits until the first is safe"
    assert "kubectl scale statefulset ingester-zone-b --replicas=1" in ran.stdout


def test_all_at_once_is_refused_where_two_zones_would_be_down(cluster: Cluster) -> None:
    ran = cluster(B1, C1, "--all-at-once", code=8)
    assert (
        "with ingester-zone-c-1 and ingester-zone-b-1 stopped and still in the ring, queries would fail: 2"
        in ran.stderr
    )
    assert "in zone-b, zone-c (--force-quorum)" in ran.stderr
    cluster(B1, C1, "--all-at-once", "--force-quorum", "--apply")
    assert cluster.passed_s < 960


def test_refused_where_a_zone_is_down_already(cluster: Cluster) -> None:
    for name in ("ingester-zone-a-0", "ingester-zone-a-1"):
        cluster.world.ingesters[name].is_up = False
    for _ in range(10):
        cluster.world.clock.sleep(15)
    for way in ([], ["--apply"]):
        ran = cluster(C1, *way, code=8)
        assert "zone-a is short already: ingester-zone-a-0 is unhealthy, ingester-zone-a-1 is unhealthy" in ran.stderr
        assert "with ingester-zone-c-1 stopped and still in the ring, queries would fail: 3 ingesters" in ran.stderr
        assert "nobody is drained" in ran.stderr
    document = cluster(C1, "-o", "json", code=8).document
    assert document["summary"]["ok_to_stop"] is False
    assert [each["may_miss"] for each in document["summary"]["zones"]] == [2, 0, 0]
    assert cluster.mode_asked(C1) == 0
    assert cluster(C1, "--force-quorum").code == 0


def test_who_is_unhealthy_cannot_be_drained(cluster: Cluster) -> None:
    cluster.world.ingesters[C1].is_up = False
    for _ in range(10):
        cluster.world.clock.sleep(15)
    ran = cluster(C1, "--force-quorum", code=8)
    assert f"{C1} is unhealthy: its last heartbeat was 2m30s ago" in ran.stderr


def test_a_quorum_that_is_lost_on_the_way_stops_a_resumed_run(cluster: Cluster) -> None:
    cluster.world.at(300, lambda: setattr(cluster.world.ingesters[C1], "state", InstanceState.ACTIVE))
    cluster(C1, "--apply", code=5)
    cluster.world.ingesters["ingester-zone-a-0"].is_up = False
    for _ in range(10):
        cluster.world.clock.sleep(15)
    cluster("--resume", cluster.runs()[0]["run"], "--apply", code=8)


class Crash(BaseException):
    """What no code of ours catches."""


def crashing(monkeypatch: pytest.MonkeyPatch, at: int) -> list[str]:
    """Crash at the n-th point, before and after each thing that is noted or asked; 0 only counts."""
    reached: list[str] = []

    def around(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def point(text: str) -> None:
            reached.append(text)
            if len(reached) == at:
                raise Crash(text)

        def function(self: Any, *given: Any) -> Any:
            told = given[0]["event"] if name == "_note" else name
            point(f"before {told}")
            result = real(self, *given)
            point(f"after {told}")
            return result

        monkeypatch.setattr(owner, name, function)

    around(FileJournal, "_note")
    around(IngesterProcess, "set_mode")
    return reached


POINTS = ("begin", "set_mode", "done", "readonly", "head", "indexed", "safe")


def test_the_points_of_a_crash(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = crashing(monkeypatch, 0)
    cluster(C1, "--apply")
    assert reached == [f"{when} {each}" for each in POINTS for when in ("before", "after")]


@pytest.mark.parametrize(
    ("way", "at", "store"),
    [
        *((way, at, "cluster") for way in ("resume", "rollback") for at in range(1, 2 * len(POINTS) + 1)),
        *(("undo", at, "cluster") for at in (1, 2, 3, 4, 5, 14)),
        *((way, at, "on_s3") for way in ("resume", "rollback") for at in range(1, 2 * len(POINTS) + 1)),
    ],
)
def test_a_crash_at_any_point(request: pytest.FixtureRequest, way: str, at: int, store: str) -> None:
    cluster: Cluster = request.getfixturevalue(store)
    with pytest.MonkeyPatch.context() as patch:
        crashing(patch, at)
        with pytest.raises(Crash):
            cluster(C1, "--apply")
    (run,) = cluster.runs()
    if way == "resume":
        ran = cluster("--resume", run["run"], "--apply")
        drained(cluster, ran)
        assert cluster.passed_s < 960, "it does not wait twice"
        assert cluster.runs()[0]["outcome"] == "applied"
    elif way == "rollback":
        cluster("--rollback", "--resume", run["run"], "--apply")
        assert set(cluster.world.states().values()) == {"ACTIVE"}
    else:
        cluster.cli("journal", "undo", run["run"], "--apply")
        assert set(cluster.world.states().values()) == {"ACTIVE"}


def test_interrupted_it_says_how_to_go_on_and_how_to_go_back(cluster: Cluster) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster.world.at(400, interrupt)
    ran = cluster(C1, "--apply", code=130)
    assert "not safe to stop\nto go on:" in ran.stdout
    cluster.cli(*command_in(ran.stdout, "--rollback"))
    assert cluster.world.states()[C1] == "ACTIVE"
    ran = cluster.cli(*[each for each in command_in(ran.stdout, "--rollback") if each != "--apply"])
    assert "there is nothing to take back" in ran.stdout


def test_resume_of_the_pasted_command(cluster: Cluster) -> None:
    cluster.world.at(400, lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
    (*resume,) = command_in(cluster(C1, "--apply", code=130).stdout, "--apply")
    ran = cluster(C1, "--apply", "--resume", "x", code=2)
    assert "give ingesters by their ids, or --resume RUN" in ran.stderr
    run = cluster.runs()[0]["run"]
    ran = cluster("--resume", run)
    assert f"cortexctl ring drain -s {cluster.source}" in ran.stdout
    assert f"--resume {run}" in ran.stdout
    ran = cluster("--resume", run, "--apply")
    drained(cluster, ran)
    assert cluster.passed_s < 960
    assert resume


def test_a_rollback_by_name(cluster: Cluster) -> None:
    cluster.world.ingesters[C1].answer("POST", "/ingester/mode", "", b"mode=READONLY")
    dry = cluster("--rollback", C1, B1)
    assert [line.split()[0] for line in dry.stdout.splitlines() if line.startswith("ingester-")] == [C1]
    assert cluster.mode_asked(C1) == 1
    ran = cluster.cli(*command_in(dry.stdout))
    assert "ACTIVE again" in ran.stdout
    assert cluster.world.states()[C1] == "ACTIVE"
    run = cluster.runs()[0]["run"]
    assert f"run {run} took a drain back" in cluster("--resume", run, code=2).stderr
    cluster.cli("journal", "undo", run, "--apply")
    assert cluster.world.states()[C1] == "READONLY"


def test_a_run_that_was_taken_back_is_not_safe_any_more(cluster: Cluster) -> None:
    cluster(C1, "--apply")
    run = cluster.runs()[0]["run"]
    assert cluster("--resume", run, "--apply").stdout.count("safe to stop") == 2
    cluster("--rollback", "--resume", run, "--apply")
    cluster.world.clock.sleep(15)
    ran = cluster("--resume", run, "--apply", code=5)
    assert f"{C1}: was safe to stop, and is not any more: it takes writes again" in ran.stderr


def test_after_an_undo_it_begins_anew(cluster: Cluster) -> None:
    cluster(C1, "--apply")
    run, passed_s = cluster.runs()[0]["run"], cluster.passed_s
    cluster.cli("journal", "undo", run, "--apply")
    assert cluster.world.states()[C1] == "ACTIVE"
    cluster.world.clock.sleep(15)
    cluster("--resume", run, "--apply")
    assert cluster.world.states()[C1] == "READONLY"
    assert cluster.passed_s >= 2 * passed_s


def test_one_that_was_stopped_when_it_was_safe_is_no_fault(cluster: Cluster) -> None:
    cluster(C1, "--apply")
    run = cluster.runs()[0]["run"]
    cluster.world.ingesters[C1].is_up = False
    cluster.world.store.forget(INGESTER.stored_key, C1)
    assert "safe to stop" in cluster("--resume", run, "--apply").stdout


def test_journal_resume_leaves_it_to_the_drain(cluster: Cluster) -> None:
    with pytest.MonkeyPatch.context() as patch:
        crashing(patch, 2)
        with pytest.raises(Crash):
            cluster(C1, "--apply")
    run = cluster.runs()[0]["run"]
    assert f"cortexctl ring drain --resume {run}" in cluster.cli("journal", "resume", run, "--apply", code=8).stderr
    ran = cluster.cli("ring", "restore", "ingester", C1, "-s", cluster.source, "--from", run, code=2)
    assert "which takes no entry out of a ring" in ran.stderr
    shown = cluster.cli("journal", "undo", run)
    assert "put back 6 bytes" in shown.stdout


def test_somebody_puts_it_back_to_active(cluster: Cluster) -> None:
    other = cluster.world.ingesters[C1]
    cluster.world.at(200, lambda: other.answer("POST", "/ingester/mode", "", b"mode=ACTIVE"))
    ran = cluster(C1, "--apply", code=5)
    assert f"{C1}: it takes writes again: somebody else set its mode" in ran.stderr
    assert "ACTIVE again" in ran.stdout
    assert cluster.passed_s < 260
    passed_s, run = cluster.passed_s, cluster.runs()[0]["run"]
    assert "it takes writes again" in cluster("--resume", run, "--apply", code=5).stderr
    assert cluster.passed_s == passed_s, "it is not waited for"
    assert cluster.mode_asked(C1) == 2, "ours, and somebody else's"


def test_active_in_between_is_seen_by_its_registration(cluster: Cluster) -> None:
    other = cluster.world.ingesters[C1]

    def away_and_back() -> None:
        other.answer("POST", "/ingester/mode", "", b"mode=ACTIVE")
        other.answer("POST", "/ingester/mode", "", b"mode=READONLY")

    cluster.world.at(200, away_and_back)
    assert "it was ACTIVE, or out of the ring, meanwhile" in cluster(C1, "--apply", code=5).stderr


@pytest.mark.parametrize(("what", "said"), [("down", "sends no heartbeats any more"), ("left", "has left the ring")])
def test_it_goes_before_it_is_safe(cluster: Cluster, what: str, said: str) -> None:
    def go() -> None:
        cluster.world.ingesters[C1].is_up = False
        if what == "left":
            cluster.world.store.forget(INGESTER.stored_key, C1)

    cluster.world.at(200, go)
    assert said in cluster(C1, "--apply", code=5).stderr
    assert cluster.passed_s < 300


def test_a_restart_in_between_is_waited_out(cluster: Cluster) -> None:
    other = cluster.world.ingesters[C1]
    cluster.world.at(100, lambda: setattr(other, "state", InstanceState.PENDING))
    cluster.world.at(200, lambda: setattr(other, "state", InstanceState.READONLY))
    drained(cluster, cluster(C1, "--apply"))


def test_a_version_without_readonly(cluster: Cluster) -> None:
    cluster.world.ingesters[C1].version = (1, 18)
    ran = cluster(C1)
    assert (
        f"{cluster.urls[C1]}/ingester/all_user_stats: is not there (404): an ingester before 1.19 has no" in ran.stderr
    )
    ran = cluster(C1, "--apply", code=3)
    assert "--legacy flushes and shuts down instead" in ran.stderr
    assert cluster.runs() == []
    assert cluster.world.states()[C1] == "ACTIVE"


def test_the_legacy_way(cluster: Cluster) -> None:
    for name in (C1, B1):
        cluster.world.ingesters[name].version = (1, 18)
    dry = cluster("--legacy", C1, B1)
    assert "none of this can be taken back" in dry.stdout
    assert C1 in cluster.world.states()
    ran = cluster("--legacy", C1, B1, "--apply")
    assert not {C1, B1} & set(cluster.world.states())
    assert cluster.passed_s >= 1200, "twice the longer of cleanup and sync for each"
    assert "their processes are still there: end them now" in ran.stdout
    assert len(cluster.world.shipped["team-a"]) == 2
    run = cluster.runs()[0]["run"]
    ran = cluster.cli("journal", "undo", run, "--apply", code=8)
    assert "has left the ring: it comes back when it is started" in ran.stderr
    assert "has READONLY: drain" in cluster("--legacy", "ingester-zone-a-1", "--apply", code=2).stderr


@pytest.mark.parametrize("point", range(1, 7))
def test_a_crash_on_the_legacy_way(make: Make, point: int) -> None:
    cluster = make()
    cluster.world.ingesters[C1].version = (1, 18)
    with pytest.MonkeyPatch.context() as patch:
        crashing(patch, point)
        with pytest.raises(Crash):
            cluster("--legacy", C1, "--apply")
    cluster("--legacy", "--resume", cluster.runs()[0]["run"], "--apply")
    assert C1 not in cluster.world.states()
    assert cluster.world.ingesters[C1].asked.count("POST /ingester/shutdown") == 1
    assert cluster.passed_s < 700


@pytest.mark.parametrize(
    ("fault", "said", "code"),
    [("500", "the server answers 500", 3), ("hang", "did not answer within 1s", 3), ("403", "access denied", 3)],
)
def test_a_mode_that_is_not_answered(cluster: Cluster, fault: str, said: str, code: int) -> None:
    pod = cluster.pods[C1]
    pod.fault, pod.fault_paths = fault, ("/ingester/mode",)
    ran = cluster(C1, "--apply", code=code)
    assert said in ran.stderr
    assert cluster.passed_s < 100
    assert cluster.mode_asked(C1) == 0
    assert cluster.world.states()[C1] == "ACTIVE"
    pod.fault = ""
    drained(cluster, cluster("--resume", cluster.runs()[0]["run"], "--apply"))


def test_a_mode_whose_answer_is_lost_is_seen_in_the_ring(cluster: Cluster) -> None:
    pod = cluster.pods[C1]
    pod.fault, pod.fault_paths = "late", ("/ingester/mode",)
    drained(cluster, cluster(C1, "--apply"))


def test_a_refused_change_that_comes_with_the_next_heartbeat(cluster: Cluster) -> None:
    cluster.world.ingesters[C1].kv_fails = True
    drained(cluster, cluster(C1, "--apply"))


def test_a_process_that_is_another_ingester(cluster: Cluster) -> None:
    cluster.urls[C1] = cluster.urls[B1]
    ran = cluster(C1, "--apply", code=2)
    assert f"is {B1}, not {C1}; give --pod {C1}=URL" in ran.stderr
    cluster.pods[B1].config = "target: ingester\n"
    ran = cluster(C1, "--apply", "--verify-for", "20s", code=3)
    assert f"{C1} is ACTIVE in the ring" in ran.stderr
    assert "said yes: is that ingester-zone-c-1?" in ran.stderr


@pytest.mark.parametrize("fault", ["500", "hang"])
def test_statistics_that_are_not_answered_for_a_while(cluster: Cluster, fault: str) -> None:
    pod = cluster.pods[C1]
    pod.fault_paths = ("/ingester/all_user_stats",)
    cluster.world.at(300, lambda: setattr(pod, "fault", fault))
    cluster.world.at(1000, lambda: setattr(pod, "fault", ""))
    drained(cluster, cluster(C1, "--apply"))


def test_statistics_that_are_never_answered(cluster: Cluster) -> None:
    pod = cluster.pods[C1]
    pod.fault_paths = ("/ingester/all_user_stats",)
    cluster.world.at(100, lambda: setattr(pod, "fault", "500"))
    ran = cluster(C1, "--apply", code=3)
    assert "the server answers 500" in ran.stderr
    assert "(asked 5 times in a row)" in ran.stderr
    assert "not safe to stop\nto go on:" in ran.stdout


def test_a_ring_that_is_never_answered(cluster: Cluster) -> None:
    cluster.world.at(100, lambda: setattr(cluster.distributor, "fault", "500"))
    assert "(asked 5 times in a row)" in cluster(C1, "--apply", code=3).stderr


def test_a_ring_that_cannot_be_read_tells_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failed = drainrun._views, []

    def views(asked: drainrun.Asked) -> Any:
        if len(failed) < 3:
            failed.append(asked)
            raise UnavailableError("nobody answers")
        return real(asked)

    monkeypatch.setattr(drainrun, "_views", views)
    (event,) = [each for each in rows(cluster(C1, "--apply", "-o", "json")) if each["instance"] == C1]
    assert event["readonly_since_s"] == START_S + 6, "from when on it is seen to be READONLY"


def test_a_view_that_lags_is_waited_for(cluster: Cluster) -> None:
    late = Pod(cluster.world.store, "querier", cluster.distributor.settings, watch_delay_s=40)
    with running(late) as url:
        cluster.also = ["-s", url]
        drained(cluster, cluster(C1, "--apply"))
        assert 940 <= cluster.passed_s < 1000
    late = Pod(cluster.world.store, "querier", cluster.distributor.settings, watch_delay_s=9999)
    with running(late) as url:
        cluster.also = ["-s", url]
        assert f"{B1} at {url}" in cluster(B1, "--apply", code=6).stderr


def test_a_head_that_is_in_no_block(cluster: Cluster) -> None:
    one = cluster.world.ingesters[C1]
    one.flush()
    for _ in range(20):
        cluster.world.clock.sleep(15)
    one.tenants["team-b"].series = 20
    one.loses = {"team-b"}
    cluster.world.write_indexes()
    ran = cluster(C1, "--apply")
    assert "its blocks to be shipped: team-b: what was in its head is in no block in the bucket" in ran.stderr
    assert "holds nothing any more" in ran.stdout


def test_a_head_that_was_seen_before_a_crash(cluster: Cluster) -> None:
    with pytest.MonkeyPatch.context() as patch:
        reached = crashing(patch, 10)
        with pytest.raises(Crash):
            cluster(C1, "--apply")
    assert reached[-1] == "after head"
    cluster.world.ingesters[C1].tenants["team-a"].series = 0
    ran = cluster("--resume", cluster.runs()[0]["run"], "--apply")
    assert "its blocks to be shipped: team-a: what was in its head is in no block in the bucket" in ran.stderr


def test_blocks_that_do_not_ship(cluster: Cluster) -> None:
    cluster.world.ingesters[C1].ships = False
    cluster.world.at(60, lambda: [each.flush() for each in cluster.world.ingesters.values()] and None)
    ran = cluster(C1, "--apply", code=6)
    assert f"{C1} is READONLY and not safe to stop: it waits for its blocks to be shipped: team-a: 0 of 1" in ran.stderr
    cluster.world.ingesters[C1].ships = True
    cluster("--resume", cluster.runs()[0]["run"], "--apply")


def test_an_index_that_is_not_written(cluster: Cluster) -> None:
    cluster.world.cleans = False
    ran = cluster(C1, "--apply")
    # Nothing is left on its disk half an hour later: then the bucket need not tell.
    assert "holds nothing any more" in ran.stdout
    assert cluster.passed_s >= 1800
    assert f"{C1}: waits for the bucket index: team-a: there is none" in ran.stderr


def test_without_the_bucket_it_waits_until_its_disk_is_empty(cluster: Cluster) -> None:
    ran = cluster(C1, "--apply", bucket=False)
    assert "holds nothing any more" in ran.stdout
    assert 1800 <= cluster.passed_s < 1900
    assert "2 on its disk: each goes once it is shipped, 30m after its newest sample" in ran.stderr


def test_flush_at_once(cluster: Cluster) -> None:
    cluster.config.write_text(CONFIG.replace("15m", "0").replace("4m", "0"))
    cluster.world.idle_s = 10**9
    assert "head_compaction_idle_timeout is 0: give --flush" in cluster(C1).stdout
    drained(cluster, cluster(C1, "--flush", "--apply"))
    assert cluster.passed_s < 800
    assert cluster.world.ingesters[C1].asked.count("POST /ingester/flush") == 1


def test_what_it_needs_to_know(cluster: Cluster) -> None:
    bare = ["ring", "drain", C1, "-s", cluster.source, "--zone-awareness"]
    dry = cluster.cli(*bare)
    assert "to do it, with --wait or --config.file and --http-port N or --pod ID=URL:" in dry.stdout
    assert "give --wait, --config.file or --from-live" in cluster.cli(*bare, "--apply", code=2).stderr
    ran = cluster.cli(*bare, "--wait", "0", "--apply", code=2)
    assert f"{C1}: where its HTTP server is is not known" in ran.stderr
    assert f"no ingester-9 in the {INGESTER.name} ring" in cluster("ingester-9", code=4).stderr
    assert "for this is --read-only" in cluster(C1, "--apply", "--read-only", code=8).stderr
    assert cluster.runs() == []


def test_the_address_in_the_ring_with_the_http_port(cluster: Cluster) -> None:
    port = re.search(r":(\d+)$", cluster.urls[C1])
    assert port
    given = ["ring", "drain", C1, "-s", cluster.source, "--config.file", str(cluster.config), "-b", cluster.bucket]
    cluster.cli(*given, "--http-port", port[1], "--apply")
    assert cluster.world.states()[C1] == "READONLY"


def test_the_source_that_is_the_ingester(cluster: Cluster) -> None:
    sources = [word for url in cluster.urls.values() for word in ("-s", url)]
    given = ["ring", "drain", C1, "-s", cluster.source, *sources, "--config.file", str(cluster.config)]
    ran = cluster.cli(*given, "-b", cluster.bucket, "--apply")
    drained(cluster, ran)


def test_one_that_is_readonly_since_a_known_time(cluster: Cluster) -> None:
    cluster.world.ingesters[C1].answer("POST", "/ingester/mode", "", b"mode=READONLY")
    for _ in range(60):
        cluster.world.clock.sleep(15)
    since = f"{START_S}"
    drained(cluster, cluster(C1, "--apply", "--readonly-since", since))
    assert cluster.passed_s < 1000 + 900


def test_shuffle_shards(cluster: Cluster, tmp_path: Path) -> None:
    cluster.config.write_text(f"{CONFIG}\ndistributor: {{sharding_strategy: shuffle-sharding}}\n")
    overrides = tmp_path / "runtime.yaml"
    overrides.write_text(json.dumps({"overrides": {"team-a": {"ingestion_tenant_shard_size": 6}}}))
    ran = cluster(C1, "--runtime-config.file", str(overrides))
    assert "note: 5 ingesters would be left, fewer than the shuffle shard of team-a wants" in ran.stdout
