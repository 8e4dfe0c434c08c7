"""The objects of one block, kept small: names that blocks share, and two numbers each."""

from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache

from cortexctl.blocks.survey import StoredFile


class PackedFiles(Mapping[str, StoredFile]):
    """A dict of files that does not change."""

    __slots__ = ("_etags", "_modified_s", "_places", "_sizes_bytes")

    def __init__(self, files: Mapping[str, StoredFile]) -> None:
        """Take what a dict holds, in its order."""
        self._places = _places(tuple(files))
        self._sizes_bytes = array("Q", [file.size_bytes for file in files.values()])
        self._modified_s = array("d", [file.modified_s for file in files.values()])
        etags = {name: file.etag for name, file in files.items() if file.etag is not None}
        self._etags = etags or None

    def __getitem__(self, name: str) -> StoredFile:
        """Return a file. Raises KeyError."""
        place = self._places[name]
        etag = self._etags.get(name) if self._etags else None
        return StoredFile(self._sizes_bytes[place], self._modified_s[place], etag)

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a file."""
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)


@lru_cache(1024)
def _places(names: tuple[str, ...]) -> dict[str, int]:
    """Return where each name is; one dict for all blocks of the same names."""
    return {name: place for place, name in enumerate(names)}
