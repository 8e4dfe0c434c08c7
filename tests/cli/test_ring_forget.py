"""`cortexctl ring forget` and `restore` at KV stores: dry runs, plans, what is refused, and what is written."""

import csv
import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cortexctl.ring.components import COMPACTOR_RING, DISTRIBUTOR, STORE_GATEWAY
from cortexctl.ring.model import InstanceState, ring
from tests.cli.conftest import Cli
from tests.cli.rings import DEAD_S, InConsul, Kept, a_member, a_ring, beating, now_s, one_dead, plan_of, same, save

FORGET = ("ring", "forget", "ingester")
RESTORE = ("ring", "restore", "ingester")
AT_ONCE = ("--verify-for", "0s")
FORMATS = ("json", "ndjson", "csv", "yaml")


def runs(cli: Cli) -> list[dict[str, Any]]:
    """Return the journal's rows."""
    rows: list[dict[str, Any]] = cli("journal", "ls", "-o", "json").document["items"]
    return rows


def items(text: str, output: str) -> list[dict[str, Any]]:
    """Return the rows of a result, whatever its format."""
    match output:
        case "json":
            return list(json.loads(text)["items"])
        case "ndjson":
            return [json.loads(line) for line in text.splitlines()[:-1]]
        case "yaml":
            return list(yaml.safe_load(text)["items"])
        case _:
            return list(csv.DictReader(io.StringIO(text)))


def test_a_dry_run_shows_whom_and_writes_nothing(cli: Cli, kept: Kept, journal_dir: Path) -> None:
    kept.put(one_dead())
    before = kept.raw()
    ran = cli(*FORGET, "i-1", "-s", kept.url)
    assert "to be forgotten" in ran.stdout
    assert "dry run: nothing was written" in ran.stdout
    assert f"  cortexctl ring forget ingester i-1 -s {shlex.quote(kept.url)} --apply" in ran.stdout
    assert kept.raw() == before
    assert not journal_dir.exists()


