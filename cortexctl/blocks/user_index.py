"""The user index: the tenants as the owner compactor last saw them.

Source: cortexproject/cortex, pkg/util/users/index.go.
"""

import zlib

import msgspec

from cortexctl.errors import DataError
from cortexctl.tsdb import golang
from cortexctl.tsdb.golang import Int64

_MAX_BYTES = 1 << 30


class UserIndex(msgspec.Struct, frozen=True):
    """Tenant ids by standing; `updated_at` in Unix seconds."""

    version: Int64 = 0
    updated_at: Int64 = 0
    active: list[str] = []
    deleting: list[str] = []
    deleted: list[str] = []

    def standing(self) -> dict[str, str]:
        """Return each tenant's standing."""
        return (
            dict.fromkeys(self.deleted, "deleted")
            | dict.fromkeys(self.deleting, "deleting")
            | dict.fromkeys(self.active, "active")
        )


_DECODER = msgspec.json.Decoder(UserIndex)


def decode(body: bytes) -> UserIndex:
    """Return the user index. Raises DataError where Cortex would fall back to listing."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(body, _MAX_BYTES)
    except zlib.error as error:
        raise DataError(f"is not gzip: {error}") from error
    if not inflater.eof:
        raise DataError("is cut short")
    return golang.decode(text, _DECODER)
