"""What cortexctl is measured against, and its parts on their own: each a process, whose last line is JSON.

python -m bench.clients plan ENDPOINT BUCKET FILE    write what a rebuild has to request, from plain listings
python -m bench.clients plan-check ENDPOINT BUCKET FILE   the same of a check of the whole bucket
python -m bench.clients bare ENDPOINT BUCKET FILE    make these requests with obstore, and parse nothing
python -m bench.clients s3fs ENDPOINT BUCKET TENANT  read one tenant as a user of s3fs would
python -m bench.clients listing ENDPOINT BUCKET TENANT   list it with cortexctl, then one page after another
python -m bench.clients indexes ENDPOINT BUCKET      hold every bucket index, entry by entry
"""

import json
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

AT_ONCE = 128
PAGE = 1000
KEYS: dict[str, Any] = {"key": "bench", "secret": "bench"}

Range = tuple[str, str | None, int]  # prefix, key to go on behind, pages


def store(endpoint: str, bucket: str) -> Any:
    """The bucket as cortexctl opens it with obstore."""
    from obstore.store import S3Store

    return S3Store(
        bucket,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id=KEYS["key"],
        secret_access_key=KEYS["secret"],
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
        retry_config={"max_retries": 0},
    )


READ_BY_A_CHECK = frozenset(
    ("meta.json", "deletion-mark.json", "no-compact-mark.json", "bucket-index.json.gz", "bucket-index-sync-status.json")
)


def plan(endpoint: str, bucket: str, file: str) -> dict[str, Any]:
    """Write the listings and the keys that a rebuild of every tenant not marked for deletion comes to."""
    import obstore

    held = store(endpoint, bucket)
    roots = obstore.list_with_delimiter(held)["common_prefixes"]
    marks = [each["path"].split("/")[1] for page in obstore.list(held, "__markers__/") for each in page]
    tenants = [root for root in roots if root != "__markers__" and root not in marks]

    def is_read(block: str, name: str, key: str, present: set[str]) -> bool:
        tenant = key.partition("/")[0]
        is_marked = f"{tenant}/markers/{block}-deletion-mark.json" in present
        return name in ("meta.json", "bucket-index.json.gz") or (name == "deletion-mark.json" and is_marked)

    return write_plan(held, tenants, is_read, [], file)


def plan_check(endpoint: str, bucket: str, file: str) -> dict[str, Any]:
    """Write the listings and the keys that a check comes to: of every tenant, and the deletion marks of tenants."""
    import obstore

    held = store(endpoint, bucket)
    tenants = [root for root in obstore.list_with_delimiter(held)["common_prefixes"] if root != "__markers__"]
    marks = [each["path"] for page in obstore.list(held, "__markers__/") for each in page]
    return write_plan(held, tenants, lambda _block, name, _key, _present: name in READ_BY_A_CHECK, marks, file)


def write_plan(
    held: Any, tenants: list[str], is_read: Callable[[str, str, str, set[str]], bool], keys: list[str], file: str
) -> dict[str, Any]:
    """Write the listings of tenants and the keys to read of them, beside others, and return how many they are."""
    import obstore

    ranges: list[Range] = []
    for tenant in tenants:
        objects = [each["path"] for page in obstore.list(held, f"{tenant}/", chunk_size=PAGE) for each in page]
        ranges += listings(objects, f"{tenant}/")
        present = set(objects)
        for key in objects:
            block, _, name = key.removeprefix(f"{tenant}/").rpartition("/")
            if is_read(block, name, key, present):
                keys.append(key)
    Path(file).write_text(json.dumps({"ranges": ranges, "keys": keys}))
    pages = sum(count for _, _, count in ranges)
    return {"tenants": len(tenants), "pages": pages, "keys": len(keys), "longest": max(each[2] for each in ranges)}


def listings(keys: list[str], prefix: str) -> list[Range]:
    """The listings that one prefix is cut into, with the pages each takes of a store that never fails."""
    from cortexctl.blocks.survey import StoredObject
    from cortexctl.storage.split import split_ranges

    pages: dict[str | None, int] = {}

    def scan(after: str | None) -> Iterator[list[StoredObject]]:
        start = bisect_right(keys, after) if after else 0
        for at in range(start, max(len(keys), start + 1), PAGE):
            pages[after] = pages.get(after, 0) + 1
            if page := keys[at : at + PAGE]:
                yield [StoredObject(key, 0, 0.0) for key in page]

    for _ in split_ranges(scan, prefix, time.time()):
        pass
    return [(prefix, after, count) for after, count in pages.items()]


