"""The rings of the sample cluster: stored values of the three-node Cortex that wrote the sample tenant, with faults.

There is a second ingester in each zone, made up. One ingester has been dead for two hours. One store-gateway was
restarted on a copy of its neighbour's disk, and has the same tokens.
"""

import os
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random

from cortexctl.ring import codec, tokens
from cortexctl.ring.model import SPACE, Instance, Ring, ring

INGESTERS, STORE_GATEWAYS = "ingester-ring", "store-gateway-ring"
"""The values' files."""
FILE_OF_TOKENS = "{}.tokens"
"""The token file of a store-gateway, beside them."""
DEAD = "ingester-zone-c-0"
COPIED, COPY = "store-gateway-zone-b-0", "store-gateway-zone-c-0"

_CAPTURED_AT_S = 1_795_223_253
"""When the values were read from etcd, with all members healthy."""
_DEAD_FOR_S = 2 * 3600


def write_rings(directory: Path, taken_at_s: int) -> None:
    """Write the values into a folder, as they would have been at a time."""
    directory.mkdir(parents=True)
    for name, faulty in ((INGESTERS, _one_is_dead), (STORE_GATEWAYS, _two_have_the_same_tokens)):
        stored = codec.decode((files(__package__) / f"{name}.bin").read_bytes())
        left = faulty(_moved(stored, taken_at_s - _CAPTURED_AT_S))
        path = directory / name
        path.write_bytes(codec.encode(left))
        os.utime(path, (taken_at_s, taken_at_s))
        if name == STORE_GATEWAYS:
            for each in left.instances.values():
                (directory / FILE_OF_TOKENS.format(each.id)).write_bytes(tokens.encode(tokens.TokenFile(each.tokens)))


def _moved(stored: Ring, by_s: int) -> Ring:
    return ring(
        replace(each, timestamp_s=each.timestamp_s + by_s, registered_s=each.registered_s + by_s)
        for each in stored.instances.values()
    )


def _one_is_dead(stored: Ring) -> Ring:
    dead = stored.instances[DEAD]
    died = replace(dead, timestamp_s=dead.timestamp_s - _DEAD_FOR_S, registered_s=dead.registered_s - 2 * _DEAD_FOR_S)
    second = [_second(each) for each in stored.instances.values()]
    return ring([*stored.instances.values(), *second, died])


def _second(first: Instance) -> Instance:
    """Return another ingester of the zone, with tokens as random as Cortex's, and always the same."""
    drawn = Random(first.id).sample(range(SPACE), len(first.tokens))  # noqa: S311 - not for secrets
    host, _, port = first.addr.partition(":")
    addr, name = f"{host}:{int(port) + 10}", f"{first.id.removesuffix('0')}1"
    return replace(first, id=name, addr=addr, tokens=tuple(sorted(drawn)))


def _two_have_the_same_tokens(stored: Ring) -> Ring:
    copy = replace(stored.instances[COPY], tokens=stored.instances[COPIED].tokens)
    return ring([*stored.instances.values(), copy])
