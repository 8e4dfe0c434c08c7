"""Changes to single blocks killed at every point at which they write: each is undone, or resumed, to the byte."""

import os
import signal
from pathlib import Path

import pytest

from cortexctl.blocks import layout
from tests.builders import TENANT, UPLOADED_S, A, B, C, D, a_block, a_mark, an_entry, an_index, an_indexed_mark, marked
from tests.e2e.conftest import Drive
from tests.e2e.test_kill import AT, AT_ONCE, INDEX, MARKER, Site

BEFORE = (
    a_block(A)
    | a_block(B)
    | marked(A)
    | {
        layout.local_deletion_mark(TENANT, B): a_mark(B),
        INDEX: an_index([an_entry(A), an_entry(B)], [an_indexed_mark(A)]),
    }
)
COMMANDS = {
    "migrate": (("bucket", "marks", "migrate", "-t", TENANT), 1),
    "add": (("bucket", "marks", "add", "--kind", "no-compact", f"{TENANT}/*"), 4),
    "rm": (("bucket", "marks", "rm", f"{TENANT}/{A}"), 3),
    "undelete": (("bucket", "undelete", f"{TENANT}/*"), 4),
    "cleanup": (("bucket", "cleanup", "-t", TENANT, "--irreversible"), 4),
    "directly": (("bucket", "cleanup", "-t", TENANT, "--directly", "--what", "partials"), 4),
    "quarantine": (("bucket", "quarantine", f"{TENANT}/{C}"), 3),
}


def made(directory: Path, name: str) -> tuple[Site, list[str]]:
    """Return a new site, and the arguments of the command on it."""
    objects = BEFORE
    if name == "quarantine":
        objects = a_block(C) | {INDEX: an_index([an_entry(A), an_entry(C)])}
    dead = {key: body for key, body in a_block(C).items() if not key.endswith(layout.META)}
    if name == "cleanup":
        objects = BEFORE | dead | {layout.global_deletion_mark(TENANT, D): a_mark(D), layout.visit_mark(TENANT, A): b""}
    if name == "directly":
        objects = BEFORE | dead | marked(C)
    for key, body in objects.items():
        assert isinstance(body, bytes)
        path = directory / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        os.utime(path, (UPLOADED_S - 2 * 86400, UPLOADED_S - 2 * 86400))
    command, _ = COMMANDS[name]
    return Site(directory), [*command, "-b", str(directory / "bucket"), "--apply", *AT, *AT_ONCE]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_point_it_is_undone_or_resumed(drive: Drive, tmp_path: Path, name: str) -> None:
    whole, arguments = made(tmp_path / "whole", name)
    before = whole.objects()
    assert drive([whole.job(arguments)]) == [0], whole.stderr
    after, points = whole.objects(), whole.points()
    writes = points.count("before put") + points.count("before delete")
    assert writes == COMMANDS[name][1] + 2, "the lock, taken and given back, and the changes"

    sites = [made(tmp_path / str(point), name) for point in range(1, len(points) + 1)]
    jobs = [site.job(arguments, point) for point, (site, arguments) in enumerate(sites, start=1)]
    assert drive(jobs) == [-signal.SIGKILL] * len(points)
    states = set()
    for number, (site, _) in enumerate(sites):
        left = site.objects()
        states.add(frozenset(left.items()) - {(MARKER, left.get(MARKER, b""))})
        rows = site.runs()
        if not rows:
            assert left == before, "nothing is written before there is a journal"
            continue
        (row,) = rows
        if number % 2:
            site.cli("journal", "resume", row["run"], "--apply", *AT_ONCE, *AT)
            assert site.objects() == after
        site.cli("journal", "undo", row["run"], "--apply", *AT_ONCE)
        assert site.objects() == before
        assert site.runs()[0]["outcome"] in ("undone", "partial")
    assert len(states) == COMMANDS[name][1] + 1, "it died before and after each change"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rm", "undelete"])
def test_no_kill_leaves_a_state_in_which_the_cleaner_deletes_more(drive: Drive, tmp_path: Path, name: str) -> None:
    """An entry of the index whose global mark is there is what gets a block deleted: it was so before, or never is."""
    whole, arguments = made(tmp_path / "whole", name)
    assert drive([whole.job(arguments)]) == [0], whole.stderr
    count = len(whole.points())
    sites = [made(tmp_path / str(point), name) for point in range(1, count + 1)]
    drive([site.job(arguments, point) for point, (site, arguments) in enumerate(sites, start=1)])
    for site, _ in sites:
        left = site.objects()
        everywhere = layout.global_deletion_mark(TENANT, A) in left
        local = layout.local_deletion_mark(TENANT, A) in left
        assert local or not everywhere, "the global mark goes first"
        assert local or layout.meta(TENANT, A) in left
