"""What S3's lists of versions say of single objects, page by page."""

from datetime import UTC, datetime
from typing import Any

from cortexctl.blocks.survey import History, Kept
from cortexctl.storage.s3_versions import S3Versions


def entry(key: str, version: str, at_s: int, *, latest: bool = False) -> dict[str, Any]:
    at = datetime.fromtimestamp(at_s, UTC)
    return {"Key": key, "VersionId": version, "Size": at_s, "LastModified": at, "IsLatest": latest}


class Pages:
    """A client whose list of versions comes in these pages."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    def list_object_versions(self, **request: Any) -> dict[str, Any]:
        """Return the next page."""
        self.asked.append(request)
        page = self.pages.pop(0)
        return page | ({"IsTruncated": True, "NextKeyMarker": "k", "NextVersionIdMarker": "v"} if self.pages else {})


def histories(*pages: dict[str, Any]) -> list[History]:
    client = Pages(*pages)
    found = [each for page in S3Versions(lambda: client, "b").pages("p/") for each in page]
    assert client.asked[0] == {"Bucket": "b", "Prefix": "p/"}
    assert all(request["KeyMarker"] == "k" for request in client.asked[1:])
    return found


def test_an_object_that_is_there_has_no_markers_over_it() -> None:
    page = {"Versions": [entry("a", "2", 20, latest=True), entry("a", "1", 5)], "DeleteMarkers": [entry("a", "m", 10)]}
    assert histories(page) == [History("a", (Kept("2", 20, 20), Kept("1", 5, 5)))]


def test_markers_since_the_newest_version_lie_over_it() -> None:
    markers = [entry("a", "m4", 30, latest=True), entry("a", "m3", 20), entry("a", "m1", 7)]
    page = {"Versions": [entry("a", "2", 20), entry("a", "1", 5)], "DeleteMarkers": markers}
    (history,) = histories(page)
    assert history.markers == ("m4", "m3"), "the one of the same second too: its removal shows nothing else"
    assert (history.deleted_at_s, history.is_deleted) == (30, True)


def test_markers_alone_are_an_object_of_which_nothing_is_kept() -> None:
    (history,) = histories({"DeleteMarkers": [entry("a", "m", 30, latest=True)]})
    assert (history.versions, history.is_deleted) == ((), True)


def test_an_object_may_go_on_on_the_next_page() -> None:
    first = {"Versions": [entry("a", "1", 5, latest=True), entry("b", "3", 9)], "DeleteMarkers": []}
    second = {"Versions": [entry("b", "2", 8)], "DeleteMarkers": []}
    third = {"Versions": [entry("c", "1", 5, latest=True)], "DeleteMarkers": [entry("b", "m", 7)]}
    first["DeleteMarkers"] = [entry("b", "top", 12, latest=True)]
    a, b, c = histories(first, second, third)
    assert (a.key, c.key) == ("a", "c")
    assert [each.version_id for each in b.versions] == ["3", "2"]
    assert b.markers == ("top",)
