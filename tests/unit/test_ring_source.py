"""What the URL of a ring's source means, how it is shown, and what the environment adds."""

from pathlib import Path

import pytest

from cortexctl.config import (
    ConsulSource,
    DynamoDBSource,
    EtcdSource,
    FileSource,
    HTTPSource,
    RingSource,
    display,
    parse_ring_source,
    redacted,
    with_environment,
)
from cortexctl.errors import UsageError
from cortexctl.ring.components import COMPONENTS

LOCAL_CONSUL = ConsulSource("http://localhost:8500")
LOCAL_ETCD = EtcdSource(("http://h:2379",))
TABLE = DynamoDBSource("eu-west-1", "rings")


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("http://Pod:8080", HTTPSource("http://pod:8080")),
        ("http://pod", HTTPSource("http://pod")),
        ("https://pod:8080/cortex/", HTTPSource("https://pod:8080/cortex")),
        ("http://[::1]:80/a%20b", HTTPSource("http://[::1]:80/a%20b")),
        ("HTTP://u%40x:p%2Fw@pod:1", HTTPSource("http://pod:1", username="u@x", password="p/w")),
        ("http://u:p@w@pod:1", HTTPSource("http://pod:1", username="u", password="p@w")),
        ("dns+http://headless.ns.svc:8080/x", HTTPSource("http://headless.ns.svc:8080/x", every_address=True)),
        ("dns+https://u:p@h:1", HTTPSource("https://h:1", True, "u", "p")),
        ("http://pod:8080/prefix/store-gateway/ring", HTTPSource("http://pod:8080/prefix")),
        ("http://pod:8080/ring/?tokens=true#", HTTPSource("http://pod:8080")),
        ("consul://", LOCAL_CONSUL),
        ("consul://kv", ConsulSource("http://kv:8500")),
        ("consul://kv:1?prefix=a%26b/&tls=true", ConsulSource("https://kv:1", "a&b/")),
        ("consul://kv?prefix=", ConsulSource("http://kv:8500", "")),
        ("consul+https://kv/", ConsulSource("https://kv:8500")),
        ("etcd://h", LOCAL_ETCD),
        ("etcd://u:p@a,b:1", EtcdSource(("http://a:2379", "http://b:1"), None, "u", "p")),
        ("etcd+https://a?prefix=x/", EtcdSource(("https://a:2379",), "x/")),
        ("etcd://a?tls=true", EtcdSource(("https://a:2379",))),
        ("dynamodb://eu-west-1/rings", TABLE),
        ("dynamodb:///rings", DynamoDBSource("", "rings")),
        (
            "dynamodb://r/abc?prefix=p/&endpoint=http://127.0.0.1:8000/&profile=ops",
            DynamoDBSource("r", "abc", "p/", "http://127.0.0.1:8000", "ops"),
        ),
        ("file:///a%20b", FileSource(Path("/a b"))),
        ("file://localhost/a", FileSource(Path("/a"))),
        ("/a?b#c", FileSource(Path("/a?b#c"))),
        ("../ring.json", FileSource(Path("../ring.json"))),
        ("~/ring.json", FileSource(Path("~/ring.json"))),
        ("./pod:8080", FileSource(Path("pod:8080"))),
        ("2026-08-06T09:52:33.json", FileSource(Path("2026-08-06T09:52:33.json"))),
    ],
)
def test_a_source_is_read_and_shown(text: str, source: RingSource) -> None:
    assert parse_ring_source(text) == source
    shown = parse_ring_source(display(source))
    assert shown == without_secrets(source)


def without_secrets(source: RingSource) -> RingSource:
    match source:
        case HTTPSource():
            return HTTPSource(source.url, source.every_address, source.username)
        case EtcdSource():
            return EtcdSource(source.urls, source.prefix, source.username)
    return source


