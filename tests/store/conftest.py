"""A fresh bucket of each kind of store, and what a server cannot do that stands in for one."""

from pathlib import Path

import pytest

from cortexctl.errors import SourceError
from cortexctl.storage.open import Driver
from tests.store.stores import (
    Store,
    azurite_store,
    fake_gcs_store,
    local_store,
    memory_store,
    moto_store,
    rclone_store,
    scripted_gcs_store,
    snapshot_store,
)

KINDS = (
    "memory", "local", "moto-obstore", "moto-s3fs", "rclone-obstore", "rclone-s3fs", "gcs-obstore", "fakegcs-obstore",
    "fakegcs-gcsfs", "azurite-obstore", "azurite-adlfs", "snapshot",
)  # fmt: skip
WRITES = frozenset(
    ("test_what_was_read_many_can_be_replaced", "test_a_new_object_is_created_once",
     "test_an_object_is_replaced_when_it_is_as_it_was_read", "test_an_object_that_changed_is_not_replaced",
     "test_an_object_that_vanished_is_not_replaced", "test_a_deleted_object_is_gone_with_its_empty_directories",
     "test_nothing_to_nothing_asks_for_nothing", "test_conditional_says_the_truth",
     "test_of_writers_at_the_same_moment_exactly_one_wins", "test_it_goes_as_it_was_listed",
     "test_one_that_changed_or_was_completed_is_another", "test_read_only_deletes_nothing")
)  # fmt: skip
"""What is promised of writing, which a snapshot has none of."""

NO_XML_PUT = "fake-gcs-server has no uploads of the XML API, which is what obstore speaks to GCS"
NO_WORD_OF_THE_BUCKET = "fake-gcs-server does not say whether the bucket is missing or the object"
NO_PARTIAL_STATUS = "rclone's S3 answers a range with its bytes and Content-Range, but with 200; obstore wants 206"
LIMITATIONS = {
    "rclone-obstore": {
        "test_a_range_is_what_was_asked_for": NO_PARTIAL_STATUS,
        "test_a_range_beyond_the_end_is_an_error": NO_PARTIAL_STATUS,
        "test_many_ranges_are_in_order_with_faults_as_values": NO_PARTIAL_STATUS,
        "test_many_ranges_are_taken_as_they_go": NO_PARTIAL_STATUS,
    },
    "fakegcs-obstore": {
        "test_what_was_read_many_can_be_replaced": NO_XML_PUT,
        "test_a_new_object_is_created_once": NO_XML_PUT,
        "test_an_object_is_replaced_when_it_is_as_it_was_read": NO_XML_PUT,
        "test_an_object_that_changed_is_not_replaced": NO_XML_PUT,
        "test_an_object_that_vanished_is_not_replaced": NO_XML_PUT,
        "test_a_deleted_object_is_gone_with_its_empty_directories": NO_XML_PUT,
        "test_conditional_says_the_truth": NO_XML_PUT,
        "test_of_writers_at_the_same_moment_exactly_one_wins": NO_XML_PUT,
        "test_a_missing_bucket_is_not_an_empty_one": NO_WORD_OF_THE_BUCKET,
    },
    "fakegcs-gcsfs": {"test_a_missing_bucket_is_not_an_empty_one": NO_WORD_OF_THE_BUCKET},
}
"""What an emulator itself does not keep, as test_emulators.py shows without cortexctl. The test has to fail."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect what is not the fault of cortexctl."""
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            if item.callspec.params.get("store") == "snapshot" and item.originalname in WRITES:
                item.add_marker(pytest.mark.skip(reason="a snapshot is not written"))
            reasons = LIMITATIONS.get(str(item.callspec.params.get("store")), {})
            if reason := reasons.get(item.originalname):
                raises = SourceError if reason is NO_XML_PUT else None
                item.add_marker(pytest.mark.xfail(reason=reason, raises=raises, strict=True))


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty bucket."""
    server, _, driver = str(request.param).partition("-")
    match server:
        case "memory":
            return memory_store()
        case "local":
            return local_store(tmp_path)
        case "snapshot":
            return snapshot_store(tmp_path)
        case "moto":
            return moto_store(request.getfixturevalue("moto_endpoint"), Driver(driver))
        case "gcs":
            return scripted_gcs_store(request.getfixturevalue("scripted"))
        case "fakegcs":
            return fake_gcs_store(request.getfixturevalue("fake_gcs_endpoint"), Driver(driver))
        case "azurite":
            return azurite_store(request.getfixturevalue("azurite_endpoint"), Driver(driver))
        case _:
            directory = request.getfixturevalue("rclone_directory")
            return rclone_store(request.getfixturevalue("rclone_endpoint"), directory, Driver(driver))
