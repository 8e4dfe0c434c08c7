"""The file of contexts: what it says, what is wrong with it, and that only its current context is changed."""

import pytest

from cortexctl.config import UsersScannerSettings, parse_cortex_config
from cortexctl.config.contexts import Context, faults, parse_contexts, with_current
from cortexctl.config.document import Section, laid_over
from cortexctl.errors import UsageError

TEXT = """\
# clusters
current-context: production   # be careful
contexts:
  production:
    bucket: s3://cortex-blocks
    config-file: cortex.yaml
    config-expand-env: true
    source: dns+http://querier:8080
    rings: {compactor: ["consul://consul:8500"]}
    from-live: [http://querier-1:8080]
    settings: {compactor: {deletion_delay: 6h}}
    volumes: {compactor-0: 500Gi}
  7: {}
"""


def test_what_a_context_says() -> None:
    contexts = parse_contexts(TEXT, "config.yaml")
    assert contexts.current == "production"
    assert contexts.by_name == {
        "production": Context(
            name="production",
            bucket="s3://cortex-blocks",
            config_file="cortex.yaml",
            config_expand_env=True,
            source=("dns+http://querier:8080",),
            rings={"compactor": ("consul://consul:8500",)},
            from_live=("http://querier-1:8080",),
            settings={"compactor": {"deletion_delay": "6h"}},
            volumes={"compactor-0": "500Gi"},
        ),
        "7": Context(name="7"),
    }


def test_nothing_is_no_context() -> None:
    assert parse_contexts("", "config.yaml").by_name == {}


@pytest.mark.parametrize(
    ("text", "line", "path", "said"),
    [
        ("currant-context: x", 1, "currant-context", "is current-context meant?"),
        ("contexts:\n  a: {bukket: x}", 2, "contexts.a.bukket", "is bucket meant?"),
        ("contexts:\n  a:\n    volumes: {c: big}", 3, "contexts.a.volumes.c", "is not a size"),
        ("contexts:\n  a: {bucket: 'ftp://x'}", 2, "contexts.a.bucket", "ftp"),
        ("contexts:\n  a: {source: 'ftp://x'}", 2, "contexts.a.source", "ftp"),
        ("contexts:\n  a: {rings: {querier: x}}", 2, "contexts.a.rings.querier", "is not a ring"),
        ("contexts:\n  a: {rings: {ruler: {x: 1}}}", 2, "contexts.a.rings.ruler", "is not a URL, nor a list"),
        ("contexts:\n  a: {rings: x}", 2, "contexts.a.rings", "is not a mapping"),
        ("contexts:\n  a: {config-expand-env: 1}", 2, "contexts.a.config-expand-env", "is not true or false"),
        ("contexts:\n  a: {config-file: [x]}", 2, "contexts.a.config-file", "is not text"),
        ("contexts:\n  a: x", 2, "contexts.a", "is not a mapping"),
        ("contexts: [a]", 1, "contexts", "is not a mapping of names"),
        ("contexts: {a: {}}\ncurrent-context: b", 2, "current-context", "there is no context 'b'"),
        ("contexts:\n  a: {}\n  a: {}", 3, "contexts.a", "is written twice"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, path: str, said: str) -> None:
    (fault,) = faults(text, "config.yaml")
    assert (fault.line, fault.path) == (line, path)
    assert said in fault.fault
    if path != "current-context":
        with pytest.raises(UsageError, match=f"config.yaml, line {line}: {path}: "):
            parse_contexts(text, "config.yaml").named("a")


def test_secrets_are_in_no_message_and_no_repr() -> None:
    text = "contexts: {a: {bucket: 's3://u:S3CR3T@x/y', source: 'etcd://u:S3CR3T@e/x'}}"
    assert all("S3CR3T" not in fault.fault for fault in faults(text, "config.yaml"))
    good = parse_contexts("contexts: {a: {source: 'etcd://u:S3CR3T@e'}}", "config.yaml")
    assert "S3CR3T" not in repr(good)


def test_a_name_that_is_not_there() -> None:
    contexts = parse_contexts(TEXT, "config.yaml")
    with pytest.raises(UsageError, match="no context 'prodution'; is production meant"):
        contexts.named("prodution")
    with pytest.raises(UsageError, match="there are: production, 7"):
        contexts.named("x")


def test_only_the_current_context_is_changed() -> None:
    changed = with_current(TEXT, "7")
    assert parse_contexts(changed, "config.yaml").current == "7"
    assert changed.split("\n")[2:] == TEXT.split("\n")[2:]
    assert changed.startswith('# clusters\ncurrent-context: "7"\n')


def test_a_file_without_a_current_context_gets_one() -> None:
    assert with_current("contexts: {a: {}}\n", "a") == "current-context: a\ncontexts: {a: {}}\n"


def test_names_that_yaml_takes_for_something_else() -> None:
    for name in ("7", "on", "a: b", "#x", "'"):
        text = with_current(f"contexts: {{{name!r}: {{}}}}\n" if name != "'" else 'contexts: {"\'": {}}\n', name)
        assert parse_contexts(text, "config.yaml").current == name


def test_laid_over() -> None:
    under = {"a": {"b": 1, "c": 2}, "d": 3}
    assert laid_over(under, {"a": {"b": 9}, "d": {"e": 1}}) == {"a": {"b": 9, "c": 2}, "d": {"e": 1}}
    assert under == {"a": {"b": 1, "c": 2}, "d": 3}


def test_what_is_laid_over_an_empty_section_leaves_the_rest_of_it_zero() -> None:
    """As if the keys had been written into it after all else was set to nothing."""
    text = "blocks_storage: {bucket_store: , users_scanner: {strategy: list}}"
    over = {
        "blocks_storage": {
            "bucket_store": {"sync_interval": "5m", "bucket_index": {"idle_timeout": "7m"}},
            "users_scanner": {"cache_ttl": "1m"},
        }
    }
    config = parse_cortex_config(text, name="c", over=over)
    read = config.bucket_store
    assert (read.sync_interval_s, read.idle_timeout_s) == (300, 420)
    assert (read.max_stale_period_s, read.tenant_sync_concurrency, read.bucket_index_enabled) == (0, 0, False)
    assert (read.index_cache_backend, read.bucket_index_content_ttl_s) == ("", 0)
    assert config.is_set("blocks_storage.bucket_store.bucket_index.max_stale_period")
    assert config.users_scanner == UsersScannerSettings(cache_ttl_s=60)
    assert not config.is_set("blocks_storage.users_scanner.max_stale_period")
    # And once more over that.
    twice = laid_over(laid_over({"a": None}, {"a": {"b": {"c": 1}}}), {"a": {"b": {"d": 2}, "e": None}})
    assert twice == {"a": {"b": {"c": 1, "d": 2}, "e": None}}
    section = Section(twice, "c")
    assert [section.whole(f"a.{key}", 7) for key in ("b.c", "b.d", "b.x", "e", "x", "y.z")] == [1, 2, 0, 0, 0, 0]
    assert section.whole("x", 7) == 7


def test_a_section_of_the_top_level_with_nothing_after_it_stays_a_fault() -> None:
    for text, over in (("compactor:", {"compactor": {"data_dir": "/d"}}), ("", {"compactor": None})):
        with pytest.raises(UsageError, match=r"compactor: is an empty section: Cortex does not start with it"):
            parse_cortex_config(text, name="c", over=over)
