"""`make bench`: ratios, each within one run, and exact counts of requests.

Seconds depend on the machine; so everything is measured beside what it is compared with, three times in turn, each
time in a process of its own, and the median is printed. A count that is off fails the run; a ratio over its aim is
only said to be.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.buckets import DAY_S, Summary
from bench.server import BINARY, Stub, stub_server

CACHE = BINARY.parent
BUCKET = "cortex-blocks"
CORTEXCTL = (sys.executable, "-m", "cortexctl")
REBUILD = ("bucket", "index", "rebuild", "--all-tenants", "--apply", "--yes", "--lock-settle", "0s", "--quiet")
CHECK = ("bucket", "check", "--quiet")
LIMIT_S = 600
LATENCIES_MS = (0, 20)
PAGE_MS = 100
RING = (1000, 512)  # instances, tokens of each
PLANNED = 200_000  # blocks of one tenant
N_LOG_N = 14  # about as many times as long for ten times the blocks
PODS, POD_RING = 200, (200, 128)
UNWANTED = ("boto3", "botocore", "s3fs", "obstore", "rich.table", "fsspec")

# A tenant under its lock, on a store that is known to honour conditions.
LOCKED_GETS = 8  # marker, it again, before the write, index, it again; to give back: marker, it again before DELETE
LOCKED_PUTS = 2  # marker, index
# Whoever locks before the store is proven conditional reads before its write (404 once more) and after it.
UNPROVEN_GETS = 2
PROOF_PUTS = 2  # both refused, 412
CHECK_ROOT_PAGES = 2  # the tenants and their deletion marks; the list of uploads, which the stub lacks, is another
ROOT_PAGES = 3  # the tenants, their deletion marks, and these again before anything is written


@dataclass(frozen=True, slots=True)
class Ran:
    """One process, and what the stub counted meanwhile."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    stdout: str
    requests: dict[str, int]

    @property
    def answer(self) -> Any:
        """What a client of bench.clients says."""
        return json.loads(self.stdout.splitlines()[-1])


@dataclass(slots=True)
class Report:
    """Prints the table as it comes about, and remembers whether a count is off."""

    is_exact: bool = True

    def title(self, text: str) -> None:
        """Print a heading."""
        print(f"\n{text}", flush=True)

    def ratio(self, what: str, values: list[float], aim: str, detail: str = "") -> None:
        """Print the median of repeated ratios against an aim such as `<= 1.3` or `>= 5`."""
        value = median(values)
        sign, _, bound = aim.partition(" ")
        is_met = not aim or (value <= float(bound) if sign == "<=" else value >= float(bound))
        spread = f"{min(values):.2f}…{max(values):.2f}" if len(values) > 1 else ""
        self._row(what, f"{value:.2f}", aim, "" if not aim else "ok" if is_met else "OVER THE AIM", spread, detail)

    def count(self, what: str, expected: int, actual: int, detail: str = "") -> None:
        """Print a count that has to be exact."""
        self.is_exact &= expected == actual
        self._row(what, str(actual), f"= {expected}", "ok" if expected == actual else "WRONG", "", detail)

    def fact(self, what: str, value: str, detail: str = "") -> None:
        """Print what has no aim."""
        self._row(what, value, "", "", "", detail)

    def _row(self, what: str, value: str, aim: str, verdict: str, spread: str, detail: str) -> None:
        print(f"  {what:<47} {value:>9}  {aim:<9} {verdict:<12} {spread:<14} {detail}".rstrip(), flush=True)


