"""Items of a ring in DynamoDB that cannot be decoded (RNG42): found, deleted, and put back; and names that are odd."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import ring
from tests.cli.conftest import Cli
from tests.cli.rings import InDynamoDB, a_member, a_ring, one_dead, save
from tests.servers import ACCESS_KEY, SECRET_KEY

DAMAGED = "-i-9\nx"
AT_ONCE = ("--verify-for", "0s")


@pytest.fixture
def table(dynamodb: Any, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> InDynamoDB:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    kept = InDynamoDB(dynamodb, moto_endpoint)
    kept.put(one_dead())
    item = {"Data": {"B": b"\x05no"}, "version": {"N": "7"}, "ttl": {"N": "1999999999"}}
    key = {"RingKey": {"S": INGESTER.stored_key}, "InstanceKey": {"S": DAMAGED}}
    dynamodb.put_item(TableName=kept.table, Item=key | item)
    return kept


def pasted(command: str) -> list[str]:
    """Return the arguments of a command that was pasted; `$'…'` is bash's."""
    return shlex.split(command.replace("$'-i-9\\x0ax'", "'-i-9\nx'"))[1:]


def test_a_damaged_item_is_found_deleted_and_put_back(cli: Cli, table: InDynamoDB) -> None:
    before = table.raw()
    found = cli("ring", "check", "ingester", "-s", table.url, "--only", "RNG42", "-o", "json", code=1).document
    (finding,) = found["findings"]
    assert finding["subject"] == DAMAGED
    ran = cli(*pasted(finding["next"]))
    assert "to be deleted: it is not snappy" in ran.stdout
    assert table.raw() == before
    (command,) = [line.strip() for line in ran.stdout.splitlines() if line.startswith("  cortexctl")]
    done = cli(*_with(pasted(command), "--yes"))
    assert "deleted" in done.stdout
    assert sorted(table.raw()) == sorted(before.keys() - {DAMAGED})
    (run,) = [each["run"] for each in cli("journal", "ls", "-o", "json").document["items"]]
    cli("journal", "undo", run, "--apply")
    assert table.raw() == before


def _with(arguments: list[str], option: str) -> list[str]:
    at = arguments.index("--")
    return [*arguments[:at], option, *arguments[at:]]


def test_what_its_instance_wrote_anew_is_left(cli: Cli, table: InDynamoDB, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    cli("ring", "forget", "ingester", "-s", table.url, "--plan-out", plan, "--", DAMAGED)
    table.put(ring([*a_ring().instances.values(), a_member(9, id=DAMAGED)]))
    ran = cli("ring", "forget", "ingester", "-s", table.url, "--apply", plan, "--yes", *AT_ONCE, code=5)
    assert "since the plan was made" in ran.stderr
    assert DAMAGED in table.get()


def test_a_saved_plan_deletes_it(cli: Cli, table: InDynamoDB, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    cli("ring", "forget", "ingester", "-s", table.url, "--plan-out", plan, "--", DAMAGED)
    cli("ring", "forget", "ingester", "-s", table.url, "--apply", plan, "--yes")
    assert DAMAGED not in table.raw()


def test_what_is_damaged_and_what_is_dead_are_told_apart(cli: Cli, table: InDynamoDB) -> None:
    ran = cli("ring", "forget", "ingester", "-s", table.url, "--", "i-1", DAMAGED, code=2)
    assert "forget what is damaged apart from what is dead" in ran.stderr
    assert (
        "more than --max 0"
        in cli("ring", "forget", "ingester", "-s", table.url, "--max", "0", "--", DAMAGED, code=8).stderr
    )
    cli("ring", "forget", "ingester", "i-1", "-s", table.url, "--apply", "--yes", *AT_ONCE)
    assert sorted(table.raw()) == [DAMAGED, "i-0", "i-2", "i-3", "i-4", "i-5"]


def test_a_name_that_looks_like_an_option_can_be_pasted(cli: Cli, tmp_path: Path) -> None:
    members = {**a_ring().instances, DAMAGED: a_member(9, 7200, id=DAMAGED)}
    value = save(tmp_path / "ingester-ring", ring(members.values()))
    found = cli("ring", "check", "ingester", "-s", value, "-o", "json", code=None).document
    (command,) = {each["next"] for each in found["findings"] if "ring forget" in each["next"]}
    assert command.endswith(" -- $'-i-9\\x0ax'")
    ran = cli(*pasted(command))
    (command,) = [line.strip() for line in ran.stdout.splitlines() if line.startswith("  cortexctl")]
    cli(*_with(_with(pasted(command), "--yes"), "--verify-for=0s"))
    assert DAMAGED not in cli("ring", "show", "ingester", "-s", value, "-o", "csv").stdout
