"""Credentials, regions, encryption, addressing and TLS, as they arrive at a server."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cortexctl.config import SSE, BucketLocation, S3Settings
from cortexctl.errors import AccessDeniedError, ConflictError, CortexctlError, UnavailableError, UsageError
from cortexctl.storage import s3 as s3_of_ours
from cortexctl.storage.backends import Conditional
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.open import Driver, open_bucket
from tests.servers import Asked, ScriptedS3
from tests.store.stores import QUICK, s3

DRIVERS = pytest.mark.parametrize("driver", [Driver.OBSTORE, Driver.S3FS])
KEYLESS = S3Settings(bucket="blocks")


@contextmanager
def opened(settings: S3Settings, driver: Driver, **location: Any) -> Iterator[Bucket]:
    """Open a bucket by its settings."""
    with open_bucket(BucketLocation(settings, **location), QUICK, driver) as bucket:
        yield bucket


def read_once(settings: S3Settings, driver: Driver, server: ScriptedS3) -> Asked:
    """Read one object, and return what the server was asked."""
    server.objects["t/a"] = b"1"
    with opened(settings, driver) as bucket:
        assert bucket.read("t/a").body == b"1"
    (asked,) = server.asked
    return asked


def signer(asked: Asked) -> tuple[str, str]:
    """Return the access key and the region of a signature."""
    scope = asked.headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
    return scope[0], scope[2]


@DRIVERS
def test_keys_of_the_settings(scripted: ScriptedS3, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another's")
    asked = read_once(s3(scripted.endpoint, "blocks", region="eu-west-3"), driver, scripted)
    assert signer(asked) == ("testkey", "eu-west-3")
    assert "x-amz-security-token" not in asked.headers


@DRIVERS
def test_keys_region_and_endpoint_of_the_environment(
    scripted: ScriptedS3, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "envkey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "envsecret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "envtoken")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", scripted.endpoint)
    asked = read_once(KEYLESS, driver, scripted)
    assert signer(asked) == ("envkey", "eu-west-1")
    assert asked.headers["x-amz-security-token"] == "envtoken"


def test_the_region_of_the_settings_comes_first(scripted: ScriptedS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert signer(read_once(s3(scripted.endpoint, "blocks"), Driver.OBSTORE, scripted))[1] == "us-east-1"
    scripted.asked.clear()
    assert signer(read_once(s3(scripted.endpoint, "blocks", region=""), Driver.OBSTORE, scripted))[1] == "eu-west-1"


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two profiles in files."""
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = defaultkey\naws_secret_access_key = s\n"
        "[team]\naws_access_key_id = teamkey\naws_secret_access_key = s\n"
    )
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\n[profile team]\nregion = ap-south-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@DRIVERS
@pytest.mark.usefixtures("profiles")
def test_profiles(scripted: ScriptedS3, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(KEYLESS, endpoint_url=scripted.endpoint)
    assert signer(read_once(settings, driver, scripted)) == ("defaultkey", "eu-west-1")
    scripted.asked.clear()
    assert signer(read_once(replace(settings, profile="team"), driver, scripted)) == ("teamkey", "ap-south-1")
    scripted.asked.clear()
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert signer(read_once(settings, driver, scripted)) == ("teamkey", "ap-south-1")
    # One that was asked for comes before keys of the environment, and they before AWS_PROFILE.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "envkey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "envsecret")
    scripted.asked.clear()
    assert signer(read_once(replace(settings, profile="default"), driver, scripted))[0] == "defaultkey"
    scripted.asked.clear()
    assert signer(read_once(settings, driver, scripted))[0] == "envkey"


@DRIVERS
def test_a_profile_that_is_not_there(scripted: ScriptedS3, driver: Driver) -> None:
    settings = replace(KEYLESS, endpoint_url=scripted.endpoint, profile="nobody")
    with pytest.raises(AccessDeniedError, match=r"^s3://blocks: .*nobody"), opened(settings, driver):
        pass
    assert scripted.asked == []


@DRIVERS
def test_web_identity(
    scripted: ScriptedS3, driver: Driver, moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a-token")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/cortexctl")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_endpoint)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    asked = read_once(replace(KEYLESS, endpoint_url=scripted.endpoint), driver, scripted)
    assert signer(asked)[0].startswith("ASIA")
    assert asked.headers["x-amz-security-token"]


