"""What each command that writes to a bucket needs to be allowed on S3, beside reading.

A key is one within the bucket; `*` in it stands for anything, as in a policy. The page of permissions is made of this,
and a test holds it to what the commands do. What a command reads is in the last words of its help.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

GET, PUT, DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"
LIST = "s3:ListBucket"

_INDEX = "*/bucket-index.json.gz"
_LOCK = "*/markers/cleaner-visit-marker.json"
_DELETION_MARKS = "*deletion-mark.json"
"""In a block, and under `markers/`."""
_MARKS = ("*deletion-mark.json", "*no-compact-mark.json", "*parquet-converter-mark.json")
_META, _PUT_ASIDE = "*/meta.json", "*/meta.json.quarantined"
_NEEDS = re.compile(r"(?:^|\s)(Needs\s[^\n]*(?:\n(?!\n)[^\n]*)*)")


@dataclass(frozen=True, slots=True)
class Writes:
    """The keys of a command's writes, and of undoing them; the cleaner's visit marker is put and deleted besides."""

    puts: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    undo_puts: tuple[str, ...] = ()
    undo_deletes: tuple[str, ...] = ()
    bucket_actions: tuple[str, ...] = ()
    """Actions on the bucket itself, for what the command does only when it is asked to or has to."""
    object_actions: tuple[str, ...] = ()

    def with_lock(self) -> "tuple[tuple[str, ...], tuple[str, ...]]":
        """Return the keys that are put and deleted, the lock's among them."""
        return (*self.puts, _LOCK), (*self.deletes, _LOCK)


OF_COMMANDS: Mapping[str, Writes] = {
    "bucket check --fix": Writes(
        puts=(_INDEX, *_MARKS, _PUT_ASIDE),
        deletes=("*",),
        undo_puts=("*",),
        undo_deletes=(_INDEX, *_MARKS, _PUT_ASIDE),
    ),
    "bucket index rebuild": Writes(puts=(_INDEX,), undo_deletes=(_INDEX,)),
    "bucket marks add": Writes(puts=_MARKS, undo_deletes=_MARKS),
    "bucket marks migrate": Writes(puts=_MARKS, undo_deletes=_MARKS),
    "bucket marks rm": Writes(puts=(_INDEX, *_MARKS), deletes=_MARKS, undo_puts=_MARKS),
    "bucket undelete": Writes(
        puts=(_INDEX, _META, "*no-compact-mark.json"),
        deletes=(_DELETION_MARKS,),
        undo_puts=(_DELETION_MARKS,),
        undo_deletes=("*",),
        bucket_actions=("s3:GetBucketVersioning", "s3:ListBucketVersions"),
        object_actions=("s3:GetObjectVersion", "s3:DeleteObjectVersion"),
    ),
    "bucket quarantine": Writes(
        puts=(_INDEX, _PUT_ASIDE), deletes=(_META,), undo_puts=(_META,), undo_deletes=(_PUT_ASIDE,)
    ),
    "bucket cleanup": Writes(
        puts=(_DELETION_MARKS,),
        deletes=("*",),
        undo_puts=("*",),
        undo_deletes=(_DELETION_MARKS,),
        bucket_actions=("s3:ListBucketMultipartUploads",),
        object_actions=("s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
    ),
}


def needs(help_text: str) -> str:
    """Return what a command's help says that it needs, on one line; empty where it does not say."""
    return " ".join(" ".join(each.split()) for each in _NEEDS.findall(help_text))
