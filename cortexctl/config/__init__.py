"""Where the bucket and the rings are and what Cortex does with them: from configuration text to frozen settings.

Pure: the text and the environment are arguments. Reading files, pages and credentials is left to the callers
and to `cortexctl.storage`.
"""

from cortexctl.config.cortex import (
    BucketStoreSettings,
    CompactorSettings,
    CortexConfig,
    LimitsSettings,
    UsersScannerSettings,
    parse_cortex_config,
    parse_overrides,
)
from cortexctl.config.document import Section
from cortexctl.config.expansion import expand_env
from cortexctl.config.location import (
    SSE,
    AzureSettings,
    Backend,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    MemorySettings,
    S3Settings,
    SnapshotSettings,
    StoreSettings,
)
from cortexctl.config.objstore import parse_objstore_config
from cortexctl.config.rings import ring_config, ring_source
from cortexctl.config.source import (
    TLS,
    Access,
    ConsulSource,
    DynamoDBSource,
    EtcdSource,
    FileSource,
    HTTPSource,
    RingSource,
    display,
    parse_ring_source,
    redacted,
    with_environment,
)
from cortexctl.config.url import parse_bucket_url

__all__ = [
    "SSE",
    "TLS",
    "Access",
    "AzureSettings",
    "Backend",
    "BucketLocation",
    "BucketStoreSettings",
    "CompactorSettings",
    "ConsulSource",
    "CortexConfig",
    "DynamoDBSource",
    "EtcdSource",
    "FileSource",
    "FilesystemSettings",
    "GCSSettings",
    "HTTPSource",
    "LimitsSettings",
    "MemorySettings",
    "RingSource",
    "S3Settings",
    "Section",
    "SnapshotSettings",
    "StoreSettings",
    "UsersScannerSettings",
    "display",
    "expand_env",
    "parse_bucket_url",
    "parse_cortex_config",
    "parse_objstore_config",
    "parse_overrides",
    "parse_ring_source",
    "redacted",
    "ring_config",
    "ring_source",
    "with_environment",
]
