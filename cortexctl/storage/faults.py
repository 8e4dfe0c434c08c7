"""Every exception of a storage library as one of ours, naming the object and what to do.

`translate` takes an exception by the names of its class and by what it says, so that no library is imported for
the sake of its errors. A test walks the list of them.
"""

import errno
import re
from enum import Enum

from cortexctl.errors import (
    AccessDeniedError,
    ConflictError,
    CortexctlError,
    NotFoundError,
    SourceError,
    UnavailableError,
    UsageError,
)

FOREIGN: tuple[type[BaseException], ...] = (Exception,)
"""What a call into a storage library may raise. Libraries over HTTP raise nearly anything, so it is everything but
ours and the interpreter's own; what it becomes is decided in `translate`."""

_FAULTS = (TypeError, AttributeError, LookupError, NameError, AssertionError, NotImplementedError)
"""What only a mistake in the program raises: not the store's doing, and not to be tried again."""

_STATUS = re.compile(r"\bstatus(?: code)?[=:] ?([345]\d\d)\b")
_CERTIFICATE = re.compile(r"cert(ificate|verif)", re.IGNORECASE)
_TIMEOUT = re.compile(r"\btimed? ?out|TimedOut", re.IGNORECASE)
_S3_CODE = re.compile(r"<Code>(\w+)</Code>|An error occurred \((\w+)\)")
_S3_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")

_NO_BUCKET = re.compile(r"ErrorCode:ContainerNotFound\b|The specified bucket does not exist")
_NO_BUCKET_CODES = frozenset(("NoSuchBucket", "ContainerNotFound"))

_LONGEST_CHAIN = 5

_DENIED_NAMES = frozenset(
    (
        "PermissionDeniedError", "UnauthenticatedError", "PermissionError", "NoCredentialsError",
        "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError", "SSOError", "LoginError",
        "NoAuthTokenError", "UnknownCredentialError", "RefreshWithMFAUnsupportedError", "ProfileNotFound",
        "MetadataRetrievalError", "DefaultCredentialsError", "RefreshError", "ClientAuthenticationError",
    )
)  # fmt: skip
_NOT_FOUND_NAMES = frozenset(
    ("FileNotFoundError", "NotFoundError", "ResourceNotFoundError", "NoSuchBucket", "NoSuchKey")
)
_CONFLICT_NAMES = frozenset(
    ("PreconditionError", "AlreadyExistsError", "FileExistsError", "ResourceExistsError", "ResourceModifiedError")
)
_USAGE_NAMES = frozenset(("UnknownConfigurationKeyError", "InvalidURL"))
_BOTO_NAME = "BotoCoreError"
_BOTO_NETWORK_NAMES = frozenset(
    ("HTTPClientError", "ConnectionError", "IncompleteReadError", "ChecksumError", "FlexibleChecksumError")
)
"""Of botocore's own exceptions those that asking again may help; the others are about settings."""
_KEY_NAMES = frozenset(("InvalidPathError",))
_DENIED_CODES = frozenset(
    ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled",
     "AccountProblem", "RequestTimeTooSkewed", "Forbidden", "TokenRefreshRequired")
)  # fmt: skip
_TRANSIENT_CODES = frozenset(("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"))
_MOMENTARY_CODES = frozenset(("ConditionalRequestConflict", "OperationAborted"))
"""What S3 answers to one of two requests that met: which of them lost shows when it is asked again."""
_NOT_IMPLEMENTED = 501
_NO_SUCH_RANGE = 416
_TOO_SHORT = re.compile(r"object was only \d+ bytes long")
_ALL_OF_IT = re.compile(r"non-partial response|Content-Range response header is missing")
"""What obstore and Azure's SDK say of an answer that is not the part that was asked for."""
_DENIED_ERRNO = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))
_FINAL_NAMES = frozenset(("NotSupportedError", "NotModifiedError"))
_FINAL_ERRNO = frozenset((errno.ENAMETOOLONG, errno.ELOOP))


def sends_all(subject: str) -> SourceError:
    """Return the error of a store that was asked for a part of an object, and answers with all of it."""
    return SourceError(f"{subject}: the store answers a request for a part of an object with all of it")


class Again(Enum):
    """Whether asking again may help."""

    NO = "no"
    YES = "yes"
    SLOWER = "slower"
    """The store says that it is asked too much."""


def translate(error: BaseException, subject: str) -> tuple[CortexctlError, Again]:
    """Return our error for a library's, and whether to ask again. `subject` is the key or the bucket."""
    if isinstance(error, CortexctlError):
        return error, Again.NO
    if isinstance(error, _FAULTS):
        return CortexctlError(f"{subject}: {type(error).__name__}: {error}"), Again.NO
    text = _whole_text(error)
    status, code = _status(text, error), _s3_code(text)
    if code in _MOMENTARY_CODES:
        return ConflictError(f"{subject}: another request came at the same moment"), Again.YES
    final = _refusal(error, subject) or _mistake(error, subject)
    if final is not None:
        return final, Again.NO
    if status in (429, 503) or code == "SlowDown":
        return UnavailableError(f"{subject}: the store throttles ({code or status})"), Again.SLOWER
    if status is not None and (status < 500 or status == _NOT_IMPLEMENTED) and code not in _TRANSIENT_CODES:
        return SourceError(f"{subject}: the store answers {status}{_because(text, error, code)}"), Again.NO
    if isinstance(error, ValueError) and status is None:
        return SourceError(f"{subject}: {_first_line(error)}"), Again.NO
    return UnavailableError(f"{subject}: {_plainly(text, error, status, code)}"), Again.YES


