"""The `--source` of a ring command: what its URL says, and how a server is spoken to."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TLS:
    """How a server is known, and how we are known to it. Paths are of PEM files."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str = ""
    """The name that the certificate is for, where it is not the host's."""
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What is said to every HTTP server of the run. Secrets are not in `repr`."""

    timeout_s: float = 10.0
    """For one request."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    tls: TLS = field(default_factory=TLS)


@dataclass(frozen=True, slots=True)
class HTTPSource:
    """A process of Cortex's, or with `every_address` each one behind a DNS name."""

    url: str
    """Scheme, host, port and the path prefix, no slash at the end; without user and password."""
    every_address: bool = False
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ConsulSource:
    """Consul's KV store."""

    url: str
    """`http://host:8500`."""
    prefix: str | None = None
    """Of the stored key; None: the component's default."""
    acl_token: str = field(default="", repr=False)
    tls: TLS | None = None
    """None: as the run's `Access`."""


@dataclass(frozen=True, slots=True)
class EtcdSource:
    """etcd, through the JSON gateway that is on its client port."""

    urls: tuple[str, ...]
    """`http://host:2379`, each a member of one cluster; the first that answers is used."""
    prefix: str | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    tls: TLS | None = None


@dataclass(frozen=True, slots=True)
class DynamoDBSource:
    """A DynamoDB table. Credentials are boto3's: environment, profile, instance role."""

    region: str
    table: str
    prefix: str | None = None
    endpoint_url: str = ""
    """Empty: AWS's own."""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A snapshot of ours, a saved page or a raw value, told apart by what is in it."""

    path: Path


RingSource = HTTPSource | ConsulSource | EtcdSource | DynamoDBSource | FileSource
