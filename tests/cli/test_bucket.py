"""`cortexctl bucket tenants`, `ls` and `inspect`."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cortexctl.blocks import layout
from cortexctl.sample import FAULTY_TENANT, TAKEN_AT_S
from cortexctl.sample import TENANT as SAMPLE_TENANT
from tests.builders import TENANT, A, B, C, a_block, a_mark, a_meta, a_visit_marker, marked
from tests.cli.conftest import INDEX, Cli, Place

AS_OF = ("--as-of", str(TAKEN_AT_S))
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def test_tenants_has_a_row_each(cli: Cli, sample: Path) -> None:
    ran = cli("bucket", "tenants", "-b", sample, *AS_OF, "-o", "json")
    rows = {row["tenant"]: row for row in ran.document["items"]}
    assert rows.keys() == {SAMPLE_TENANT, FAULTY_TENANT}
    assert (rows[SAMPLE_TENANT]["blocks"], rows[SAMPLE_TENANT]["marked"]) == (114, 104)
    assert rows[FAULTY_TENANT]["broken"] + rows[FAULTY_TENANT]["partial"] == 2
    assert ran.document["schema"] == "cortexctl/bucket-tenants/v1"
    table = cli("bucket", "tenants", "-b", sample, *AS_OF)
    assert table.stdout.startswith("TENANT")
    assert "2 tenants, 228 blocks" in table.stdout
    assert table.stderr.startswith("listed ")


def test_tenants_that_are_deleted_are_shown_as_such(cli: Cli, well: Place) -> None:
    well.put({layout.tenant_deletion_mark("team-z"): b'{"deletion_time": 1}'})
    rows = {row["tenant"]: row for row in cli("bucket", "tenants", *well.then, "-o", "json").document["items"]}
    assert (rows["team-z"]["standing"], rows[TENANT]["standing"]) == ("deleted", "active")


def test_ls_filters_and_never_drops_what_is_broken(cli: Cli, well: Place) -> None:
    well.put({layout.block(TENANT, C) + "index": b"i"} | marked(B))
    ls = ("bucket", "ls", *well.then, "-o", "json")
    document = cli(*ls).document
    assert {row["block"]: row["state"] for row in document["items"]} == {A: "complete", B: "marked", C: "partial"}
    assert document["summary"]["states"] == {"complete": 1, "marked": 1, "partial": 1}
    assert [row["block"] for row in cli(*ls, "--state", "partial").document["items"]] == [C]
    assert [row["block"] for row in cli(*ls, "--level", "2").document["items"]] == []
    assert [row["block"] for row in cli(*ls, "--min-size", "1Gi").document["items"]] == []
    assert len(cli(*ls, "--label", "__org_id__=team-*").document["items"]) == 2
    for bad in (("--state", "odd"), ("--label", "odd"), ("--min-size", "odd"), ("--min-time", "odd"), ("--level", "x")):
        assert cli(*ls, *bad, code=2).stdout == ""


def test_names_may_be_given_with_commas(cli: Cli, well: Place) -> None:
    well.put({layout.block(TENANT, C) + "index": b"i"} | marked(B) | a_block(A, tenant="team-b"))
    ls = ("bucket", "ls", *well.then, "-o", "json")
    apart = cli(*ls, "-t", TENANT, "-t", "team-b", "--state", "partial", "--state", "complete", "--sort", "-block")
    assert len(apart.document["items"]) == 3
    together = cli(*ls, "-t", f"{TENANT}, team-b", "--state", "partial,complete", "--sort", "-block,tenant")
    assert together.document["items"] == apart.document["items"]
    assert [row["tenant"] for row in cli(*ls, "--exclude-tenant", f"{TENANT},team-b").document["items"]] == []
    # Nothing is no tenant, and not all of them.
    assert "'' is not a tenant id" in cli(*ls, "-t", "", code=2).stderr
    assert "'' is not a tenant id" in cli(*ls, "-t", f"{TENANT},", code=2).stderr
    assert "--state 'odd'" in cli(*ls, "--state", "partial,odd", code=2).stderr
    marks = cli("bucket", "marks", "ls", *well.then, "--kind", "no-compact,deletion", "-o", "json")
    assert [(row["block"], row["kind"]) for row in marks.document["items"]] == [(B, "deletion")]


def test_inspect_of_a_sound_block(cli: Cli, well: Place) -> None:
    ran = cli("bucket", "inspect", f"{TENANT}/{A}", *well.then)
    assert f"{TENANT}/{A}" in ran.stdout.splitlines()[0]
    document = cli("bucket", "inspect", f"{TENANT}/{A}", *well.then, "-o", "json").document
    assert document["item"]["block"] == A
    assert document["summary"] == {"state": "complete", "sound": True}
    assert cli("bucket", "inspect", f"{TENANT}/{A}", *well.then, "-q").stdout == ""


def test_inspect_tells_in_which_places_a_mark_is(cli: Cli, either: Place) -> None:
    local, everywhere = (
        layout.local_deletion_mark(TENANT, B),
        marked(A) | {layout.global_mark(TENANT, A, layout.NO_COMPACT_MARK): b"{}"},
    )
    either.put(a_block(A) | everywhere | a_block(B) | {local: a_mark(B)})
    for block_id, marks in ((A, ["deletion", "no-compact(global only)"]), (B, ["deletion(local only)"])):
        document = cli("bucket", "inspect", f"{TENANT}/{block_id}", *either.then, "-o", "json").document
        assert document["item"]["marks"] == marks


@pytest.mark.parametrize("meta", [b"not JSON", a_meta(A, version=2), None])
def test_inspect_of_a_block_that_is_broken(cli: Cli, well: Place, meta: bytes | None) -> None:
    well.delete(layout.meta(TENANT, A))
    if meta is not None:
        well.put({layout.meta(TENANT, A): meta})
    ran = cli("bucket", "inspect", f"{TENANT}/{A}", *well.then, "--quiet", code=4)
    assert A in ran.stdout, "it is shown all the same"


def test_inspect_of_what_is_no_block(cli: Cli, well: Place) -> None:
    assert "no such block" in cli("bucket", "inspect", f"{TENANT}/{C}", *well.then, code=3).stderr
    for name in ("", TENANT, f"{TENANT}/nope", f"a/b/{A}"):
        assert "is not TENANT/ULID" in cli("bucket", "inspect", name, *well.then, code=2).stderr
    assert "--fields" in cli("bucket", "inspect", f"{TENANT}/{A}", *well.then, "--fields", "x", code=2).stderr
    cli("bucket", "inspect", f"{TENANT}/{A}", *well.then, "-o", "csv", code=2)


def hostile(place: Place) -> None:
    """Fill a bucket with names and bytes that a terminal would obey."""
    place.put({"team\x1b[31mred\r/x": b"1", "root\x07\x9b2J": b"", f"{TENANT}/\x1b]0;title\x07/meta.json": b"{"})
    place.put({f"{TENANT}/{A}/chunks/\x1b[2J": b"", f"{TENANT}/{A}/\u202eevil": b""})
    labels = {"thanos": {"labels": {"l\x1b[5m": "v\x1b[0m\n\x85"}, "source": "\x1b[1m"}}
    place.put({layout.meta(TENANT, A): a_meta(A, **labels), layout.local_deletion_mark(TENANT, A): a_mark(A)})
    place.put({layout.meta(TENANT, B): b'{"version": "\x1b[31m"}', INDEX: b"\x1b[31m"})
    place.put({layout.local_deletion_mark(TENANT, B): a_mark(B, details="\x1b[31m\u2028")})


@pytest.mark.parametrize(
    "command",
    [
        "bucket tenants",
        "bucket ls",
        f"bucket inspect {TENANT}/{A}",
        f"bucket inspect {TENANT}/{B}",
        "bucket index check",
        "bucket index diff",
        f"bucket index show {TENANT}",
        "bucket index rebuild --all-tenants",
    ],
)
@pytest.mark.parametrize("output", ["table", "wide", "json", "ndjson", "yaml"])
def test_nothing_in_a_bucket_commands_the_terminal(cli: Cli, empty: Place, command: str, output: str) -> None:
    empty.put(a_block(A))
    hostile(empty)
    from typer.testing import CliRunner

    from cortexctl.cli.main import app

    result = CliRunner().invoke(app, [*command.split(), *empty.then, "-o", output], env=cli.environment)
    assert result.exit_code in (0, 1, 3, 4, 6), result.stderr
    assert CONTROL.findall(result.stdout + result.stderr) == []
    assert "\u202e" not in result.stdout + result.stderr


def test_nor_where_there_is_one(empty: Place) -> None:
    empty.put(a_block(A))
    hostile(empty)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}
    for command in (["bucket", "tenants"], ["bucket", "ls", "-o", "wide"]):
        subprocess.run(
            [sys.executable, "-m", "cortexctl", *command, *empty.then],
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=30,
            check=False,
        )
    os.close(theirs)
    shown = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:
            break
        if not read:
            break
        shown += read
    os.close(ours)
    text = shown.decode().replace("\r\n", "\n")
    assert "red" in text
    assert CONTROL.findall(text) == []


def test_nor_does_who_holds_the_lock(cli: Cli, behind: Place) -> None:
    import time

    marker = a_visit_marker(compactorID="c\x1b[31m\nx", visitTime=int(time.time()))
    behind.put({layout.cleaner_visit_marker(TENANT): marker})
    ran = cli("bucket", "index", "rebuild", "-t", TENANT, *behind.then, "--apply", "--lock-settle", "0s", code=7)
    assert CONTROL.findall(ran.stdout + ran.stderr) == []
    assert "c\\x1b[31m" in ran.stderr


def test_a_name_that_is_not_utf_8_is_listed_as_far_as_it_can_be(cli: Cli, well: Place) -> None:
    (Path(well.url) / TENANT / os.fsdecode(b"n\xe4me")).write_bytes(b"stray")
    ran = cli("bucket", "check", "--only", "OBJ", "--fail-on", "critical", *well.then, "-o", "json")
    assert ran.code == 0, ran.stderr
    assert f"{TENANT}/n\ufffdme" in ran.stdout
    assert cli("bucket", "ls", *well.then).code == 0
