"""`bucket check`: the whole catalogue over every tenant, in one pass that holds one tenant at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.audit.bucket.index import unreadable
from cortexctl.audit.bucket.load import survey_all
from cortexctl.audit.bucket.looking_again import look_again
from cortexctl.audit.bucket.tenants import Discovery, Standing, choose, discover, marked_for_deletion
from cortexctl.blocks import layout
from cortexctl.blocks.bucket_view import BucketView, Scanning
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import CHECKS, OF_A_BUCKET, OF_A_TENANT
from cortexctl.blocks.checks.needs import Need
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.parts import check_tenant
from cortexctl.blocks.view import Delays, TenantView
from cortexctl.errors import SourceError
from cortexctl.findings import Check, Finding, run_checks
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.overflow import Overflow


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: tenants, and of a whole bucket what is in its root."""

    tenants: Sequence[str]
    discovery: Discovery | None
    """None where only some tenants are looked at."""


def find_scope(bucket: Bucket, patterns: Sequence[str], excluded: Sequence[str]) -> Scope:
    """Return every tenant that is not deleted, or those that are meant. Raises NotFoundError and UsageError."""
    if patterns or excluded or (bucket.moment is not None and bucket.moment.tenants is not None):
        return Scope(choose(bucket, patterns, excluded), None)
    found = discover(bucket)
    return Scope(
        [name for name, standing in found.tenants.items() if standing in (Standing.ACTIVE, Standing.DELETING)], found
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What of Cortex's configuration the checks go by, and what of it is known."""

    delays: Delays = field(default_factory=Delays)
    scanning: Scanning = field(default_factory=Scanning)
    compacting: Callable[[str], Compacting] = lambda _: Compacting()
    """Of a tenant."""
    sharing: Sequence[str] = ()
    known: frozenset[Need] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckedBucket:
    """What the chosen checks say, worst first, and what could not be looked at."""

    findings: Sequence[Finding]
    not_run: Sequence[tuple[str, str]]
    """Codes, and what each lacked."""
    failed: Sequence[SourceError]
    unread: frozenset[str]
    """The tenants that these are about."""
    index_updated_at_s: Mapping[str, int] = field(default_factory=dict)
    """When each bucket index that could be read was updated, by tenant; of a tenant that is being deleted, none."""


@dataclass(slots=True)
class _Run:
    scope: Scope
    settings: Settings
    now_s: float
    findings: list[Finding] = field(default_factory=list)
    failed: list[SourceError] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    index_updated_at_s: dict[str, int] = field(default_factory=dict)

    def fail(self, tenant: str, *errors: SourceError) -> None:
        self.failed += errors
        if errors:
            self.unread.add(tenant)


def check_bucket(
    bucket: Bucket,
    scope: Scope,
    settings: Settings,
    now_s: float,
    *,
    only: Callable[[Check[Any]], bool],
    paste: Callable[[str], str],
) -> CheckedBucket:
    """Run the chosen checks, each on what it is about.

    One listing a tenant; what seems missing is listed again first. A tenant that cannot be read hides no other.
    """
    run = _Run(scope, settings, now_s)
    whole = _bucket_view(bucket, run)
    known = set(settings.known)
    if scope.discovery is not None:
        known.add(Need.WHOLE_BUCKET)
        if _is_wanted(only, Need.UPLOADS) and _list_uploads(bucket, whole):
            known.add(Need.UPLOADS)
    not_run = {each.code: "; ".join(lacks) for each in CHECKS if only(each) and (lacks := _lacks(each, known))}

    def is_run(check: Check[Any]) -> bool:
        return only(check) and check.code not in not_run

    of_a_tenant = [each for each in OF_A_TENANT if is_run(each)]
    for view in _views(bucket, run):
        try:
            run.fail(view.id, *unreadable(view))
            look_again(bucket, view)
            whole.take(view)
            run.findings += list(check_tenant(of_a_tenant, view, paste))
        except SourceError as error:
            run.fail(view.id, error)
        if view.readable_index is not None and not view.is_deleting:
            run.index_updated_at_s[view.id] = view.readable_index.updated_at
        del view  # before the next is read: they are large
    run.findings += run_checks([each for each in OF_A_BUCKET if is_run(each)], whole, "", paste)
    worst_first = sorted(run.findings, key=lambda each: (-each.severity, each.scope, each.code))
    return CheckedBucket(worst_first, list(not_run.items()), run.failed, frozenset(run.unread), run.index_updated_at_s)


def _is_wanted(only: Callable[[Check[Any]], bool], need: Need) -> bool:
    return any(only(each) and need in each.needs for each in CHECKS)


def _lacks(check: Check[Any], known: set[Need]) -> list[str]:
    return [need for need in check.needs if need not in known]


def _views(bucket: Bucket, run: _Run) -> Iterator[TenantView]:
    """Yield the views of the tenants that could be read."""
    for tenant, view in survey_all(bucket, run.scope.tenants, _surveys(bucket, run)):
        if isinstance(view, SourceError):
            run.fail(tenant, view)
        else:
            yield view
            del view


def _surveys(bucket: Bucket, run: _Run) -> Iterator[CheckSurvey]:
    marked = _marked(bucket, run.scope)
    for tenant in run.scope.tenants:
        survey = CheckSurvey(tenant, run.now_s, run.settings.delays)
        survey.keep(Overflow())
        survey.judge_by(run.settings.compacting(tenant))
        if tenant in marked:
            survey.mark_for_deletion(_read_or_error(bucket, layout.tenant_deletion_mark(tenant)))
        yield survey


def _marked(bucket: Bucket, scope: Scope) -> set[str]:
    if scope.discovery is None:
        return marked_for_deletion(bucket, scope.tenants[0] if len(scope.tenants) == 1 else "")
    return {name for name, standing in scope.discovery.tenants.items() if standing is Standing.DELETING}


def _read_or_error(bucket: Bucket, key: str) -> bytes | SourceError:
    try:
        return bucket.read(key).body
    except SourceError as error:
        return error


def _bucket_view(bucket: Bucket, run: _Run) -> BucketView:
    settings = run.settings
    view = BucketView(bucket.display, run.now_s, settings.delays, scanning=settings.scanning, sharing=settings.sharing)
    found = run.scope.discovery
    if found is not None:
        view.objects = found.objects
        view.deleted = [name for name, standing in found.tenants.items() if standing is Standing.DELETED]
        view.directories = sorted(found.tenants.keys() - set(found.objects) - set(view.deleted))
        view.user_index = found.user_index
        view.user_index_fault = found.user_index_fault
        view.user_index_updated_at_s = found.user_index_updated_at_s or 0
    return view


def _list_uploads(bucket: Bucket, view: BucketView) -> bool:
    """Take in the unfinished uploads, and return whether they can be listed: few credentials allow it."""
    try:
        view.uploads = bucket.unfinished_uploads()
    except SourceError:
        return False
    return view.uploads is not None
