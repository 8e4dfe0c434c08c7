"""Strategies for bodies of objects: any JSON, damaged bytes, and documents of which one value is another."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

from tests.builders import A, B

_EDGES = [0, 1, 2, -1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30]


def json_values() -> st.SearchStrategy[Any]:
    """Return any JSON values, with the numbers and texts that are most likely to matter."""
    texts = st.text(st.characters(), max_size=10) | st.sampled_from([A, B, A.lower(), "", "1b6d", "\ud800", "!" * 26])
    numbers = st.integers() | st.sampled_from(_EDGES) | st.floats(allow_nan=True)
    return st.recursive(
        st.none() | st.booleans() | numbers | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=8,
    )


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Return the body with a piece cut out, and other bytes in its place."""
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, len(body)))
    return body[:start] + draw(st.binary(max_size=10)) + body[end:]


@st.composite
def replaced(draw: st.DrawFn, document: Any) -> bytes:
    """Return a document in which one or two values are others, or are gone, as JSON."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        paths = list(_paths(changed))
        if paths:
            *parents, last = draw(st.sampled_from(paths))
            holder = changed
            for name in parents:
                holder = holder[name]
            if isinstance(holder, dict) and draw(st.booleans()):
                del holder[last]
            else:
                holder[last] = draw(json_values())
    return json.dumps(changed, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


def _paths(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        yield (name,)
        for rest in _paths(each):
            yield (name, *rest)
