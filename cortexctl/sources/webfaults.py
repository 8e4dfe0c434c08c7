"""Every exception of httpx and of sockets as one of ours, naming the URL and what to do. A test walks the list."""

import socket
import ssl

import httpx

from cortexctl.errors import AccessDeniedError, CortexctlError, SourceError, UnavailableError, UsageError

FOREIGN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict, OSError, UnicodeError)
"""What a call into httpx may raise."""

_OF_OUR_CERTIFICATE = ("ALERT_UNKNOWN_CA", "ALERT_DECRYPT_ERROR", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_",
                       "ALERT_UNSUPPORTED_CERTIFICATE", "ALERT_ACCESS_DENIED")  # fmt: skip
"""What OpenSSL calls a server's refusals of a client's certificate, without the version before it."""
_LONGEST_CHAIN = 6


def translate(error: Exception, url: str, timeout_s: float) -> CortexctlError:
    """Return our error for one of FOREIGN. `timeout_s` is the time that the whole call had."""
    if isinstance(error, CortexctlError):
        return error
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return UnavailableError(f"{url}: did not answer within {timeout_s:g}s")
    if isinstance(error, httpx.StreamError):
        return CortexctlError(f"{url}: {type(error).__name__}: {_first_line(error)}")
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | UnicodeError):
        return UsageError(f"{url}: is not a URL that can be asked: {_first_line(error)}")
    for each in _chain(error):
        if isinstance(each, ssl.SSLError):
            return _tls(each, url)
    return _network(error, url)


def _network(error: Exception, url: str) -> CortexctlError:
    chain = _chain(error)
    if any(isinstance(each, ConnectionRefusedError) for each in chain):
        return UnavailableError(f"{url}: refused the connection")
    if any(isinstance(each, socket.gaierror) for each in chain):
        return UnavailableError(f"{url}: the name of the host cannot be resolved")
    if isinstance(error, httpx.ProxyError):
        return UnavailableError(f"{url}: the proxy of the environment failed: {_first_line(error)}")
    if isinstance(error, httpx.ConnectError):
        return UnavailableError(f"{url}: cannot be reached: {_first_line(chain[-1])}")
    if isinstance(error, httpx.RemoteProtocolError):
        return UnavailableError(f"{url}: ended before it answered, or does not speak HTTP: {_first_line(error)}")
    if isinstance(error, httpx.NetworkError | OSError):
        return UnavailableError(f"{url}: broke the connection: {_first_line(chain[-1])}")
    return SourceError(f"{url}: cannot be asked or understood: {_first_line(error)}")


def _tls(error: ssl.SSLError, url: str) -> CortexctlError:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (62, 64):  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
            return UnavailableError(
                f"{url}: its certificate is for another host: {error.verify_message}; see --tls-server-name"
            )
        return UnavailableError(
            f"{url}: its certificate is not trusted: {error.verify_message}; --tls-ca-file names whom to trust"
        )
    reason = getattr(error, "reason", None) or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return AccessDeniedError(f"{url}: wants a client certificate: give --tls-cert-file and --tls-key-file")
    if any(alert in reason for alert in _OF_OUR_CERTIFICATE):
        return AccessDeniedError(f"{url}: does not take the client certificate of --tls-cert-file ({reason.lower()})")
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"):
        return UnavailableError(f"{url}: does not speak TLS: is it http://?")
    return UnavailableError(f"{url}: TLS failed: {_first_line(error)}")


def _chain(error: BaseException) -> list[BaseException]:
    """Return the exception and those that caused it: httpx wraps, and loses, the telling part."""
    chain = [error]
    while len(chain) < _LONGEST_CHAIN and (cause := chain[-1].__cause__ or chain[-1].__context__):
        chain.append(cause)
    return chain


def _first_line(error: BaseException) -> str:
    line = str(error).split("\n", 1)[0].strip()
    shown = "".join(each for each in line[:300] if each.isprintable())
    return (shown or type(error).__name__).rstrip(".")
