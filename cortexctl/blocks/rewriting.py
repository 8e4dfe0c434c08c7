"""Rewriting a block's meta.json where it says something wrong of sound data: its sources, its ULID, its labels.

What is not wrong is kept, fields unknown to Cortex too. The bucket index is to go on with when the data were uploaded.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import msgspec

from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import Decision, Verdict, put, refusal, refused, unchanged, unvisited
from cortexctl.blocks.view import Block
from cortexctl.errors import DataError
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb.meta import INGESTER_LABEL, TENANT_LABEL, Meta

_ESCAPED = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def own_sources(view: ChosenView, block_id: str) -> Decision:
    """Return how a block without compaction sources names itself as its source."""

    def change(document: dict[str, Any], _: Meta) -> None:
        compaction = document.get("compaction") or {}
        document["compaction"] = compaction | {"sources": [block_id]}

    return _rewrite(view, block_id, "its meta.json, with itself as its source", change)


def own_ulid(view: ChosenView, block_id: str) -> Decision:
    """Return how a meta.json gets its block's ULID, where by their sizes it is about these data and no other."""
    block = view.view.blocks.get(block_id)
    meta = block.meta if block else None
    if block is not None and isinstance(meta, Meta) and meta.ulid != block_id:
        if meta.ulid in view.view.blocks:
            reason = f"{meta.ulid} is there too: see which of the two is a copy, and quarantine that"
            return refused(view, block_id, reason)
        if not meta.file_sizes():
            return refused(view, block_id, "its meta.json lists no sizes, so it may be of other data")
        own = dataclasses.replace(block, meta=msgspec.structs.replace(meta, ulid=block_id))
        if lacking := own.lacks():
            return refused(view, block_id, f"its meta.json may be of other data: {', '.join(lacking)}")

    def change(document: dict[str, Any], _: Meta) -> None:
        document["ulid"] = block_id

    return _rewrite(view, block_id, "its meta.json, with its own ULID", change)


def own_labels(view: ChosenView, block_id: str) -> Decision:
    """Return how a block gets the labels of its tenant, and keeps the ingester's of its own.

    Source: Cortex, tools/thanosconvert/thanosconvert.go, convertMetadata, which drops the ingester's too.
    """

    def change(document: dict[str, Any], meta: Meta) -> None:
        labels = {name: value for name, value in meta.thanos.labels.items() if name == INGESTER_LABEL}
        document["thanos"] = (document.get("thanos") or {}) | {"labels": labels | {TENANT_LABEL: view.tenant}}

    return _rewrite(view, block_id, "its meta.json, with its tenant's labels", change)


def _rewrite(view: ChosenView, block_id: str, why: str, change: Callable[[dict[str, Any], Meta], None]) -> Decision:
    if (no := refusal(view, block_id)) is not None:
        return no
    block, key = view.view.blocks.get(block_id), layout.meta(view.tenant, block_id)
    body, meta = view.body(key), _readable(block)
    if body is None or meta is None:
        return refused(view, block_id, "its meta.json is gone, or cannot be read by now")
    try:
        before, document = json.loads(body), json.loads(body)
        change(document, meta)
        rewritten = _encoded(document)
        metas.decode(rewritten)
    except (ValueError, TypeError, DataError) as error:
        return refused(view, block_id, f"its meta.json is not plain enough to be rewritten: {error}")
    if document == before:
        return unchanged(view, block_id, "its meta.json says so by now")
    operations = (put(view, key, rewritten, why),)
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, (unvisited(view, block_id),), operations)


def _readable(block: Block | None) -> Meta | None:
    return block.meta if block is not None and isinstance(block.meta, Meta) else None


def _encoded(document: dict[str, Any]) -> bytes:
    """Return a meta.json as Cortex writes it: indented by tabs, and safe within HTML."""
    return (json.dumps(document, ensure_ascii=False, indent="\t").translate(_ESCAPED) + "\n").encode()
