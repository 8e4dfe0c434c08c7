"""TLS as the operator asks for it: who is trusted, and who we are."""

import ssl
from functools import lru_cache
from pathlib import Path

from cortexctl.config.source import TLS
from cortexctl.errors import UsageError


@lru_cache(maxsize=8)
def context(tls: TLS) -> ssl.SSLContext:
    """Return a client's context: with no CA file, the system's authorities, or Mozilla's where it has none.

    All servers of a run share it, for loading the authorities takes as long as asking ten pods. Raises UsageError,
    naming the file that is missing or is not PEM.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.insecure_skip_verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif tls.ca_file is not None:
        _trust(made, tls.ca_file)
    else:
        made.load_default_certs()
        if not made.cert_store_stats()["x509_ca"] and not Path(ssl.get_default_verify_paths().openssl_capath).is_dir():
            import certifi

            made.load_verify_locations(certifi.where())
    if tls.cert_file is not None:
        _present(made, tls.cert_file, tls.key_file)
    elif tls.key_file is not None:
        raise UsageError(f"{tls.key_file}: a client key needs its certificate: give --tls-cert-file too")
    return made


def _trust(made: ssl.SSLContext, ca_file: Path) -> None:
    try:
        made.load_verify_locations(ca_file)
    except ssl.SSLError:
        raise UsageError(f"{ca_file}: has no certificate in PEM") from None
    except OSError as error:
        raise UsageError(f"{ca_file}: {error.strerror}") from error


def _present(made: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    for each in filter(None, (cert_file, key_file)):
        try:
            each.read_bytes()
        except OSError as error:
            raise UsageError(f"{each}: {error.strerror}") from error
    holder = key_file or cert_file
    try:
        # Without a password of ours OpenSSL asks for one at the terminal.
        made.load_cert_chain(cert_file, key_file, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UsageError(f"{holder}: the key is not that of the certificate {cert_file}") from None
        raise UsageError(
            f"{cert_file}: no client certificate in PEM, or no key without a password in {holder}"
        ) from None
