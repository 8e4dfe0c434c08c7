"""Which bucket is meant: a flag, the environment, then Cortex's own configuration; and what that says besides."""

import os
from dataclasses import replace
from pathlib import Path

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


def find_bucket(source: BucketOptions) -> tuple[CortexConfig | None, BucketLocation]:
    """Return Cortex's configuration, where one is given, and the bucket.

    Uploads to a bucket that is named apart from the configuration are encrypted as the configuration says. Raises
    UsageError when no bucket is named, or by two flags.
    """
    named, config_file = _named(source), source.config_file
    if isinstance(named, Path):
        named, config_file = None, named
    config = None
    if config_file is not None:
        config = _read_config(config_file, source, with_location=named is None)
    if named is not None:
        return config, named if config is None else _encrypted_as(config, named)
    if config is None:
        raise UsageError("no bucket: give --bucket URL, CORTEXCTL_BUCKET, --config.file or --objstore.config-file")
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
        text = _read(source.objstore_config_file)
        return parse_objstore_config(text, name=str(source.objstore_config_file), environment=os.environ)
    url = source.bucket or os.environ.get("CORTEXCTL_BUCKET")
    if not url:
        return None
    return Path(url) if url.endswith(_YAML) and Path(url).is_file() else parse_bucket_url(url)


def _read_config(path: Path, source: BucketOptions, *, with_location: bool) -> CortexConfig:
    config = parse_cortex_config(
        _read(path),
        name=str(path),
        environment=os.environ if source.config_expand_env else None,
        with_location=with_location,
    )
    if source.runtime_config_file is None:
        return config
    name = str(source.runtime_config_file)
    return config.with_overrides(parse_overrides(_read(source.runtime_config_file), name=name, limits=config.limits))


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


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
