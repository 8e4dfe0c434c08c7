"""What a check of a bucket may lack, in words that say how to get it."""

from enum import StrEnum


class Need(StrEnum):
    """What must be known for a check to be run."""

    DATA = "the blocks' data, which a check does not read"
    DISK = "the size of a compactor's disk (--volume)"
    LIMITS = "the tenants' retention (--config.file)"
    CONFIGURATION = "Cortex's configuration (--config.file)"
    WHOLE_BUCKET = "every tenant (no --tenant, no --exclude-tenant)"
    UPLOADS = "the list of unfinished uploads, which this store or its permissions do not give"
