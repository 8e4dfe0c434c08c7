"""What else Cortex's configuration keeps in the bucket of the blocks."""

from cortexctl.config.cortex import CortexConfig
from cortexctl.config.document import Section

_CONTAINERS = {"s3": "bucket_name", "gcs": "bucket_name", "azure": "container_name", "filesystem": "dir"}
_DEFAULTS = {
    "blocks_storage": "s3",
    "ruler_storage": "s3",
    "alertmanager_storage": "s3",
    "runtime_config": "filesystem",
}


def sharing(config: CortexConfig) -> list[str]:
    """Return the sections that name the same bucket as `blocks_storage`, in the order of the configuration.

    Source: Cortex, pkg/storage/bucket/client.go, Config.
    """
    blocks = bucket_of(config)
    if blocks is None:
        return []
    others = [name for name in _DEFAULTS if name != "blocks_storage"]
    return [name for name in others if _bucket(config.section(name), name) == blocks]


def bucket_of(config: CortexConfig) -> tuple[str, str, str] | None:
    """Return backend, account or endpoint, and bucket of the blocks; None where none is named."""
    return _bucket(config.section("blocks_storage"), "blocks_storage")


def _bucket(section: Section, name: str) -> tuple[str, str, str] | None:
    """Return backend, account or endpoint, and bucket; None where none is named."""
    backend = section.text("backend", _DEFAULTS[name])
    if backend not in _CONTAINERS:
        return None
    settings = section.section(backend)
    container = settings.text(_CONTAINERS[backend])
    where = settings.text("account_name" if backend == "azure" else "endpoint")
    return (backend, where, container.rstrip("/")) if container else None
