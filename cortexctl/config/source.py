"""The `--source` of a ring command: what its URL says, and how a server is spoken to.

What a Cortex configuration says of where its rings are is `cortexctl.config.rings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from cortexctl.config.sourceurl import (
    SourceURL,
    address,
    has_control,
    is_server_url,
    is_web_path,
    looks_like_url,
    split_source,
    table_fault,
    without_page,
)
from cortexctl.config.sourceurl import redacted as redacted


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
    """Empty: boto3's own."""
    table: str
    prefix: str | None = None
    endpoint_url: str = ""
    """Empty: AWS's own."""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A snapshot of ours, a saved page or a raw value, told apart by what is in it."""

    path: Path
    """As it was given, its `~` left as it is."""


RingSource = HTTPSource | ConsulSource | EtcdSource | DynamoDBSource | FileSource


def parse_ring_source(text: str) -> RingSource:
    """Return the source that a URL or a path names. The URL of a ring page is that of its process.

    Raises UsageError, naming the URL without its secrets, for what is of none of the `FORMS`.
    """
    url = split_source(text)
    if url is None:
        return FileSource(Path(text))
    match url.scheme.removeprefix("dns+").removesuffix("+https"):
        case "consul":
            return _consul(url)
        case "etcd":
            return _etcd(url)
        case "dynamodb":
            return _dynamodb(url)
        case "file":
            return _file(url)
    return _http(url)


def display(source: RingSource) -> str:
    """Return the URL or path that `parse_ring_source` takes, without secrets and certificates."""
    match source:
        case HTTPSource():
            scheme, _, server = source.url.partition("://")
            return f"{'dns+' * source.every_address}{scheme}://{_user(source.username)}{server}"
        case ConsulSource():
            scheme, _, server = source.url.partition("://")
            return f"consul{_secure(scheme)}://{server}{_query(prefix=source.prefix)}"
        case EtcdSource():
            servers = [url.partition("://") for url in source.urls]
            hosts = ",".join(server for _, _, server in servers)
            return f"etcd{_secure(servers[0][0])}://{_user(source.username)}{hosts}{_query(prefix=source.prefix)}"
        case DynamoDBSource():
            query = _query(prefix=source.prefix, endpoint=source.endpoint_url or None, profile=source.profile or None)
            return f"dynamodb://{source.region}/{source.table}{query}"
        case FileSource():
            path = str(source.path)
            return f"./{path}" if looks_like_url(path) else path


def with_environment(source: RingSource, environment: Mapping[str, str]) -> RingSource:
    """Return the source with what it leaves empty as the environment has it.

    That is CONSUL_HTTP_TOKEN; ETCDCTL_USER, `user` or `user:password`, with ETCDCTL_PASSWORD; and AWS_REGION, which
    boto3 does not read but Cortex does, or AWS_DEFAULT_REGION. A password goes with no other user than its own.
    """
    match source:
        case ConsulSource(acl_token=""):
            return replace(source, acl_token=environment.get("CONSUL_HTTP_TOKEN", ""))
        case EtcdSource(password=""):
            user, password = environment.get("ETCDCTL_USER", ""), environment.get("ETCDCTL_PASSWORD", "")
            if not password:
                user, _, password = user.partition(":")
            if source.username and user not in ("", source.username):
                return source
            user = source.username or user
            return replace(source, username=user, password=password if user else "")
        case DynamoDBSource(region=""):
            region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""
            return replace(source, region=region)
    return source


def _http(url: SourceURL) -> HTTPSource:
    user, password, host = url.user()
    server = address(host, None)
    if server is None:
        raise url.error(f"{host!r} is not host[:port]" if host else "has no host")
    if not is_web_path(url.path):
        raise url.error("its path has characters that want to be percent-encoded")
    path = without_page(url.path)
    if path == url.path.rstrip("/") or url.query not in ("tokens=true", "tokens=false"):
        url.parameters()
    return HTTPSource(
        f"{url.scheme.removeprefix('dns+')}://{server}{path}", url.scheme.startswith("dns+"), user, password
    )


def _consul(url: SourceURL) -> ConsulSource:
    host = url.no_user("Consul's ACL token comes from CONSUL_HTTP_TOKEN or --config.file")
    given = url.parameters("prefix", "tls")
    url.no_path()
    server = address(host or "localhost", 8500)
    if server is None:
        raise url.error(f"{host!r} is not host[:port]")
    return ConsulSource(f"{url.web_scheme(given)}://{server}", given.get("prefix"))


def _etcd(url: SourceURL) -> EtcdSource:
    user, password, hosts = url.user()
    if "," in url.authority.removesuffix(hosts):
        raise url.error("has a comma before the @: write %2C in a password; user and password go before the first host")
    if password and not user:
        raise url.error("has a password without a user")
    given = url.parameters("prefix", "tls")
    url.no_path()
    scheme, servers = url.web_scheme(given), []
    for host in hosts.split(","):
        server = address(host, 2379)
        if server is None:
            raise url.error(f"{host!r} is not host[:port]" if host else "lacks a host")
        servers.append(f"{scheme}://{server}")
    return EtcdSource(tuple(servers), given.get("prefix"), user, password)


def _dynamodb(url: SourceURL) -> DynamoDBSource:
    region = url.no_user("credentials come from the environment, a profile or the instance's role")
    given = url.parameters("prefix", "endpoint", "profile")
    table = url.path.removeprefix("/").removesuffix("/")
    fault = table_fault(region, table)
    if fault:
        raise url.error(fault)
    endpoint = given.get("endpoint", "")
    if endpoint and not is_server_url(endpoint):
        raise url.error("?endpoint= is not the URL of a server, as in endpoint=http://127.0.0.1:8000")
    return DynamoDBSource(region, table, given.get("prefix"), endpoint.rstrip("/"), given.get("profile", ""))


def _file(url: SourceURL) -> FileSource:
    path = unquote(url.path, errors="surrogateescape")
    if url.authority not in ("", "localhost") or not path:
        raise url.error("a file URL has no host but a path")
    if has_control(path):
        raise url.error("its path has control characters")
    url.parameters()
    return FileSource(Path(path))


def _user(name: str) -> str:
    return f"{quote(name, safe='', errors='replace')}@" if name else ""


def _secure(scheme: str) -> str:
    return "+https" * (scheme == "https")


def _query(**given: str | None) -> str:
    written = "&".join(
        f"{name}={quote(value, safe='/:', errors='replace')}" for name, value in given.items() if value is not None
    )
    return f"?{written}" if written else ""
