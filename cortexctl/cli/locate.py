"""Which bucket is meant: a flag, the environment, then Cortex's own configuration; and what that says besides."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cortexctl.cli.files import read_text
from cortexctl.cli.options import BucketOptions
from cortexctl.config import (
    BucketLocation,
    CortexConfig,
    S3Settings,
    parse_bucket_url,
    parse_cortex_config,
    parse_objstore_config,
    parse_overrides,
)
from cortexctl.errors import UsageError

_YAML = (".yaml", ".yml")


def find_bucket(
    source: BucketOptions, over: Mapping[str, Any] | None = None, whose: str = ""
) -> tuple[CortexConfig | None, BucketLocation]:
    """Return Cortex's configuration, where one is given, and the bucket.

    `over` are keys of Cortex's that go before its configuration, and `whose` they are. Uploads to a bucket that is
    named apart from the configuration are encrypted as the configuration says. Raises UsageError when no bucket is
    named, or by two flags.
    """
    named, config_file = _named(source), source.config_file
    if isinstance(named, Path):
        named, config_file = None, named
    config = None
    if config_file is not None or source.from_live or over:
        config = _read_config(config_file, source, over or {}, whose, with_location=named is None)
    if named is not None:
        return config, named if config is None else _encrypted_as(config, named)
    if config is None:
        raise UsageError(
            "no bucket: give --bucket URL, CORTEXCTL_BUCKET, --config.file, --from-live, --objstore.config-file or "
            "--context"
        )
    if config.location is None:
        raise UsageError(f"{config.name}: names no bucket; give --bucket")
    return config, config.location


def _named(source: BucketOptions) -> BucketLocation | Path | None:
    """Return the bucket that a flag names, or else the environment; a path is of a `cortex.yaml`."""
    flags = (source.bucket, source.objstore_config, source.objstore_config_file)
    if sum(each is not None for each in flags) > 1:
        raise UsageError("give one of --bucket, --objstore.config and --objstore.config-file")
    if source.objstore_config is not None:
        return parse_objstore_config(source.objstore_config, name="--objstore.config", environment=os.environ)
    if source.objstore_config_file is not None:
        text = read_text(source.objstore_config_file)
        return parse_objstore_config(text, name=str(source.objstore_config_file), environment=os.environ)
    url = source.bucket or os.environ.get("CORTEXCTL_BUCKET")
    if not url:
        return None
    return Path(url) if is_cortex_yaml(url) else parse_bucket_url(url)


def is_cortex_yaml(url: str) -> bool:
    """Return whether what is given as a bucket is a file of Cortex's own configuration."""
    return url.endswith(_YAML) and Path(url).is_file()


def _read_config(
    path: Path | None, source: BucketOptions, over: Mapping[str, Any], whose: str, *, with_location: bool
) -> CortexConfig:
    if path is not None and source.from_live:
        raise UsageError("give one of --config.file and --from-live")
    name, text = _text(path, source)
    config = parse_cortex_config(
        text,
        name=" and ".join(filter(None, (name, whose if over else ""))),
        environment=os.environ if source.config_expand_env else None,
        with_location=with_location,
        over=over,
    )
    if source.runtime_config_file is None:
        return config
    name = str(source.runtime_config_file)
    return config.with_overrides(
        parse_overrides(read_text(source.runtime_config_file), name=name, limits=config.limits)
    )


def _text(path: Path | None, source: BucketOptions) -> tuple[str, str]:
    """Return the name and the text of Cortex's configuration; both empty where there is none."""
    if path is not None:
        return str(path), read_text(path)
    if not source.from_live:
        return "", ""
    from cortexctl.cli.ring.settings import access_of_environment
    from cortexctl.config.source import redacted
    from cortexctl.sources.process import fetch_config

    return redacted(source.from_live), fetch_config(source.from_live, access_of_environment(source.timeout))


def _encrypted_as(config: CortexConfig, location: BucketLocation) -> BucketLocation:
    """Return the location with the encryption of the configuration, but for what it says itself."""
    store = location.store
    if not isinstance(store, S3Settings):
        return location
    if not store.sse.type:
        store = replace(store, sse=config.s3_sse)
    return replace(
        location,
        store=store,
        limits_sse=config.limits.sse,
        tenant_sse={tenant: limits.sse for tenant, limits in config.overrides.items()},
    )
