"""S3 through obstore, with the credentials that boto3's chain finds.

Keys in the settings or the environment are used as they are. Profiles, SSO, web identity and instance roles go
through boto3, which is imported only then.
"""

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from obstore.store import S3Store

from cortexctl.blocks import layout
from cortexctl.blocks.survey import StoredObject, Upload
from cortexctl.config import SSE, BucketLocation, S3Settings
from cortexctl.errors import AccessDeniedError, UsageError
from cortexctl.storage.backends import Conditional, ObstoreBackend
from cortexctl.storage.objects import Bounds, Version
from cortexctl.storage.obstorefs import ObstoreFileSystem
from cortexctl.storage.s3_versions import S3Versions
from cortexctl.storage.stock_s3 import S3fsBackend, list_pages, upload_pages

_SSE_ALGORITHMS = {"SSE-S3": "AES256", "SSE-KMS": "aws:kms"}
_ANYWHERE = "us-east-1"
"""The region that S3-compatible stores which have none expect in a signature."""


def obstore_backend(location: BucketLocation, settings: S3Settings, bounds: Bounds) -> ObstoreBackend:
    """Return the bulk backend of an S3 bucket."""
    if settings.signature_version != "v4" or settings.list_objects_version == "v1":
        raise UsageError("the obstore driver signs with v4 and lists with v2 only: use --storage-driver s3fs")
    settings = completed(settings)
    options = _options(settings, bounds)
    boto = cache(partial(client, settings, bounds))  # it takes longer to make than most requests

    def plain_scan(path: str, after: str | None) -> Iterator[list[StoredObject]]:
        return list_pages(lambda name, **request: getattr(boto(), name)(**request), settings.bucket, path, after, "")

    def plain_uploads(path: str) -> Iterator[list[Upload]]:
        return upload_pages(lambda name, **request: getattr(boto(), name)(**request), settings.bucket, path)

    fs = ObstoreFileSystem(S3Store(settings.bucket, **options))
    backend = ObstoreBackend(
        fs,
        location.prefix,
        _conditional(settings),
        _Writers(location, settings, options, bounds, fs),
        plain_scan,
        plain_uploads,
    )
    backend.versions = S3Versions(boto, settings.bucket)
    return backend


