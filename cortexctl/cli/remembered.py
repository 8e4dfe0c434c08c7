"""Names that only a run learns and completion offers: the tenants of the last listing, and the contexts.

Each kind is a file of `cortexctl` in the user's cache, a name a line, which shells read without starting the program:
completion never waits for a bucket. They are for convenience alone, so that nothing fails for want of them.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

TENANTS, CONTEXTS = "tenants", "contexts"
MOST = 1000
"""How many names are kept: more than anybody looks through."""
# What a shell could take for something else is left out: completion must not run what a bucket holds.
_PLAIN = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")


def remember(kind: str, names: Iterable[str]) -> None:
    """Keep names for completion, in their order. Where they cannot be kept, the ones of before stay."""
    from cortexctl.durable import replacing

    lines = "".join(f"{name}\n" for name in islice(filter(_PLAIN.fullmatch, names), MOST))
    path = _path(kind)
    with suppress(OSError):
        if path.is_file() and path.read_bytes() == lines.encode():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, 0o600) as file:
            file.write(lines)


def _path(kind: str) -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path("~/.cache").expanduser()) / "cortexctl" / kind