def _refusal(error: BaseException, subject: str) -> CortexctlError | None:
    """Return our error where the answer is final, whoever asks and however often."""
    names = _names(error)
    text = _whole_text(error)
    status, code = _status(text, error), _s3_code(text)
    if code in _NO_BUCKET_CODES or _NO_BUCKET.search(text):
        # Not a NotFoundError: no object was found missing.
        return SourceError(f"{subject}: the bucket does not exist")
    if code == "RequestTimeTooSkewed":
        return AccessDeniedError(f"{subject}: the clocks of this machine and the store differ too much")
    if names & _NOT_FOUND_NAMES or status == 404:
        return NotFoundError(f"{subject}: not found")
    if names & _CONFLICT_NAMES or status in (409, 412) or code == "PreconditionFailed":
        return ConflictError(f"{subject}: changed since it was read")
    if names & _DENIED_NAMES or status in (401, 403) or code in _DENIED_CODES or _errno(error) in _DENIED_ERRNO:
        return AccessDeniedError(f"{subject}: access denied{_because(text, error, code)}")
    if _CERTIFICATE.search(text) and status is None:
        return UnavailableError(f"{subject}: the store's TLS certificate is not trusted (a CA file can be given)")
    return None


def _mistake(error: BaseException, subject: str) -> CortexctlError | None:
    """Return our error where a setting, a key or this machine is what is wrong."""
    names = _names(error)
    if names & _USAGE_NAMES or (_BOTO_NAME in names and not names & _BOTO_NETWORK_NAMES):
        return UsageError(f"{subject}: {_first_line(error)}")
    if isinstance(error, ImportError):
        return UsageError(f"{subject}: {_first_line(error)}; install the extra that has it")
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        return NotFoundError(f"{subject}: not an object")
    if names & _KEY_NAMES or "Could not parse path" in str(error):
        return SourceError(f"{subject}: a key that obstore does not take: use --storage-driver s3fs")
    if _ALL_OF_IT.search(text := _whole_text(error)):
        return sends_all(subject)
    if _status(text, error) == _NO_SUCH_RANGE or _TOO_SHORT.search(text):
        return SourceError(f"{subject}: it ends before the bytes that were asked for")
    if _errno(error) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return SourceError(f"{subject}: no space left on the device")
    if names & _FINAL_NAMES or _errno(error) in _FINAL_ERRNO:
        return SourceError(f"{subject}: {_first_line(error)}")
    return None


def _plainly(text: str, error: BaseException, status: int | None, code: str | None) -> str:
    if status is not None:
        return f"the store answers {status}{_because(text, error, code)}"
    lowered = text.lower()
    if "refused" in lowered:
        return "connection refused"
    if _TIMEOUT.search(text) or any("Timeout" in type(each).__name__ for each in _chain(error)):
        return "no answer within --timeout"
    if "dns error" in lowered or "name or service not known" in lowered or "failed to lookup" in lowered:
        return "the name of the store's host cannot be resolved"
    return _first_line(error)


def _because(text: str, error: BaseException, code: str | None) -> str:
    message = _S3_MESSAGE.search(text)
    if code or message:
        return f" ({': '.join(part for part in (code, message and message[1].strip()) if part)})"
    return (
        f" ({_first_line(error)})" if type(error).__name__ not in ("PermissionDeniedError", "PermissionError") else ""
    )


def _whole_text(error: BaseException) -> str:
    return "\n".join(f"{type(each).__name__}: {each}" for each in _chain(error))


def _chain(error: BaseException) -> list[BaseException]:
    """Return the exception and those that caused it: libraries wrap, and lose, the telling part."""
    chain = [error]
    while len(chain) < _LONGEST_CHAIN and (cause := chain[-1].__cause__ or chain[-1].__context__):
        chain.append(cause)
    return chain


def _first_line(error: BaseException) -> str:
    line = str(error).split("\n", 1)[0].strip()
    return (line[:300] or type(error).__name__).rstrip(".")


def _status(text: str, error: BaseException) -> int | None:
    for each in _chain(error):
        if "HttpProcessingError" in _names(each):
            continue  # aiohttp's own verdict on a broken answer, given as the 400 of a server
        names = ("status", "status_code", "code")
        value = next((value for name in names if isinstance(value := getattr(each, name, None), int)), None)
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            value = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if isinstance(value, int) and 300 <= value < 600:
            return value
    match = _STATUS.search(text)
    return int(match[1]) if match else None


def _s3_code(text: str) -> str | None:
    match = _S3_CODE.search(text)
    return (match[1] or match[2]) if match else None


def _errno(error: BaseException) -> int | None:
    # An SSLError is an OSError too, but numbers its faults in its own way.
    return error.errno if isinstance(error, OSError) and "SSLError" not in _names(error) else None


def _names(error: BaseException) -> set[str]:
    return {each.__name__ for each in type(error).__mro__}
