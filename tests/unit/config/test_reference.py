"""Every key that Cortex has: the same as a real process shows, to the last value."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cortexctl.config import parse_cortex_config
from cortexctl.config.document import Section, parse_yaml
from cortexctl.config.lint.comparing import CHOICES
from cortexctl.config.rings import member_path, ring_config, ring_path, shard_size_path, strategy_path, switch_path
from cortexctl.ring.components import COMPONENTS
from tests.unit.config.case import REFERENCE, viewed

PAGES = Path(__file__).parents[2] / "golden/pages"
FULL, DIFF, FILE = (PAGES / name for name in ("config-full.yaml", "config-diff.yaml", "cortex.yaml"))
NOT_ON_THE_PAGE = {
    "api.cors_origin",
    "api.build_info_enabled",
    "limits.metric_relabel_configs",
    "limits.active_series_trackers",
    "ruler.external_labels",
}
OF_THE_HOST = {f"{each}.instance_id" for each in ("parquet_converter.ring", "ruler.ring", "alertmanager.sharding_ring")}


def document(path: Path) -> Section:
    return parse_yaml(path.read_text(), name=path.name)


def leaves(values: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f"{above}.{key}".removeprefix(".")
        if isinstance(value, dict) and value:
            yield from leaves(value, path)
        else:
            yield path, value


def test_the_defaults_under_what_a_process_says_differs_are_all_that_it_shows() -> None:
    shown = dict(leaves(document(FULL).values))
    told = dict(leaves(REFERENCE.defaults)) | dict(leaves(document(DIFF).values))
    assert {path: value for path, value in told.items() if path not in NOT_ON_THE_PAGE | OF_THE_HOST} == {
        path: value for path, value in shown.items() if path not in OF_THE_HOST
    }
    assert set(told) - set(shown) == NOT_ON_THE_PAGE


def test_the_defaults_of_settings_classes_are_the_same() -> None:
    nothing = parse_cortex_config("", name="nothing", with_location=False)
    everything = parse_cortex_config(yaml.safe_dump(dict(REFERENCE.defaults)), name="all", with_location=False)
    for name in ("compactor", "bucket_store", "users_scanner", "limits"):
        assert getattr(nothing, name) == getattr(everything, name)
    for component in COMPONENTS.values():
        assert ring_config(nothing, component) == ring_config(
            parse_cortex_config(yaml.safe_dump(dict(REFERENCE.defaults)), name="nothing", with_location=False),
            component,
        )


@pytest.mark.parametrize("path", [FULL, DIFF, FILE], ids=lambda path: path.name)
def test_a_real_configuration_is_read_without_loss(path: Path) -> None:
    read = document(path).values
    assert {type(value) for _, value in leaves(read)} <= {str, int, float, bool, list, dict}
    assert parse_yaml(yaml.safe_dump(read, sort_keys=False), name="again").values == read


@pytest.mark.parametrize("path", [FULL, DIFF, FILE], ids=lambda path: path.name)
@pytest.mark.parametrize("is_live", [True, False])
def test_a_real_configuration_is_what_cortex_takes(path: Path, is_live: bool) -> None:
    view = viewed(path.read_text(), is_live=is_live)
    assert view.deviating == ()
    assert view.unreadable == {}
    for key, value in leaves(document(path).values):
        assert view.values.value(key) == value


def test_the_three_say_the_same() -> None:
    full, diff, file = (viewed(path.read_text()) for path in (FULL, DIFF, FILE))
    assert dict(full.rings()) == dict(diff.rings())
    differing = {key for key, value in leaves(diff.values.values) if file.values.value(key) != value}
    # What the process was told by flags, or shows in another form.
    assert differing == {
        "target",
        "memberlist.bind_addr",
        "limits.ingestion_rate",
        "blocks_storage.s3.secret_access_key",
        "blocks_storage.tsdb.retention_period",
        "blocks_storage.tsdb.head_compaction_idle_timeout",
        "compactor.deletion_delay",
    }


@pytest.mark.parametrize("path", [*REFERENCE.flags, *REFERENCE.deprecated])
def test_a_key_that_is_spoken_of_exists(path: str) -> None:
    assert path in set(REFERENCE.paths()) | set(REFERENCE.moved)


def test_keys_that_moved_are_gone_and_went_somewhere() -> None:
    paths = set(REFERENCE.paths())
    for old, moved in REFERENCE.moved.items():
        assert old not in paths
        assert not moved.to or moved.to in paths


def test_what_is_young_exists() -> None:
    paths = [f".{path}." for path in REFERENCE.paths()]
    for each in REFERENCE.since:
        assert any(f".{each.removeprefix('*.')}." in path for path in paths), each


@pytest.mark.parametrize(
    ("path", "since"),
    [
        ("compactor.sharding_ring.tokens_file_path", (1, 16)),
        ("ruler.ring.tokens_file_path", (1, 18)),
        ("ingester.lifecycler.ring.kvstore.dynamodb.timeout", (1, 20)),
        ("alertmanager.sharding_ring.kvstore.dynamodb.timeout", (1, 20)),
        ("parquet_converter.ring.heartbeat_period", (1, 20)),
        ("ingester.lifecycler.tokens_file_path", None),
    ],
)
def test_since_when_there_is_a_key(path: str, since: tuple[int, int] | None) -> None:
    assert REFERENCE.known_since(path) == since


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("compactor.deletion_dealy", "compactor.deletion_delay"),
        ("compacter", "compactor"),
        ("ingester.tokens_file_path", "ingester.lifecycler.tokens_file_path"),
        ("query_store_after", "limits.query_store_after"),
        ("compactor.nothing_like_it_at_all", ""),
        ("nowhere.at_all", ""),
    ],
)
def test_the_key_that_may_be_meant(path: str, nearest: str) -> None:
    assert REFERENCE.nearest(path) == nearest


def test_paths_of_rings_and_choices_exist() -> None:
    paths = set(REFERENCE.paths())
    for component in COMPONENTS.values():
        told = (ring_path, member_path, switch_path, strategy_path, shard_size_path)
        assert {each(component) for each in told} - {""} <= paths
    for end, words in CHOICES.items():
        ends = [path for path in paths if path == end or path.endswith(f".{end}")]
        assert ends
        assert {str(Section(REFERENCE.defaults, "").value(path)) for path in ends} <= set(words)
