"""Every exception of botocore as one of ours, naming the table and what to do. A test walks the list."""

from cortexctl.errors import (
    AccessDeniedError,
    CortexctlError,
    NotFoundError,
    SourceError,
    UnavailableError,
    UsageError,
)

MOMENTARY = frozenset(("ConditionalCheckFailedException", "TransactionConflictException"))
"""What DynamoDB answers to a write that met another's: the item is to be read again."""

_WRONG_CREDENTIALS = frozenset(
    ("UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException", "InvalidClientTokenId",
     "MissingAuthenticationTokenException", "MissingAuthenticationToken", "SignatureDoesNotMatch", "OptInRequired",
     "ExpiredTokenException", "ExpiredToken", "InvalidIdentityToken", "IDPRejectedClaim")
)  # fmt: skip
_THROTTLED = frozenset(
    ("ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded",
     "LimitExceededException", "TooManyRequestsException", "SlowDown")
)  # fmt: skip
_NO_CREDENTIALS_NAMES = frozenset(
    ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "MetadataRetrievalError",
     "NoAuthTokenError", "TokenRetrievalError", "SSOError", "LoginError", "RefreshWithMFAUnsupportedError",
     "UnknownCredentialError", "ProfileNotFound", "UnknownTokenProviderError")
)  # fmt: skip
_LATE_NAMES = frozenset(("ConnectTimeoutError", "ReadTimeoutError"))
_NETWORK_NAMES = frozenset(
    ("HTTPClientError", "ConnectionError", "IncompleteReadError", "ChecksumError", "FlexibleChecksumError")
)
"""Of botocore's own exceptions those that are the network's; most others are about settings."""
_UNREADABLE_NAMES = frozenset(("ResponseParserError",))
_LONGEST_CHAIN = 6


def code_of(error: BaseException) -> str:
    """Return the code of an answer that is an error, or nothing where there was no such answer."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    # Alternator and older emulators leave the namespace in front of the code.
    return str(code).rpartition("#")[2]


def late(place: str, timeout_s: float) -> UnavailableError:
    """Return the error for a table that does not answer, which stops every heartbeat if Cortex meets it too."""
    return UnavailableError(f"{place}: did not answer within {timeout_s:g}s: while it is so, no heartbeat is written")


def translate(error: Exception, place: str, action: str, timeout_s: float) -> CortexctlError:
    """Return our error for botocore's. `action` is the one of IAM that was asked for, such as `dynamodb:Query`."""
    if isinstance(error, CortexctlError):
        return error
    names = {each.__name__ for each in type(error).__mro__}
    if "ClientError" in names:
        return _answered(error, place, action)
    if names & _NO_CREDENTIALS_NAMES:
        return AccessDeniedError(
            f"{place}: no credentials: {_first_line(error)} (AWS_PROFILE, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or a role of this machine)"
        )
    if names & _LATE_NAMES:
        return late(place, timeout_s)
    if names & _NETWORK_NAMES or isinstance(error, OSError):
        return UnavailableError(f"{place}: {_of_network(error, names)}")
    if names & _UNREADABLE_NAMES:
        return SourceError(f"{place}: what answers is not DynamoDB: {_first_line(error)}")
    if "BotoCoreError" in names or isinstance(error, ValueError):
        return UsageError(f"{place}: {_first_line(error)}")
    return CortexctlError(f"{place}: {type(error).__name__}: {_first_line(error)}")


def _answered(error: Exception, place: str, action: str) -> CortexctlError:
    code = code_of(error)
    response = getattr(error, "response", {})
    message = str(response.get("Error", {}).get("Message", ""))[:300].rstrip(".")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"{code}: {message}" if message else code
    if code in _THROTTLED:
        return UnavailableError(f"{place}: throttles, and so it does with heartbeats ({said})")
    if code in ("ResourceNotFoundException", "TableNotFoundException"):
        return NotFoundError(f"{place}: there is no such table in this region and account")
    if code in _WRONG_CREDENTIALS:
        return AccessDeniedError(f"{place}: does not accept the credentials ({said})")
    if code in ("AccessDeniedException", "AccessDenied", "KMSAccessDeniedException") or status in (401, 403):
        return AccessDeniedError(f"{place}: the credentials do not allow {action} ({said})")
    if code == "ValidationException" and ("key" in message.lower() and "schema" in message.lower()):
        return SourceError(f"{place}: is not a table of rings, whose keys are RingKey and InstanceKey ({said})")
    if status >= 500:
        return UnavailableError(f"{place}: answers {status} ({said})")
    return SourceError(f"{place}: refuses ({said})")


def _of_network(error: Exception, names: set[str]) -> str:
    text = " ".join(str(each) for each in _chain(error)).lower()
    if "SSLError" in names or "certificate" in text:
        return f"TLS failed; --tls-ca-file names whom to trust: {_first_line(error)}"
    if "ProxyConnectionError" in names:
        return f"the proxy of the environment failed: {_first_line(error)}"
    if "refused" in text:
        return "refused the connection"
    if any(each in text for each in ("name or service not known", "failed to resolve", "nodename nor servname")):
        return "the name of its host is not known: is the region right?"
    return f"broke the connection: {_first_line(error)}"


def _chain(error: BaseException) -> list[BaseException]:
    """Return the exception and those that caused it: botocore wraps, and loses, the telling part."""
    chain = [error]
    while len(chain) < _LONGEST_CHAIN:
        kept = getattr(chain[-1], "kwargs", {})
        wrapped = kept.get("error") if isinstance(kept, dict) else None
        cause = chain[-1].__cause__ or chain[-1].__context__ or wrapped
        if not isinstance(cause, BaseException):
            break
        chain.append(cause)
    return chain


def _first_line(error: BaseException) -> str:
    line = str(error).split("\n", 1)[0].strip()
    shown = "".join(each for each in line[:300] if each.isprintable())
    return (shown or type(error).__name__).rstrip(".")
