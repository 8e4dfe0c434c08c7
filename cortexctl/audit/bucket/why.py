"""`bucket why`: all that is known of one block, what Cortex does with it, and what is found wrong with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.audit.bucket.check import Settings
from cortexctl.audit.bucket.load import survey_all
from cortexctl.audit.bucket.looking_again import look_again
from cortexctl.audit.bucket.tenants import Standing, discover, marked_for_deletion
from cortexctl.audit.bucket.why_document import document
from cortexctl.audit.plan.gateways import Gateways
from cortexctl.audit.plan.settings import Parameters
from cortexctl.audit.ring.keys import block_key
from cortexctl.audit.ring.owners import explain_owners
from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import OF_A_TENANT
from cortexctl.blocks.fate.answer import answer
from cortexctl.blocks.fate.compactor import Planning
from cortexctl.blocks.fate.querier import Reach
from cortexctl.blocks.fate.rules import Rules
from cortexctl.blocks.fate.seen import Seen, is_known, see
from cortexctl.blocks.fate.survey import FateSurvey
from cortexctl.blocks.parts import check_tenant
from cortexctl.blocks.planning import PlanSurvey
from cortexctl.errors import DataError, NotFoundError, SourceError, UsageError
from cortexctl.findings import Check, Finding
from cortexctl.results import Document
from cortexctl.ring.components import BLOCKS_OWNER_SYNC, BLOCKS_READ, STORE_GATEWAY
from cortexctl.ring.hashes import block_token
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored
from cortexctl.storage.overflow import Overflow
from cortexctl.tsdb import ulid

_TENANTS_AT_ONCE = 4
_OF_THE_TENANT = ("IDX", "LCK", "TEN", "PAR01")
"""Findings of the whole tenant that decide about each of its blocks."""
_STOPPING = ("POI01", "POI02")
"""Findings of single blocks that keep the cleaner from all of them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer goes by."""

    now_s: float
    settings: Settings
    parameters: Parameters
    rules: Callable[[str], Rules]
    """Of a tenant."""
    only: Callable[[Check[Any]], bool]
    paste: Callable[[str], str]
    gateways: Gateways | None = None
    """None where their ring is not known."""
    in_force: Callable[[str], Sequence[Mapping[str, Any]]] = lambda _: ()
    """The settings of a tenant, each with its value and where it comes from."""


@dataclass(frozen=True, slots=True)
class Concern:
    """A finding that a block has to do with."""

    finding: Finding
    about: str
    """`block`, or `tenant` for one that decides about all of its blocks."""

    def document(self) -> dict[str, Any]:
        """Return it as machine formats have it."""
        return {**self.finding.document(), "about": self.about}


def find_block(bucket: Bucket, text: str) -> tuple[str, str]:
    """Return the tenant and the ULID of `TENANT/ULID`, or of a ULID that one tenant has.

    Without a tenant, each is listed for the block's objects; where none has any, for its marks, and each bucket index
    is read. Raises UsageError, also for a block of several tenants, and NotFoundError.
    """
    tenant, _, block_id = text.strip("/").rpartition("/")
    if not ulid.is_ulid(block_id) or (tenant and not layout.is_valid_tenant(tenant)):
        raise UsageError(f"{text!r} is neither ULID nor TENANT/ULID{ulid.meant(block_id)}")
    if tenant:
        return tenant, block_id
    standing = discover(bucket).tenants
    tenants = [name for name, each in standing.items() if each in (Standing.ACTIVE, Standing.DELETING)]
    found = list(_having(bucket, tenants, block_id)) or list(_knowing(bucket, tenants, block_id))
    if not found:
        raise NotFoundError(
            f"{block_id}: none of {len(tenants)} tenants has it, neither in the bucket nor in its index; "
            "TENANT/ULID also looks for blocks that it was compacted into"
        )
    if len(found) > 1:
        names = ", ".join(f"{name}/{block_id}" for name in found)
        raise UsageError(f"{block_id} is a block of {len(found)} tenants: name one of {names}")
    return found[0], block_id


def _having(bucket: Bucket, tenants: Sequence[str], block_id: str) -> Iterator[str]:
    """Yield the tenants that have any object of the block: one listing each."""
    listings = bucket.scan_many(layout.block(name, block_id) for name in tenants)
    for name, (_, objects) in zip(tenants, listings, strict=True):
        if next(iter(objects), None) is not None:
            yield name


def _knowing(bucket: Bucket, tenants: Sequence[str], block_id: str) -> Iterator[str]:
    """Yield the tenants that have a global mark of the block, or name it in their index: four reads each at most."""

    def knows(tenant: str) -> bool:
        marks = (layout.global_mark(tenant, block_id, name) for name in layout.MARKS)
        if any(bucket.read_or_none(key) is not None for key in marks):
            return True
        stored = bucket.read_or_none(layout.bucket_index(tenant))
        try:
            index = bucket_index.decode(stored.body).index if stored else None
        except DataError:
            return False
        if index is None:
            return False
        listed = {each.block_id for each in index.blocks} | {each.block_id for each in index.block_deletion_marks}
        return block_id in listed

    yield from (name for name, found in bucket.each(knows, tenants, _TENANTS_AT_ONCE) if found)


def explain_block(bucket: Bucket, tenant: str, block_id: str, asked: Asked) -> tuple[Document, Sequence[Finding]]:
    """Return the answer, and the findings that the block has to do with, the worst first.

    Reads the tenant as `bucket check` does. Raises NotFoundError where nothing at all is left that knows of the block.
    """
    seen, planning = _look(bucket, tenant, block_id, asked)
    if not is_known(seen):
        raise NotFoundError(
            f"{layout.block(tenant, block_id)}: no such block, neither in the bucket nor in the index, and no other "
            "block was compacted from it"
        )
    concerns = list(_concerns(seen, asked))
    owners, reach = _owners(seen, asked.gateways)
    found = answer(seen, planning, reach)
    body = document(
        seen,
        planning,
        found,
        concerns=[each.document() for each in concerns],
        owners=owners,
        in_force=asked.in_force(tenant),
        paste=asked.paste,
    )
    return body, [each.finding for each in concerns]


def _look(bucket: Bucket, tenant: str, block_id: str, asked: Asked) -> tuple[Seen, Planning]:
    check = CheckSurvey(tenant, asked.now_s, asked.settings.delays)
    check.keep(Overflow())
    check.judge_by(asked.settings.compacting(tenant))
    settings = asked.parameters.settings(tenant)
    plan = PlanSurvey(tenant, settings, asked.now_s)
    plan.stop(asked.parameters.why_stopped(tenant), for_good=True)
    if tenant in marked_for_deletion(bucket, tenant):
        ((_, mark),) = bucket.read_many([layout.tenant_deletion_mark(tenant)])
        check.mark_for_deletion(mark.body if isinstance(mark, Stored) else mark)
        plan.stop("it is marked for deletion", for_good=True)
    ((_, found),) = survey_all(bucket, [tenant], [FateSurvey(block_id, check, plan)])
    if isinstance(found, SourceError):
        raise found
    view, planned = found
    look_again(bucket, view)
    return see(view, block_id, asked.rules(tenant)), Planning(planned, settings)


def _concerns(seen: Seen, asked: Asked) -> Iterator[Concern]:
    known = asked.settings.known
    checks = [each for each in OF_A_TENANT if asked.only(each) and all(need in known for need in each.needs)]
    found = check_tenant(checks, seen.view, asked.paste)
    concerns = [Concern(each, about) for each in found if (about := _about(seen, each))]
    yield from sorted(concerns, key=lambda each: (-each.finding.severity, each.about, each.finding.code))


def _about(seen: Seen, finding: Finding) -> str:
    """Return whether a finding is about the block, its tenant, or neither (an empty text)."""
    groups = (layout.partitioned_group(seen.view.id, each) for each in seen.groups)
    if seen.id in finding.subject or finding.subject in groups or _names(finding.evidence, seen.id):
        return "block"
    is_of_a_block = ulid.is_ulid(finding.subject)
    if finding.code in _STOPPING or (finding.code.startswith(_OF_THE_TENANT) and not is_of_a_block):
        return "tenant"
    return ""


def _names(value: Any, block_id: str) -> bool:
    if isinstance(value, Mapping):
        return any(_names(each, block_id) for each in (*value.keys(), *value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(_names(each, block_id) for each in value)
    return isinstance(value, str) and block_id in value


def _owners(seen: Seen, gateways: Gateways | None) -> tuple[Mapping[str, Any] | None, Reach | None]:
    """Return the store-gateways that own the block, with their health, and what that is to queriers."""
    tenant = seen.view.id
    placing = None if gateways is None else gateways.placing(tenant)
    if gateways is None or gateways.checked is None or placing is None:
        return None, None
    table = explain_owners(
        gateways.checked,
        [block_key(STORE_GATEWAY, f"{tenant}/{seen.id}")],
        tenant=tenant,
        shard_size=gateways.shard_sizes.of(tenant) if gateways.shard_sizes else 0,
        operations=(BLOCKS_READ, BLOCKS_OWNER_SYNC),
    )
    by_operation = {each["operation"]: each for each in table.summary["sets"]}
    reach = Reach(placing.of(block_token(seen.id)), by_operation[BLOCKS_READ.name]["error"])
    return {**table.summary, "items": list(table.items)}, reach
