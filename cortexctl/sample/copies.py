"""Copies of the sample tenant, and changes to them that keep the times of objects."""

import os
from collections.abc import Callable
from pathlib import Path

from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.bucket_index import BucketIndex


def copy_tenant(source: Path, copy: Path, older_by_s: float) -> BucketIndex:
    """Copy a tenant's folder under another tenant's name, written some time earlier, and return its bucket index."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            _copy(path, copy / path.relative_to(source), (source.name, copy.name), older_by_s)
    return bucket_index.decode((source / layout.BUCKET_INDEX_NAME).read_bytes()).index


def _copy(source: Path, target: Path, names: tuple[str, str], older_by_s: float) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    body = source.read_bytes()
    if source.name == layout.META:
        old, new = (f'"{name}"'.encode() for name in names)
        body = body.replace(old, new)
    put(target, body, source.stat().st_mtime - older_by_s)


def put(path: Path, body: bytes, modified_s: float) -> None:
    """Write an object as it was written at some time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    os.utime(path, (modified_s, modified_s))


def rewrite(bucket: Path, key: str, old: bytes, new: bytes) -> None:
    """Replace a part of an object."""
    keep_time(bucket / key, lambda body: body.replace(old, new))


def keep_time(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change an object, and leave it as old as it was."""
    put(path, change(path.read_bytes()), path.stat().st_mtime)