@pytest.mark.parametrize(
    ("driver", "says"), [(Driver.OBSTORE, "no credentials: set AWS"), (Driver.S3FS, "access denied")]
)
def test_without_credentials_nothing_is_asked(scripted: ScriptedS3, driver: Driver, says: str) -> None:
    settings = replace(KEYLESS, endpoint_url=scripted.endpoint)
    with pytest.raises(AccessDeniedError, match=says), opened(settings, driver) as bucket:
        bucket.read("t/a")
    assert scripted.asked == []


@pytest.mark.parametrize("name", ["AWS_SKIP_SIGNATURE", "AWS_CONDITIONAL_PUT"])
def test_what_obstore_reads_of_the_environment_changes_nothing(
    scripted: ScriptedS3, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, {"AWS_SKIP_SIGNATURE": "true", "AWS_CONDITIONAL_PUT": "disabled"}[name])
    with opened(s3(scripted.endpoint, "blocks"), Driver.OBSTORE) as bucket:
        bucket.write("t/a", b"1", None)
        with pytest.raises(ConflictError):
            bucket.requests.make("PUT", "t/a", lambda: bucket.backend.put("t/a", b"2", None))
    assert all("authorization" in each.headers for each in scripted.asked)


@DRIVERS
def test_anonymous_requests_are_not_signed(
    scripted: ScriptedS3, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "envkey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "envsecret")
    scripted.objects["t/a//b"] = b"1"  # which takes another library to list
    with opened(replace(KEYLESS, endpoint_url=scripted.endpoint, anonymous=True), driver) as bucket:
        assert [each.key for each in bucket.scan("t/")] == ["t/a//b"]
        assert bucket.children("u/") == ([], [])
    assert scripted.asked
    assert all("authorization" not in each.headers for each in scripted.asked)


@pytest.mark.parametrize("anonymous", [False, True])
def test_the_region_is_asked_of_the_bucket(scripted: ScriptedS3, anonymous: bool) -> None:
    settings = replace(s3(scripted.endpoint, "blocks"), anonymous=anonymous)
    assert s3_of_ours._region_of(settings, QUICK) == "eu-north-1"
    (asked,) = scripted.asked
    assert ("authorization" in asked.headers) is not anonymous


S3_MANAGED = SSE("SSE-S3")
KMS = SSE("SSE-KMS", "key-1")
KMS_IN_CONTEXT = SSE("SSE-KMS", "key-2", '{"team":"a"}')


def encryption(asked: Asked) -> tuple[str | None, str | None, str | None]:
    """Return what an upload asks for: algorithm, key and context."""
    context = asked.headers.get("x-amz-server-side-encryption-context")
    return (
        asked.headers.get("x-amz-server-side-encryption"),
        asked.headers.get("x-amz-server-side-encryption-aws-kms-key-id"),
        base64.b64decode(context).decode() if context else None,
    )


@DRIVERS
def test_uploads_are_encrypted_as_cortex_does_it(scripted: ScriptedS3, driver: Driver) -> None:
    location = {"tenant_sse": {"kms": KMS, "context": KMS_IN_CONTEXT, "own": SSE()}, "limits_sse": SSE()}
    settings = s3(scripted.endpoint, "blocks", sse=S3_MANAGED)
    wanted = {
        "other/bucket-index.json.gz": ("AES256", None, None),
        "own/bucket-index.json.gz": ("AES256", None, None),
        "kms/bucket-index.json.gz": ("aws:kms", "key-1", None),
        "context/bucket-index.json.gz": ("aws:kms", "key-2", '{"team":"a"}'),
        # Cortex writes these without the tenant's own settings.
        "kms/bucket-index-sync-status.json": ("AES256", None, None),
        "__markers__/kms/tenant-deletion-mark.json": ("AES256", None, None),
        "user-index.json.gz": ("AES256", None, None),
    }
    with opened(settings, driver, **location) as bucket:
        for key in wanted:
            bucket.write(key, b"1", None)
            bucket.write(key, b"2", bucket.read(key))
            with pytest.raises(ConflictError, match=key):
                bucket.write(key, b"3", None)
    uploads = [each for each in scripted.asked if each.verb == "PUT"]
    assert {each.key: encryption(each) for each in uploads} == wanted
    assert [each.body for each in uploads[:2]] == [b"1", b"2"]
    # Reads need no header.
    assert all(encryption(each) == (None, None, None) for each in scripted.asked if each.verb != "PUT")


@pytest.mark.parametrize("sse", [SSE(), KMS, KMS_IN_CONTEXT], ids=["none", "kms", "context"])
@DRIVERS
def test_encrypted_uploads_are_conditional_too(scripted: ScriptedS3, driver: Driver, sse: SSE) -> None:
    with opened(s3(scripted.endpoint, "blocks", sse=sse), driver) as bucket:
        bucket.write("t/a", b"1", None)
        found = bucket.read("t/a")
        bucket.write("t/a", b"2", found)
        created, replaced = (each.headers for each in scripted.asked if each.verb == "PUT")
        assert created["if-none-match"] == "*"
        assert replaced["if-match"] == found.version.etag
        with pytest.raises(ConflictError, match="t/a"):
            bucket.requests.make("PUT", "t/a", lambda: bucket.backend.put("t/a", b"3", found))


@DRIVERS
def test_without_settings_uploads_ask_for_no_encryption(scripted: ScriptedS3, driver: Driver) -> None:
    with opened(s3(scripted.endpoint, "blocks"), driver) as bucket:
        bucket.write("t/a", b"1", None)
    assert all(encryption(each) == (None, None, None) for each in scripted.asked)


@DRIVERS
@pytest.mark.parametrize(("path_style", "in_path"), [(None, True), (True, True), (False, False)])
def test_where_the_bucket_is_in_a_request(
    scripted: ScriptedS3, driver: Driver, path_style: bool | None, in_path: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy sees the host name that no name server would have to know.
    monkeypatch.setenv("HTTP_PROXY", scripted.endpoint)
    monkeypatch.setenv("http_proxy", scripted.endpoint)
    settings = s3("http://s3.example.test", "blocks", path_style=path_style)
    asked = read_once(settings, driver, scripted)
    assert (asked.bucket, asked.key, asked.is_path_style) == ("blocks", "t/a", in_path)
    with opened(settings, driver) as bucket:
        assert [each.key for each in bucket.scan("t/")] == ["t/a"]


@dataclass(frozen=True)
class Certificates:
    """A CA of the test's own, and what a server of 127.0.0.1 needs to be trusted by who trusts it."""

    ca: Path
    chain: Path
    key: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A CA and a certificate that it signed."""
    directory = tmp_path_factory.mktemp("tls")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CA of a test")])
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server of a test")])
    now = datetime.now(UTC)

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, is_ca: bool) -> bytes:
        builder = x509.CertificateBuilder(
            ca_name, subject, public, x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(hours=1)
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        if not is_ca:
            address = x509.IPAddress(ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    made = Certificates(directory / "ca.pem", directory / "chain.pem", directory / "key.pem")
    made.ca.write_bytes(certificate(ca_name, ca_key.public_key(), is_ca=True))
    made.chain.write_bytes(certificate(name, key.public_key(), is_ca=False))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


@pytest.fixture
def tls(certificates: Certificates) -> Iterator[ScriptedS3]:
    """A server that only those trust who know the CA."""
    with ScriptedS3(certificate=(certificates.chain, certificates.key)) as server:
        yield server


@DRIVERS
def test_a_certificate_that_is_not_trusted(driver: Driver, tls: ScriptedS3) -> None:
    with opened(s3(tls.endpoint, "blocks"), driver) as bucket:
        with pytest.raises(UnavailableError, match=r"^t/a: the store's TLS certificate is not trusted"):
            bucket.read("t/a")
        assert bucket.totals.requests == {"GET": 1}
    assert tls.asked == []


@DRIVERS
def test_a_certificate_of_a_ca_file(
    driver: Driver, tls: ScriptedS3, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_once(s3(tls.endpoint, "blocks", ca_file=str(certificates.ca)), driver, tls)
    tls.asked.clear()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates.ca))
    read_once(s3(tls.endpoint, "blocks"), driver, tls)


def test_a_ca_file_of_many_certificates(tls: ScriptedS3, certificates: Certificates, tmp_path: Path) -> None:
    """The system's bundle with one's own CA in it, as AWS_CA_BUNDLE often is."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(certificates.ca.read_text() * 100 + certificates.ca.read_text())
    read_once(s3(tls.endpoint, "blocks", ca_file=str(bundle)), Driver.OBSTORE, tls)


@DRIVERS
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_certificates_are_not_looked_at_when_told_so(driver: Driver, tls: ScriptedS3) -> None:
    read_once(s3(tls.endpoint, "blocks", insecure_skip_verify=True), driver, tls)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"no certificate"], ids=["missing", "binary", "text"])
