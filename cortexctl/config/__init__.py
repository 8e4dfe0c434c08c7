"""Where the bucket is and what Cortex will do to it: from configuration text to frozen settings.

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
from cortexctl.config.document import Section, expand_env
from cortexctl.config.location import (
    SSE,
    AzureSettings,
    Backend,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    MemorySettings,
    S3Settings,
    StoreSettings,
)
from cortexctl.config.objstore import parse_objstore_config
from cortexctl.config.url import parse_bucket_url

__all__ = [
    "SSE",
    "AzureSettings",
    "Backend",
    "BucketLocation",
    "BucketStoreSettings",
    "CompactorSettings",
    "CortexConfig",
    "FilesystemSettings",
    "GCSSettings",
    "LimitsSettings",
    "MemorySettings",
    "S3Settings",
    "Section",
    "StoreSettings",
    "UsersScannerSettings",
    "expand_env",
    "parse_bucket_url",
    "parse_cortex_config",
    "parse_objstore_config",
    "parse_overrides",
]
