"""A change as a value: a dry run is the plan printed, and a saved plan is applied as it was read."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cortexctl.errors import DataError
from cortexctl.repair.unread import Unread, from_document, to_document

PLAN_SCHEMA = "cortexctl/plan/v1"
_MAX_BODY_BYTES = 4 << 30


def digest(body: bytes | None) -> str | None:
    """Return what an operation knows its object by: the SHA-256 of its bytes, or None for no object."""
    return None if body is None else hashlib.sha256(body).hexdigest()


@dataclass(frozen=True, slots=True)
class Operation:
    """One object brought from the state it is expected in to the bytes it is to have; None is "no object"."""

    key: str
    expects: str | None
    """The digest of the bytes that the plan was made from."""
    wants: bytes | None = field(repr=False)
    why: str = ""
    unread: Unread | None = None
    """What is done to an object whose bytes are not in the plan; `expects` and `wants` are then None."""

    @property
    def is_change(self) -> bool:
        """Whether it changes anything: one that wants what it expects is a condition on those after it."""
        return self.unread is not None or self.expects != digest(self.wants)


@dataclass(frozen=True, slots=True)
class Step:
    """The operations of one tenant or ring, made under one lock, in order. A plan names a key once."""

    scope: str
    operations: tuple[Operation, ...]
    fingerprint: str = ""
    """Of everything else that the operations were worked out from; empty where there is nothing else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a command is going to write, and where."""

    command: str
    target: str
    """The bucket or ring, without secrets."""
    made_at_s: float
    version: str
    steps: tuple[Step, ...]

    def numbered(self) -> Iterator[tuple[int, Step]]:
        """Yield each step with the number of its first operation in the whole plan."""
        first = 0
        for step in self.steps:
            yield first, step
            first += len(step.operations)


def plan_to_json(plan: Plan) -> Iterator[bytes]:
    """Yield a plan as a file holds it: JSON, with the bytes to write compressed by zstandard.

    It comes step by step, for as a whole it is several times as large as what it writes.
    """
    document = {
        "schema": PLAN_SCHEMA,
        "command": plan.command,
        "target": plan.target,
        "made_at_s": plan.made_at_s,
        "version": plan.version,
        "steps": [],
    }
    head, _, tail = json.dumps(document, indent=1).rpartition("[]")
    yield f"{head}[".encode()
    for number, step in enumerate(plan.steps):
        yield b",\n" if number else b"\n"
        yield json.dumps(_step_document(step), indent=1).encode()
    yield f"]{tail}\n".encode()


def plan_from_json(text: bytes, name: str) -> Plan:
    """Return the plan in a file. Raises DataError, naming the file, for anything but a plan of ours."""
    try:
        document = json.loads(text)
        if document["schema"] != PLAN_SCHEMA:
            raise DataError(f"{name}: a {document['schema']}, and this version applies {PLAN_SCHEMA}")
        return Plan(
            command=str(document["command"]),
            target=str(document["target"]),
            made_at_s=float(document["made_at_s"]),
            version=str(document["version"]),
            steps=tuple(_step(each) for each in document["steps"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(f"{name}: not a plan of cortexctl ({type(error).__name__}: {error})") from error


def _step_document(step: Step) -> Mapping[str, Any]:
    return {
        "scope": step.scope,
        "fingerprint": step.fingerprint,
        "operations": [
            {
                "key": operation.key,
                "expects_sha256": operation.expects,
                "wants_sha256": digest(operation.wants),
                "wants_zstd": None if operation.wants is None else _pack(operation.wants),
                "why": operation.why,
                **({} if operation.unread is None else {"unread": to_document(operation.unread)}),
            }
            for operation in step.operations
        ],
    }


def _step(document: Mapping[str, Any]) -> Step:
    return Step(
        scope=str(document["scope"]),
        fingerprint=str(document["fingerprint"]),
        operations=tuple(_operation(each) for each in document["operations"]),
    )


def _operation(document: Mapping[str, Any]) -> Operation:
    packed = document["wants_zstd"]
    wants = None if packed is None else _unpack(str(packed))
    if digest(wants) != document["wants_sha256"]:
        raise ValueError(f"the bytes for {document['key']} are damaged")
    expects = document["expects_sha256"]
    unread = from_document(document.get("unread"))
    if unread is not None and (expects is not None or wants is not None):
        raise ValueError(f"{document['key']} is changed in two ways at once")
    expected = None if expects is None else str(expects)
    return Operation(str(document["key"]), expected, wants, str(document["why"]), unread)


def _pack(body: bytes) -> str:
    import zstandard

    return base64.b64encode(zstandard.compress(body)).decode()


def _unpack(text: str) -> bytes:
    return decompress(base64.b64decode(text, validate=True))


def decompress(packed: bytes) -> bytes:
    """Return what zstandard compressed, as plans and journals hold it. Raises ValueError for anything else."""
    import zstandard

    try:
        # The library makes room for whatever size the frame claims.
        if zstandard.frame_content_size(packed) > _MAX_BODY_BYTES:
            raise ValueError("it claims to be larger than any object")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=_MAX_BODY_BYTES)
    except (zstandard.ZstdError, MemoryError) as error:
        raise ValueError(f"not what zstandard wrote: {error}") from error
