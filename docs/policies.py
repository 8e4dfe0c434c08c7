"""The page of permissions, made from what the commands say that they need."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cortexctl.cli import tree
from cortexctl.cli.permissions import DELETE, GET, LIST, OF_COMMANDS, PUT, Writes, needs

BUCKET = "cortex-blocks"
_ARN = f"arn:aws:s3:::{BUCKET}"

_ABOUT = f"""\
What each command needs to be allowed, and no more. The bucket is called `{BUCKET}` here. With a prefix in
its URL, put it before the keys. The policies are derived from what the commands do, and
tests hold them to it; they were not tried on AWS itself.

Begin with a role that may only read, and `CORTEXCTL_READ_ONLY=1`."""
_READING = """\
Of objects it gets metas, marks, indexes and the like, and never the index or the chunks of a block, unless a command
says so."""
_WRITING = """\
With `--apply` a command needs the following besides. `journal resume` needs what the run needed. Each holds the
cleaner's visit marker while it writes a tenant."""
_KMS = """\
Where objects are encrypted with a KMS key: `kms:Decrypt` on it to read, and `kms:GenerateDataKey` to write."""
_RINGS = """\
What ring commands need, of DynamoDB, Consul, etcd and HTTP, is in [Rings](rings.md#least-privilege). To read a ring in
DynamoDB:"""


def page(commands: Sequence[tree.Command]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield from ("# Permissions", "", _ABOUT, "", "## Reading a bucket", "", _READING, "")
    yield from _policy(_statement([LIST], [_ARN]), _statement([GET], [f"{_ARN}/*"]))
    yield from ("", "## Writing to a bucket", "", _WRITING)
    for command, writes in OF_COMMANDS.items():
        yield from ("", f"### {command}", "")
        yield from _policy(*_to_apply(writes))
        if undo := _to_undo(writes):
            yield from ("", f"To take it back, `journal undo` needs besides: {undo}.")
    yield from ("", _KMS, "", "## Rings", "", _RINGS, "")
    table = "arn:aws:dynamodb:eu-west-1:123456789012:table/cortex-ring"
    yield from _policy(_statement(["dynamodb:Query"], [table]))
    yield from ("", "## Command by command", "", "| Command | What its help says |", "| --- | --- |")
    for each in commands:
        if said := needs(each.help):
            escaped = said.replace("|", "\\|").replace("*", "\\*")
            yield f"| [`{each.name}`](commands.md#{each.name.replace(' ', '-')}) | {escaped} |"


def _to_apply(writes: Writes) -> Iterator[Mapping[str, Any]]:
    puts, deletes = writes.with_lock()
    yield _statement([PUT], _objects(puts))
    yield _statement([DELETE], _objects(deletes))
    if writes.bucket_actions:
        yield _statement(writes.bucket_actions, [_ARN])
    if writes.object_actions:
        yield _statement(writes.object_actions, [f"{_ARN}/*"])


def _to_undo(writes: Writes) -> str:
    told = [(PUT, set(writes.undo_puts) - set(writes.puts)), (DELETE, set(writes.undo_deletes) - set(writes.deletes))]
    return "; ".join(
        f"`{action}` on {', '.join(f'`{each}`' for each in sorted(keys))}" for action, keys in told if keys
    )


def _objects(keys: Sequence[str]) -> list[str]:
    return [f"{_ARN}/*"] if "*" in keys else [f"{_ARN}/{key}" for key in keys]


def _statement(actions: Sequence[str], resources: Sequence[str]) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _policy(*statements: Mapping[str, Any]) -> Iterator[str]:
    yield "```json"
    yield from json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2).splitlines()
    yield "```"
