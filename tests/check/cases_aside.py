"""Views for the checks whose faults no directory can hold: damaged data, which a check does not read, and uploads."""

from typing import Any

from cortexctl.blocks.bucket_view import BucketView
from cortexctl.blocks.details import DataFault
from cortexctl.blocks.survey import Upload
from cortexctl.blocks.view import TenantView
from tests.builders import NOW_S, TENANT, A

WEEK_S = 7 * 86400


def with_fault(check: str) -> TenantView:
    view = TenantView(TENANT, NOW_S)
    view.details.data_faults = {A: (DataFault(check, "index", "has a wrong checksum"),)}
    return view


def with_upload(age_s: float) -> BucketView:
    return BucketView("bucket", NOW_S, uploads=[Upload(f"{TENANT}/{A}/index", NOW_S - age_s)])


FOUND: dict[str, Any] = {
    "BLK08": with_fault("BLK08"),
    "BLK09": with_fault("BLK09"),
    "BLK10": with_fault("BLK10"),
    "OBJ03": with_upload(WEEK_S + 1),
}
MISSED: dict[str, Any] = {
    "BLK08": with_fault("BLK09"),
    "BLK09": with_fault("BLK10"),
    "BLK10": with_fault("BLK08"),
    "OBJ03": with_upload(WEEK_S),
}
SUBJECTS = {"BLK08": A, "BLK09": A, "BLK10": A, "OBJ03": f"{TENANT}/"}