PAGES = sorted({page for each in COMPONENTS.values() for page in (each.page, each.legacy_page)} - {""})


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("prefix", ["", "/cortex"])
def test_the_url_of_a_page_is_that_of_its_process(page: str, prefix: str) -> None:
    assert parse_ring_source(f"http://h:1{prefix}{page}") == HTTPSource(f"http://h:1{prefix}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not empty"),
        ("a\nb", "without control characters"),
        ("ftp://h", "ftp://h: not a source of rings: write http://[user:password@]host[:port][/prefix], https://"),
        ("zk://u:S3CR3T@h", "…://…@h: not a source"),
        ("pod:8080", "pod:8080: not a source of rings"),
        ("u:S3CR3T@pod:8080/x", "…@pod:8080/x: not a source"),
        ("http:/u:S3CR3T@pod", "…@pod: not a source"),
        ("etcd:h", "etcd:h: not a source"),
        ("http://", "http://: has no host; write http://[user"),
        ("http://u:S3CR3T@:80", "http://…@:80: ':80' is not host[:port]"),
        ("http://h:0", "'h:0' is not host[:port]"),
        ("http://h:65536", "'h:65536' is not"),
        ("http://h:", "'h:' is not"),
        ("http://[::g]", "is not host"),
        ("http://[1:2]", "'[1:2]' is not host"),
        ("http://1.2.3.400", "'1.2.3.400' is not"),
        ("http://a..b", "'a..b' is not"),
        (f"http://{'a' * 64}", "is not host"),
        (f"http://{'a.' * 127}", "is not host"),
        ("http://h/ä", "want to be percent-encoded"),
        ("http://u:12/S3CR3T@h", "http://…@h: has an @ behind a / or ?"),
        ("http://u:12?S3CR3T@h", "http://…@h: has an @ behind a / or ?"),
        ("http://u:12#S3CR3T@h", "http://…@h: has a #"),
        ("http://u:S3%00CR3T@h", "cannot be printed"),
        ("http://h?x=1", "has no parameter 'x'; known are: none"),
        ("http://h/cortex?tokens=true", "takes no secrets as parameters"),
        (
            "consul://S3CR3T@h",
            "consul://…@h: takes no user or password: Consul's ACL token comes from CONSUL_HTTP_TOKEN",
        ),
        ("consul://h?token=S3CR3T", "consul://h?token=…: takes no secrets as parameters"),
        ("consul://h?token=S3CR3T@x", "consul://…: takes no user"),
        ("consul://h/collectors/", "has a path; the prefix of keys is ?prefix=collectors/"),
        ("consul://h?tls=yes", "?tls=yes: write true or false"),
        ("consul+https://h?tls=false", "?tls=false: write true"),
        ("consul://h?prefix=a&prefix=b", "?prefix= is there twice"),
        ("consul://h?dc=1", "has no parameter 'dc'; known are: prefix, tls"),
        ("consul://a,b", "'a,b' is not host"),
        ("etcd://", "lacks a host; write etcd://"),
        ("etcd://a,,b", "lacks a host"),
        ("etcd://:S3CR3T@a", "has a password without a user"),
        ("etcd://a:2379,u:S3CR3T@b", "etcd://…@b: has a comma before the @"),
        ("dynamodb://eu-west-1", "names no table"),
        ("dynamodb://eu-west-1/ab", "'ab' is too short for a table"),
        ("dynamodb://eu-west-1/rings/collectors", "is not the name of a table"),
        ("dynamodb://localhost:8000/rings", "'localhost:8000' is not a region"),
        ("dynamodb://AKIA:S3CR3T@r/rings", "dynamodb://…@r/rings: takes no user"),
        ("dynamodb://r/rings?secret_key=S3CR3T", "takes no secrets"),
        ("dynamodb://r/rings?endpoint=h:8000", "?endpoint= is not the URL of a server"),
        ("dynamodb://r/rings?endpoint=http://u:S3CR3T@h", "dynamodb://…@h: takes no user"),
        ("file://host/a", "has no host but a path"),
        ("file://", "has no host but a path"),
        ("file:///a%00", "control characters"),
    ],
)
def test_what_is_no_source_is_named_without_its_secret(text: str, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_ring_source(text)
    assert fault in str(caught.value)
    assert "S3CR3T" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h/x?token=a&b=c", "http://…@h/x?token=…&b=c"),
        ("http://h/x", "http://h/x"),
        ("/home/a@b/x", "/home/a@b/x"),
        ("file:///a@b", "file:///a@b"),
        ("u:p@h://x", "…@h://x"),
    ],
)
def test_redacted(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_no_secret_is_in_repr_or_display() -> None:
    for text in ("http://u:S3CR3T@h", "etcd://u:S3CR3T@h"):
        source = parse_ring_source(text)
        assert "S3CR3T" not in repr(source) + display(source)
    source = ConsulSource("http://h:8500", acl_token="S3CR3T")
    assert "S3CR3T" not in repr(source) + display(source)


def test_a_user_of_the_environment_that_is_no_unicode_can_be_shown() -> None:
    assert display(with_environment(LOCAL_ETCD, {"ETCDCTL_USER": "\udcff"})) == "etcd://%3F@h:2379"


ETCD_USER = {"ETCDCTL_USER": "root:p:w"}


@pytest.mark.parametrize(
    ("source", "environment", "filled"),
    [
        (LOCAL_CONSUL, {}, LOCAL_CONSUL),
        (LOCAL_CONSUL, {"CONSUL_HTTP_TOKEN": "t"}, ConsulSource("http://localhost:8500", acl_token="t")),
        (ConsulSource("http://h:1", acl_token="x"), {"CONSUL_HTTP_TOKEN": "t"}, ConsulSource("http://h:1", None, "x")),
        (LOCAL_ETCD, ETCD_USER, EtcdSource(LOCAL_ETCD.urls, None, "root", "p:w")),
        (
            LOCAL_ETCD,
            {"ETCDCTL_USER": "ro:ot", "ETCDCTL_PASSWORD": "x"},
            EtcdSource(LOCAL_ETCD.urls, None, "ro:ot", "x"),
        ),
        (LOCAL_ETCD, {"ETCDCTL_PASSWORD": "x"}, LOCAL_ETCD),
        (
            EtcdSource(LOCAL_ETCD.urls, None, "me"),
            {"ETCDCTL_PASSWORD": "x"},
            EtcdSource(LOCAL_ETCD.urls, None, "me", "x"),
        ),
        (EtcdSource(LOCAL_ETCD.urls, None, "me"), ETCD_USER, EtcdSource(LOCAL_ETCD.urls, None, "me")),
        (EtcdSource(LOCAL_ETCD.urls, None, "root", "y"), ETCD_USER, EtcdSource(LOCAL_ETCD.urls, None, "root", "y")),
        (DynamoDBSource("", "rings"), {"AWS_DEFAULT_REGION": "eu-west-1"}, TABLE),
        (DynamoDBSource("", "rings"), {"AWS_DEFAULT_REGION": "x", "AWS_REGION": "eu-west-1"}, TABLE),
        (TABLE, {"AWS_REGION": "x"}, TABLE),
        (HTTPSource("http://h"), {"CONSUL_HTTP_TOKEN": "t"}, HTTPSource("http://h")),
        (FileSource(Path("x")), ETCD_USER, FileSource(Path("x"))),
    ],
)
def test_the_environment_fills_only_what_is_empty(
    source: RingSource, environment: dict[str, str], filled: RingSource
) -> None:
    assert with_environment(source, environment) == filled
