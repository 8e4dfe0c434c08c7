"""Going on with a run on a ring, and taking it back: at the place where the run wrote."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

from cortexctl.cli.options import BucketOptions, OutputOptions
from cortexctl.cli.outcomes import outcomes_of
from cortexctl.cli.ring.options import AccessOptions, HttpOptions, RingOptions
from cortexctl.cli.ring.settings import access_of, find_sources, read_configs
from cortexctl.cli.session import Output
from cortexctl.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from cortexctl.audit.apply import Done
    from cortexctl.config.source import Access, RingSource
    from cortexctl.results import Table
    from cortexctl.sources.place import Place
    from cortexctl.storage.journal import FileJournal

SOURCE = "ring_source"
"""The name under which a run keeps where its ring is."""
STORED_KEY = "ring_stored_key"
"""Likewise the ring's key there, which a configuration may have set."""


def is_ring_run(journal: "FileJournal") -> bool:
    """Return whether the run wrote to a ring, and not to a bucket."""
    return SOURCE in journal.run.source


def undo_ring(
    journal: "FileJournal",
    given: BucketOptions,
    http: HttpOptions,
    output: OutputOptions,
    preview: "Table",
    *,
    apply: bool,
) -> None:
    """Put back what the run took out of a ring, or show it."""
    from cortexctl.audit.ring.modes import is_drain
    from cortexctl.audit.ring.writes import undo_ring_run
    from cortexctl.config.source import HTTPSource, parse_ring_source

    to = Output(output, "journal undo", time.time())
    if is_drain(journal):
        _run(journal, given, http, to, None if apply else preview, _undo_drain(given, http))
        return
    if isinstance(parse_ring_source(journal.run.source[SOURCE]), HTTPSource) and journal.begun():
        raise RefusedError(
            f"run {journal.run.id} forgot by a ring page, which cannot put an entry back: at the KV store, "
            f"`cortexctl ring restore RING ID --from {journal.run.id}` can"
        )
    _run(journal, given, http, to, preview if not apply else None, undo_ring_run)


def _undo_drain(given: BucketOptions, http: HttpOptions) -> "Callable[[Place, FileJournal], Sequence[Done]]":
    """Return what puts the mode of ingesters back, each by its own page, where the run found that."""
    from cortexctl.audit.ring.modes import Modes, pods_of, undo_modes
    from cortexctl.sources.ingester import open_ingester

    def undo(place: "Place", journal: "FileJournal") -> "Sequence[Done]":
        pods = {name: open_ingester(url, _access(given, http)) for name, url in pods_of(journal).items()}
        try:
            return undo_modes(Modes(place, pods), journal)
        finally:
            for pod in pods.values():
                pod.close()

    return undo


def resume_ring(
    journal: "FileJournal",
    given: BucketOptions,
    http: HttpOptions,
    output: OutputOptions,
    preview: "Table",
    *,
    apply: bool,
) -> None:
    """Do what is left of the run, or show it."""
    from cortexctl.audit.ring.modes import is_drain
    from cortexctl.audit.ring.writes import apply_ring_plan

    if is_drain(journal):
        raise RefusedError(
            f"run {journal.run.id} is of `ring drain`, which waits for each group before the next: go on with "
            f"`cortexctl ring drain --resume {journal.run.id}`"
        )
    to = Output(output, "journal resume", time.time())
    _run(journal, given, http, to, preview if not apply else None, apply_ring_plan)


def _run(
    journal: "FileJournal",
    given: BucketOptions,
    http: HttpOptions,
    to: Output,
    preview: "Table | None",
    make: "Callable[[Place, FileJournal], Sequence[Done]]",
) -> None:
    from cortexctl.audit.apply import raise_for

    if preview is not None:
        to.emit(preview, is_well=not preview.items)
        return
    if given.read_only:
        raise RefusedError("nothing was written, for this is --read-only")
    with _place(journal, given, http) as place:
        try:
            done = make(place, journal)
        finally:
            journal.close()
    verb = "put back" if to.command.endswith("undo") else "written"
    to.emit(outcomes_of(done, verb, "ring"), is_well=not any(each.error for each in done))
    raise_for(done, journal, "ring")


def _as_configured(source: "RingSource", given: BucketOptions, access: "Access") -> "RingSource":
    """Return the source with the credentials that a configuration has for the same place, where one is given."""
    from cortexctl.config.source import display

    if given.config_file is None:
        return source
    options = RingOptions(config_file=[given.config_file], config_expand_env=given.config_expand_env)
    found = find_sources(options, read_configs(options, access), needs_source=False)
    return next((each for each in found if display(each) == display(source)), source)


def _access(given: BucketOptions, http: HttpOptions) -> "Access":
    options = {each.name: getattr(http, each.name) for each in fields(http)}
    return access_of(AccessOptions(**options, timeout=given.timeout))


@contextmanager
def _place(journal: "FileJournal", given: BucketOptions, http: HttpOptions) -> "Iterator[Place]":
    from cortexctl.config.source import parse_ring_source, with_environment
    from cortexctl.sources.open import open_places

    access = _access(given, http)
    name, key = journal.run.source[SOURCE], journal.run.source.get(STORED_KEY)
    source = _as_configured(with_environment(parse_ring_source(name), os.environ), given, access)
    with open_places([source], access, {each.scope: key for each in journal.plan.steps} if key else {}) as places:
        if len(places) != 1 or places[0].name != name:
            raise UsageError(f"run {journal.run.id} was on {journal.run.target}, and that is not there any more")
        yield places[0]
