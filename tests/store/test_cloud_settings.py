"""What is sent to GCS and to Azure: where to, with which credentials, and how often."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cortexctl.config import AzureSettings, BucketLocation, GCSSettings, parse_bucket_url
from cortexctl.errors import AccessDeniedError, CortexctlError, SourceError, UnavailableError, UsageError
from cortexctl.storage.backends import Conditional
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Bounds
from cortexctl.storage.open import Driver, open_bucket
from tests.servers import AZURITE_ACCOUNT, AZURITE_KEY, Fault, ScriptedS3, hanging_server
from tests.store.stores import QUICK, azurite_store, fake_gcs_store

GCS = (Driver.OBSTORE, Driver.GCSFS)
AZURE = (Driver.OBSTORE, Driver.ADLFS)
CLOUDS = pytest.mark.parametrize(
    ("cloud", "driver"), [*(("gs", each) for each in GCS), *(("az", each) for each in AZURE)]
)

Settings = GCSSettings | AzureSettings


def settings_of(cloud: str, endpoint: str) -> Settings:
    """Return settings for the bucket `blocks` of a server."""
    if cloud == "gs":
        return GCSSettings(bucket="blocks", endpoint_url=endpoint)
    return AzureSettings(
        container="blocks", account_name="account", account_key=AZURITE_KEY, endpoint_url=f"{endpoint}/account"
    )


@pytest.fixture
def opened(scripted: ScriptedS3) -> Callable[[str, Driver], Bucket]:
    """Open the scripted server, which refuses as it is told to, whatever is spoken to it."""
    return lambda cloud, driver: open_bucket(BucketLocation(settings_of(cloud, scripted.endpoint)), QUICK, driver)


@CLOUDS
@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [
        (401, AccessDeniedError, 1), (403, AccessDeniedError, 1), (400, SourceError, 1), (404, SourceError, 1),
        (429, UnavailableError, 3), (500, UnavailableError, 3), (503, UnavailableError, 3),
    ],
)  # fmt: skip
def test_each_answer_has_its_error_and_its_attempts(
    scripted: ScriptedS3,
    opened: Callable[[str, Driver], Bucket],
    cloud: str,
    driver: Driver,
    status: int,
    error: type[CortexctlError],
    attempts: int,
) -> None:
    scripted.fail(Fault("status", status=status, code="Refused"), times=20)
    with opened(cloud, driver) as bucket:
        for act in (lambda: bucket.read("t/a"), lambda: list(bucket.scan("t/")), lambda: bucket.children("t/")):
            before = len(scripted.asked)
            with pytest.raises(error, match=r"^t/"):
                act()
            assert len(scripted.asked) - before == attempts
        assert bucket.totals.requests.total() == len(scripted.asked)


@CLOUDS
def test_a_hung_server_costs_its_timeout_at_each_attempt(cloud: str, driver: Driver) -> None:
    bounds = Bounds(timeout_s=0.3, attempts=2, first_pause_s=0.001, longest_pause_s=0.002)
    with hanging_server() as (endpoint, accepted):
        bucket = open_bucket(BucketLocation(settings_of(cloud, endpoint)), bounds, driver)
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=r"^t/a: no answer within --timeout$"):
            bucket.read("t/a")
        assert 0.5 < time.monotonic() - began < 6
    assert len(accepted) == 2


@pytest.mark.parametrize("driver", GCS)
@pytest.mark.parametrize("scheme", ["", "http://"])
def test_the_emulator_of_the_environment(
    fake_gcs_endpoint: str, monkeypatch: pytest.MonkeyPatch, driver: Driver, scheme: str
) -> None:
    store = fake_gcs_store(fake_gcs_endpoint, driver)
    store.fill({"t/a": b"1"})
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", scheme + fake_gcs_endpoint.removeprefix("http://"))
    assert isinstance(store.location.store, GCSSettings)
    with open_bucket(BucketLocation(replace(store.location.store, endpoint_url="")), QUICK, driver) as bucket:
        assert bucket.read("t/a").body == b"1"
        assert bucket.conditional is Conditional.UNPROVEN


@pytest.mark.parametrize("driver", GCS)
def test_an_endpoint_given_goes_before_the_emulator(
    scripted: ScriptedS3, monkeypatch: pytest.MonkeyPatch, driver: Driver
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
    location = parse_bucket_url(f"gs://blocks/prefix?endpoint={scripted.endpoint}")
    with open_bucket(location, QUICK, driver) as bucket, pytest.raises(SourceError):
        bucket.read("t/a")
    assert len(scripted.asked) == 1


@pytest.mark.parametrize("driver", GCS)
def test_no_credential_goes_over_plain_http(scripted: ScriptedS3, driver: Driver) -> None:
    account = {"type": "service_account", "private_key": "secret", "client_email": "a@b", "token_uri": "http://x"}
    settings = GCSSettings(bucket="blocks", endpoint_url=scripted.endpoint, service_account_json=json.dumps(account))
    with open_bucket(BucketLocation(settings), QUICK, driver) as bucket:
        for act in (lambda: list(bucket.scan("t/")), lambda: bucket.write("t/a", b"1", None)):
            try:
                act()
            except CortexctlError:
                continue  # what gcsfs asks, this server does not understand
    assert scripted.asked
    assert {each.headers.get("authorization", "Bearer").strip() for each in scripted.asked} == {"Bearer"}


@pytest.mark.parametrize(
    ("endpoint", "conditional"),
    [
        ("", Conditional.YES),
        ("https://storage.googleapis.com", Conditional.YES),
        ("https://storage-psc.p.googleapis.com", Conditional.YES),
        ("https://googleapis.com.example", Conditional.UNPROVEN),
        ("http://127.0.0.1:4443", Conditional.UNPROVEN),
    ],
)
def test_only_google_is_taken_at_its_word(endpoint: str, conditional: Conditional) -> None:
    settings = GCSSettings(bucket="blocks", endpoint_url=endpoint, anonymous=True)
    for driver in GCS:
        assert open_bucket(BucketLocation(settings), QUICK, driver).conditional is conditional


@pytest.mark.parametrize(
    ("given", "host", "conditional"),
    [
        ({}, "account.blob.core.windows.net", Conditional.YES),
        ({"endpoint_suffix": "blob.core.chinacloudapi.cn"}, "account.blob.core.chinacloudapi.cn", Conditional.YES),
        ({"endpoint_url": "https://127.0.0.1:1/account"}, "127.0.0.1:1", Conditional.UNPROVEN),
        (
            {"account_name": "", "account_key": "", "connection_string": f"AccountName=other;AccountKey={AZURITE_KEY}"},
            "other.blob.core.windows.net",
            Conditional.YES,
        ),
        (
            {
                "account_name": "",
                "account_key": "",
                "connection_string": f"AccountName=o;AccountKey={AZURITE_KEY};EndpointSuffix=core.usgovcloudapi.net",
            },
            "o.blob.core.usgovcloudapi.net",
            Conditional.YES,
        ),
    ],
)
def test_where_an_account_is(given: dict[str, Any], host: str, conditional: Conditional) -> None:
    settings = replace(AzureSettings(container="blocks", account_name="account", account_key=AZURITE_KEY), **given)
    bulk = open_bucket(BucketLocation(settings), QUICK, Driver.OBSTORE)
    stock = open_bucket(BucketLocation(settings), QUICK, Driver.ADLFS)
    assert bulk.conditional is stock.conditional is conditional
    assert stock.backend.fs.service_client.primary_hostname.startswith(host)
    configured = bulk.backend.fs.store.config
    assert configured.get("endpoint", f"https://{configured['account_name']}.blob.core.windows.net").startswith(
        f"https://{host}"
    )


@pytest.mark.parametrize("driver", AZURE)
def test_a_url_with_an_endpoint_takes_its_key_from_the_environment(
    azurite_endpoint: str, monkeypatch: pytest.MonkeyPatch, driver: Driver
) -> None:
    store = azurite_store(azurite_endpoint, driver)
    store.fill({"prefix/t/a": b"1"})
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURITE_KEY)
    assert isinstance(store.location.store, AzureSettings)
    url = f"az://{store.location.store.container}/prefix?account={AZURITE_ACCOUNT}&endpoint={azurite_endpoint}"
    with open_bucket(parse_bucket_url(url), QUICK, driver) as bucket:
        assert bucket.read("t/a").body == b"1"
        assert [each.key for each in bucket.scan("")] == ["t/a"]


@pytest.mark.parametrize("driver", AZURE)
def test_a_connection_string_of_the_environment(
    azurite_endpoint: str, monkeypatch: pytest.MonkeyPatch, driver: Driver
) -> None:
    store = azurite_store(azurite_endpoint, driver)
    store.fill({"t/a": b"1"})
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
        f"BlobEndpoint={azurite_endpoint}/;",
    )
    assert isinstance(store.location.store, AzureSettings)
    with open_bucket(parse_bucket_url(f"az://{store.location.store.container}"), QUICK, driver) as bucket:
        assert bucket.read("t/a").body == b"1"


def test_adlfs_sends_no_token_over_plain_http() -> None:
    location = parse_bucket_url("az://blocks?account=a&endpoint=http://127.0.0.1:1/a")
    with pytest.raises(UsageError, match=r"az://blocks: over plain HTTP only an account key"):
        open_bucket(location, QUICK, Driver.ADLFS)