def test_the_command_of_a_dry_run_does_it(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    shown = cli(*FORGET, "--unhealthy", "-s", consul.url, "--replication-factor", "1", "--force-quorum", "--max", "1")
    (command,) = [line for line in shown.stdout.splitlines() if line.startswith("  cortexctl")]
    program, *arguments = shlex.split(command)
    assert program == "cortexctl"
    cli(*arguments, *AT_ONCE)
    assert "i-1" not in consul.get()


def test_apply_takes_out_one_entry_and_leaves_all_others_as_they_are(cli: Cli, kept: Kept) -> None:
    kept.put(one_dead())
    before = kept.get()
    ran = cli(*FORGET, "i-1", "-s", kept.url, "--apply", "--verify-for", "300ms")
    after = kept.get()
    assert after == {name: each for name, each in before.items() if name != "i-1"}
    assert "forgotten" in ran.stdout
    assert re.search(r"gone at 1 place within \d+ ms", ran.stdout)
    (run,) = runs(cli)
    assert (run["command"], run["outcome"], run["operations"], run["done"]) == ("ring forget", "applied", 1, 1)
    assert run["target"] == kept.url
    assert f"cortexctl journal undo {run['run']} --apply" in ran.stdout
    assert f"journal {run['run']}" in ran.stderr
    assert all(map(kept.heartbeat, after)), "the others are still alive"
    assert set(kept.get()) == set(after)


def test_writers_that_compete_lose_nothing(cli: Cli, kept: Kept) -> None:
    kept.put(a_ring({1: DEAD_S, 4: DEAD_S}, 9))
    before = kept.get()
    alive = [name for name in before if name not in ("i-1", "i-4")]
    with beating(kept, alive) as beats:
        then = dict(beats)
        cli(*FORGET, "i-1", "i-4", "-s", kept.url, "--apply", *AT_ONCE, "--force-quorum")
        assert any(beats[name] > then[name] for name in alive)
    after = kept.get()
    assert same(before, after, but=("i-1", "i-4"))
    assert not {"i-1", "i-4"} & set(after)
    # Of a store that counts beats, each by a second more than the one before, none is missing.
    assert all(after[name].timestamp_s >= before[name].timestamp_s + beats[name] for name in alive)
    cli("journal", "undo", runs(cli)[0]["run"], "--apply")
    assert same(before, kept.get())


def test_an_instance_that_comes_to_life_under_the_write_is_left_alone(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    swap, tries = consul.consul.swap, []

    def after_its_heartbeat(key: str, value: bytes, cas: int | None) -> bool:
        if not tries:
            tries.append(cas)
            consul.put(a_ring())
        return swap(key, value, cas)

    consul.consul.swap = after_its_heartbeat  # type: ignore[method-assign]  # stands in
    ran = cli(*FORGET, "i-1", "-s", consul.url, "--apply", *AT_ONCE, code=5)
    assert "i-1 sent a heartbeat since the plan was made" in ran.stderr
    assert len(tries) == 1
    assert same(consul.get(), a_ring().instances)
    cli("journal", "undo", runs(cli)[0]["run"], "--apply")
    assert same(consul.get(), a_ring().instances)


def test_undo_puts_back_what_was_there(cli: Cli, kept: Kept) -> None:
    kept.put(a_ring({1: DEAD_S, 4: DEAD_S}))
    before = kept.get()
    cli(*FORGET, "i-1", "i-4", "-s", kept.url, "--apply", *AT_ONCE, "--force-quorum")
    (run,) = runs(cli)
    dry = cli("journal", "undo", run["run"])
    assert "ingester/i-4" in dry.stdout
    assert len(kept.get()) == 4
    undone = cli("journal", "undo", run["run"], "--apply")
    assert undone.stdout.count("put back") == 2
    assert kept.get() == before
    assert runs(cli)[0]["outcome"] == "undone"
    cli("journal", "undo", run["run"], "--apply")
    assert kept.get() == before


def test_undo_leaves_alone_who_came_back_meanwhile(cli: Cli, kept: Kept) -> None:
    kept.put(one_dead())
    cli(*FORGET, "i-1", "-s", kept.url, "--apply", *AT_ONCE)
    kept.put(a_ring())
    back = kept.raw()
    ran = cli("journal", "undo", runs(cli)[0]["run"], "--apply", code=5)
    assert "ingester/i-1: changed since it was written; it is not put back" in ran.stderr
    assert kept.raw() == back


def test_restore_puts_back_what_a_run_took_out(cli: Cli, kept: Kept) -> None:
    kept.put(one_dead())
    before = kept.get()
    cli(*FORGET, "i-1", "-s", kept.url, "--apply", *AT_ONCE)
    (run,) = runs(cli)
    dry = cli(*RESTORE, "i-1", "-s", kept.url, "--from", run["run"])
    assert "to be put back" in dry.stdout
    assert f"cortexctl ring restore ingester i-1 -s {shlex.quote(kept.url)} --from {run['run']} --apply" in dry.stdout
    assert "i-1" not in kept.get()
    done = cli(*RESTORE, "i-1", "-s", kept.url, "--from", run["run"], "--apply")
    assert "put back" in done.stdout
    assert kept.get() == before
    cli("journal", "undo", runs(cli)[-1]["run"], "--apply")
    assert "i-1" not in kept.get()


def test_restore_from_a_snapshot_and_from_a_saved_value(cli: Cli, kept: Kept, tmp_path: Path) -> None:
    kept.put(one_dead())
    before = kept.get()
    cli("ring", "snapshot", tmp_path / "snapshot", "ingester", "-s", kept.url)
    value = save(tmp_path / "value", ring(before.values()))
    for saved in (tmp_path / "snapshot", value):
        cli(*FORGET, "i-1", "-s", kept.url, "--apply", *AT_ONCE)
        cli(*RESTORE, "i-1", "-s", kept.url, "--from", saved, "--apply")
        assert kept.get() == before


def test_what_restore_refuses(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(one_dead())
    value = save(tmp_path / "value", a_ring())
    here = ("-s", consul.url)
    assert "i-1 is in the ring" in cli(*RESTORE, "i-1", *here, "--from", value, "--apply", code=5).stderr
    assert "no ingester i-77" in cli(*RESTORE, "i-77", *here, "--from", value, code=4).stderr
    assert "neither a file nor a run" in cli(*RESTORE, "i-1", *here, "--from", "nope", code=3).stderr
    assert "give --from" in cli(*RESTORE, "i-1", *here, code=2).stderr
    assert "i-1 is in the ring" in cli(*RESTORE, "i-1", *here, "--from", value, code=5).stderr


def test_restore_says_what_an_operator_should_know(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    taken = a_member(1).tokens
    consul.put(ring([*(a_member(number) for number in (0, 2, 3)), a_member(7, tokens=taken)]))
    value = save(tmp_path / "value", a_ring())
    ran = cli(*RESTORE, "i-1", "-s", consul.url, "--from", value)
    assert "10 of the tokens of i-1 are held by others now" in ran.stdout


def test_two_that_may_not_be_forgotten_together_may_not_one_after_the_other(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring({1: DEAD_S, 2: DEAD_S}))
    for names in (["i-1", "i-2"], ["i-1"], ["i-2"]):
        assert "--force-quorum" in cli(*FORGET, *names, "-s", consul.url, code=8).stderr
    cli(*FORGET, "i-1", "-s", consul.url, "--force-quorum", "--apply", *AT_ONCE)
    assert "i-1" not in consul.get()


@pytest.mark.parametrize("form", ["forget", "restore"])
def test_a_saved_plan_is_applied_exactly(cli: Cli, kept: Kept, tmp_path: Path, form: str) -> None:
    kept.put(a_ring({1: DEAD_S, 4: DEAD_S}))
    before = kept.get()
    plan = tmp_path / "plan.json"
    shown = cli(*FORGET, "i-1", "-s", kept.url, "--plan-out", plan)
    assert f"cortexctl ring forget ingester -s {shlex.quote(kept.url)} --apply {plan}" in shown.stdout
    assert kept.get() == before
    with beating(kept, ["i-0", "i-3"]):
        cli(*FORGET, "-s", kept.url, "--apply", plan, *AT_ONCE)
    assert same(before, kept.get(), but=("i-1",))
    assert "i-1" not in kept.get()
    if form == "restore":
        (run,) = runs(cli)
        shown = cli(*RESTORE, "i-1", "-s", kept.url, "--from", run["run"], "--plan-out", plan)
        assert f"cortexctl ring restore ingester -s {shlex.quote(kept.url)} --apply {plan}" in shown.stdout
        cli(*RESTORE, "-s", kept.url, "--apply", plan)
        assert same(before, kept.get())


@pytest.mark.parametrize("age_s", [0, DEAD_S - 60], ids=["alive", "still stale"])
def test_a_plan_is_refused_once_its_instance_sent_a_heartbeat(
    cli: Cli, kept: Kept, tmp_path: Path, age_s: float, journal_dir: Path
) -> None:
    kept.put(one_dead())
    plan = tmp_path / "plan.json"
    cli(*FORGET, "i-1", "-s", kept.url, "--plan-out", plan)
    kept.put(a_ring({1: age_s}))
    before = kept.raw()
    ran = cli(*FORGET, "-s", kept.url, "--apply", plan, *AT_ONCE, code=5)
    assert "i-1" in ran.stderr
    assert "since the plan was made" in ran.stderr
    assert kept.raw() == before
    assert not journal_dir.exists()


def test_a_plan_is_refused_when_somebody_else_forgot_first(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(one_dead())
    plan = tmp_path / "plan.json"
    cli(*FORGET, "i-1", "-s", consul.url, "--plan-out", plan)
    consul.put(ring(each for each in a_ring().instances.values() if each.id != "i-1"))
    ran = cli(*FORGET, "-s", consul.url, "--apply", plan, *AT_ONCE, code=5)
    assert f"{plan}: i-1 was taken out since the plan was made; make it again" in ran.stderr


def test_plans_of_something_else(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(one_dead())
    consul.put(one_dead(), COMPACTOR_RING.stored_key)
    plan = tmp_path / "plan.json"
    cli(*FORGET, "i-1", "-s", consul.url, "--plan-out", plan)
    here = ("-s", consul.url)
    assert "a plan for ingester" in cli("ring", "forget", "compactor", *here, "--apply", plan, code=2).stderr
    assert "not of `ring restore`" in cli(*RESTORE, *here, "--apply", plan, code=2).stderr
    saved = save(tmp_path / "value", one_dead())
    assert f"a plan for {consul.url}" in cli(*FORGET, "-s", saved, "--apply", plan, code=2).stderr
    assert "give instances, --unhealthy, or" in cli(*FORGET, "i-1", *here, "--apply", plan, code=2).stderr
    document = plan_of(plan)
    for broken in (
        {**document, "steps": []},
        {**document, "steps": [{**document["steps"][0], "operations": []}]},
        {**document, "steps": [{**document["steps"][0], "operations": [{"key": "nope"}]}]},
        [],
    ):
        plan.write_text(json.dumps(broken))
        ran = cli(*FORGET, *here, "--apply", plan, code=4 if not isinstance(broken, dict) or broken["steps"] else 2)
        assert str(plan) in ran.stderr
    wants = document["steps"][0]["operations"][0]["key"].replace("ingester/", "store-gateway/")
    document["steps"][0]["operations"][0]["key"] = wants
    plan.write_text(json.dumps(document))
    assert "store-gateway/i-1 is not of ingester" in cli(*FORGET, *here, "--apply", plan, code=4).stderr
    plan.write_text("nope")
    cli(*FORGET, *here, "--apply", plan, code=4)
    plan.unlink()
    cli(*FORGET, *here, "--apply", "--plan", plan, code=2)
    assert "i-1" in consul.get()
    assert runs(cli) == []


def test_a_healthy_instance_is_refused(cli: Cli, kept: Kept) -> None:
    kept.put(a_ring())
    before = kept.raw()
    ran = cli(*FORGET, "i-1", "-s", kept.url, "--apply", code=8)
    assert "i-1 is healthy" in ran.stderr
    assert "refused" in ran.stdout
    assert kept.raw() == before
    cli(*FORGET, "i-1", "-s", kept.url, "--apply", *AT_ONCE, "--force-healthy")
    assert "i-1" not in kept.get()


def test_more_than_max_are_refused(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring(dict.fromkeys(range(4), DEAD_S), 12))
    some = (*FORGET, "--unhealthy", "-s", consul.url, "--force-quorum", "--apply", *AT_ONCE)
    ran = cli(*some, code=8)
    assert "more than --max 3 are meant: 4" in ran.stderr
    assert len(consul.get()) == 12
    cli(*some, "--max", "4")
    assert len(consul.get()) == 8


def test_a_stuck_store_is_refused(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring({number: DEAD_S + number for number in range(6)}))
    some = (*FORGET, "i-1", "-s", consul.url, "--force-quorum", "--apply", *AT_ONCE)
    ran = cli(*some, code=8)
    assert "6 of 6 instances went stale together: that is the store (consul)" in ran.stderr
    assert len(consul.get()) == 6
    cli(*some, "--force-stuck")
    assert len(consul.get()) == 5


def test_the_only_copies_are_refused(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring({1: DEAD_S, 2: DEAD_S}))
    some = (*FORGET, "i-1", "i-2", "-s", consul.url, "--apply", *AT_ONCE)
    ran = cli(*some, code=8)
    assert "most replicas are among these" in ran.stderr
    assert len(consul.get()) == 6
    cli(*some, "--force-quorum")
    assert len(consul.get()) == 4


def test_what_breaks_a_quorum_is_refused(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring({1: DEAD_S}, 3))
    some = (*FORGET, "i-0", "-s", consul.url, "--force-healthy", "--apply", *AT_ONCE)
    ran = cli(*some, code=8)
    assert "100.00% of the keys would have too few healthy replicas afterwards" in ran.stderr
    assert "queries would fail afterwards" in ran.stderr
    assert len(consul.get()) == 3
    cli(*some, "--force-quorum")
    assert len(consul.get()) == 2


def test_to_empty_a_ring_is_refused(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring({0: DEAD_S, 1: 9 * DEAD_S}, 2), COMPACTOR_RING.stored_key)
    some = ("ring", "forget", "compactor", "--unhealthy", "-s", consul.url, "--apply", *AT_ONCE)
    assert "nobody would be left in the ring" in cli(*some, code=8).stderr
    cli(*some, "--force-quorum")
    assert consul.get(COMPACTOR_RING.stored_key) == {}
    cli("journal", "undo", runs(cli)[0]["run"], "--apply")
    assert len(consul.get(COMPACTOR_RING.stored_key)) == 2


def test_unhealthy_takes_those_older_than_it_is_told(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring({0: 30, 1: 300, 2: 1000, 3: 5000}, 30))

    def chosen(*arguments: str) -> list[str]:
        ran = cli(*FORGET, "--unhealthy", "-s", consul.url, "--force-quorum", *arguments, "-o", "json")
        return [each["instance"] for each in ran.document["items"]]

    assert chosen() == ["i-2", "i-3"]
    assert chosen("--older-than", "1h") == ["i-3"]
    assert chosen("--older-than", "2m") == ["i-1", "i-2", "i-3"]
    assert chosen("--older-than", "0s") == ["i-1", "i-2", "i-3"], "never younger than the heartbeat time-out"
    assert chosen("--older-than", "0s", "--heartbeat-timeout", "20s", "--max", "4") == ["i-0", "i-1", "i-2", "i-3"]


@pytest.mark.parametrize("apply", [(), ("--apply",)], ids=["dry", "apply"])
def test_with_nobody_to_forget_it_says_nothing(cli: Cli, kept: Kept, journal_dir: Path, apply: tuple[str, ...]) -> None:
    kept.put(a_ring({1: 300}))
    ran = cli(*FORGET, "--unhealthy", "--older-than", "10m", "-s", kept.url, *apply)
    assert (ran.stdout, ran.stderr) == ("", "")
    ran = cli(*FORGET, "--unhealthy", "-s", kept.url, *apply, "-o", "json")
    assert ran.document["items"] == []
    assert ran.stderr == ""
    ran = cli(*FORGET, "--unhealthy", "-s", kept.url, *apply, "-o", "json", "--quiet")
    assert (ran.stdout, ran.stderr) == ("", "")
    assert not journal_dir.exists()


def test_an_id_that_is_not_there(cli: Cli, kept: Kept) -> None:
    kept.put(one_dead())
    for apply in ((), ("--apply",)):
        ran = cli(*FORGET, "i-1", "i-9", "i-8", "-s", kept.url, *apply, code=4)
        assert f"{kept.url}: no i-9, i-8 in the ingester ring" in ran.stderr
    assert "i-1" in kept.get()


def test_wrong_usage(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    here = ("-s", consul.url)
    assert "give instances, --unhealthy, or" in cli(*FORGET, *here, code=2).stderr
    assert "give instances, --unhealthy, or" in cli(*FORGET, "i-1", "--unhealthy", *here, code=2).stderr
    assert "'nope' is not a ring" in cli("ring", "forget", "nope", "i-1", *here, code=2).stderr
    assert "give --source" in cli(*FORGET, "i-1", code=2).stderr
    for wrong in (("--older-than", "soon"), ("--verify-for", "soon"), ("--timeout", "0s"), ("--deadline", "0s")):
        flag = ("--unhealthy",) if wrong[0] == "--older-than" else ("i-1",)
        cli(*FORGET, *flag, *here, *wrong, "--apply", code=2)
    cli(*FORGET, "i-1", "-s", "ftp://x", code=2)
    assert "i-1" in consul.get()


def test_read_only_writes_nothing(cli: Cli, consul: InConsul, tmp_path: Path, journal_dir: Path) -> None:
    consul.put(one_dead())
    before = consul.raw()
    plan = tmp_path / "plan.json"
    cli(*FORGET, "i-1", "-s", consul.url, "--read-only", "--plan-out", plan)
    for arguments in (("i-1", "--apply"), ("--unhealthy", "--apply"), ("--apply", str(plan))):
        ran = cli(*FORGET, *arguments, "-s", consul.url, "--read-only", code=8)
        assert "nothing was written, for this is --read-only" in ran.stderr
    cli.environment["CORTEXCTL_READ_ONLY"] = "1"
    cli(*FORGET, "i-1", "--apply", "-s", consul.url, code=8)
    value = save(tmp_path / "value", a_ring())
    cli(*RESTORE, "i-1", "--apply", "-s", consul.url, "--from", value, code=8)
    assert consul.raw() == before
    assert {each.verb for each in consul.consul.asked} == {"GET"}
    assert not journal_dir.exists()


def test_read_only_takes_back_nothing(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    cli(*FORGET, "i-1", "-s", consul.url, "--apply", *AT_ONCE)
    after = consul.raw()
    run = runs(cli)[0]["run"]
    cli("journal", "undo", run, "--apply", "--read-only", code=8)
    cli("journal", "resume", run, "--apply", "--read-only", code=8)
    assert consul.raw() == after


def test_a_live_ring_is_not_written_by_the_health_of_another_time(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(a_ring())
    later = str(now_s() + 3600)
    ran = cli(*FORGET, "i-1", "-s", consul.url, "--as-of", later, "--apply", code=2)
    assert "--as-of is for looking back" in ran.stderr
    assert "i-1" in consul.get()
    saved = save(tmp_path / "value", one_dead())
    cli(*FORGET, "i-1", "-s", saved, "--as-of", str(now_s()), "--apply", *AT_ONCE)


def test_limits(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    some = (*FORGET, "i-1", "-s", consul.url, "--apply", *AT_ONCE)
    assert "--max-changes is 0" in cli(*some, "--max-changes", "0", code=8).stderr
    cli(*some, "--max-changes", "1", "--max-bytes", "1")
    assert "i-1" not in consul.get()


@pytest.mark.parametrize("output", FORMATS)
def test_every_format_of_a_forget_and_a_restore(cli: Cli, consul: InConsul, output: str) -> None:
    consul.put(one_dead())
    columns = {"ring", "instance", "zone", "state", "heartbeat_age_s", "tokens", "outcome", "address", "registered_s"}
    for arguments, outcome in ((FORGET, "forgotten"), (RESTORE, "put back")):
        more = () if arguments is FORGET else ("--from", runs(cli)[-1]["run"])
        dry = items(cli(*arguments, "i-1", "-s", consul.url, *more, "-o", output).stdout, output)
        assert [each["outcome"] for each in dry] == [f"to be {outcome}"]
        apply = ("--apply", *AT_ONCE) if arguments is FORGET else ("--apply",)
        (row,) = items(cli(*arguments, "i-1", "-s", consul.url, *more, *apply, "-o", output).stdout, output)
        assert columns <= row.keys()
        assert (row["ring"], row["instance"], row["outcome"]) == ("ingester", "i-1", outcome)
        assert float(row["heartbeat_age_s"]) >= DEAD_S
    if output == "json":
        consul.put(one_dead())
        ran = cli(*FORGET, "i-1", "-s", consul.url, "--apply", *AT_ONCE, "-o", "json")
        assert ran.document["items"][0]["places"] == {consul.url: "gone"}


def test_quiet(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    ran = cli(*FORGET, "i-1", "-s", consul.url, "--apply", *AT_ONCE, "--quiet")
    assert "forgotten" in ran.stdout
    assert ran.stderr == ""


def test_every_ring_has_its_own_key(cli: Cli, consul: InConsul) -> None:
    for component in (STORE_GATEWAY, COMPACTOR_RING, DISTRIBUTOR):
        consul.put(one_dead(), component.stored_key)
        cli("ring", "forget", component.name, "i-1", "-s", consul.url, "--apply", *AT_ONCE, "--force-quorum")
        assert "i-1" not in consul.get(component.stored_key)


def test_a_members_own_fields_survive(cli: Cli, kept: Kept) -> None:
    odd = a_member(2, DEAD_S, state=InstanceState.LEAVING, registered_s=-62135596800, tokens=(1, 1, 5), zone="")
    kept.put(ring([*a_ring({1: DEAD_S}).instances.values(), odd, replace(a_member(7, DEAD_S), tokens=())]))
    before = kept.get()
    cli(*FORGET, "i-2", "i-7", "-s", kept.url, "--apply", *AT_ONCE, "--force-quorum")
    cli("journal", "undo", runs(cli)[0]["run"], "--apply")
    assert kept.get() == before


def test_a_value_that_is_no_ring_is_named(cli: Cli, consul: InConsul) -> None:
    consul.consul["collectors/ring"] = b"\x05nope!"
    ran = cli(*FORGET, "i-1", "-s", consul.url, "--apply", code=4)
    assert consul.url in ran.stderr
    assert consul.consul["collectors/ring"] == b"\x05nope!"


def test_a_store_that_is_down(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    consul.consul.has_leader = False
    assert "No cluster leader" in cli(*FORGET, "i-1", "-s", consul.url, "--apply", code=3).stderr
    consul.consul.has_leader = True
    consul.consul.tokens = {"": "read"}
    ran = cli(*FORGET, "i-1", "-s", consul.url, "--apply", *AT_ONCE, code=3)
    assert "access denied" in ran.stderr
    assert "journal" in ran.stderr
    assert "i-1" in consul.get()
