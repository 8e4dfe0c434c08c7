"""A bucket as one argument of a command line: `s3://bucket/prefix?region=eu-west-1`, or a directory."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from cortexctl.config.location import (
    SSE,
    AzureSettings,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    MemorySettings,
    S3Settings,
    SnapshotSettings,
)
from cortexctl.errors import UsageError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NAME = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._$-]*")
# Hadoop's form, abfs://container@account.dfs.core.windows.net/path: what is before the @ is no credential.
_ABFS_ROOT = re.compile(r"(?P<container>[^@:]+)@(?P<account>[^.@:]+)\.(?:dfs|blob)\.(?P<suffix>[^@:]+)")
_SECRET = re.compile(r"key|secret|token|password|credential|sas|sig", re.IGNORECASE)
_ALIASES = {"gcs": "gs", "abfs": "az", "abfss": "az"}
_PARAMETERS = {
    "s3": (
        "endpoint", "region", "path-style", "insecure", "ca-file", "profile", "anonymous",
        "sse", "kms-key-id", "kms-context",
    ),
    "gs": ("endpoint", "anonymous"),
    "az": ("account", "endpoint", "endpoint-suffix"),
    "file": (),
    "memory": (),
}  # fmt: skip
_SNAPSHOT = "snapshot:"
_NO_CREDENTIALS = "credentials are not taken from URLs: use the environment, a profile or a file"
_FLAGS = {"true": True, "false": False}


def parse_bucket_url(url: str) -> BucketLocation:
    """Return the location of a bucket URL; what has no scheme is a directory, its `~` left as it is.

    `snapshot:FILE` is a file that `bucket snapshot` wrote.
    Credentials are never part of it. A path below a bucket is taken as it is written, that of a file URL is
    percent-decoded.
    """
    if not url or any(ord(character) < 32 for character in url):
        raise UsageError("a bucket is a URL or a directory, not empty and without control characters")
    if url.lower().startswith(_SNAPSHOT):
        file = url[len(_SNAPSHOT) :]
        if not file or (file.startswith("//") and not file.startswith("///")):
            raise UsageError("snapshot: write a file, as in snapshot:FILE or snapshot:/dir/FILE")
        return BucketLocation(SnapshotSettings(file))
    match = _SCHEME.match(url)
    if not match:
        return BucketLocation(FilesystemSettings(url))
    scheme = _ALIASES.get(match[1].lower(), match[1].lower())
    if scheme not in _PARAMETERS:
        known = ", ".join(f"{each}://" for each in _PARAMETERS)
        raise UsageError(f"{match[0]} is not supported: cortexctl reads {known}, directories and {_SNAPSHOT}FILE")
    rest, _, query = url[match.end() :].partition("?")
    root, _, path = rest.partition("/")
    if scheme == "file":
        directory = unquote(f"/{path}")
        if root not in ("", "localhost") or not rest or "\0" in directory:
            raise UsageError("file://: a file URL has no host but a path, as in file:///dir")
        _parameters(scheme, query)
        return BucketLocation(FilesystemSettings(directory))
    account = _ABFS_ROOT.fullmatch(root) if scheme == "az" else None
    if account:
        root = account["container"]
    if "@" in root or ":" in root:
        raise UsageError(f"{match[0]}…: the name of a bucket has no @ or colon; {_NO_CREDENTIALS}")
    if not _NAME.fullmatch(root):
        raise UsageError(f"{match[0]}{root}: {root!r} is not the name of a bucket")
    given = _parameters(scheme, query)
    if account:
        given = {"account": account["account"], "endpoint-suffix": f"blob.{account['suffix']}"} | given
    return BucketLocation(_store(scheme, root, given), path.strip("/"))


def _parameters(scheme: str, query: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    for name in given:
        if name in _PARAMETERS[scheme]:
            continue
        if _SECRET.search(name):
            raise UsageError(f"{scheme}://…?{name}=…: {_NO_CREDENTIALS}")
        known = ", ".join(_PARAMETERS[scheme]) or "none"
        raise UsageError(f"{scheme}://…?{name}=: no such parameter; known are: {known}")
    if "endpoint" in given:
        given["endpoint"] = _endpoint(scheme, given["endpoint"])
    return given


def _endpoint(scheme: str, endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port  # the port may be none that there is
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise UsageError(f"{scheme}://…?endpoint=: write a URL, as in endpoint=http://127.0.0.1:9000")
    if "@" in parts.netloc:
        raise UsageError(f"{scheme}://…?endpoint=…@{host}: {_NO_CREDENTIALS}")
    return endpoint.rstrip("/")


def _store(
    scheme: str, root: str, given: Mapping[str, str]
) -> S3Settings | GCSSettings | AzureSettings | MemorySettings:
    def flag(name: str) -> bool | None:
        if given.get(name, "true") not in _FLAGS:
            raise UsageError(f"{scheme}://…?{name}={given[name]}: write true or false")
        return _FLAGS[given[name]] if name in given else None

    endpoint = given.get("endpoint", "")
    if scheme == "memory":
        return MemorySettings(root)
    if scheme == "gs":
        return GCSSettings(bucket=root, endpoint_url=endpoint, anonymous=flag("anonymous") or False)
    if scheme == "az":
        return AzureSettings(
            container=root,
            account_name=given.get("account", ""),
            endpoint_suffix=given.get("endpoint-suffix", "blob.core.windows.net"),
            endpoint_url=endpoint,
        )
    try:
        sse = SSE.parse(given.get("sse", ""), given.get("kms-key-id", ""), given.get("kms-context", ""))
    except UsageError as fault:
        raise UsageError(f"s3://…?sse=: {fault}") from None
    return S3Settings(
        bucket=root,
        endpoint_url=endpoint,
        region=given.get("region", ""),
        profile=given.get("profile", ""),
        path_style=flag("path-style"),
        ca_file=given.get("ca-file", ""),
        insecure_skip_verify=flag("insecure") or False,
        anonymous=flag("anonymous") or False,
        sse=sse,
    )
