"""Which context is in force, and what it says where no flag and no variable does.

A context that is named, by `--context` or CORTEXCTL_CONTEXT, says what is not given. The current one of the file speaks
only where nothing of a command names a place: it is of one cluster, and what is named may be of another.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cortexctl.cli.files import read_text
from cortexctl.cli.options import BucketOptions
from cortexctl.cli.remembered import CONTEXTS, remember
from cortexctl.cli.ring.options import RingOptions

if TYPE_CHECKING:
    from cortexctl.cli.output import Output
    from cortexctl.config.contexts import Context, Contexts

_SNAPSHOT = "snapshot:"


def contexts_path() -> Path:
    """Return where the file of contexts is: CORTEXCTL_CONFIG, or below XDG_CONFIG_HOME."""
    if given := os.environ.get("CORTEXCTL_CONFIG"):
        return Path(given)
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "cortexctl" / "config.yaml"


def read_contexts() -> "Contexts":
    """Return the contexts of the file; none where there is no file at its usual place. Raises UsageError."""
    from cortexctl.config.contexts import Contexts, parse_contexts

    path = contexts_path()
    if not path.exists() and not os.environ.get("CORTEXCTL_CONFIG"):
        return Contexts(str(path))
    contexts = parse_contexts(read_text(path), str(path))
    remember(CONTEXTS, contexts.by_name)
    return contexts


def context_in_force(name: str | None, *, is_place_named: bool) -> "Context | None":
    """Return the context that is named, or else the current one, which is silent where a place is named.

    Raises UsageError where there is none of that name.
    """
    if name is None and (is_place_named or not contexts_path().exists()):
        return None
    contexts = read_contexts()
    if name is None and not contexts.current:
        return None
    return contexts.named(name or contexts.current)


def bucket_in_context(given: BucketOptions) -> "tuple[BucketOptions, Context | None]":
    """Return the options of a bucket with what the context in force says, and the context."""
    is_bucket_named = bool(
        given.bucket or os.environ.get("CORTEXCTL_BUCKET") or given.objstore_config or given.objstore_config_file
    )
    is_config_named = bool(given.config_file or given.from_live)
    context = context_in_force(given.context, is_place_named=is_bucket_named or is_config_named)
    if context is None:
        return given, None
    if not is_bucket_named:
        given = replace(
            given, bucket=_bucket(context.bucket), objstore_config_file=context_file(context.objstore_config_file)
        )
    if not is_config_named:
        given = replace(
            given,
            config_file=context_file(context.config_file),
            config_expand_env=given.config_expand_env or context.config_expand_env,
            from_live=None if context.config_file else next(iter(context.from_live), None),
        )
    runtime = given.runtime_config_file or context_file(context.runtime_config_file)
    return replace(given, context=context.name, runtime_config_file=runtime), context


def ring_in_context(given: RingOptions, *, needs_source: bool) -> "tuple[RingOptions, Context | None]":
    """Return the options of a ring with what the context in force says, and the context.

    Where no source is needed, the current context does not give one.
    """
    is_config_named = bool(given.config_file or given.from_live)
    is_named = bool(given.source) or is_config_named or not needs_source
    context = context_in_force(given.context, is_place_named=is_named)
    if context is None:
        return given, None
    if not given.source:
        given = replace(given, source=list(context.source) or None)
    if not is_config_named:
        file = context_file(context.config_file)
        given = replace(
            given,
            config_file=[file] if file else None,
            config_expand_env=given.config_expand_env or context.config_expand_env,
            from_live=list(context.from_live) or None,
        )
    return replace(given, context=context.name), context


def say_context(to: "Output", context: "Context | None", named: str | None) -> None:
    """Tell which context is in force where nobody has named it."""
    if context is not None and named is None:
        to.say(f"context {context.name}, the current one of {contexts_path()}")


def context_file(written: str) -> Path | None:
    """Return a path of the file of contexts, relative to that file; None for nothing."""
    return contexts_path().parent / Path(written).expanduser() if written else None


def _bucket(written: str) -> str | None:
    """Return a URL as it is, and a path relative to the file of contexts."""
    if not written or "://" in written:
        return written or None
    path = written.removeprefix(_SNAPSHOT)
    return f"{_SNAPSHOT * (path != written)}{context_file(path)}"
