"""Whether the bucket and the places of rings can be reached, and may be read with these credentials.

Nothing is written to find out: what a change would need is named, and not tried.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cortexctl.audit.doctor import permissions
from cortexctl.audit.doctor.permissions import Permission, Request
from cortexctl.blocks import layout
from cortexctl.config import Backend, BucketLocation
from cortexctl.config.source import FileSource, HTTPSource, parse_ring_source
from cortexctl.errors import (
    AccessDeniedError,
    CortexctlError,
    DeadlineError,
    SourceError,
    UnavailableError,
)
from cortexctl.findings import Check, Finding, Problem, Section, Severity, check, run_checks, skipped

if TYPE_CHECKING:
    from cortexctl.audit.ring.survey import Surveyed
    from cortexctl.ring.reading import Unread
    from cortexctl.sources.place import Place
    from cortexctl.sources.pods import Found
    from cortexctl.storage.bucket import Bucket

NAME = "access"

_DENIED = re.compile(r"\bAccessDenied|not authorized to perform|do not allow|AuthorizationPermissionMismatch")
_CREDENTIALS = re.compile(
    r"InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|AccountProblem"
    r"|AuthenticationFailed|authentication failed|credentials|\b401\b",
    re.IGNORECASE,
)
"""What says that we are not known, and not that we may not do this."""
_CLOCKS = "clocks of this machine"
_TENANTS_TRIED, _BLOCKS_TRIED = 3, 3
"""To find an object to get."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that was asked of a place and not given."""

    place: str
    what: str
    permission: Permission
    error: CortexctlError
    try_again: str
    """A command that asks for the same, to be pasted."""
    is_optional: bool = False

    @property
    def is_of_permission(self) -> bool:
        """Whether these credentials are known, and lack the permission."""
        is_denied = isinstance(self.error, AccessDeniedError) and _CLOCKS not in str(self.error)
        return is_denied and not self.is_of_credentials

    @property
    def is_of_credentials(self) -> bool:
        """Whether there are no credentials, or they are not accepted."""
        said = str(self.error)
        is_known = _DENIED.search(said) is not None
        return isinstance(self.error, AccessDeniedError) and not is_known and _CREDENTIALS.search(said) is not None


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of every place."""

    refused: Sequence[Refusal]
    told: Sequence[str]


@check("ACC01", "place-unreachable", Severity.HIGH)
def place_unreachable(asked: Asked) -> Iterator[Problem]:
    """The bucket, a KV store or a process does not answer.

    Nothing can be said of what is there; if Cortex does not reach it either, it neither reads nor writes there.

    Look at its address, the network and the time-out; then run the command again.
    """
    for each in asked.refused:
        if isinstance(each.error, UnavailableError | DeadlineError):
            yield _problem(each, "not answered", str(each.error))


@check("ACC02", "credentials-refused", Severity.HIGH)
def credentials_refused(asked: Asked) -> Iterator[Problem]:
    """There are no credentials for the bucket, a KV store or a process, or they are wrong or have expired.

    Nothing can be said of what is there. Cortex has credentials of its own, and may be well.

    Give those of a reader: environment, profile, role, or the options that the message names.
    """
    for each in asked.refused:
        if each.is_of_credentials:
            yield _problem(each, "the credentials are missing or not accepted", str(each.error))


@check("ACC03", "permission-missing", Severity.HIGH)
def permission_missing(asked: Asked) -> Iterator[Problem]:
    """The credentials are accepted, and lack a permission to read.

    What needs it is not looked at, and is not said to be well. Without the list of uploads it is only OBJ03.

    Grant the permission that is named, or use the credentials of somebody who has it.
    """
    for each in asked.refused:
        if each.is_of_permission:
            needed = permissions.told(str(each.error), each.permission)
            severity = Severity.INFO if each.is_optional else None
            evidence = {"said": str(each.error), "action": needed.action, "resource": needed.resource}
            message = f"denied; missing is {needed}"
            yield Problem(each.what, message, evidence, needed.grant or each.try_again, severity)


@check("ACC04", "place-unreadable", Severity.HIGH)
def place_unreadable(asked: Asked) -> Iterator[Problem]:
    """What answers is not what was meant: there is no such bucket, table or directory, or it refuses the request.

    Nothing can be said of what is there.

    Look at the name, the region, the endpoint and the prefix.
    """
    for each in asked.refused:
        is_other = not isinstance(each.error, UnavailableError | DeadlineError | AccessDeniedError)
        if is_other or (isinstance(each.error, AccessDeniedError) and _CLOCKS in str(each.error)):
            yield _problem(each, "refused", str(each.error))


CHECKS: tuple[Check[Asked], ...] = (place_unreachable, credentials_refused, permission_missing, place_unreadable)


def _problem(refusal: Refusal, message: str, said: str) -> Problem:
    return Problem(refusal.what, f"{message}: {said}", {"said": said}, refusal.try_again)


def section(asked: Asked, chosen: Callable[[Check[Any]], bool]) -> Section:
    """Return what the chosen checks say of what was asked."""
    checks = [each for each in CHECKS if chosen(each)]
    if not asked.refused and not asked.told:
        return skipped(NAME, "nothing was asked")
    findings: list[Finding] = []
    for place in dict.fromkeys(each.place for each in asked.refused):
        of_this = Asked([each for each in asked.refused if each.place == place], ())
        findings += run_checks(checks, of_this, place, scope_kind="place")
    findings.sort(key=lambda each: (-each.severity, each.code))
    return Section(NAME, findings, asked.told, codes=frozenset(each.code for each in checks))


def ask_bucket(bucket: "Bucket", location: BucketLocation, paste: Callable[[str], str]) -> Asked:
    """Return what a listing, a GET and the list of unfinished uploads are answered with."""
    refused: list[Refusal] = []

    def refuse(request: Request, error: CortexctlError, again: str, *, is_optional: bool = False) -> None:
        permission = permissions.of_bucket(location.store, request)
        refused.append(Refusal(bucket.display, request, permission, error, paste(again), is_optional))

    key, may = layout.USER_INDEX, list[str]()
    try:
        directories, objects = bucket.children()
        may.append("list")
        key = _some_key(bucket, directories, objects)
    except SourceError as error:
        refuse(Request.LIST, error, "bucket tenants")
    is_listed = not refused
    if is_listed or isinstance(refused[0].error, AccessDeniedError):
        try:
            if key:
                bucket.read_or_none(key)
                may.append("get")
        except SourceError as error:
            # Without the permission to list, what is not there is denied, too.
            if is_listed:
                refuse(Request.GET, error, "bucket tenants")
    has_permissions = location.store.backend in (Backend.S3, Backend.GCS, Backend.AZURE)
    if is_listed and has_permissions:
        try:
            if bucket.unfinished_uploads() is not None:
                may.append("list uploads")
        except SourceError as error:
            refuse(Request.UPLOADS, error, "bucket check --only OBJ03", is_optional=True)
    told = [f"bucket: may {', '.join(may)}"] if may else []
    if is_listed and not key:
        told[0] += "; no object was found to try a get"
    if may and has_permissions:
        told.append(f"writes not tried: they need {permissions.of_bucket(location.store, Request.WRITE)}")
    return Asked(refused, told)


def _some_key(bucket: "Bucket", directories: Sequence[str], objects: Sequence[str]) -> str:
    """Return the key of a small object that is there, if one is found in a few listings."""
    if layout.USER_INDEX in objects:
        return layout.USER_INDEX
    for tenant in directories[:_TENANTS_TRIED]:
        blocks, found = bucket.children(tenant)
        for block in ("", *blocks[:_BLOCKS_TRIED]):
            small = [each for each in (bucket.children(block)[1] if block else found) if layout.is_small(each)]
            if small:
                return small[0]
    return ""


def ask_places(surveyed: "Surveyed", places: "Sequence[Place]", paste: Callable[[str, str | None], str]) -> Asked:
    """Return what the places of rings answered when their rings were read."""
    refused = [
        Refusal(
            each.place,
            f"read the {each.component.name} ring",
            permissions.of_place(each.place, each.component),
            each.error,
            _try_again(each, paste),
        )
        for each in distinct(surveyed.missing)
    ]
    answered = {each.place for each in (*surveyed.readings, *surveyed.absent)} - {each.place for each in refused}
    told = [f"{len(answered)} of {len(places)} places of rings answered"] if answered else []
    for place in places:
        needed = None if place.is_saved else permissions.writes_of_place(place.name)
        if needed is not None and place.name in answered:
            told.append(f"{place.name}: writes not tried: they need {needed}")
    return Asked(refused, told)


def ask_namespace(found: "Found") -> Asked:
    """Return what was found in a namespace of Kubernetes, and what could not be listed there; what is denied as one."""
    denied = [resource for resource, error in found.refused.items() if isinstance(error, AccessDeniedError)]
    others = [[resource] for resource in found.refused if resource not in denied]
    refused = []
    for resources in [denied, *others] if denied else others:
        named = ",".join(resources)
        refused.append(
            Refusal(
                found.name,
                f"list {named}",
                permissions.of_namespace(found.namespace, resources),
                found.refused[resources[0]],
                f"kubectl get {named} --namespace {found.namespace}",
            )
        )
    return Asked(refused, found.told)


def ask_processes(errors: Sequence[CortexctlError], urls: Sequence[str]) -> Asked:
    """Return that the configurations of processes could not be read."""
    refused = [
        Refusal(
            url,
            "read its configuration",
            Permission("read access", ""),
            error,
            f"curl -sS {url.removesuffix('/config')}/config",
        )
        for url, error in zip(urls, errors, strict=True)
    ]
    return Asked(refused, ())


def distinct(unread: "Sequence[Unread]") -> "list[Unread]":
    """Return one of those that one thing is the matter with: the same at a place, or the same permission."""
    first: dict[tuple[str, str], Unread] = {}
    for each in unread:
        is_denied = isinstance(each.error, AccessDeniedError)
        reason = str(permissions.of_place(each.place, each.component)) if is_denied else str(each.error)
        first.setdefault((each.place, reason), each)
    return list(first.values())


def _try_again(unread: "Unread", paste: Callable[[str, str | None], str]) -> str:
    match parse_ring_source(unread.place):
        case HTTPSource(url=url):
            return f"curl -sS -o /dev/null {url}{unread.component.page}"
        case FileSource(path=path):
            return f"ls -l {path}"
    return paste(f"ring show {unread.component.name}", unread.place)
