"""The file of contexts looked at: what is wrong with it, and what is in force, with where each value comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cortexctl.audit.config import reference
from cortexctl.config.contexts import CURRENT, Context, Contexts, Fault, faults, parse_contexts
from cortexctl.config.document import Section, laid_over
from cortexctl.config.lines import Lines, key_lines
from cortexctl.config.lint.comparing import compare
from cortexctl.config.lint.view import LintView, lint_view
from cortexctl.config.rings import ring_path
from cortexctl.config.source import display, parse_ring_source, redacted
from cortexctl.config.url import parse_bucket_url
from cortexctl.errors import UsageError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.components import COMPONENTS

FAULT_COLUMNS = (Column("line", Kind.NUMBER), Column("path", Kind.ID), Column("fault"))
SETTING_COLUMNS = (Column("setting", Kind.ID), Column("value"), Column("origin"))
_GONE_BY = (
    "compactor.cleanup_interval",
    "compactor.deletion_delay",
    "compactor.compaction_interval",
    "compactor.block_ranges",
    "compactor.compaction_concurrency",
    "compactor.tenant_cleanup_delay",
    "compactor.cleaner_visit_marker_timeout",
    "compactor.compaction_visit_marker_timeout",
    "blocks_storage.bucket_store.sync_interval",
    "blocks_storage.bucket_store.ignore_deletion_mark_delay",
    "blocks_storage.bucket_store.bucket_index.max_stale_period",
    "limits.compactor_blocks_retention_period",
)
"""Settings of Cortex that commands of buckets go by."""
_OF_RINGS = ("kvstore.store", "replication_factor", "zone_awareness_enabled", "heartbeat_timeout")


@dataclass(frozen=True, slots=True)
class Read:
    """Cortex's own YAML as it was read."""

    name: str
    text: str


def faults_of(text: str, path: Path) -> list[Fault]:
    """Return all that is wrong with a file of contexts, by line; files that a context names are looked for."""
    found = list(faults(text, str(path)))
    if all(each.context or each.path == CURRENT for each in found):
        lines = key_lines(text)
        for context in parse_contexts(text, str(path)).by_name.values():
            found += _faults_of_files(context, path.parent, lines)
            found += _faults_of_settings(context, str(path), lines)
    return sorted(found, key=lambda each: (each.line or 0, each.path))


def _faults_of_files(context: Context, folder: Path, lines: Lines) -> Iterator[Fault]:
    for key in ("config-file", "runtime-config-file", "objstore-config-file"):
        written = getattr(context, key.replace("-", "_"))
        if written and not (folder / Path(written).expanduser()).is_file():
            where = ("contexts", context.name, key)
            yield Fault(".".join(where), lines.of(where), f"there is no file {written}")


def _faults_of_settings(context: Context, file: str, lines: Lines) -> Iterator[Fault]:
    compared = compare(Section(context.settings, file), Lines(), reference(), None)
    for each in compared.deviating:
        where = ("contexts", context.name, "settings", *each.path.split("."))
        said = each.fault or f"Cortex: {each.kind}"
        yield Fault(".".join(where), lines.of(where), said)


def listed(found: Sequence[Fault], path: Path) -> Table:
    """Return faults as a table."""
    rows = [{"line": each.line, "path": each.path, "fault": each.fault} for each in found]
    note = "" if found else f"{path}: nothing is wrong"
    return Table(FAULT_COLUMNS, rows, {"file": str(path), "faults": len(rows)}, note=note)


def in_force(
    contexts: Contexts,
    context: Context | None,
    named_by: str,
    environment: Mapping[str, str],
    cortex: Read | None,
    bucket: str | None,
    sources: Sequence[str],
) -> Table:
    """Return what commands go by that are given nothing, each value with its origin, secrets left out.

    `bucket` and `sources` are those that the environment and the context come to.
    """
    rows: list[Row] = []
    whose = "" if context is None else f"context {context.name}"

    def row(setting: str, value: object, origin: str) -> None:
        rows.append({"setting": setting, "value": value, "origin": origin})

    row("context", "-" if context is None else context.name, named_by if context else "none")
    url = environment.get("CORTEXCTL_BUCKET")
    if url or bucket:
        row("bucket", _shown_bucket(url or bucket or ""), "environment" if url else whose)
    if cortex is not None:
        row("config-file", cortex.name, "environment" if "CORTEXCTL_CONFIG_FILE" in environment else whose)
    given = environment.get("CORTEXCTL_SOURCE", "").split()
    for each in given or sources:
        row("source", display(parse_ring_source(each)), "environment" if given else whose)
    if context is not None:
        for each in context.from_live:
            row("from-live", redacted(each), whose)
        for name, urls in context.rings.items():
            row(f"rings.{name}", ",".join(display(parse_ring_source(url)) for url in urls), whose)
        for name, size in context.volumes.items():
            row(f"volumes.{name}", size, whose)
    rows += _settings(context, cortex, whose)
    names = [f"{name}{' (current)' if name == contexts.current else ''}" for name in contexts.by_name]
    names += [f"{name} (not usable: `cortexctl config validate`)" for name in contexts.faulty]
    note = f"{contexts.file}: {', '.join(names) or 'no contexts'}"
    return Table(SETTING_COLUMNS, rows, {"file": contexts.file, "contexts": contexts.names}, note=note)


def _shown_bucket(url: str) -> str:
    try:
        return url if url.endswith((".yaml", ".yml")) else parse_bucket_url(url).display
    except UsageError as error:
        return str(error)


def _settings(context: Context | None, cortex: Read | None, whose: str) -> Iterator[Row]:
    """Yield the settings of Cortex that commands go by; of a ring, where it is switched on."""
    name, text = ("", "") if cortex is None else (cortex.name, cortex.text)
    written = lint_view(text, name, reference())
    over = {} if context is None else context.settings
    view = replace(written, values=Section(laid_over(written.values.values, over), name))
    rings = {component.name for component, _ in view.rings()}
    paths = [
        f"{ring_path(component)}.{key}" for name, component in COMPONENTS.items() if name in rings for key in _OF_RINGS
    ]
    for path in (*_GONE_BY, *paths):
        if view.values.value(path) is not None:
            yield {"setting": path, "value": view.shown(path), "origin": _origin(path, written, over, name, whose)}


def _origin(path: str, written: LintView, over: Mapping[str, object], name: str, whose: str) -> str:
    found: object = over
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    if found is not None:
        return whose
    origin = written.origin(path)
    return f"{name}, {origin}" if origin.startswith("line ") else "default"
