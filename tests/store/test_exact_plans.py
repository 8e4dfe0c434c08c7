"""`--exact`: as many requests as are promised, and the sizes that the index files themselves have."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from tarfile import open as open_tar

import pytest

from cortexctl.audit.plan.disk import plan_disk
from cortexctl.audit.plan.gateways import Gateways, plan_gateways
from cortexctl.audit.plan.gateways_result import GatewaysPlan
from cortexctl.audit.plan.settings import Parameters, WhatIf
from cortexctl.sample import TAKEN_AT_S, TENANT
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.open import Driver
from cortexctl.tsdb.index_toc import TOC_BYTES, decode
from tests.servers import Fault, ScriptedS3
from tests.store.stores import moto_store, scripted_bucket
from tests.unit.tsdb.test_index_toc import an_index_header

BROKEN, SHORT = "01M7XT0000000000000000BR0K", "01M7XT00000000000000000SH0"


@pytest.fixture(scope="module")
def tenant() -> Mapping[str, bytes]:
    """The sample tenant's objects."""
    objects: dict[str, bytes] = {}
    with as_file(files("cortexctl.sample") / "team-b.tar.xz") as archive, open_tar(archive) as tar:
        for member in tar:
            if file := tar.extractfile(member):
                objects[member.name.removeprefix("./")] = file.read()
    return objects


@pytest.fixture
def moto(moto_endpoint: str, tenant: Mapping[str, bytes]) -> Iterator[Bucket]:
    """The same on S3."""
    store = moto_store(moto_endpoint, Driver.OBSTORE)
    store.fill(tenant)
    with store.open() as bucket:
        yield bucket


def gateways_of(bucket: Bucket, *, is_exact: bool = True) -> GatewaysPlan:
    return plan_gateways(bucket, [TENANT], TAKEN_AT_S, Gateways(), is_exact=is_exact, only=lambda _: True, paste=str)


def test_headers_take_two_ranges_a_block(moto: Bucket, tenant: Mapping[str, bytes]) -> None:
    guessed = gateways_of(moto, is_exact=False)
    before = moto.totals.requests["GET"]
    assert guessed.summary["headers"] == "guessed"
    assert before == 1, "the bucket index"
    found = gateways_of(moto)
    indexes = [body for key, body in tenant.items() if key.endswith("/index")]
    assert found.total.blocks == len(indexes) == 114
    assert moto.totals.requests["GET"] - 2 * before == 2 * len(indexes)
    assert moto.totals.requests["HEAD"] == 0
    assert found.total.headers_bytes == sum(len(an_index_header(body)) for body in indexes)
    assert (found.summary["headers"], found.summary["indexes_unread"]) == ("exact", [])
    (row,) = found.rows()
    assert row["headers_exact_bytes"] == row["headers_likely_bytes"] == row["headers_most_bytes"]


def test_postings_take_one_range_a_block_that_is_compacted(moto: Bucket, tenant: Mapping[str, bytes]) -> None:
    def planned(*, is_exact: bool) -> int:
        before = moto.totals.requests["GET"]
        plan = plan_disk(
            moto, [TENANT], TAKEN_AT_S, Parameters(None, WhatIf()), None,
            volumes={}, horizon_s=86400, is_exact=is_exact, only=lambda _: True, paste=str,
        )  # fmt: skip
        assert plan.summary["indexes_read"] == (live if is_exact else None)
        return moto.totals.requests["GET"] - before

    marked = {key.split("/")[1] for key in tenant if key.endswith("/deletion-mark.json")}
    live = sum(key.endswith("/index") and key.split("/")[1] not in marked for key in tenant)
    assert planned(is_exact=True) - planned(is_exact=False) == live == 10


def test_ranges_are_the_two_ends(scripted: ScriptedS3, tenant: Mapping[str, bytes]) -> None:
    scripted.objects = {key: body for key, body in tenant.items() if "/chunks/" not in key}
    scripted.modified_s = TAKEN_AT_S - 60
    with scripted_bucket(scripted) as bucket:
        gateways_of(bucket)
    asked: dict[str, list[str]] = {}
    for each in scripted.asked:
        if "range" in each.headers:
            asked.setdefault(each.key, []).append(each.headers["range"])
    assert len(asked) == 114
    for key, ranges in asked.items():
        size = len(tenant[key])
        assert sorted(ranges) == sorted(("bytes=0-8", f"bytes={size - TOC_BYTES}-{size - 1}"))


def test_what_cannot_be_read_is_guessed_and_named(scripted: ScriptedS3, tenant: Mapping[str, bytes]) -> None:
    index = next(body for key, body in tenant.items() if key.endswith("/index"))
    for block, body in ((BROKEN, index[:-1] + b"?"), (SHORT, b"index")):
        scripted.objects |= {f"{TENANT}/{block}/meta.json": b"{}", f"{TENANT}/{block}/index": body}
    fine = "01M7XT0000000000000000F1NE"
    scripted.objects |= {f"{TENANT}/{fine}/meta.json": b"{}", f"{TENANT}/{fine}/index": index}
    with scripted_bucket(scripted) as bucket:
        found = gateways_of(bucket)
    header = decode(index[-TOC_BYTES:], len(index)).index_header_bytes
    assert found.total.headers_bytes == header
    assert found.summary["headers"] == "partly exact"
    assert found.summary["indexes_unread"] == [
        f"{TENANT}/{BROKEN}/index: its table of contents has another checksum",
        f"{TENANT}/{SHORT}/index: with 5 bytes it is too short to be an index",
    ]
    (row,) = found.rows()
    guess = len(index) + len(b"index")
    assert row["headers_likely_bytes"] == header + round(guess * 0.11)
    assert row["headers_most_bytes"] == header + round(guess * 0.20)
    assert [each.title for each in found.columns][5:8] == ["HEADERS LIKELY", "AT MOST", "OF THAT EXACT"]
    assert "2 could not be read, and are guessed from the indexes" in found.footer()


def test_a_store_that_refuses_a_range_is_said(scripted: ScriptedS3, tenant: Mapping[str, bytes]) -> None:
    block = next(key for key in tenant if key.endswith("/index"))
    scripted.objects = {key: tenant[key] for key in (block, block.replace("index", "meta.json"))}
    with scripted_bucket(scripted) as bucket:
        scripted.fail(Fault("status", "GET", 403, "AccessDenied"), times=2)
        found = gateways_of(bucket)
    assert len(found.unread) == 1
    assert "access denied" in str(found.unread[0])
    assert json.dumps(found.summary)


def test_every_tenant_gets_its_own(scripted: ScriptedS3, tenant: Mapping[str, bytes]) -> None:
    """Tenants without any index come between: what is read is of the tenant that it was asked for."""
    indexes = sorted({body for key, body in tenant.items() if key.endswith("/index")}, key=len)
    names = [f"team-{number:02}" for number in range(9)]
    for number, name in enumerate(names):
        for at in range(number % 3):
            prefix = f"{name}/01M7XT00000000000000000{number:02}{at}"
            scripted.objects |= {f"{prefix}/meta.json": b"{}", f"{prefix}/index": indexes[(number + at) % len(indexes)]}
        scripted.objects[f"{name}/markers/x"] = b""
    with scripted_bucket(scripted) as bucket:
        found = plan_gateways(bucket, names, TAKEN_AT_S, Gateways(), is_exact=True, only=lambda _: True, paste=str)
    assert found.total.blocks == 9
    assert not found.unread
    wanted = [body for key, body in scripted.objects.items() if key.endswith("/index")]
    assert found.total.headers_bytes == sum(len(an_index_header(body)) for body in wanted)