@DRIVERS
def test_a_ca_file_that_is_none(driver: Driver, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    settings = s3("https://127.0.0.1:1", "blocks", ca_file=str(path))
    with pytest.raises(UsageError, match=r"ca\.pem: .* CA file"), opened(settings, driver):
        pass


def test_what_obstore_cannot_sign_or_list_is_refused(scripted: ScriptedS3) -> None:
    for settings in ({"signature_version": "v2"}, {"list_objects_version": "v1"}):
        with (
            pytest.raises(UsageError, match="--storage-driver s3fs"),
            opened(s3(scripted.endpoint, "blocks", **settings), Driver.OBSTORE),
        ):
            pass


def test_signature_version_2(scripted: ScriptedS3) -> None:
    asked = read_once(s3(scripted.endpoint, "blocks", signature_version="v2"), Driver.S3FS, scripted)
    assert asked.headers["authorization"].startswith("AWS testkey:")


@DRIVERS
def test_a_prefix_is_under_every_key_and_in_none(scripted: ScriptedS3, driver: Driver) -> None:
    scripted.objects = {"pre/fix/t/a": b"1", "pre/fix/t/b/c": b"2", "pre/fixed/x": b"3", "t/a": b"4"}
    with opened(s3(scripted.endpoint, "blocks"), driver, prefix="pre/fix") as bucket:
        assert [each.key for each in bucket.scan("")] == ["t/a", "t/b/c"]
        assert [each.key for each in bucket.scan("t/b/")] == ["t/b/c"]
        assert bucket.children() == (["t/"], [])
        assert bucket.children("t/") == (["t/b/"], ["t/a"])
        bucket.write("t/a", b"new", bucket.read("t/a"))
        bucket.write("t/b/c", None, bucket.read("t/b/c"))
    assert scripted.objects == {"pre/fix/t/a": b"new", "pre/fixed/x": b"3", "t/a": b"4"}


def test_conditional_is_promised_for_aws_and_open_elsewhere() -> None:
    keys = {"access_key_id": "k", "secret_access_key": "s", "region": "eu-west-1"}
    for driver in (Driver.OBSTORE, Driver.S3FS):
        with opened(S3Settings(bucket="blocks", **keys), driver) as bucket:
            assert bucket.conditional is Conditional.YES
        with opened(S3Settings(bucket="blocks", endpoint_url="https://minio:9000", **keys), driver) as bucket:
            assert bucket.conditional is Conditional.UNPROVEN


def test_a_driver_that_does_not_fit() -> None:
    with pytest.raises(UsageError, match="--storage-driver gcsfs does not fit s3://blocks: it has obstore, s3fs"):
        open_bucket(BucketLocation(s3("", "blocks")), driver=Driver.GCSFS)


SCRIPT = """
import json, sys
from cortexctl.config import BucketLocation, S3Settings
from cortexctl.storage.open import open_bucket
settings = S3Settings(
    bucket="blocks", endpoint_url=sys.argv[1], access_key_id="k", secret_access_key="s", region="us-east-1"
)
with open_bucket(BucketLocation(settings)) as bucket:
    [each.key for each in bucket.scan("")]
    dict(bucket.read_many(["t/a", "t/none"]))
    bucket.write("t/b", b"1", None)
    bucket.write("t/b", None, bucket.read("t/b"))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_with_keys_at_hand_obstore_needs_no_other_library(scripted: ScriptedS3) -> None:
    scripted.objects["t/a"] = b"1"
    command = [sys.executable, "-W", "error", "-c", SCRIPT, scripted.endpoint]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=60)
    loaded = set(json.loads(ran.stdout))
    assert "obstore" in loaded
    assert loaded.isdisjoint({"boto3", "botocore", "s3fs", "aiobotocore", "aiohttp", "gcsfs", "adlfs", "requests"})


def test_errors_do_not_show_secrets(scripted: ScriptedS3) -> None:
    scripted.objects["t/a"] = b"1"
    for driver in (Driver.OBSTORE, Driver.S3FS):
        settings = s3(scripted.endpoint, "missing", session_token="a-token")
        with opened(settings, driver) as bucket, pytest.raises(CortexctlError) as raised:
            bucket.read("t/a")
        text = f"{raised.value}{raised.value!r}{settings!r}"
        assert "testsecret" not in text
        assert "a-token" not in text
