"""Options that ring commands share. Their help is the reference."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cortexctl.cli.options import ContextName

RingName = Annotated[
    str,
    typer.Argument(
        help="ingester, distributor, store-gateway, compactor, ruler, alertmanager or parquet-converter.",
        metavar="RING",
    ),
]
RingNames = Annotated[
    list[str] | None, typer.Argument(help="Rings; none is all that the sources hold.", metavar="[RING]...")
]


@dataclass(frozen=True)
class RingOptions:
    """Where the ring is; several sources are several views of it."""

    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            "-s",
            help="http(s)://pod:8080, dns+http://headless:8080, consul://, etcd://host:2379, dynamodb://region/table, "
            "a snapshot, or a saved page or value. Repeatable.",
            metavar="URL",
            envvar="CORTEXCTL_SOURCE",
        ),
    ] = None
    config_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--config.file",
            help="Cortex's own YAML: where its rings are, and how they are read. Repeatable: the first is in force.",
            metavar="FILE",
            envvar="CORTEXCTL_CONFIG_FILE",
        ),
    ] = None
    config_expand_env: Annotated[
        bool, typer.Option("--config.expand-env", help="Replace ${VAR} in the YAML, as Cortex does.")
    ] = False
    from_live: Annotated[
        list[str] | None,
        typer.Option("--from-live", help="Likewise from a process's /config page. Repeatable.", metavar="URL"),
    ] = None
    context: ContextName = None
    replication_factor: Annotated[
        int | None,
        typer.Option("--replication-factor", min=1, max=99, help="Instead of the configuration's.", metavar="N"),
    ] = None
    zone_awareness: Annotated[
        bool | None, typer.Option("--zone-awareness/--no-zone-awareness", help="Instead of the configuration's.")
    ] = None
    heartbeat_timeout: Annotated[
        str | None,
        typer.Option("--heartbeat-timeout", help="Instead of the configuration's.", metavar="DURATION"),
    ] = None
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=0, help="How many an instance should have.", metavar="N")
    ] = None


@dataclass(frozen=True)
class HttpOptions:
    """How servers know us, and we them."""

    header: Annotated[
        list[str] | None,
        typer.Option("--header", help="Sent with every HTTP request. Repeatable.", metavar="NAME:VALUE"),
    ] = None
    username: Annotated[
        str, typer.Option("--username", help="Of HTTP's basic auth.", metavar="NAME", envvar="CORTEXCTL_USERNAME")
    ] = ""
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            help="Its password.  [or: CORTEXCTL_PASSWORD]",
            metavar="FILE",
            envvar="CORTEXCTL_PASSWORD_FILE",
        ),
    ] = None
    bearer_token_file: Annotated[
        Path | None,
        typer.Option(
            "--bearer-token-file",
            help="A bearer token.  [or: CORTEXCTL_BEARER_TOKEN]",
            metavar="FILE",
            envvar="CORTEXCTL_BEARER_TOKEN_FILE",
        ),
    ] = None
    tls_ca_file: Annotated[
        Path | None,
        typer.Option("--tls-ca-file", help="Who is trusted, in PEM.", metavar="FILE", envvar="CORTEXCTL_TLS_CA_FILE"),
    ] = None
    tls_cert_file: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert-file", help="Our certificate, in PEM.", metavar="FILE", envvar="CORTEXCTL_TLS_CERT_FILE"
        ),
    ] = None
    tls_key_file: Annotated[
        Path | None,
        typer.Option("--tls-key-file", help="Its key, in PEM.", metavar="FILE", envvar="CORTEXCTL_TLS_KEY_FILE"),
    ] = None
    tls_server_name: Annotated[
        str, typer.Option("--tls-server-name", help="Whom the certificate is for.", metavar="NAME")
    ] = ""
    tls_insecure: Annotated[
        bool, typer.Option("--tls-insecure", help="Trust any certificate.", envvar="CORTEXCTL_TLS_INSECURE")
    ] = False


@dataclass(frozen=True)
class AccessOptions(HttpOptions):
    """How servers are spoken to, and how long they may take."""

    timeout: Annotated[str, typer.Option("--timeout", help="For one request.", metavar="DURATION")] = "10s"
    deadline: Annotated[
        str | None, typer.Option("--deadline", help="For the whole run; exit code 124.", metavar="DURATION")
    ] = None
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=256, help="Places asked at once.", metavar="N")
    ] = 64
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Write nothing, whatever else is asked.", envvar="CORTEXCTL_READ_ONLY")
    ] = False
