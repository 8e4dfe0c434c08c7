"""The commands that findings of a bucket lead to, as they are typed after `cortexctl`, without the bucket.

Each can be run as it is: those that change anything show what they would do, and do it with `--apply`.
"""

import glob
from collections.abc import Iterable

from cortexctl import shell
from cortexctl.blocks import layout
from cortexctl.blocks.pairs import KIND_OF
from cortexctl.blocks.view import TenantView


def inspect(tenant: TenantView, block_id: str) -> str:
    """Show the block."""
    return shell.command("bucket inspect", [_block(tenant, block_id)])


def rebuild(tenant: TenantView) -> str:
    """Show how a new bucket index would differ."""
    return f"bucket index rebuild --tenant {shell.word(tenant.id)}"


def check_index(tenant: TenantView) -> str:
    """Look at what it does to the bucket index."""
    return f"bucket index check --tenant {shell.word(tenant.id)}"


def ls(tenant: TenantView, options: str = "") -> str:
    """List the tenant's blocks."""
    return f"bucket ls --tenant {shell.word(tenant.id)}{options and f' {options}'}"


def tenants(tenant: str = "") -> str:
    """List tenants, or show one."""
    return f"bucket tenants --tenant {shell.word(tenant)}" if tenant else "bucket tenants"


def fix(tenant: TenantView, code: str) -> str:
    """Repair what is found of a check."""
    return f"bucket check --tenant {shell.word(tenant.id)} --fix {code}"


def quarantine(tenant: TenantView, block_id: str) -> str:
    """Take the block out of sight, its data kept."""
    return shell.command("bucket quarantine", [_block(tenant, block_id)])


def mark(tenant: TenantView, block_id: str, name: str = layout.DELETION_MARK) -> str:
    """Mark the block in both places; `name` is that of the mark's file."""
    return shell.command("bucket marks add", [_block(tenant, block_id)], f" --kind {KIND_OF[name]}")


def unmark(tenant: TenantView, block_id: str, name: str = layout.DELETION_MARK) -> str:
    """Take the mark from the block, in both places and in the index."""
    return shell.command("bucket marks rm", [_block(tenant, block_id)], f" --kind {KIND_OF[name]}")


def migrate(tenant: TenantView, name: str = layout.DELETION_MARK) -> str:
    """Copy the tenant's marks of a kind to where Cortex looks for them."""
    return f"bucket marks migrate --tenant {shell.word(tenant.id)} --kind {KIND_OF[name]}"


def cleanup(tenant: TenantView, what: str) -> str:
    """Clean up one kind of waste of the tenant."""
    return f"bucket cleanup --tenant {shell.word(tenant.id)} --what {what}"


def abort_uploads(tenant: str) -> str:
    """Abort multipart uploads into a tenant that were begun and not ended."""
    return f"bucket cleanup --tenant {shell.word(tenant)} --what uploads"


def delete_strays(tenant: TenantView, keys: Iterable[str]) -> str:
    """Delete objects of the tenant that Cortex does not know."""
    rests = [glob.escape(layout.split(key)[1]) for key in keys]
    patterns = " ".join(f"--pattern {shell.word(rest)}" for rest in rests)
    return f"bucket cleanup --tenant {shell.word(tenant.id)} {patterns}"


def retention(tenant: TenantView) -> str:
    """Show what retention is going to delete, and why it has not."""
    return f"bucket retention --tenant {shell.word(tenant.id)} --all"


def plan_compaction(tenant: TenantView) -> str:
    """Show what compactors would do with the tenant's blocks."""
    return f"plan compaction --tenant {shell.word(tenant.id)}"


def plan_disk(tenant: TenantView) -> str:
    """Show what disk the tenant's compactions take."""
    return f"plan disk --tenant {shell.word(tenant.id)}"


def _block(tenant: TenantView, block_id: str) -> str:
    return f"{tenant.id}/{block_id}"
