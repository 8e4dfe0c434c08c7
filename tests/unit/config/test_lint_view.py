"""A configuration as the checks see it: what is in force, where it is from, and for whom it is."""

import pytest

from cortexctl.config.lines import key_lines
from cortexctl.config.lint.comparing import Deviation
from cortexctl.config.lint.version import parse_version, told_version
from cortexctl.errors import UsageError
from tests.unit.config.case import viewed

TEXT = """\
target: store-gateway, querier
compactor:
  deletion_delay: 12h
  cleanup_interval: 5m
limits: {store_gateway_tenant_shard_size: 3,
  max_query_length: 2w}
querier:
  query_store_after: 4h
"""


def test_a_value_says_where_it_comes_from() -> None:
    view = viewed(TEXT)
    assert view.evidence("compactor.cleanup_interval", "compactor.deletion_delay", "compactor.compaction_interval") == {
        "compactor.cleanup_interval": "5m (line 4)",
        "compactor.deletion_delay": "12h (line 3)",
        "compactor.compaction_interval": "1h0m0s (default)",
    }
    assert view.origin("limits.max_query_length") == "line 6"
    assert view.duration_s("limits.max_query_length") == 14 * 86400


def test_what_an_empty_section_sets_to_zero_comes_from_its_line() -> None:
    view = viewed("target: compactor\ncompactor:\nblocks_storage: {bucket_store: {bucket_index: }}")
    assert view.evidence("compactor.deletion_delay") == {"compactor.deletion_delay": "0s (line 2)"}
    assert view.origin("blocks_storage.bucket_store.bucket_index.idle_timeout") == "line 3"
    assert view.origin("blocks_storage.bucket_store.sync_interval") == "default"


def test_of_a_running_process_it_is_live_or_the_default() -> None:
    view = viewed("compactor: {deletion_delay: 12h0m0s, cleanup_interval: 5m}", is_live=True)
    assert view.origin("compactor.deletion_delay") == "default"
    assert view.origin("compactor.cleanup_interval") == "live"


def test_what_an_older_version_has_elsewhere_is_in_force() -> None:
    view = viewed(TEXT)
    assert view.duration_s("limits.query_store_after") == 4 * 3600
    assert view.evidence("limits.query_store_after") == {"querier.query_store_after": "4h (line 8)"}
    assert view.repair("limits.query_store_after", "5h").startswith("querier: {query_store_after: 5h}  # or -querier.")


def test_the_newer_of_both_is_in_force() -> None:
    both = viewed("querier: {query_store_after: 4h}\nlimits: {query_store_after: 5h}")
    assert both.duration_s("limits.query_store_after") == 5 * 3600
    assert both.named("limits.query_store_after") == "limits.query_store_after"


@pytest.mark.parametrize(("version", "named"), [(None, "querier"), ((1, 21), "querier"), ((1, 22), "limits")])
def test_a_key_is_called_as_its_version_does(version: tuple[int, int] | None, named: str) -> None:
    assert viewed("", version=version).named("limits.query_store_after") == f"{named}.query_store_after"


def test_nothing_after_a_key_is_zero() -> None:
    view = viewed("compactor: {deletion_delay: , sharding_ring: }\nserver: {http_listen_port: , log_level: }\n")
    assert view.duration_s("compactor.deletion_delay") == 0
    assert view.duration_s("compactor.sharding_ring.heartbeat_timeout") == 0
    assert view.number("server.http_listen_port") == 0
    assert view.text("server.log_level") == ""
    assert {each.kind for each in view.deviating} == {Deviation.EMPTY}


def test_what_is_refused_stands_with_its_default() -> None:
    view = viewed("compactor: {deletion_delay: long, cleanup_interval: 5m}")
    assert view.duration_s("compactor.deletion_delay") == 12 * 3600
    assert view.duration_s("compactor.cleanup_interval") == 300
    assert [(each.path, each.line) for each in view.deviating] == [("compactor.deletion_delay", 1)]


@pytest.mark.parametrize(
    ("target", "runs", "runs_not"),
    [
        ("", ("ingester", "parquet-converter"), ()),
        ("target: all", ("ingester", "compactor"), ("parquet-converter", "query-scheduler")),
        ("target: all,query-scheduler", ("query-scheduler", "ruler"), ("parquet-converter",)),
        ("target: compactor", ("compactor",), ("ingester",)),
    ],
)
def test_for_whom_it_is(target: str, runs: tuple[str, ...], runs_not: tuple[str, ...]) -> None:
    view = viewed(target)
    assert all(view.runs(each) for each in runs)
    assert not any(view.runs(each) for each in runs_not)
    assert view.is_told_to_run(runs[0]) is bool(target)


def test_the_lines_of_keys() -> None:
    lines = key_lines("a:\n  b: 1\n  'c d': {e: 2}\nf: &x\n  g: 1\nh: *x\ni:\n  - j: 1\na: 2\n")
    assert lines.by_path == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c d"): 3,
        ("a", "c d", "e"): 3,
        ("f",): 4,
        ("f", "g"): 5,
        ("h",): 6,
        ("h", "g"): 5,
        ("i",): 7,
    }
    assert lines.twice == ((("a",), 9),)
    assert lines.of(("a", "b", "not", "there")) == 2
    assert lines.of(("not", "there")) is None


def test_no_text_has_no_lines() -> None:
    assert key_lines("").by_path == {}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.21", (1, 21)),
        ("v1.21.1", (1, 21)),
        ("1.22.0-rc.1", (1, 22)),
        ("main-a8c6358", None),
        ("", None),
        ("1", None),
    ],
)
def test_versions(text: str, version: tuple[int, int] | None) -> None:
    assert told_version(text) == version
    if version is None:
        with pytest.raises(UsageError, match="is not a version of Cortex"):
            parse_version(text)
    else:
        assert parse_version(text) == version
