"""What the options of ring commands come to: how servers are spoken to, the configurations, and the sources."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortexctl.cli.files import read_text
from cortexctl.cli.ring.options import AccessOptions, RingOptions
from cortexctl.errors import UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from cortexctl.config import CortexConfig
    from cortexctl.config.source import Access, RingSource


def access_of(access: AccessOptions) -> "Access":
    """Return how servers are spoken to, secrets read from their files or the environment."""
    from cortexctl.config.source import TLS, Access

    timeout_s = parse_duration_s(access.timeout)
    if timeout_s <= 0:
        raise UsageError("--timeout must be more than nothing")
    return Access(
        timeout_s=timeout_s,
        headers=tuple(_header(each) for each in access.header or ()),
        username=access.username,
        password=_secret(access.password_file, "CORTEXCTL_PASSWORD"),
        bearer_token=_secret(access.bearer_token_file, "CORTEXCTL_BEARER_TOKEN"),
        tls=TLS(
            access.tls_ca_file,
            access.tls_cert_file,
            access.tls_key_file,
            access.tls_server_name,
            access.tls_insecure,
        ),
    )


def access_of_environment(timeout: str) -> "Access":
    """Return how servers are spoken to where there are no options for it: as the environment says."""

    def path(name: str) -> Path | None:
        written = os.environ.get(f"CORTEXCTL_{name}")
        return Path(written) if written else None

    return access_of(
        AccessOptions(
            username=os.environ.get("CORTEXCTL_USERNAME", ""),
            password_file=path("PASSWORD_FILE"),
            bearer_token_file=path("BEARER_TOKEN_FILE"),
            tls_ca_file=path("TLS_CA_FILE"),
            tls_cert_file=path("TLS_CERT_FILE"),
            tls_key_file=path("TLS_KEY_FILE"),
            tls_insecure=os.environ.get("CORTEXCTL_TLS_INSECURE", "").lower() in ("1", "true", "yes", "on"),
            timeout=timeout,
        )
    )


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"--header {name!r}: write NAME:VALUE")
    return name.strip(), value.strip()


def _secret(path: Path | None, variable: str) -> str:
    if path is None:
        return os.environ.get(variable, "")
    return read_text(path).strip()


def read_configs(
    given: RingOptions, access: "Access", over: Mapping[str, Any] | None = None, whose: str = ""
) -> "tuple[CortexConfig, ...]":
    """Return the configurations that are given, files before live ones.

    `over` are keys of Cortex's that go before theirs, and `whose` they are: where they say anything of
    rings, they are a configuration of their own if there is no other.
    """
    from cortexctl.config import parse_cortex_config
    from cortexctl.config.rings import says_of_rings
    from cortexctl.config.source import redacted

    texts = [(str(path), read_text(path)) for path in given.config_file or ()]
    if given.from_live:
        from cortexctl.sources.process import fetch_config

        texts += [(redacted(url), fetch_config(url, access)) for url in given.from_live]
    environment = os.environ if given.config_expand_env else None
    if over:
        texts = [(f"{name} and {whose}", text) for name, text in texts]
        if not texts and says_of_rings(over):
            texts = [(whose, "")]
    return tuple(
        parse_cortex_config(text, name=name, environment=environment, with_location=False, over=over)
        for name, text in texts
    )


def find_sources(
    given: RingOptions,
    configs: "Sequence[CortexConfig]",
    *,
    needs_source: bool,
    rings: Mapping[str, Sequence[str]] | None = None,
) -> "Mapping[RingSource, frozenset[str]]":
    """Return the sources that are named, or else where the first configuration keeps its rings, and which of them.

    `rings` are sources by component, of which each has no other ring.
    """
    from cortexctl.config.rings import ring_source
    from cortexctl.config.source import FileSource, HTTPSource, parse_ring_source, with_environment
    from cortexctl.ring.components import COMPONENTS

    found: dict[RingSource, frozenset[str]] = {}
    for url in given.source or ():
        found[with_environment(parse_ring_source(url), os.environ)] = frozenset()
    for name, urls in (rings or {}).items():
        for each in [with_environment(parse_ring_source(url), os.environ) for url in urls]:
            found[each] = found.get(each, frozenset()) | {name}
    if found:
        return found
    unreachable: UsageError | None = None
    for component in COMPONENTS.values() if configs else ():
        try:
            source = ring_source(configs[0], component)
        except UsageError as error:  # it is in memory; another may be in a store
            unreachable = error
            continue
        if source is not None and not isinstance(source, HTTPSource | FileSource):
            # Each ring's key is known from the configuration: one place has them all.
            source = with_environment(replace(source, prefix=None), os.environ)
            found[source] = found.get(source, frozenset()) | {component.name}
    if not found and needs_source:
        raise unreachable or UsageError("no ring: give --source URL, CORTEXCTL_SOURCE, --config.file or --context")
    return found


def stored_keys(configs: "Sequence[CortexConfig]") -> Mapping[str, str]:
    """Return the stored key of each ring, by component, as the first configuration has it."""
    from cortexctl.config.rings import ring_config
    from cortexctl.ring.components import COMPONENTS

    if not configs:
        return {}
    return {name: ring_config(configs[0], component).stored_key for name, component in COMPONENTS.items()}
