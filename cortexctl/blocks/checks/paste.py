"""The commands that findings of a bucket lead to, as they are typed after `cortexctl`, without the bucket."""

import shlex

from cortexctl.blocks.view import TenantView


def inspect(tenant: TenantView, block_id: str) -> str:
    """Show the block."""
    return f"bucket inspect {shlex.quote(f'{tenant.id}/{block_id}')}"


def rebuild(tenant: TenantView) -> str:
    """Show how a new bucket index would differ."""
    return f"bucket index rebuild --tenant {shlex.quote(tenant.id)}"


def check_index(tenant: TenantView) -> str:
    """Look at what it does to the bucket index."""
    return f"bucket index check --tenant {shlex.quote(tenant.id)}"


def ls(tenant: TenantView, options: str = "") -> str:
    """List the tenant's blocks."""
    return f"bucket ls --tenant {shlex.quote(tenant.id)}{options and f' {options}'}"


def tenants(tenant: str = "") -> str:
    """List tenants, or show one."""
    return f"bucket tenants --tenant {shlex.quote(tenant)}" if tenant else "bucket tenants"
