"""Keys of what Cortex places on rings; the vectors of real Cortex are in tests/golden."""

import hashlib
import struct

import pytest

from cortexctl.ring import gorand, hashes
from cortexctl.ring.gorand import GoRand

BLOCK = "01GWCVEZC0VBCE7BHMCXW1M20N"


def test_the_table_is_gos() -> None:
    packed = struct.pack("<607Q", *gorand._cooked())
    assert hashlib.sha256(packed).hexdigest() == "1928503b93a563e491119a5889baba73d1605b90b63634c14a408805797a7c7b"
    random = GoRand(1)
    assert (random.int63(), random.int63()) == (5577006791947779410, 8674665223082153551)


@pytest.mark.parametrize("seed", [0, 2**31 - 1, -(2**31 - 1), 2**63 - 1, -(2**63)])
def test_every_seed_gives_numbers(seed: int) -> None:
    random = GoRand(seed)
    assert len({random.uint32() for _ in range(700)}) > 690


def test_seeds_that_are_multiples_of_the_modulus_are_that_of_zero() -> None:
    assert GoRand(0).uint64() == GoRand(2**31 - 1).uint64() == GoRand(-(2**31 - 1)).uint64()


@pytest.mark.parametrize(
    ("tenant", "zone", "seed", "first"),
    [
        ("user-1", "", -2965778325353760010, [2297682257, 4074377809, 2396993140, 1924635470]),
        ("user-1", "zone-a", 3671243352370911787, [3333769511, 1329210178, 3409478851, 2685293811]),
        ("team-a", "us-east-1a", -2034139247744307556, [3149850626, 673525827, 78502982, 494628568]),
    ],
)
def test_a_tenants_seed_and_numbers(tenant: str, zone: str, seed: int, first: list[int]) -> None:
    assert hashes.shuffle_seed(tenant, zone) == seed
    random = GoRand(seed)
    assert [random.uint32() for _ in first] == first


def test_blocks() -> None:
    assert (hashes.block_token(BLOCK), hashes.parquet_block_token(BLOCK)) == (2962783779, 3455794593)
    assert (hashes.block_token("0" * 26), hashes.parquet_block_token("0" * 26)) == (1768495365, 1584701229)


def test_tenants_and_rule_groups() -> None:
    assert hashes.tenant_token("fake") == 559417684
    assert hashes.tenant_token(hashes.USER_INDEX_JOB) == 3818032696
    assert hashes.rule_group_token("user-1", "ns", "group") == 2450718566


def test_series() -> None:
    labels = {"job": "x", "__name__": "up", "empty": ""}
    assert hashes.series_token("user-1", labels, by_all_labels=True) == 4177082779
    by_name = hashes.fnv1_32(b"user-1up")
    assert hashes.series_token("user-1", labels, by_all_labels=False) == by_name
    assert hashes.metadata_token("user-1", "up", by_all_labels=True) == by_name
    assert hashes.metadata_token("user-1", "up", by_all_labels=False) == 3956040770


@pytest.mark.parametrize(
    ("limit", "size"), [(0, 0), (0.001, 1), (0.3, 3), (0.999, 10), (1, 1), (1.5, 2), (3, 3), (99, 99)]
)
def test_the_size_of_a_shard(limit: float, size: int) -> None:
    assert hashes.dynamic_shard_size(limit, 10) == size
