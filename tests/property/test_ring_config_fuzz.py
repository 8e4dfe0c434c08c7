"""Any YAML is a ring's settings and place, and any text a source, or else a `UsageError`; no message has a secret."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cortexctl.config import (
    ConsulSource,
    DynamoDBSource,
    EtcdSource,
    FileSource,
    HTTPSource,
    RingSource,
    display,
    parse_cortex_config,
    parse_ring_source,
    redacted,
    ring_config,
    ring_source,
    with_environment,
)
from cortexctl.errors import UsageError
from cortexctl.ring.components import COMPONENTS
from cortexctl.ring.configured import RingConfig

SECRET = "S3CR3T"
ROOTS = ["ingester", "distributor", "store_gateway", "compactor", "ruler", "alertmanager", "parquet_converter"]
KEYS = st.sampled_from([
    *("lifecycler", "ring", "sharding_ring", "kvstore", "store", "prefix", "consul", "etcd", "dynamodb", "multi"),
    *("sharding_enabled", "enable_sharding", "sharding_strategy", "replication_factor", "zone_awareness_enabled"),
    *("excluded_zones", "heartbeat_timeout", "heartbeat_period", "num_tokens", "tokens_file_path", "observe_period"),
    *("final_sleep", "unregister_on_shutdown", "keep_instance_in_the_ring_on_shutdown", "auto_forget_delay"),
    *("availability_zone", "instance_availability_zone", "left_ingesters_timeout", "ingestion_rate_strategy"),
    *("ingestion_tenant_shard_size", "ruler_tenant_shard_size", "host", "acl_token", "endpoints", "username"),
    *("password", "region", "table_name", "timeout", "primary", "secondary", "tls_enabled", "tls_ca_path"),
])  # fmt: skip
WORDS = st.sampled_from([
    *("consul", "etcd", "dynamodb", "memberlist", "inmemory", "multi", "global", "shuffle-sharding", "true", "1m0s"),
    *("-1", "0", "1e999", "nan", "9" * 5000, "h:1", "http://h", "https://u:p@h", "[::1]:1", "a,,b", "*" * 8, "\0"),
])  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | SCALARS, inner, max_size=6),
    max_leaves=20,
)
STORES = st.fixed_dictionaries(
    {},
    optional={
        "store": WORDS,
        "prefix": SCALARS,
        "consul": st.fixed_dictionaries({}, optional={"host": VALUES, "acl_token": SCALARS, "tls_enabled": SCALARS}),
        "etcd": st.fixed_dictionaries({"endpoints": st.lists(SCALARS) | VALUES}, optional={"password": SCALARS}),
        "dynamodb": st.fixed_dictionaries({}, optional={"region": SCALARS, "table_name": SCALARS, "timeout": SCALARS}),
        "multi": st.fixed_dictionaries({}, optional={"primary": WORDS, "secondary": WORDS}),
    },
)
RINGS = st.dictionaries(KEYS, SCALARS, max_size=4).flatmap(
    lambda keys: STORES.map(lambda kvstore: keys | {"kvstore": kvstore})
)
DOCUMENTS = st.dictionaries(
    st.sampled_from([*ROOTS, "limits", "memberlist", "target"]),
    VALUES
    | st.fixed_dictionaries(
        {"sharding_enabled": st.just(True), "enable_sharding": st.just(True), "ring": RINGS, "sharding_ring": RINGS}
    )
    | st.fixed_dictionaries({"lifecycler": st.fixed_dictionaries({"ring": RINGS})}),
)


@given(document=DOCUMENTS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_settings_or_a_usage_error(document: Any) -> None:
    try:
        config = parse_cortex_config(yaml.safe_dump(document), name="c.yaml", with_location=False)
    except UsageError:
        return
    for component in COMPONENTS.values():
        with suppress(UsageError):
            assert isinstance(ring_config(config, component), RingConfig)
        with suppress(UsageError):
            source = ring_source(config, component)
            if source is not None:
                assert isinstance(display(source), str)


def bare(source: RingSource) -> RingSource:
    """Return the source without secrets."""
    match source:
        case HTTPSource():
            return HTTPSource(source.url, source.every_address, source.username)
        case EtcdSource():
            return EtcdSource(source.urls, source.prefix, source.username)
    return source


def holds(text: str) -> None:
    try:
        source = parse_ring_source(text)
    except UsageError:
        return
    assert isinstance(source, RingSource)
    assert parse_ring_source(display(source)) == bare(source)


SCHEMES = st.sampled_from([
    *("http://", "HTTPS://", "dns+http://", "dns+https://", "consul://", "consul+https://", "etcd://", "etcd+https://"),
    *("dynamodb://", "file://", "ftp://", "://", "http:", "~", ""),
])  # fmt: skip
PARTS = st.sampled_from([
    *("u", ":", "p", "@", "h", "pod.ns", ":80", ",", "/", "?", "#", "&", "=", "%", "%2F", "%00", "%ff", "+", "[::1]"),
    *("prefix=", "tls=true", "endpoint=http://h:1", "profile=x", "tokens=true", "/ring", "/ingester/ring", "a/"),
    *("eu-west-1/rings", "1.2.3.4", "ä", ".", "..", " ", "\ud800", "\n", "://"),
])  # fmt: skip
URLS = st.builds(lambda scheme, parts: scheme + "".join(parts), SCHEMES, st.lists(PARTS, max_size=9))


@given(text=URLS | st.text() | st.builds(str.__add__, SCHEMES, st.text(max_size=12)))
@example(text="http://h" + "/ring" * 5000)
@example(text="http://h/ring/ring/")
@example(text="http://" + "9" * 5000)
@example(text="http://h:" + "9" * 5000)
@example(text="consul://?prefix=%ff")
@example(text="file:///%ff")
@example(text="\udcff")
@settings(max_examples=1500, deadline=None)
def test_any_text_is_a_source_that_can_be_shown_and_read_again_or_a_usage_error(text: str) -> None:
    holds(text)


HOSTS = st.sampled_from(["h", "a-b.ns.svc:8080", "10.0.0.1:1", "[::1]", "[fe80::1]:65535"])
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]).filter(str.isprintable), max_size=8)
PREFIXES = st.none() | NAMES
SOURCES: st.SearchStrategy[RingSource] = st.one_of(
    st.builds(
        lambda scheme, host, path, every, user: HTTPSource(f"{scheme}://{host}{path}", every, user),
        st.sampled_from(["http", "https"]),
        HOSTS,
        st.sampled_from(["", "/x", "/x/y%20z", "/ringed"]),
        st.booleans(),
        NAMES,
    ),
    st.builds(ConsulSource, st.sampled_from(["http://h:8500", "https://[::1]:1"]), PREFIXES),
    st.builds(
        EtcdSource,
        st.sampled_from([("http://a:1", "http://b:2379"), ("https://a:2379",)]),
        PREFIXES,
        NAMES,
    ),
    st.builds(
        DynamoDBSource,
        st.sampled_from(["", "eu-west-1"]),
        st.sampled_from(["rings", "arn:aws:dynamodb:eu-west-1:123456789012:table/rings"]),
        PREFIXES,
        st.sampled_from(["", "http://127.0.0.1:8000"]),
        NAMES,
    ),
    st.builds(lambda text: FileSource(Path(text)), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)),
)


@given(source=SOURCES)
@example(source=FileSource(Path("pod:8080")))
@example(source=FileSource(Path("http:/x")))
@example(source=FileSource(Path("//x")))
@settings(max_examples=500)
def test_what_is_shown_is_the_source(source: RingSource) -> None:
    assert parse_ring_source(display(source)) == source


@pytest.mark.parametrize(
    "shape", ["http://u:{}@h", "etcd://u:{}@h,i", "consul://{}@h", "dns+http://{}:p@h?x=y", "{}@h:1"]
)
@example(before="", after="://")
@given(before=st.text("a:/?#&=%,@[ +", max_size=4), after=st.text("a:/?#&=%,@[ +", max_size=4))
def test_no_message_has_a_secret_whatever_is_around_it(shape: str, before: str, after: str) -> None:
    text = shape.format(f"{before}{SECRET}{after}")
    said = redacted(text)
    try:
        source = parse_ring_source(text)
    except UsageError as fault:
        said += str(fault)
    else:
        if isinstance(source, FileSource) or "u:" not in shape:
            return  # a path, or the name of a user
        said = repr(source) + display(source)
    assert SECRET not in said


@given(
    source=SOURCES,
    environment=st.dictionaries(
        st.sampled_from(["CONSUL_HTTP_TOKEN", "ETCDCTL_USER", "ETCDCTL_PASSWORD", "AWS_REGION"]), NAMES
    ),
)
def test_the_environment_keeps_what_is_there(source: RingSource, environment: dict[str, str]) -> None:
    filled = with_environment(source, environment)
    assert with_environment(filled, environment) == filled
    for each in ("acl_token", "username", "password", "region"):
        before = getattr(source, each, "")
        assert not before or getattr(filled, each) == before
