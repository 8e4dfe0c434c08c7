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

_FAULTS = (TypeError, AttributeError, LookupError, NameError, AssertionError)
"""What only a mistake in the program raises: not the store's doing, and not to be tried again."""

_STATUS = re.compile(r"status code: (\d{3})|\b(?:status|code|HTTPStatusCode)['\"]?[=:] ?'?(\d{3})")
_S3_CODE = re.compile(r"<Code>(\w+)</Code>|An error occurred \((\w+)\)")
_S3_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")

_DENIED_NAMES = frozenset(
    (
        "PermissionDeniedError", "UnauthenticatedError", "PermissionError", "NoCredentialsError",
        "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError", "UnauthorizedSSOTokenError",
        "SSOTokenLoadError", "ProfileNotFound", "DefaultCredentialsError", "RefreshError", "ClientAuthenticationError",
        "InvalidConfigError", "ExpiredTokenError", "WebIdentityTokenFileNotFound", "MetadataRetrievalError",
    )
)  # fmt: skip
_NOT_FOUND_NAMES = frozenset(
    ("FileNotFoundError", "NotFoundError", "ResourceNotFoundError", "NoSuchBucket", "NoSuchKey")
)
_CONFLICT_NAMES = frozenset(
    ("PreconditionError", "AlreadyExistsError", "FileExistsError", "ResourceExistsError", "ResourceModifiedError")
)
_USAGE_NAMES = frozenset(
    (
        "UnknownConfigurationKeyError", "InvalidPathError", "ParamValidationError", "NoRegionError",
        "InvalidRegionError", "InvalidEndpointConfigurationError", "InvalidS3AddressingStyleError",
        "UnsupportedSignatureVersionError", "ConfigParseError", "ConfigNotFound", "InvalidURL", "InvalidUrlClientError",
        "InvalidMaxRetryAttemptsError", "InvalidProxiesConfigError",
    )
)  # fmt: skip
_DENIED_CODES = frozenset(
    ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled",
     "AccountProblem", "RequestTimeTooSkewed", "Forbidden", "TokenRefreshRequired")
)  # fmt: skip
_TRANSIENT_CODES = frozenset(("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"))
_DENIED_ERRNO = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))


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
    refusal = _refusal(error, subject)
    if refusal is not None:
        return refusal, Again.NO
    text = _whole_text(error)
    status, code = _status(text, error), _s3_code(text)
    if status in (429, 503) or code == "SlowDown":
        return UnavailableError(f"{subject}: the store throttles ({code or status})"), Again.SLOWER
    if status is not None and status < 500 and code not in _TRANSIENT_CODES:
        return SourceError(f"{subject}: the store answers {status}{_because(text, error, code)}"), Again.NO
    return UnavailableError(f"{subject}: {_plainly(text, error, status, code)}"), Again.YES


def _refusal(error: BaseException, subject: str) -> CortexctlError | None:
    """Return our error where the answer is final, whoever asks and however often."""
    names = {each.__name__ for each in type(error).__mro__}
    text = _whole_text(error)
    status, code = _status(text, error), _s3_code(text)
    if code == "NoSuchBucket":
        # Not a NotFoundError: no object was found missing.
        return SourceError(f"{subject}: the bucket does not exist")
    if code == "RequestTimeTooSkewed":
        return AccessDeniedError(f"{subject}: the clocks of this machine and the store differ too much")
    if names & _NOT_FOUND_NAMES or status == 404:
        return NotFoundError(f"{subject}: not found")
    if names & _CONFLICT_NAMES or status in (409, 412) or code in ("PreconditionFailed", "ConditionalRequestConflict"):
        return ConflictError(f"{subject}: changed since it was read")
    if names & _DENIED_NAMES or status in (401, 403) or code in _DENIED_CODES or _errno(error) in _DENIED_ERRNO:
        return AccessDeniedError(f"{subject}: access denied{_because(text, error, code)}")
    if names & _USAGE_NAMES:
        return UsageError(f"{subject}: {_first_line(error)}")
    if isinstance(error, IsADirectoryError | NotADirectoryError):
        return NotFoundError(f"{subject}: not an object")
    if isinstance(error, OSError) and _errno(error) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return SourceError(f"{subject}: no space left on the device")
    if isinstance(error, ImportError):
        return UsageError(f"{subject}: {_first_line(error)}; install the extra that has it")
    return None


def _plainly(text: str, error: BaseException, status: int | None, code: str | None) -> str:
    if status is not None:
        return f"the store answers {status}{_because(text, error, code)}"
    lowered = text.lower()
    if isinstance(error, TimeoutError) or "timed out" in lowered or "timeout" in lowered or "timedout" in lowered:
        return "no answer within --timeout"
    if "refused" in lowered:
        return "connection refused"
    if "dns error" in lowered or "name or service not known" in lowered or "failed to lookup" in lowered:
        return "the name of the store's host cannot be resolved"
    if "certificate" in lowered:
        return "the store's TLS certificate is not trusted (a CA file can be given)"
    return _first_line(error)


def _because(text: str, error: BaseException, code: str | None) -> str:
    message = _S3_MESSAGE.search(text)
    if code or message:
        return f" ({': '.join(part for part in (code, message and message[1].strip()) if part)})"
    return (
        f" ({_first_line(error)})" if type(error).__name__ not in ("PermissionDeniedError", "PermissionError") else ""
    )


def _whole_text(error: BaseException) -> str:
    """Return what the exception and those that caused it say: libraries wrap, and lose, the telling part."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < 5:
        parts.append(f"{type(seen).__name__}: {seen}")
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


def _first_line(error: BaseException) -> str:
    line = str(error).split("\n", 1)[0].strip()
    return (line[:300] or type(error).__name__).rstrip(".")


def _status(text: str, error: BaseException) -> int | None:
    for name in ("status", "status_code", "code"):
        value = getattr(error, name, None)
        if isinstance(value, int) and 300 <= value < 600:
            return value
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        value = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if isinstance(value, int):
            return value
    match = _STATUS.search(text)
    return int(match[1] or match[2]) if match else None


def _s3_code(text: str) -> str | None:
    match = _S3_CODE.search(text)
    return (match[1] or match[2]) if match else None


def _errno(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None
