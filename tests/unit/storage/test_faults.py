"""Every exception class of every storage library becomes one of ours, with the object's name in it."""

import asyncio
import errno
import inspect
import json
import ssl
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import aiohttp
import botocore.exceptions
import botocore.parsers
import fsspec.exceptions
import obstore.exceptions
import pytest

from cortexctl.errors import (
    AccessDeniedError,
    ConflictError,
    CortexctlError,
    NotFoundError,
    SourceError,
    UnavailableError,
    UsageError,
)
from cortexctl.storage.faults import Again, translate

KEY = "team-a/01J0/meta.json"

CREDENTIALS = {
    "CredentialRetrievalError", "LoginAuthorizationCodeError", "LoginError", "LoginInsufficientPermissions",
    "LoginRefreshRequired", "LoginTokenLoadError", "MetadataRetrievalError", "NoAuthTokenError", "NoCredentialsError",
    "PartialCredentialsError", "ProfileNotFound", "RefreshWithMFAUnsupportedError", "SSOError", "SSOTokenLoadError",
    "TokenRetrievalError", "UnauthorizedSSOTokenError", "UnknownCredentialError",
}  # fmt: skip
NETWORK = {
    "ChecksumError", "ConnectTimeoutError", "ConnectionClosedError", "ConnectionError", "EndpointConnectionError",
    "FlexibleChecksumError", "HTTPClientError", "IncompleteReadError", "ProxyConnectionError", "ReadTimeoutError",
    "ResponseStreamingError", "SSLError",
}  # fmt: skip


PLACE = SimpleNamespace(host="127.0.0.1", port=1, is_ssl=True, ssl=True)
REQUEST = SimpleNamespace(real_url="http://127.0.0.1:1/x")
ARGUMENTS: tuple[tuple[Any, ...], ...] = (
    ("the message",),
    (PLACE, OSError(errno.ECONNREFUSED, "Connection refused")),
    (REQUEST, ()),
    (b"part", 10),
    (b"a", b"b", "127.0.0.1", 1),
    ("the message", 10),
    (),
)