def bare(endpoint: str, bucket: str, file: str) -> dict[str, Any]:
    """Make a plan's requests, all of them known beforehand, from as many threads as cortexctl has."""
    import obstore

    held = store(endpoint, bucket)
    planned = json.loads(Path(file).read_text())

    def list_range(task: Range) -> None:
        prefix, after, pages = task
        listing = iter(obstore.list(held, prefix, offset=after, chunk_size=PAGE))
        for _ in range(pages):
            next(listing, None)

    def get(key: str) -> None:
        obstore.get(held, key).bytes()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for each in (pool.map(list_range, planned["ranges"]), pool.map(get, planned["keys"])):
            for _ in each:
                pass
    return {}


def plain_s3fs(endpoint: str, bucket: str, tenant: str) -> dict[str, Any]:
    """Find a tenant's objects and read its metas and deletion marks."""
    import s3fs

    fs = s3fs.S3FileSystem(endpoint_url=endpoint, **KEYS)
    began = time.perf_counter()
    found = fs.find(f"{bucket}/{tenant}")
    listed = time.perf_counter()
    keys = [key for key in found if key.endswith(("/meta.json", "/deletion-mark.json"))]
    fs.cat(keys)
    return {"find_s": listed - began, "objects": len(found), "cat_s": time.perf_counter() - listed, "keys": len(keys)}


def listing(endpoint: str, bucket: str, tenant: str) -> dict[str, Any]:
    """List a tenant as cortexctl does, and then one page after another."""
    import obstore

    from cortexctl.config import parse_bucket_url
    from cortexctl.storage.open import open_bucket

    held = store(endpoint, bucket)
    keys: list[str] = []

    def serial() -> None:
        keys.extend(each["path"] for page in obstore.list(held, f"{tenant}/", chunk_size=PAGE) for each in page)

    def ours() -> int:
        with open_bucket(parse_bucket_url(f"s3://{bucket}?endpoint={endpoint}&path-style=true")) as opened:
            return sum(1 for _ in opened.scan(f"{tenant}/"))

    serial_s, _ = timed(serial)
    ours_s, seen = timed(ours)
    if seen != len(keys):
        raise AssertionError(f"{seen} objects listed in ranges, {len(keys)} one page after another")
    pages = [count for _, _, count in listings(keys, f"{tenant}/")]
    return {"ours_s": ours_s, "serial_s": serial_s, "pages": pages, "keys": len(keys)}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long it took, and what it returned."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def indexes(endpoint: str, bucket: str) -> dict[str, Any]:
    """Measure what the entries of the bucket indexes take, and of the largest: the growth of this process's memory."""
    import obstore

    from cortexctl.blocks import bucket_index

    held = store(endpoint, bucket)
    roots = obstore.list_with_delimiter(held)["common_prefixes"]
    bodies = [
        bytes(obstore.get(held, f"{tenant}/bucket-index.json.gz").bytes())
        for tenant in roots
        if tenant != "__markers__"
    ]
    bucket_index.decode(bodies[-1])
    before = resident_bytes()
    indexes = (bucket_index.decode(body).index for body in bodies)
    entries = [(list(each.blocks), list(each.block_deletion_marks)) for each in indexes]
    grown = resident_bytes() - before
    counts = [len(blocks) for blocks, _ in entries]
    return {"all": grown, "largest": grown * max(counts) // sum(counts)}


def resident_bytes() -> int:
    """This process's memory now."""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Run the client that is asked for."""
    clients: dict[str, Callable[..., dict[str, Any]]] = {
        "plan": plan,
        "plan-check": plan_check,
        "bare": bare,
        "s3fs": plain_s3fs,
        "listing": listing,
        "indexes": indexes,
    }
    name, *arguments = sys.argv[1:]
    print(json.dumps(clients[name](*arguments)))


if __name__ == "__main__":
    main()
