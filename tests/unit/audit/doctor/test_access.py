"""What a refusal is said to lack: the store's own words first, else what the request needs."""

import uuid

import pytest

from cortexctl.audit.doctor import access, permissions
from cortexctl.audit.doctor.access import Asked, Refusal
from cortexctl.audit.doctor.permissions import Permission, Request, of_bucket, of_place
from cortexctl.blocks import layout
from cortexctl.config import AzureSettings, GCSSettings, S3Settings, parse_bucket_url
from cortexctl.config.location import StoreSettings
from cortexctl.errors import (
    AccessDeniedError,
    CortexctlError,
    DeadlineError,
    NotFoundError,
    SourceError,
    UnavailableError,
)
from cortexctl.findings import Finding, Severity
from cortexctl.ring.components import INGESTER, STORE_GATEWAY, Component
from cortexctl.storage.open import open_bucket
from tests.builders import A

GET = of_bucket(S3Settings(bucket="blocks"), Request.GET)


def found(error: CortexctlError, permission: Permission = GET, *, is_optional: bool = False) -> list[Finding]:
    """Return what all checks say of one refusal."""
    refusal = Refusal("s3://blocks", "get", permission, error, "cortexctl bucket tenants", is_optional)
    return list(access.section(Asked([refusal], ()), lambda _: True).findings)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnavailableError("k: connection refused"), "ACC01"),
        (DeadlineError("--deadline is over"), "ACC01"),
        (AccessDeniedError("k: access denied (InvalidAccessKeyId: The key does not exist)"), "ACC02"),
        (AccessDeniedError("k: access denied (ExpiredToken)"), "ACC02"),
        (AccessDeniedError("t: no credentials: Unable to locate credentials (AWS_PROFILE, …)"), "ACC02"),
        (AccessDeniedError("http://p: access denied, 401: no credentials were given; see --header"), "ACC02"),
        (AccessDeniedError("k: access denied (AccessDenied: Access Denied)"), "ACC03"),
        (AccessDeniedError("k: access denied"), "ACC03"),
        (AccessDeniedError("t: the credentials do not allow dynamodb:Query (AccessDeniedException)"), "ACC03"),
        (AccessDeniedError("k: the clocks of this machine and the store differ too much"), "ACC04"),
        (SourceError("s3://blocks: the bucket does not exist"), "ACC04"),
        (NotFoundError("t: there is no such table in this region and account"), "ACC04"),
    ],
)
def test_every_refusal_is_one_finding(error: CortexctlError, code: str) -> None:
    assert [each.code for each in found(error)] == [code]


def test_what_is_well_is_no_finding() -> None:
    section = access.section(Asked([], ["bucket: may list, get"]), lambda _: True)
    assert list(section.findings) == []
    assert section.is_looked_at
    assert access.section(Asked([], []), lambda _: True).skipped == "nothing was asked"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (["team-a/chunks/large"], "bucket: may list; no object was found to try a get"),
        ([layout.USER_INDEX], "bucket: may list, get"),
        ([layout.bucket_index("team-a")], "bucket: may list, get"),
        ([layout.meta("team-a", A)], "bucket: may list, get"),
    ],
)
def test_a_bucket_is_asked_for_a_listing_and_a_small_object(keys: list[str], told: str) -> None:
    location = parse_bucket_url(f"memory://{uuid.uuid4().hex}")
    with open_bucket(location) as bucket:
        for key in keys:
            bucket.write(key, b"{}", None)
        assert access.ask_bucket(bucket, location, str) == Asked([], [told])


def test_the_stores_own_words_go_first() -> None:
    said = (
        "k: access denied (AccessDenied: User: arn:aws:iam::1:user/a is not authorized to perform: kms:Decrypt on "
        "resource: arn:aws:kms:eu-west-1:1:key/2 because no identity-based policy allows it)"
    )
    (finding,) = found(AccessDeniedError(said))
    assert finding.message == "denied; missing is kms:Decrypt on arn:aws:kms:eu-west-1:1:key/2"
    assert finding.next == '{"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": "arn:aws:kms:eu-west-1:1:key/2"}'


def test_what_few_credentials_allow_is_no_fault() -> None:
    denied = AccessDeniedError("s3://blocks: access denied (AccessDenied)")
    (finding,) = found(denied, is_optional=True)
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    ("store", "request_", "said"),
    [
        (S3Settings(bucket="b"), Request.LIST, "s3:ListBucket on arn:aws:s3:::b"),
        (S3Settings(bucket="b"), Request.UPLOADS, "s3:ListBucketMultipartUploads on arn:aws:s3:::b"),
        (S3Settings(bucket="b"), Request.WRITE, "s3:PutObject, s3:DeleteObject on arn:aws:s3:::b/*"),
        (GCSSettings(bucket="b"), Request.GET, "storage.objects.get on gs://b"),
        (
            AzureSettings(container="c", account_name="a"),
            Request.LIST,
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read on a/c",
        ),
    ],
)
def test_permissions_of_buckets(store: StoreSettings, request_: Request, said: str) -> None:
    assert str(of_bucket(store, request_)) == said


@pytest.mark.parametrize(
    ("place", "component", "said", "grant"),
    [
        (
            "dynamodb://eu-west-1/rings",
            INGESTER,
            "dynamodb:Query on arn:aws:dynamodb:eu-west-1:*:table/rings",
            '{"Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": "arn:aws:dynamodb:eu-west-1:*:table/rings"}',
        ),
        ("consul://c:8500", INGESTER, "key:read on collectors/", 'key_prefix "collectors/" { policy = "read" }'),
        (
            "etcd://e:2379?prefix=mine/",
            STORE_GATEWAY,
            "read on mine/",
            "etcdctl role grant-permission ROLE read --prefix=true mine/",
        ),
        ("http://pod:8080", INGESTER, "read access", ""),
    ],
)
def test_permissions_of_places(place: str, component: Component, said: str, grant: str) -> None:
    needed = of_place(place, component)
    assert (str(needed), needed.grant) == (said, grant)


def test_writes_are_of_kv_stores_only() -> None:
    table = permissions.writes_of_place("dynamodb://eu-west-1/rings")
    assert str(table) == "dynamodb:PutItem, dynamodb:DeleteItem on arn:aws:dynamodb:eu-west-1:*:table/rings"
    assert permissions.writes_of_place("http://pod:8080") is None
