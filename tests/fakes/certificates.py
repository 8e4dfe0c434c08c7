"""Certificates of a test's own authority."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: a certificate for 127.0.0.1 or for names, its key, and the authority that signed it."""

    ca: Path
    chain: Path
    key: Path


def certificate_in(directory: Path, *names: str) -> Certificate:
    """Make an authority and a certificate that is good for an hour, and write them to the directory.

    It is for the names, or else for 127.0.0.1.
    """
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    hosts: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
    hosts = hosts or [x509.IPAddress(ip_address("127.0.0.1"))]
    ca_name, name = _name("CA of a test"), _name("server of a test")
    made = Certificate(directory / "ca.pem", directory / "chain.pem", directory / "key.pem")
    made.ca.write_bytes(_signed(ca_name, ca_name, ca_key, ca_key.public_key(), ()))
    made.chain.write_bytes(_signed(name, ca_name, ca_key, key.public_key(), hosts))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _signed(
    name: x509.Name,
    issuer: x509.Name,
    ca_key: ec.EllipticCurvePrivateKey,
    public: ec.EllipticCurvePublicKey,
    hosts: Sequence[x509.GeneralName],
) -> bytes:
    """Return a certificate for hosts; for none it is an authority's."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    builder = x509.CertificateBuilder(issuer, name, public, x509.random_serial_number(), now - hour, now + hour)
    builder = builder.add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
