"""The answer of `bucket why` as a document. The names of its fields are a promise."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cortexctl.audit.bucket.why_page import page
from cortexctl.blocks import layout
from cortexctl.blocks.fate.answer import Answer, state_in_words
from cortexctl.blocks.fate.compactor import Place, Planning
from cortexctl.blocks.fate.model import Grade
from cortexctl.blocks.fate.remedies import remedies
from cortexctl.blocks.fate.seen import Seen
from cortexctl.blocks.marks import VisitMarker
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import State
from cortexctl.results import Document
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_time


def document(
    seen: Seen,
    planning: Planning,
    found: Answer,
    *,
    concerns: Sequence[Mapping[str, Any]],
    owners: Mapping[str, Any] | None,
    in_force: Sequence[Mapping[str, Any]],
    paste: Callable[[str], str],
) -> Document:
    """Return the answer for programs and for people."""
    troubled = frozenset(each.component for each in found.fates if each.grade is Grade.TROUBLE)
    body: dict[str, Any] = {
        "tenant": seen.view.id,
        "block": seen.id,
        "verdict": found.verdict,
        "grade": str(found.grade),
        "state": str(seen.view.state(seen.block)) if seen.is_there else str(State.GHOST),
        "state_in_words": state_in_words(seen),
        "as_of_s": int(seen.now_s),
        "components": [each.document() for each in found.fates],
        "next": [each.document() for each in found.events],
        "history": [{"at_s": int(at_s), "at": format_time(at_s), "what": what} for at_s, what in found.history],
        "findings": list(concerns),
        "lacks": seen.block.lacks() if seen.is_there else ["everything"],
        "size_bytes": seen.block.size_bytes,
        "objects": len(seen.block.files),
        "files": _files(seen),
        "meta": None if seen.meta is None else msgspec.to_builtins(seen.meta, enc_hook=list),
        "meta_fault": seen.block.meta.message if isinstance(seen.block.meta, Fault) else None,
        "marks": _marks(seen),
        "index": _index(seen),
        "visit": _visit(seen),
        "partitioned_groups": seen.groups,
        "job": _job(found.place, planning),
        "lineage": _lineage(seen),
        "owners": owners,
        "settings": list(in_force),
        "commands": [{"command": paste(command), "for": why} for command, why in remedies(seen, troubled)],
    }
    counts = {"findings": len(concerns), "events": len(found.events), "grade": str(found.grade)}
    return Document(body, "\n".join(page(body)), {"verdict": found.verdict, **counts})


def _files(seen: Seen) -> list[dict[str, Any]]:
    meta = seen.block.meta
    listed = meta.file_sizes() if isinstance(meta, Meta) else {}
    return [
        {
            "path": path,
            "size_bytes": file.size_bytes if (file := seen.block.files.get(path)) else None,
            "meta_size_bytes": listed.get(path),
            "modified_at_s": int(file.modified_s) if file else None,
        }
        for path in sorted(seen.block.files.keys() | listed.keys())
    ]


def _marks(seen: Seen) -> dict[str, Any]:
    view, block = seen.view, seen.block
    details = view.details
    kinds = (
        (
            "deletion",
            layout.DELETION_MARK,
            block.deletion_mark,
            view.global_deletion_marks,
            seen.indexed_mark_s is not None,
        ),
        (
            "no-compact",
            layout.NO_COMPACT_MARK,
            details.no_compact_marks.get(seen.id),
            view.global_no_compact_marks,
            False,
        ),
        (
            "parquet",
            layout.PARQUET_MARK,
            block.parquet_mark,
            view.global_parquet_marks,
            seen.entry is not None and seen.entry.parquet is not None,
        ),
    )
    return {
        kind: {
            "local": name in block.files,
            "global": seen.id in copies,
            "indexed": indexed,
            "mark": None if local is None or isinstance(local, Fault) else msgspec.to_builtins(local),
            "fault": local.message if isinstance(local, Fault) else None,
            "global_mark": _copy(details.global_marks.get((name, seen.id))),
        }
        for kind, name, local, copies, indexed in kinds
    } | {"standing": str(seen.marked), "named_by": seen.named_by or None}


def _copy(mark: Any) -> Any:
    return {"fault": mark.message} if isinstance(mark, Fault) else None if mark is None else msgspec.to_builtins(mark)


def _index(seen: Seen) -> dict[str, Any]:
    index = seen.view.index
    readable = seen.view.readable_index
    return {
        "fault": index.message if isinstance(index, Fault) else None if index else "is not there",
        "updated_at_s": readable.updated_at if readable else None,
        "age_s": int(seen.now_s - readable.updated_at) if readable else None,
        "entry": None if seen.entry is None else msgspec.to_builtins(seen.entry),
        "deletion_time_s": seen.indexed_mark_s,
    }


def _visit(seen: Seen) -> dict[str, Any] | None:
    marker = seen.view.details.visit_marks.get(seen.id)
    work = seen.at_work
    if marker is None and work is None:
        return None
    return {
        "at_work": work[0] if work else None,
        "until_s": int(work[1]) if work else None,
        "compactor": marker.compactor_id if isinstance(marker, VisitMarker) else None,
        "visit_time_s": marker.visit_time if isinstance(marker, VisitMarker) else None,
        "fault": marker.message if isinstance(marker, Fault) else None,
    }


def _job(found: Place, planning: Planning) -> dict[str, Any] | None:
    job = found.job
    if job is None:
        return None if found.reason is None else {"reason": str(found.reason), "why": found.why}
    return {
        "kind": str(job.kind),
        "start_ms": job.start_ms,
        "end_ms": job.end_ms,
        "blocks": [each.id for each in job.blocks],
        "size_bytes": job.size_bytes,
        "directory": job.key,
        "is_due": bool(found.of),
        "number": found.number,
        "strategy": str(planning.settings.strategy),
        "partition": None if job.partition is None else f"{job.partition.number + 1} of {job.partition.count}",
    }


def _lineage(seen: Seen) -> dict[str, Any]:
    view, relatives = seen.view, seen.lineage

    def each(ids: Iterable[str]) -> list[dict[str, str]]:
        return [
            {"block": name, "state": str(view.state(view.blocks[name])) if name in view.blocks else "gone"}
            for name in ids
        ]

    return {
        "sources": each(relatives.sources),
        "parents": each(relatives.parents),
        "children": each(relatives.children),
        "holders": each(relatives.holders),
    }
