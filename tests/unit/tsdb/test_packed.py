"""A packed meta says what the meta says, in a fraction of the memory."""

import msgspec

from cortexctl.tsdb.meta import Compaction, File, Meta, Parent, Thanos
from cortexctl.tsdb.packed import pack

IDS = [f"01M7XT000000000000000000{number:02d}" for number in range(40)]


def meta(block_id: str = IDS[0]) -> Meta:
    parents = [Parent(each, 10, 20) for each in IDS[:3]]
    files = [File("chunks/000001", 7), File("index", 9), File("meta.json")]
    thanos = Thanos(labels={"__org_id__": "a"}, source="compactor", segment_files=["000001"], files=files)
    # An id that is equal and not the same object, as each that is decoded is.
    return Meta("".join(list(block_id)), 10, 20, compaction=Compaction(2, list(IDS), parents=parents), thanos=thanos)


def test_a_packed_meta_says_the_same() -> None:
    packed = pack(meta(), IDS[0])
    assert msgspec.json.encode(packed, enc_hook=list) == msgspec.json.encode(meta())
    assert packed.file_sizes() == meta().file_sizes()


def test_an_empty_meta_stays_empty() -> None:
    assert msgspec.json.encode(pack(Meta(), IDS[0]), enc_hook=list) == msgspec.json.encode(Meta())


def test_what_metas_share_is_one_object() -> None:
    one, other = pack(meta(), IDS[0]), pack(meta(), IDS[0])
    assert one.ulid is other.ulid is IDS[0]
    assert one.thanos.labels is other.thanos.labels
    assert one.thanos.segment_files is other.thanos.segment_files


def test_the_id_of_another_block_is_kept() -> None:
    assert pack(meta(IDS[5]), IDS[0]).ulid == IDS[5]