def s3fs_backend(location: BucketLocation, settings: S3Settings, bounds: Bounds) -> S3fsBackend:
    """Return the backend over stock s3fs."""
    import s3fs

    settings = completed(settings)
    arguments: dict[str, Any] = {"region_name": settings.region or None}
    if settings.insecure_skip_verify:
        arguments["verify"] = False
    elif settings.ca_file:
        _certificates(settings.ca_file)
        arguments["verify"] = settings.ca_file
    fs = s3fs.S3FileSystem(
        anon=settings.anonymous,
        key=settings.access_key_id or None,
        secret=settings.secret_access_key or None,
        token=settings.session_token or None,
        profile=settings.profile or None,
        endpoint_url=settings.endpoint_url or None,
        client_kwargs=arguments,
        config_kwargs={
            "connect_timeout": bounds.timeout_s,
            "read_timeout": bounds.timeout_s,
            "retries": {"max_attempts": 0},
            "signature_version": "s3" if settings.signature_version == "v2" else "s3v4",
            "s3": {"addressing_style": "path" if settings.uses_path_style() else "virtual"},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    fs.retries = 1
    fs.connect()  # here, for it takes longer than a short --timeout
    backend = S3fsBackend(
        fs,
        settings.bucket,
        location.prefix,
        bounds.timeout_s,
        _conditional(settings),
        list_version=settings.list_objects_version,
        put_arguments=lambda key: _put_arguments(_sse_of(key, location, settings)),
    )
    backend.versions = S3Versions(lambda: client(settings, bounds), settings.bucket)
    return backend


def _conditional(settings: S3Settings) -> Conditional:
    aws = not settings.endpoint_url or ".amazonaws.com" in settings.endpoint_url
    return Conditional.YES if aws else Conditional.UNPROVEN


def completed(settings: S3Settings) -> S3Settings:
    """Return the settings with what the environment knows: keys, region, endpoint and CA file."""
    environment = os.environ
    filled: dict[str, Any] = {
        "endpoint_url": environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL", ""),
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", ""),
    }
    if not settings.endpoint_url.startswith("http://"):
        filled["ca_file"] = environment.get("AWS_CA_BUNDLE", "")
    if not settings.access_key_id and not settings.profile and not settings.anonymous:
        filled["access_key_id"] = environment.get("AWS_ACCESS_KEY_ID", "")
        filled["secret_access_key"] = environment.get("AWS_SECRET_ACCESS_KEY", "")
        filled["session_token"] = environment.get("AWS_SESSION_TOKEN", "")
    return replace(settings, **{name: value for name, value in filled.items() if value and not getattr(settings, name)})


def session(settings: S3Settings) -> Any:
    """Return a boto3 session with the settings' own keys or profile, or else the chain."""
    import boto3

    return boto3.Session(
        aws_access_key_id=settings.access_key_id or None,
        aws_secret_access_key=settings.secret_access_key or None,
        aws_session_token=settings.session_token or None,
        profile_name=settings.profile or None,
        region_name=settings.region or None,
    )


def client(settings: S3Settings, bounds: Bounds) -> Any:
    """Return a boto3 client of the bucket's endpoint, for what obstore cannot say."""
    from botocore import UNSIGNED
    from botocore.config import Config

    return session(settings).client(
        "s3",
        endpoint_url=settings.endpoint_url or None,
        verify=False if settings.insecure_skip_verify else settings.ca_file or None,
        config=Config(
            connect_timeout=bounds.timeout_s,
            read_timeout=bounds.timeout_s,
            retries={"max_attempts": 0},
            signature_version=UNSIGNED if settings.anonymous else "s3" if settings.signature_version == "v2" else None,
            s3={"addressing_style": "path" if settings.uses_path_style() else "virtual"},
        ),
    )


def _options(settings: S3Settings, bounds: Bounds) -> dict[str, Any]:
    client_options: dict[str, Any] = {
        "timeout": timedelta(seconds=bounds.timeout_s),
        "connect_timeout": timedelta(seconds=bounds.timeout_s),
        "allow_http": settings.endpoint_url.startswith("http://"),
    }
    if settings.insecure_skip_verify:
        client_options["allow_invalid_certificates"] = True
    if settings.ca_file:
        client_options["root_certificate"] = _certificates(settings.ca_file)
    options: dict[str, Any] = {
        "client_options": client_options,
        # Attempts are made by `Requests`, which counts them and slows down on them.
        "retry_config": {"max_retries": 0},
        "virtual_hosted_style_request": not settings.uses_path_style(),
        # obstore reads AWS_* of the environment for all that it is not told here.
        "skip_signature": settings.anonymous,
        "conditional_put": "etag",
    }
    if settings.endpoint_url:
        options["endpoint"] = _endpoint(settings)
    region = settings.region
    if settings.access_key_id and not settings.anonymous:
        options["credential_provider"] = partial(_keys, settings)
    elif not settings.anonymous:
        options["credential_provider"], region = _from_chain(settings)
    if not region and not settings.endpoint_url:
        region = _region_of(settings, bounds)
    options["region"] = region or _ANYWHERE
    return options


def _keys(settings: S3Settings) -> Any:
    """Return the settings' own keys to obstore, which would put a session token of the environment beside them."""
    return {
        "access_key_id": settings.access_key_id,
        "secret_access_key": settings.secret_access_key,
        "token": settings.session_token or None,
        "expires_at": None,
    }


def _from_chain(settings: S3Settings) -> tuple[Any, str]:
    from obstore.auth.boto3 import Boto3CredentialProvider

    found = session(settings)
    if found.get_credentials() is None:
        raise AccessDeniedError(
            f"s3://{settings.bucket}: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
            "or run where a role is attached; ?anonymous=true for a public bucket"
        )
    return Boto3CredentialProvider(found), settings.region or found.region_name or ""


def _region_of(settings: S3Settings, bounds: Bounds) -> str:
    """Return the region of a bucket on AWS, which S3 tells whoever asks in the wrong one."""
    from botocore.exceptions import ClientError

    try:
        answer = client(replace(settings, region=_ANYWHERE), bounds).head_bucket(Bucket=settings.bucket)
    except ClientError as error:
        answer = error.response
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("x-amz-bucket-region", ""))


def _endpoint(settings: S3Settings) -> str:
    """Return the endpoint as obstore wants it: with the bucket in the host name where requests have it there."""
    if settings.uses_path_style():
        return settings.endpoint_url
    parts = urlsplit(settings.endpoint_url)
    return urlunsplit(parts._replace(netloc=f"{settings.bucket}.{parts.netloc}"))


def _certificates(path: str) -> str:
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the CA file cannot be read: {error}") from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UsageError(f"{path}: there is no PEM certificate in the CA file")
    return text


class _Writers:
    """The file system to write each key with: uploads are encrypted as the tenant's settings say."""

    def __init__(
        self, location: BucketLocation, settings: S3Settings, options: dict[str, Any], bounds: Bounds, plain: Any
    ) -> None:
        self._location = location
        self._settings = settings
        self._options = options
        self._bounds = bounds
        self._made: dict[SSE, Any] = {SSE(): plain}

    def __call__(self, key: str) -> Any:
        sse = _sse_of(key, self._location, self._settings)
        if sse not in self._made:
            self._made[sse] = self._make(sse)
        return self._made[sse]

    def _make(self, sse: SSE) -> Any:
        if sse.kms_encryption_context:
            return _BotoWriter(client(self._settings, self._bounds), self._settings.bucket, _put_arguments(sse))
        options = dict(self._options)
        if sse.type:
            options["aws_server_side_encryption"] = _SSE_ALGORITHMS[sse.type]
        if sse.kms_key_id:
            options["aws_sse_kms_key_id"] = sse.kms_key_id
        return ObstoreFileSystem(S3Store(self._settings.bucket, **options))


class _BotoWriter:
    """Uploads with a KMS encryption context, which obstore has no setting for."""

    def __init__(self, boto: Any, bucket: str, arguments: dict[str, str]) -> None:
        self._put: Callable[..., Any] = boto.put_object
        self._bucket = bucket
        self._arguments = arguments

    def write(self, key: str, body: bytes, mode: Any = "overwrite") -> Version:
        """Write an object under obstore's modes."""
        condition = {"IfNoneMatch": "*"} if mode == "create" else {}
        if isinstance(mode, dict) and "e_tag" in mode:
            condition = {"IfMatch": mode["e_tag"]}
        answer = self._put(Bucket=self._bucket, Key=key, Body=body, **condition, **self._arguments)
        return Version(answer.get("ETag"))


def _sse_of(key: str, location: BucketLocation, settings: S3Settings) -> SSE:
    """Return what the upload of a key asks for: the tenant's own settings, but for what is not the tenant's."""
    tenant, rest = layout.split(key)
    globally = not rest or tenant == "__markers__" or rest == layout.SYNC_STATUS_NAME
    return settings.sse if globally else location.sse_for(tenant)


def _put_arguments(sse: SSE) -> dict[str, str]:
    """Return the arguments of PutObject that ask for an encryption."""
    arguments = {}
    if sse.type:
        arguments["ServerSideEncryption"] = _SSE_ALGORITHMS[sse.type]
    if sse.kms_key_id:
        arguments["SSEKMSKeyId"] = sse.kms_key_id
    if sse.kms_encryption_context:
        arguments["SSEKMSEncryptionContext"] = base64.b64encode(sse.kms_encryption_context.encode()).decode()
    return arguments
