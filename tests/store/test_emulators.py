"""What the servers that stand in for a store do not do, asked of them without cortexctl: see LIMITATIONS of conftest.

A test that fails here says that an emulator has learned something, and that a limitation can go.
"""

import json
import uuid
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import BlobServiceClient

from tests.servers import ACCESS_KEY, AZURITE_KEY, SECRET_KEY, create_bucket


def ask(endpoint: str, verb: str, path: str, body: bytes = b"") -> tuple[int, str]:
    """Make a request, and return the status and the text of the answer."""
    with closing(HTTPConnection(urlsplit(endpoint).netloc, timeout=10)) as connection:
        connection.request(verb, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def bucket(fake_gcs_endpoint: str) -> str:
    """A bucket of fake-gcs-server with the object `a`."""
    name = f"raw-{uuid.uuid4().hex[:8]}"
    made = ask(fake_gcs_endpoint, "POST", "/storage/v1/b?project=test", json.dumps({"name": name}).encode())
    assert made[0] == 200
    assert ask(fake_gcs_endpoint, "POST", f"/upload/storage/v1/b/{name}/o?uploadType=media&name=a", b"1")[0] == 200
    return name


def test_fake_gcs_has_no_xml_upload(fake_gcs_endpoint: str, bucket: str) -> None:
    """Google: PUT /bucket/object writes it."""
    assert ask(fake_gcs_endpoint, "GET", f"/{bucket}/a") == (200, "1")
    status, said = ask(fake_gcs_endpoint, "PUT", f"/{bucket}/b", b"2")
    assert (status, "invalid uploadType" in said) == (400, True)


def test_fake_gcs_does_not_tell_a_missing_bucket(fake_gcs_endpoint: str, bucket: str) -> None:
    """Google: 404 with NoSuchBucket, or with "The specified bucket does not exist."."""
    for path in ("/{}/none", "/download/storage/v1/b/{}/o/none?alt=media"):
        missing = ask(fake_gcs_endpoint, "GET", path.format("no-such-bucket"))
        assert missing == ask(fake_gcs_endpoint, "GET", path.format(bucket)) == (404, "Not Found\n")
    assert ask(fake_gcs_endpoint, "GET", "/no-such-bucket?list-type=2")[0] == 500


def test_fake_gcs_ignores_where_a_listing_is_to_start(fake_gcs_endpoint: str, bucket: str) -> None:
    """Google: with list-type=2, only what follows start-after. What is listed before it, cortexctl leaves out."""
    status, said = ask(fake_gcs_endpoint, "GET", f"/{bucket}?list-type=2&start-after=a")
    assert (status, "<Key>a</Key>" in said) == (200, True)


def test_rclone_answers_a_range_with_200(rclone_endpoint: str) -> None:
    """S3: 206. s3fs goes by Content-Range, which is there."""
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": "us-east-1"}
    path_style = Config(s3={"addressing_style": "path"}, response_checksum_validation="when_required")
    client = boto3.client("s3", endpoint_url=rclone_endpoint, config=path_style, **keys)
    name = f"raw-{uuid.uuid4().hex[:8]}"
    create_bucket(rclone_endpoint, name)
    client.put_object(Bucket=name, Key="a", Body=b"0123456789")
    answer = client.get_object(Bucket=name, Key="a", Range="bytes=2-4")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["ContentRange"]) == (200, "bytes 2-4/10")
    assert answer["Body"].read() == b"234"


def test_azurite_ignores_where_a_listing_is_to_start(azurite_endpoint: str) -> None:
    """Azure: startFrom, of newer versions of the API. cortexctl does without it."""
    container = BlobServiceClient(azurite_endpoint, credential=AZURITE_KEY).create_container(uuid.uuid4().hex)
    container.upload_blob("a", b"")
    container.upload_blob("b", b"")
    assert [each.name for each in container.list_blobs(start_from="b")] == ["a", "b"]