class Anything(dict[str, Any]):
    """Fills in a message whatever it asks for."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def classes(module: ModuleType, base: type[BaseException] = Exception) -> list[type[Exception]]:
    """Return the exception classes that a module has, warnings left out."""
    return [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, base) and issubclass(each, Exception) and not issubclass(each, Warning)
    ]


def made(kind: type[Exception]) -> Exception:
    """Return an instance, however the class wants to be made."""
    if issubclass(kind, botocore.exceptions.ClientError):
        return client_error("Whatever", 400)
    if issubclass(kind, botocore.exceptions.BotoCoreError):
        unfilled = kind.__new__(kind)
        Exception.__init__(unfilled, kind.fmt.format_map(Anything()))
        return unfilled
    for arguments in ((errno.EIO, "the message"), *ARGUMENTS) if issubclass(kind, OSError) else ARGUMENTS:
        try:
            error = kind(*arguments)
            str(error)
        except (TypeError, AttributeError, ValueError, LookupError):
            continue
        return error
    raise AssertionError(f"{kind} cannot be made")


def client_error(code: str, status: int) -> Exception:
    """Return what boto3 raises for an answer of S3."""
    answer = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(answer, "GetObject")


def checked(error: BaseException) -> tuple[type[CortexctlError], Again]:
    """Return the class of our error, and whether to ask again, having looked at what it says."""
    ours, again = translate(error, KEY)
    assert str(ours).startswith(f"{KEY}: ")
    assert len(str(ours)) > len(KEY) + len(": ")
    assert "\n" not in str(ours)
    return type(ours), again


@pytest.mark.parametrize("kind", classes(botocore.exceptions, botocore.exceptions.BotoCoreError))
def test_botocore(kind: type[Exception]) -> None:
    if issubclass(kind, AssertionError):
        assert checked(made(kind)) == (CortexctlError, Again.NO)  # of botocore's stubs, for tests
    elif kind.__name__ in NETWORK:
        assert checked(made(kind)) == (UnavailableError, Again.YES)
    elif kind.__name__ in CREDENTIALS:
        assert checked(made(kind)) == (AccessDeniedError, Again.NO)
    else:
        assert checked(made(kind)) == (UsageError, Again.NO)


def test_the_lists_of_botocore_are_of_classes_that_there_are() -> None:
    assert {kind.__name__ for kind in classes(botocore.exceptions)} >= NETWORK | CREDENTIALS


def others() -> Iterator[type[Exception]]:
    """Every other exception class of the libraries that are installed."""
    yield from classes(botocore.parsers)
    yield from (kind for kind in classes(aiohttp) if not kind.__name__.startswith(("WS", "WebSocket")))
    yield from classes(aiohttp.http_exceptions)
    yield from classes(fsspec.exceptions)
    yield from classes(obstore.exceptions)
    yield from classes(asyncio)
    yield from classes(ssl, OSError)


@pytest.mark.parametrize("kind", sorted(set(others()), key=repr))
def test_every_other_class_is_an_error_of_the_source(kind: type[Exception]) -> None:
    ours, _ = checked(made(kind))
    assert issubclass(ours, SourceError | ConflictError | UsageError), ours


@pytest.mark.parametrize(
    ("error", "ours", "again"),
    [
        (obstore.exceptions.NotFoundError("x"), NotFoundError, Again.NO),
        (obstore.exceptions.AlreadyExistsError("x"), ConflictError, Again.NO),
        (obstore.exceptions.PreconditionError("x"), ConflictError, Again.NO),
        (obstore.exceptions.PermissionDeniedError("x"), AccessDeniedError, Again.NO),
        (obstore.exceptions.UnauthenticatedError("x"), AccessDeniedError, Again.NO),
        (obstore.exceptions.UnknownConfigurationKeyError("x"), UsageError, Again.NO),
        (obstore.exceptions.InvalidPathError("x"), SourceError, Again.NO),
        (obstore.exceptions.GenericError("broken"), UnavailableError, Again.YES),
        (obstore.exceptions.GenericError("status code: 503 <Code>SlowDown</Code>"), UnavailableError, Again.SLOWER),
        (obstore.exceptions.GenericError("status: 501,"), SourceError, Again.NO),
        (obstore.exceptions.GenericError("invalid peer certificate: UnknownIssuer"), UnavailableError, Again.NO),
        (ssl.SSLCertVerificationError(1, "self-signed"), UnavailableError, Again.NO),
        (obstore.exceptions.NotSupportedError("x"), SourceError, Again.NO),
        (ValueError('Could not parse path: Path "a//b" contained empty path segment'), SourceError, Again.NO),
        (fsspec.exceptions.FSTimeoutError(), UnavailableError, Again.YES),
        (fsspec.exceptions.BlocksizeMismatchError(), SourceError, Again.NO),
        (aiohttp.ClientPayloadError("broken off"), UnavailableError, Again.YES),
        (aiohttp.InvalidURL("http://"), UsageError, Again.NO),
        (client_error("NoSuchKey", 404), NotFoundError, Again.NO),
        (client_error("404", 404), NotFoundError, Again.NO),
        (client_error("NoSuchBucket", 404), SourceError, Again.NO),
        (client_error("PreconditionFailed", 412), ConflictError, Again.NO),
        (client_error("ConditionalRequestConflict", 409), ConflictError, Again.YES),
        (client_error("AccessDenied", 403), AccessDeniedError, Again.NO),
        (client_error("RequestTimeTooSkewed", 403), AccessDeniedError, Again.NO),
        (client_error("ExpiredToken", 400), AccessDeniedError, Again.NO),
        (client_error("RequestTimeout", 400), UnavailableError, Again.YES),
        (client_error("InvalidArgument", 400), SourceError, Again.NO),
        (client_error("PermanentRedirect", 301), SourceError, Again.NO),
        (client_error("InternalError", 500), UnavailableError, Again.YES),
        (client_error("SlowDown", 503), UnavailableError, Again.SLOWER),
        (client_error("ServiceUnavailable", 503), UnavailableError, Again.SLOWER),
        (client_error("TooManyRequests", 429), UnavailableError, Again.SLOWER),
        (ConnectionResetError(errno.ECONNRESET, "reset by peer"), UnavailableError, Again.YES),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), UnavailableError, Again.YES),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), UnavailableError, Again.YES),
        (TimeoutError(), UnavailableError, Again.YES),
        (OSError(errno.EIO, "Input/output error"), UnavailableError, Again.YES),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x"), NotFoundError, Again.NO),
        (FileExistsError("changed"), ConflictError, Again.NO),
        (IsADirectoryError(errno.EISDIR, "Is a directory"), NotFoundError, Again.NO),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), NotFoundError, Again.NO),
        (PermissionError(errno.EACCES, "Permission denied"), AccessDeniedError, Again.NO),
        (OSError(errno.EROFS, "Read-only file system"), AccessDeniedError, Again.NO),
        (OSError(errno.ENOSPC, "No space left on device"), SourceError, Again.NO),
        (OSError(errno.ENAMETOOLONG, "File name too long"), SourceError, Again.NO),
        (OSError(errno.ELOOP, "Too many levels of symbolic links"), SourceError, Again.NO),
        (json.JSONDecodeError("Expecting value", "", 0), SourceError, Again.NO),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), SourceError, Again.NO),
        (ImportError("No module named 'gcsfs'"), UsageError, Again.NO),
        (RuntimeError("Session is closed"), UnavailableError, Again.YES),
        (TypeError("a mistake of ours"), CortexctlError, Again.NO),
        (KeyError("a mistake of ours"), CortexctlError, Again.NO),
    ],
    ids=repr,
)
def test_each_fault_is_what_it_means(error: Exception, ours: type[CortexctlError], again: Again) -> None:
    assert checked(error) == (ours, again)


@pytest.mark.parametrize(
    ("name", "bases", "attributes", "ours", "again"),
    [
        # azure.core.exceptions
        ("ResourceNotFoundError", ("HttpResponseError", "AzureError"), {"status_code": 404}, NotFoundError, Again.NO),
        ("ResourceExistsError", ("HttpResponseError", "AzureError"), {"status_code": 409}, ConflictError, Again.NO),
        ("ResourceModifiedError", ("HttpResponseError", "AzureError"), {"status_code": 412}, ConflictError, Again.NO),
        ("ClientAuthenticationError", ("HttpResponseError",), {"status_code": 401}, AccessDeniedError, Again.NO),
        ("HttpResponseError", ("AzureError",), {"status_code": 403}, AccessDeniedError, Again.NO),
        ("HttpResponseError", ("AzureError",), {"status_code": 503}, UnavailableError, Again.SLOWER),
        ("HttpResponseError", ("AzureError",), {"status_code": 500}, UnavailableError, Again.YES),
        ("HttpResponseError", ("AzureError",), {"status_code": 400}, SourceError, Again.NO),
        ("ServiceRequestError", ("AzureError",), {}, UnavailableError, Again.YES),
        ("ServiceResponseTimeoutError", ("AzureError",), {}, UnavailableError, Again.YES),
        # google.api_core.exceptions, google.auth.exceptions and gcsfs.retry
        ("NotFound", ("ClientError", "GoogleAPICallError"), {"code": 404}, NotFoundError, Again.NO),
        ("Forbidden", ("ClientError", "GoogleAPICallError"), {"code": 403}, AccessDeniedError, Again.NO),
        ("PreconditionFailed", ("ClientError", "GoogleAPICallError"), {"code": 412}, ConflictError, Again.NO),
        ("TooManyRequests", ("ClientError", "GoogleAPICallError"), {"code": 429}, UnavailableError, Again.SLOWER),
        ("InternalServerError", ("ServerError", "GoogleAPICallError"), {"code": 500}, UnavailableError, Again.YES),
        ("DefaultCredentialsError", ("GoogleAuthError",), {}, AccessDeniedError, Again.NO),
        ("RefreshError", ("GoogleAuthError",), {}, AccessDeniedError, Again.NO),
        ("TransportError", ("GoogleAuthError",), {}, UnavailableError, Again.YES),
        ("HttpError", (), {"code": 412}, ConflictError, Again.NO),
        ("ChecksumError", (), {}, UnavailableError, Again.YES),
    ],
)
def test_google_and_azure_by_the_names_of_their_classes(
    name: str, bases: tuple[str, ...], attributes: dict[str, int], ours: type[CortexctlError], again: Again
) -> None:
    base: type[Exception] = Exception
    for each in reversed(bases):
        base = type(each, (base,), {})
    assert checked(type(name, (base,), attributes)("the message")) == (ours, again)


def test_what_a_wrapped_error_lost_is_in_its_cause() -> None:
    """s3fs raises OSErrors of botocore's errors."""
    error = OSError(errno.EINVAL, "why")
    error.__cause__ = client_error("InvalidRequest", 400)
    ours, again = translate(error, KEY)
    assert (type(ours), again) == (SourceError, Again.NO)
    assert str(ours) == f"{KEY}: the store answers 400 (InvalidRequest)"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("HTTP error: error sending request\nOs { code: 111, message: \"Connection refused\" }", "connection refused"),
        ("error sending request\nretry_timeout: 180s\ndns error: failed to lookup address", "the name of the store's"),
        ("error sending request\nretry_timeout: 180s,\nkind: Timeout, operation timed out", "no answer within --time"),
        ("error decoding response body\nretry_timeout: 180s", "error decoding response body"),
    ],
)  # fmt: skip
def test_what_obstore_says_is_said_shortly(text: str, says: str) -> None:
    ours, again = translate(obstore.exceptions.GenericError(text), KEY)
    assert str(ours).startswith(f"{KEY}: {says}")
    assert (type(ours), again) == (UnavailableError, Again.YES)


def test_ours_stay_as_they_are() -> None:
    ours = NotFoundError("other: not found")
    assert translate(ours, KEY) == (ours, Again.NO)
