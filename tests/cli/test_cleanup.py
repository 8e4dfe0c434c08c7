"""`cortexctl bucket cleanup` and `retention`."""

from pathlib import Path

import pytest

from cortexctl.blocks import layout
from tests.builders import NOW_S, TENANT, A, B, C, D, a_block, a_mark, an_entry, an_index
from tests.cli.conftest import INDEX, OTHER, Cli, Place
from tests.cli.test_marks import APPLY, AT_ONCE, places, undo_last

CLEANUP = ("bucket", "cleanup", "-t", TENANT)
OLD_S = NOW_S - 3 * 86400
VISITED = layout.visit_mark(TENANT, A)
STRAY = f"{TENANT}/cortex_seed"


@pytest.fixture
def wasted(empty: Place) -> Place:
    """A live block A, a dead upload B, an orphan mark of D, a bad visit marker, and a stray."""
    dead = {key: body for key, body in a_block(B).items() if key != layout.meta(TENANT, B)}
    empty.put(a_block(A) | dead | {places(D)[1]: a_mark(D), VISITED: b"", STRAY: b"seed"}, OLD_S)
    empty.put({INDEX: an_index([an_entry(A)])}, OLD_S)
    return empty


def test_a_dry_run_shows_bytes_and_objects(cli: Cli, wasted: Place) -> None:
    before = wasted.objects()
    document = cli(*CLEANUP, *wasted.then, "-o", "json").document
    assert (document["summary"]["objects"], document["summary"]["freed_bytes"]) == (4, 96)
    # Of the upload, which the cleaner deletes, the orphan and the visit marker.
    assert document["summary"]["freed_objects"] == 4
    assert [(row["block"], row["freed_objects"]) for row in document["items"]] == [(A, 1), (B, 2), (B, None), (D, 1)]
    assert {row["key"] for row in document["items"]} == {*places(B), places(D)[1], VISITED}
    ran = cli(*CLEANUP, *wasted.then)
    assert f"cortexctl bucket cleanup -b {wasted.url} --tenant {TENANT} --apply" in ran.stdout
    assert "\nfrees 4 objects, 96 B\ndry run: " in ran.stdout
    assert "the cleaner deletes 2 objects, 96 B in its next cycle" in ran.stdout
    nothing = cli(*CLEANUP, *wasted.then, "--older-than", "9d", "--what", "partials", "-o", "json").document
    assert nothing["summary"]["freed_objects"] == 0
    assert wasted.objects() == before


def test_data_need_a_word_more(cli: Cli, wasted: Place, journal_dir: Path, tmp_path: Path) -> None:
    before, plan = wasted.objects(), tmp_path / "plan.json"
    assert "--irreversible" in cli(*CLEANUP, *wasted.then, *APPLY, code=8).stderr
    cli(*CLEANUP, *wasted.then, "--plan-out", plan)
    assert "--irreversible" in cli("bucket", "cleanup", *wasted.then, "--apply", plan, *AT_ONCE, code=8).stderr
    assert (wasted.objects(), journal_dir.exists()) == (before, False)
    done = cli("bucket", "cleanup", *wasted.then, "--apply", plan, *AT_ONCE, "--irreversible", "-o", "json").document
    assert "freed_objects" not in done["summary"], "a saved plan does not say"
    after = wasted.objects()
    assert after.keys() == (before.keys() | {*places(B)}) - {places(D)[1], VISITED}
    undo_last(cli)
    assert wasted.objects() == before


def test_what_is_small_needs_none(cli: Cli, wasted: Place) -> None:
    before = wasted.objects()
    small = (*CLEANUP, *wasted.then, "--what", "orphans", "--what", "visits", "--pattern", "*seed")
    cli(*small, *APPLY)
    assert wasted.objects().keys() == before.keys() - {places(D)[1], VISITED, STRAY}
    undo_last(cli)
    assert wasted.objects() == before


@pytest.mark.parametrize("limit", [("--max-bytes", "95"), ("--max-changes", "3"), ("--read-only",)])
def test_bounds_refuse(cli: Cli, wasted: Place, limit: tuple[str, ...], tmp_path: Path) -> None:
    before = wasted.objects()
    cli(*CLEANUP, *wasted.then, *APPLY, "--irreversible", *limit, code=8)
    assert wasted.objects() == before
    if limit[0] == "--max-bytes":
        cli(*CLEANUP, *wasted.then, "--plan-out", tmp_path / "plan.json", *limit, code=8)