class Bench:
    """One bucket on a running stub, put back to what it was before each run."""

    def __init__(self, stub: Stub, summary: Summary, work: Path) -> None:
        self.stub = stub
        self.summary = summary
        self.url = f"s3://{stub.bucket}?endpoint={stub.endpoint}&path-style=true"
        self._work = work
        self._indexes = {key: stub.read(key) for key in (f"{name}/bucket-index.json.gz" for name in summary.tenants)}

    def check(self) -> Ran:
        """Check the bucket as of its own present; it has findings."""
        return self.cortexctl(*CHECK, "--as-of", str(int(time.time()) // DAY_S * DAY_S), code=1)

    def cortexctl(self, *arguments: str, code: int = 0) -> Ran:
        """Run the program on the bucket."""
        with tempfile.TemporaryDirectory(dir=self._work) as journal:
            command = (*CORTEXCTL, *arguments, "-b", self.url)
            return self._run(command, {"CORTEXCTL_JOURNAL_DIR": journal}, code)

    def client(self, name: str, *arguments: str) -> Ran:
        """Run one of bench.clients."""
        command = (sys.executable, "-m", "bench.clients", name, self.stub.endpoint, self.stub.bucket, *arguments)
        return self._run(command, {})

    def _run(self, command: tuple[str, ...], environment: dict[str, str], code: int = 0) -> Ran:
        for key, body in self._indexes.items():
            self.stub.write(key, body)
        self.stub.reset()
        keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
        return run(command, keys | environment, self.stub, code)


def run(command: tuple[str, ...], environment: dict[str, str], stub: Stub | None = None, code: int = 0) -> Ran:
    """Run one process to its end, which has to be with this exit code."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=out, env=os.environ | environment) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.perf_counter() - began
        if process.returncode != code:
            raise subprocess.CalledProcessError(process.returncode, command)
        out.seek(0)
        stdout = out.read().decode()
    requests = stub.stats() if stub else {}
    return Ran(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, stdout, requests)


@contextmanager
def serving(blocks: int, tenants: int = 20) -> Iterator[Bench]:
    """Serve a bucket whose present is this morning. It is made by a process of its own: a child's peak memory counts
    from its parent's, which therefore stays small."""
    today_s = int(time.time()) // DAY_S * DAY_S
    tar = CACHE / f"{blocks}-blocks-{tenants}-tenants-{today_s}.tar"
    if not tar.with_suffix(".json").exists():
        CACHE.mkdir(exist_ok=True)
        for stale in CACHE.glob(f"{blocks}-blocks-{tenants}-tenants-*"):
            stale.unlink()
        made = {"blocks": blocks, "tenants": tenants, "now": today_s, "tar": tar}
        run((sys.executable, "-m", "bench.buckets", *(f"--{name}={value}" for name, value in made.items())), {})
    with stub_server(tar, BUCKET) as stub, tempfile.TemporaryDirectory(dir=CACHE) as work:
        yield Bench(stub, Summary.load(tar.with_suffix(".json")), Path(work))


def main() -> int:
    """Measure, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=main.__doc__)
    parser.add_argument("--blocks", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="measure memory at ten times the blocks too: minutes more")
    asked = parser.parse_args()
    report = Report()
    print(f"{asked.blocks} blocks in 20 tenants, one marked for deletion; median of {asked.repeats}, least…most")
    start_up(report, asked.repeats)
    large_ring(report)
    plans(report)
    for latency_ms in LATENCIES_MS:
        ring_pages(report, asked.repeats, latency_ms)
    with serving(asked.blocks) as bench:
        peaks = [peak for latency_ms in LATENCIES_MS for peak in rebuilds(bench, report, asked.repeats, latency_ms)]
        check_peaks = [peak for latency_ms in LATENCIES_MS for peak in checks(bench, report, asked.repeats, latency_ms)]
        structures = bench.client("indexes").answer
    with serving(asked.blocks, tenants=1) as bench:
        list_large(bench, report, asked.repeats)
    report.title("peak memory of a rebuild from scratch")
    small = median(peaks)
    report.fact(f"{asked.blocks} blocks", mib(small), index_sizes(structures))
    report.fact("of a check", mib(median(check_peaks)))
    if asked.full:
        memory(report, asked.blocks * 10, small, structures, median(check_peaks))
    else:
        report.fact(f"{asked.blocks * 10} blocks", "skipped", "with --full")
    if not report.is_exact:
        print("\na count is off")
    return 0 if report.is_exact else 1


def start_up(report: Report, repeats: int) -> None:
    """Compare --help with an empty program, and look at what it imports."""
    ratios, helps, empties = [], [], []
    for _ in range(repeats * 2):
        empties.append(run((sys.executable, "-c", "pass"), {}).wall_s)
        helps.append(run((*CORTEXCTL, "--help"), {}).wall_s)
        ratios.append(helps[-1] / empties[-1])
    report.title("start-up")
    detail = f"{median(helps) * 1000:.0f} ms, an empty program {median(empties) * 1000:.0f} ms"
    report.ratio("--help ÷ python -c pass", ratios, "", detail)
    traced = subprocess.run(
        (sys.executable, "-X", "importtime", *CORTEXCTL[1:], "--help"), capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in traced.stderr.splitlines()}
    report.count("storage libraries and tables imported", 0, len(imported & set(UNWANTED)), ", ".join(UNWANTED))


def large_ring(report: Report) -> None:
    """Compare what is computed of one large ring with the bare work."""
    instances, tokens = RING
    well, lost = run((sys.executable, "-m", "bench.ring", *map(str, RING)), {}).answer
    report.title(
        f"a ring of {instances} instances with {tokens} tokens, of CPU time: all well; one zone of three stale"
    )
    for name, (seconds, ratio) in well.items():
        lost_s, lost_ratio = lost[name]
        report.fact(name, f"{ratio:.2f}", f"{seconds * 1000:.1f} ms; {lost_ratio:.2f}, {lost_s * 1000:.1f} ms")


def plans(report: Report) -> None:
    """Compare planning a large tenant with planning a tenth of it."""
    report.title(f"compaction of one tenant with {PLANNED} blocks, of CPU time, against a tenth of them")
    answer = run((sys.executable, "-m", "bench.plan", str(PLANNED)), {}).answer
    for name, (took, ratio) in answer["times"].items():
        report.ratio(
            f"{name}, until nothing is left", [ratio], f"<= {N_LOG_N}", f"{took / PLANNED * 1e6:.0f} us a block"
        )
    for name, a_block in answer["memory"].items():
        report.fact(f"memory {name}", f"{a_block:.0f}", "bytes a block")


def ring_pages(report: Report, repeats: int, latency_ms: int) -> None:
    """Compare reading many pods' pages with the bare requests, and with one pod after the other."""
    server = (sys.executable, "-m", "bench.pods", "serve", str(PODS), *map(str, POD_RING), str(latency_ms))
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pods:
        try:
            ports = pods.stdout.readline().split() if pods.stdout else []
            taken = run((sys.executable, "-m", "bench.pods", "read", str(repeats), *ports), {}).answer
        finally:
            pods.kill()
    page_kib = taken["page_bytes"] / 1024
    report.title(f"ring pages of {PODS} pods, {page_kib:.0f} KiB each, at {latency_ms} ms a request")
    for name, (ours, theirs) in {
        "read and decoded ÷ bare requests": ("ours_s", "bare_s"),
        "read alone ÷ bare requests": ("read_s", "bare_s"),
        "64 at once ÷ one after the other": ("ours_s", "serial_s"),
    }.items():
        ratios = [a / b for a, b in zip(taken[ours], taken[theirs], strict=True)]
        report.ratio(name, ratios, "", f"{median(taken[ours]):.2f} s, {median(taken[theirs]):.2f} s")


def rebuilds(bench: Bench, report: Report, repeats: int, latency_ms: int) -> list[int]:
    """Compare rebuilds with the bare requests and with s3fs, count requests, and return the peaks of memory."""
    bench.stub.delay(0, 0)
    file = CACHE / "plan.json"
    plan = bench.client("plan", str(file)).answer
    sample = min(bench.summary.tenants.items(), key=lambda each: abs(each[1].blocks - 1000))[0]
    bench.stub.delay(latency_ms, latency_ms)
    scratch, reused, bare, other = [], [], [], []
    for _ in range(repeats):
        scratch.append(bench.cortexctl(*REBUILD))
        bare.append(bench.client("bare", str(file)))
        reused.append(bench.cortexctl(*REBUILD, "--reuse"))
        other.append(bench.client("s3fs", sample))
    report.title(f"rebuild of every index, at {latency_ms} ms a request")
    seconds = f"{median(one.wall_s for one in scratch):.1f} s, bare {median(one.wall_s for one in bare):.1f} s"
    report.ratio("from scratch ÷ bare requests", quotients(scratch, bare), "<= 1.3", seconds)
    report.ratio("the same, of CPU time", [a.cpu_s / b.cpu_s for a, b in zip(scratch, bare, strict=True)], "")
    wholes = [scaled(one, bench.summary) for one in other]
    aim = ">= 10" if latency_ms else ">= 5"
    detail = f"s3fs {median(wholes):.0f} s, scaled from the {other[0].answer['keys']} reads of {sample}"
    report.ratio("s3fs ÷ ours", [a / b.wall_s for a, b in zip(wholes, scratch, strict=True)], aim, detail)
    report.ratio("--reuse, 1 % new ÷ from scratch", quotients(reused, scratch), "")
    counts = [counted for name, counted in bench.summary.tenants.items() if name != bench.summary.deleting_tenant]
    objects = sum(each.blocks + each.deletion_marks for each in counts)
    new = sum(each.new_blocks + each.new_marks for each in counts)
    count_requests(report, "from scratch", scratch, plan, objects)
    count_requests(report, "--reuse", reused, plan, new)
    return [ran.peak_bytes for ran in scratch]


def checks(bench: Bench, report: Report, repeats: int, latency_ms: int) -> list[int]:
    """Compare a check of the whole bucket with the bare requests, count requests, and return the peaks of memory."""
    bench.stub.delay(0, 0)
    file = CACHE / "plan-check.json"
    plan = bench.client("plan-check", str(file)).answer
    bench.stub.delay(latency_ms, latency_ms)
    ours, bare = [], []
    for _ in range(repeats):
        ours.append(bench.check())
        bare.append(bench.client("bare", str(file)))
    report.title(f"check of the whole bucket, at {latency_ms} ms a request")
    seconds = f"{median(one.wall_s for one in ours):.1f} s, bare {median(one.wall_s for one in bare):.1f} s"
    report.ratio("check ÷ bare requests", quotients(ours, bare), "", seconds)
    report.ratio("the same, of CPU time", [a.cpu_s / b.cpu_s for a, b in zip(ours, bare, strict=True)], "")
    expected = {
        "get": plan["keys"],
        "list": plan["pages"] + CHECK_ROOT_PAGES,
        "other": 1,
        **dict.fromkeys(("put", "delete", "head", "404", "412", "503"), 0),
    }
    requests = ours[0].requests
    report.count("check: GET", expected["get"], requests["get"], "metas, marks, indexes and statuses, each once")
    report.count("check: LIST", expected["list"], requests["list"], f"{plan['pages']} pages of tenants")
    for kind in list(expected)[2:]:
        if expected[kind] != requests[kind]:
            report.count(f"check: {kind}", expected[kind], requests[kind])
    return [ran.peak_bytes for ran in ours]


def quotients(ours: list[Ran], theirs: list[Ran]) -> list[float]:
    """Wall times divided, each by the one measured next to it."""
    return [a.wall_s / b.wall_s for a, b in zip(ours, theirs, strict=True)]


def scaled(sample: Ran, summary: Summary) -> float:
    """How long s3fs takes for the whole bucket, in seconds: start-up once, and the rest by what it did of it."""
    part = sample.answer
    keys = summary.total.blocks + summary.total.deletion_marks
    start_s = sample.wall_s - part["find_s"] - part["cat_s"]
    whole_s = part["find_s"] * summary.total.objects / part["objects"] + part["cat_s"] * keys / part["keys"]
    return float(start_s + whole_s)


def count_requests(report: Report, name: str, runs: list[Ran], plan: dict[str, int], objects: int) -> None:
    """Compare what the stub counted with what the bucket holds: each kind of request, of one run that is off or else
    of the first."""
    tenants = plan["tenants"]
    compared = [(expected_requests(ran.requests["404"], plan, objects), ran.requests) for ran in runs]
    expected, actual = next(
        (pair for pair in compared if any(pair[0][kind] != pair[1][kind] for kind in pair[0])), compared[0]
    )
    locks = expected["get"] - objects - tenants
    report.count(
        f"{name}: GET", expected["get"], actual["get"], f"{objects} new objects, {tenants} indexes, {locks} of locks"
    )
    report.count(
        f"{name}: LIST", expected["list"], actual["list"], f"{plan['pages']} pages of tenants, {ROOT_PAGES} of roots"
    )
    for kind in ("put", "delete"):
        report.count(f"{name}: {kind.upper()}", expected[kind], actual[kind])
    for kind in ("head", "other", "404", "412", "503"):
        if expected[kind] != actual[kind]:
            report.count(f"{name}: {kind}", expected[kind], actual[kind])


def expected_requests(missed: int, plan: dict[str, int], objects: int) -> dict[str, int]:
    """The requests of a rebuild that reads so many metas and marks.

    How many tenants lock before the store is proven to honour conditions is a race. Each of them misses its marker
    once more than the one time that all do; that settles how often it was.
    """
    tenants = plan["tenants"]
    unproven = min(max(missed - tenants, 1), tenants)
    return {
        "get": objects + tenants + LOCKED_GETS * tenants + UNPROVEN_GETS * unproven,
        "list": plan["pages"] + ROOT_PAGES,
        "put": LOCKED_PUTS * tenants + PROOF_PUTS,
        "delete": tenants,
        "head": 0,
        "other": 0,
        "404": tenants + unproven,
        "412": PROOF_PUTS,
        "503": 0,
    }


def list_large(bench: Bench, report: Report, repeats: int) -> None:
    """Compare the listing of one large tenant with the shortest it can take, and with one page after another."""
    (tenant,) = bench.summary.tenants
    bench.stub.delay(0, PAGE_MS)
    answers = [bench.client("listing", tenant).answer for _ in range(repeats)]
    pages = answers[0]["pages"]
    longest = max(pages)
    report.title(f"listing of one tenant, {answers[0]['keys']} keys, at {PAGE_MS} ms a page")
    least_s = longest * PAGE_MS / 1000
    detail = f"{len(pages)} ranges, {sum(pages)} pages, {longest} in the longest"
    report.ratio("ours ÷ latency of the longest range", [each["ours_s"] / least_s for each in answers], "<= 2", detail)
    report.ratio("ours ÷ one page after another", [each["ours_s"] / each["serial_s"] for each in answers], "")


def memory(report: Report, blocks: int, small: float, small_structures: dict[str, int], small_check: float) -> None:
    """Compare the peak memory of ten times the blocks."""
    with serving(blocks) as bench:
        peak = bench.cortexctl(*REBUILD).peak_bytes
        check_peak = bench.check().peak_bytes
        structures = bench.client("indexes").answer
    report.fact(f"{blocks} blocks", mib(peak), index_sizes(structures))
    report.ratio("ten times the blocks ÷ these", [peak / small], "")
    report.ratio("the same, of a check", [check_peak / small_check], "<= 1.3", mib(check_peak))
    # Of one tenant after the other: both are there when they are compared.
    beside = [(peak - 2 * structures["largest"]) / (small - 2 * small_structures["largest"])]
    report.ratio("the same, beside the largest index, old and new", beside, "<= 1.3")


def index_sizes(structures: dict[str, int]) -> str:
    """What the entries of the bucket's indexes take."""
    return f"bucket indexes, entry by entry: {mib(structures['all'])}, {mib(structures['largest'])} the largest"


def mib(size_bytes: float) -> str:
    """A size in MiB."""
    return f"{size_bytes / 2**20:.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
