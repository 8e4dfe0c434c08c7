"""`cortexctl config show`, `use-context` and `validate`: the clusters of our own file of contexts."""

import os
from typing import Annotated

import typer

from cortexctl.cli.contexts import (
    bucket_in_context,
    context_in_force,
    contexts_path,
    read_contexts,
    ring_in_context,
)
from cortexctl.cli.files import fault_of, read_text
from cortexctl.cli.groups import grouped_without
from cortexctl.cli.options import AnswerOutputOptions, BucketOptions, ContextName, OutputOptions
from cortexctl.cli.ring.options import RingOptions
from cortexctl.errors import ExitCode, UsageError


@grouped_without("as_of")
def show(
    output: OutputOptions,
    context: ContextName = None,
) -> None:
    """Show what is in force, and where it is from.

    Where no option says else: the context, its places, and the settings of Cortex that cortexctl goes by. Secrets
    are not shown. Reads the files that the context names, and asks no server.
    """
    import time

    from cortexctl.audit.contexts import Read, in_force
    from cortexctl.cli.session import Output

    contexts = read_contexts()
    chosen = context_in_force(context, is_place_named=False)
    bucket, _ = bucket_in_context(BucketOptions(context=context))
    ring, _ = ring_in_context(RingOptions(context=context), needs_source=True)
    file = os.environ.get("CORTEXCTL_CONFIG_FILE") or bucket.config_file
    text = None if file is None else Read(str(file), _expanded(str(file), expand=bucket.config_expand_env))
    origin = "environment" if os.environ.get("CORTEXCTL_CONTEXT") else "option" if context else "current-context"
    table = in_force(contexts, chosen, origin, os.environ, text, bucket.bucket, tuple(ring.source or ()))
    Output(output, "config show", time.time()).emit(table)


def _expanded(path: str, *, expand: bool) -> str:
    from pathlib import Path

    from cortexctl.config import expand_env

    text = read_text(Path(path))
    return expand_env(text, os.environ) if expand else text


@grouped_without("as_of")
def use_context(
    output: AnswerOutputOptions,
    name: Annotated[str, typer.Argument(help="A context of the file.", metavar="NAME")],
) -> None:
    """Make a context the current one.

    It is then in force for every command that names no place itself. Writes current-context in the file of contexts,
    and leaves the rest of it as it is.
    """
    import time

    from cortexctl.cli.session import Output
    from cortexctl.config.contexts import parse_contexts, with_current
    from cortexctl.results import Document

    path = contexts_path()
    if not path.exists():
        raise UsageError(f"{path}: there is no file of contexts")
    text = read_text(path)
    parse_contexts(text, str(path)).named(name)
    changed = with_current(text, name)
    parse_contexts(changed, str(path)).named(name)  # where the line does not fit in, nothing is written
    from cortexctl.durable import replacing

    try:
        with replacing(path) as file:
            file.write(changed)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {fault_of(error)}") from error
    body = {"context": name, "file": str(path)}
    Output(output, "config use-context", time.time()).emit(Document(body, f"context {name} of {path}", {}))


@grouped_without("as_of")
def validate(output: OutputOptions) -> None:
    """Check the file of contexts.

    Its keys, its URLs, the files that it names, and the settings of Cortex in it. Exits 1 when anything is wrong.
    Asks no server.
    """
    import time

    from cortexctl.audit.contexts import faults_of, listed
    from cortexctl.cli.session import Output

    path = contexts_path()
    if not path.exists():
        raise UsageError(f"{path}: there is no file of contexts")
    found = faults_of(read_text(path), path)
    Output(output, "config validate", time.time()).emit(listed(found, path), is_well=not found)
    if found:
        raise typer.Exit(ExitCode.FINDINGS)
