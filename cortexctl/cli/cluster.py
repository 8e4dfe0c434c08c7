"""A cluster as options, the environment and contexts name it: its bucket, its rings and its configuration.

Each is opened by itself: one that cannot be is a value, and keeps no other from being looked at.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from cortexctl.cli.contexts import context_file, context_in_force
from cortexctl.cli.files import read_text
from cortexctl.cli.options import BucketOptions, ResultOptions
from cortexctl.cli.ring.options import AccessOptions, HttpOptions, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.cli.ring.settings import access_of
from cortexctl.cli.session import Session, session
from cortexctl.errors import CortexctlError, DataError, ExitCode, SourceError, UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from cortexctl.audit.config import Text
    from cortexctl.config.contexts import Context
    from cortexctl.sources.pods import Found

_NO_BUCKET = "no bucket is named: give --bucket, or --config.file with one"
_NO_RINGS = "no rings are named: give --source or --k8s-namespace, or --config.file with a KV store"

Opened = TypeVar("Opened")

OfBucket: TypeAlias = Session | CortexctlError | str
OfRings: TypeAlias = RingSession | CortexctlError | str
"""What was opened; else why not: an error, or what would have to be given, in words."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is named, and by what."""

    source: BucketOptions
    """The context in force is named in it."""
    rings: Sequence[str]
    access: AccessOptions
    context: "Context | None"
    is_bucket_named: bool
    """By an option or the environment, and not by a configuration."""
    has_config: bool
    pods: "Found | None" = None
    """What of Cortex's is in a namespace; its pods are places of rings."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of Cortex's configuration, and why others could not be read."""

    texts: "Sequence[Text]" = ()
    errors: Sequence[CortexctlError] = ()
    unread_urls: Sequence[str] = ()
    """Where these happened, without secrets."""
    is_lost: bool = False
    """Whether it is `--from-live` that could not be read."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What could be opened."""

    bucket: OfBucket
    rings: OfRings
    texts: Texts
    pods: "Found | None" = None

    @property
    def name(self) -> str:
        """What was opened of it, to tell it from others."""
        names = [self.bucket.bucket.display] if isinstance(self.bucket, Session) else []
        pods = self.pods.urls if self.pods else ()  # their addresses are of the day
        names += [self.pods.name] if self.pods else []
        places = self.rings.places if isinstance(self.rings, RingSession) else ()
        names += [each.name for each in places if each.name not in pods]
        return ", ".join([*names, *(each.name for each in self.texts.texts)])


def placed(
    source: BucketOptions, rings: Sequence[str] | None, http: HttpOptions, *, has_namespace: bool = False
) -> Given:
    """Return what is named. Raises UsageError where nothing is, and says what to give."""
    from cortexctl.cli.locate import is_cortex_yaml

    if source.bucket and is_cortex_yaml(source.bucket) and not source.config_file and not source.from_live:
        source = replace(source, bucket=None, config_file=Path(source.bucket))
    is_bucket_named = bool(
        source.bucket or os.environ.get("CORTEXCTL_BUCKET") or source.objstore_config or source.objstore_config_file
    )
    has_config = bool(source.config_file or source.from_live)
    is_named = is_bucket_named or has_config or bool(rings) or has_namespace
    context = context_in_force(source.context, is_place_named=is_named)
    if context is None and not is_named:
        raise UsageError(
            "no cluster is named: give --config.file FILE or --from-live URL, --bucket URL, --source URL of its rings, "
            "--k8s-namespace NAME, or --context NAME"
        )
    if source.config_file and source.from_live:
        raise UsageError("give one of --config.file and --from-live")
    spoken = {each.name: getattr(http, each.name) for each in fields(http)}
    access = AccessOptions(**spoken, timeout=source.timeout, deadline=source.deadline, read_only=source.read_only)
    access_of(access)  # what it cannot mean is said at once
    if source.deadline is not None:
        parse_duration_s(source.deadline)
    if context is not None:
        source = replace(source, context=context.name)
        has_config = has_config or bool(context.config_file or context.from_live)
    return Given(source, rings or (), access, context, is_bucket_named, has_config)


def read_texts(given: Given) -> Texts:
    """Return the configuration's text, from its file or its processes. Raises UsageError for a file."""
    from cortexctl.audit.config import Text, live_text
    from cortexctl.config import expand_env, redacted

    file, urls = given.source.config_file, [given.source.from_live] if given.source.from_live else []
    expands = given.source.config_expand_env
    if file is None and not urls and given.context is not None:
        file, urls = context_file(given.context.config_file), list(given.context.from_live)
        expands = expands or given.context.config_expand_env
    texts: list[Text] = []
    errors: list[CortexctlError] = []
    unread: list[str] = []
    if file is not None:
        text = read_text(file)
        texts.append(Text(str(file), expand_env(text, os.environ) if expands else text))
    for url in urls:
        try:
            texts.append(live_text(url, access_of(given.access)))
        except (SourceError, DataError) as error:
            errors.append(error)
            unread.append(redacted(url))
    return Texts(texts, errors, unread, is_lost=bool(errors and given.source.from_live))


def opened(stack: ExitStack, given: Given, texts: Texts, output: ResultOptions) -> Cluster:
    """Open what is named, until the stack ends. Without a configuration that cannot be read, the rest is opened."""
    source = replace(given.source, from_live=None) if texts.is_lost else given.source
    has_config = given.has_config and not texts.is_lost
    lost = texts.errors[0] if texts.is_lost else None
    context = given.context
    is_configured = has_config or context is not None
    has_bucket = (
        given.is_bucket_named or has_config or bool(context and (context.bucket or context.objstore_config_file))
    )
    sources = [*given.rings, *(given.pods.urls if given.pods else ())]
    has_rings = bool(sources) or has_config or bool(context and (context.source or context.rings))
    bucket: OfBucket = lost or _NO_BUCKET
    if has_bucket:
        opening = session(source, output, "doctor")
        bucket = _opened(stack, opening, is_named=given.is_bucket_named, has_config=is_configured)
    unlisted = next(iter(given.pods.refused.values()), None) if given.pods else None
    rings: OfRings = lost or unlisted or _NO_RINGS
    if has_rings:
        asked = RingOptions(
            source=sources or None,
            config_file=None if source.config_file is None else [source.config_file],
            config_expand_env=source.config_expand_env,
            from_live=None if source.from_live is None else [source.from_live],
            context=source.context,
        )
        reading = ring_session(asked, given.access, output, "doctor")
        rings = _opened(stack, reading, is_named=bool(sources), has_config=is_configured)
        if isinstance(rings, RingSession) and given.pods and given.pods.urls:
            # A command that is pasted does not name every pod.
            rings.given = replace(rings.given, source=[*given.rings, *given.pods.one_of_each])
    return Cluster(bucket, rings, texts, given.pods)


def _opened(
    stack: ExitStack, opening: AbstractContextManager[Opened], *, is_named: bool, has_config: bool
) -> Opened | CortexctlError | str:
    """Return what is opened, or why it cannot be.

    Where an option names it, that is an error; where a configuration does not lead there, it is what is to be given.
    Raises UsageError where the fault is the option's, for want of a configuration.
    """
    try:
        return stack.enter_context(opening)
    except UsageError as error:
        if not has_config:
            raise
        return error if is_named else str(error)
    except CortexctlError as error:
        if error.exit_code is ExitCode.FAULT:
            raise
        return error