def test_there_is_a_bound_without_asking(cli: Cli, wasted: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortexctl.cli.bucket.cleanup.MOST_CHANGES", 3)
    assert "--max-changes is 3" in cli(*CLEANUP, *wasted.then, *APPLY, "--irreversible", code=8).stderr
    cli(*CLEANUP, *wasted.then, *APPLY, "--irreversible", "--max-changes", "4")


def test_an_upload_that_is_completed_after_the_plan_is_a_conflict(cli: Cli, wasted: Place, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    cli(*CLEANUP, *wasted.then, "--what", "partials", "--plan-out", plan)
    wasted.put(a_block(B))
    before = wasted.objects()
    ran = cli("bucket", "cleanup", *wasted.then, "--apply", plan, "--irreversible", *AT_ONCE, code=5)
    assert f"{layout.meta(TENANT, B)}: changed since the plan was made" in ran.stderr
    assert wasted.objects() == before


def test_a_block_in_quarantine_is_not_waste(cli: Cli, wasted: Place) -> None:
    cli("bucket", "quarantine", *wasted.here, f"{TENANT}/{A}", *APPLY)
    items = cli(*CLEANUP, *wasted.here, "--what", "partials", "--older-than", "0", "-o", "json").document["items"]
    assert A not in {row["block"] for row in items}


def test_leftovers_of_a_tenant(cli: Cli, wasted: Place) -> None:
    left = f"{OTHER}/parquet-markers/{A}-parquet-converter-mark.json"
    wasted.put({left: b"{}"}, OLD_S)
    before = wasted.objects()
    cli("bucket", "cleanup", "-t", OTHER, *wasted.then, *APPLY)
    assert wasted.objects().keys() == before.keys() - {left}
    undo_last(cli)
    assert wasted.objects() == before


def test_cleanup_usage(cli: Cli, wasted: Place, tmp_path: Path) -> None:
    cli("bucket", "cleanup", *wasted.then, code=2)
    cli(*CLEANUP, *wasted.then, "--all-tenants", code=2)
    assert "--what 'odd': write one of partials, " in cli(*CLEANUP, *wasted.then, "--what", "odd", code=2).stderr
    cli(*CLEANUP, *wasted.then, "--older-than", "soon", code=2)


def test_retention_is_previewed(cli: Cli, wasted: Place) -> None:
    wasted.put(a_block(C))
    ran = cli("bucket", "retention", *wasted.then, "--retention", "1h", "-o", "json")
    rows = {row["block"]: row["standing"] for row in ran.document["items"]}
    assert rows == {A: "due", B: "unseen", C: "unseen"}
    due = next(row for row in ran.document["items"] if row["block"] == A)
    kept = [path for path in wasted.objects() if path.startswith(f"{TENANT}/{A}/")]
    assert (due["objects"], due["size_bytes"]) == (len(kept), sum(len(wasted.objects()[path]) for path in kept))
    summary = ran.document["summary"]
    assert (summary["due_objects"], summary["due_bytes"]) == (due["objects"], due["size_bytes"])
    table = cli("bucket", "retention", *wasted.then, "--retention", "0").stdout
    assert f"{TENANT}: retention none: blocks are kept for ever" in table
    within = ("bucket", "retention", *wasted.then, "--retention", "30d", "-o", "json")
    assert A not in {row["block"] for row in cli(*within).document["items"]}
    assert A in {row["block"] for row in cli(*within, "--within", "30d").document["items"]}
    assert A in {row["block"] for row in cli(*within, "--all").document["items"]}


def test_retention_is_each_tenants_own(cli: Cli, wasted: Place, tmp_path: Path) -> None:
    assert "--retention" in cli("bucket", "retention", *wasted.then, code=2).stderr
    config, overrides = tmp_path / "cortex.yaml", tmp_path / "runtime.yaml"
    config.write_text(
        f"blocks_storage: {{backend: filesystem, filesystem: {{dir: {wasted.url}}}}}\n"
        "limits: {compactor_blocks_retention_period: 1h}\n"
        "compactor: {disabled_tenants: team-b}\n"
    )
    overrides.write_text("overrides: {team-a: {compactor_blocks_retention_period: 365d}}\n")
    wasted.put(a_block(A, OTHER) | {layout.bucket_index(OTHER): an_index([an_entry(A)])})
    files = ("--config.file", config, "--runtime-config.file", overrides)
    ran = cli("bucket", "retention", *files, "--as-of", str(NOW_S), "--all", "-o", "json")
    rows = {(row["tenant"], row["block"]): row["standing"] for row in ran.document["items"]}
    assert (rows[TENANT, A], rows[OTHER, A]) == ("kept", "due")
    assert any("team-b" in note and "leave it out" in note for note in ran.document["summary"]["notes"])


DIRECTLY = (*CLEANUP, "--what", "partials", "--directly")


def test_directly_a_dead_upload_is_deleted_and_put_back(cli: Cli, wasted: Place) -> None:
    before = wasted.objects()
    dry = cli(*DIRECTLY, *wasted.then)
    assert f"--tenant {TENANT} --what partials --directly --apply" in dry.stdout
    document = cli(*DIRECTLY, *wasted.then, "-o", "json").document
    assert [(row["key"], row["change"], row["size_bytes"]) for row in document["items"]] == [
        (f"{TENANT}/{B}/chunks/000001", "delete", 64),
        (f"{TENANT}/{B}/index", "delete", 32),
    ]
    assert (document["summary"]["freed_bytes"], document["summary"]["freed_objects"]) == (96, 2)
    cli(*DIRECTLY, *wasted.then, *APPLY)
    assert {key for key in before if key not in wasted.objects()} == {key for key in before if B in key}
    undo_last(cli)
    assert wasted.objects() == before


def test_what_is_too_large_for_the_journal_needs_a_word_more_and_stays_away(
    cli: Cli, wasted: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cortexctl.blocks.cleaning.MOST_KEPT_BYTES", 32)
    before, chunk = wasted.objects(), f"{TENANT}/{B}/chunks/000001"
    refused = cli(*DIRECTLY, *wasted.then, *APPLY, code=8).stderr
    assert "1 objects and uploads (64 B) are deleted for good once this is applied: agree with --irr" in refused
    assert "--max-bytes is 95" in cli(*DIRECTLY, *wasted.then, *APPLY, "--max-bytes", "95", code=8).stderr
    assert wasted.objects() == before
    assert "they are gone for good" in cli(*DIRECTLY, *wasted.then, *APPLY, "--irreversible").stdout
    run = cli("journal", "ls", "-o", "json").document["items"][-1]["run"]
    assert "gone for good" in cli("journal", "undo", run).stdout
    undone = cli("journal", "undo", run, "--apply", *AT_ONCE[:2], code=8)
    assert f"{chunk}: deleted for good, and not put back; the rest is" in undone.stderr
    assert wasted.objects() == {key: body for key, body in before.items() if key != chunk}


def test_an_upload_that_goes_on_is_not_deleted(cli: Cli, wasted: Place, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    index = f"{TENANT}/{B}/index"
    cli(*DIRECTLY, *wasted.then, "--plan-out", plan)
    wasted.put({index: b"n" * 32}, NOW_S)
    ran = cli("bucket", "cleanup", *wasted.then, "--apply", plan, *AT_ONCE, code=5)
    assert f"{index}: changed since the plan was made" in ran.stderr
    assert wasted.objects()[index] == b"n" * 32


def test_a_snapshot_is_looked_at_without_uploads(cli: Cli, wasted: Place, tmp_path: Path) -> None:
    file = tmp_path / "saved"
    cli("bucket", "snapshot", *wasted.here, file)
    here = ("-b", f"snapshot:{file}", "--as-of", str(NOW_S))
    assert B in cli(*CLEANUP, *here, "--directly").stdout
    assert "cannot be asked for them" in cli(*CLEANUP, *here, "--what", "uploads", code=2).stderr
    gone = cli("bucket", "undelete", *here, f"{TENANT}/{D}", code=8).stderr
    assert "knows versions of objects on S3 only" in gone


def test_only_s3_has_a_list_of_uploads(cli: Cli, wasted: Place) -> None:
    assert "cannot be asked for them: S3 can" in cli(*CLEANUP, *wasted.then, "--what", "uploads", code=2).stderr
