"""Applying a plan, resuming it and undoing it: a step a tenant, under its lock, several tenants at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from cortexctl.blocks import layout
from cortexctl.blocks.build import Fingerprint
from cortexctl.errors import ConflictError, CortexctlError, PartialError
from cortexctl.repair import apply as repairs
from cortexctl.repair.operations import Step
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.journal import FileJournal
from cortexctl.storage.lease import SETTLE_S, CleanerLease, stop_if_cancelled
from cortexctl.storage.unread import ObjectsUnread
from cortexctl.units import format_count

TENANTS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Locking:
    """How tenants are locked against Cortex's cleaner, in seconds."""

    enabled: bool = True
    timeout_s: float = 600.0
    settle_s: float = SETTLE_S


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one step: no error means that its objects are as they were to be."""

    scope: str
    keys: Sequence[str]
    error: CortexctlError | None = None


def apply_plan(bucket: Bucket, journal: FileJournal, locking: Locking, *, check_inputs: bool = False) -> list[Done]:
    """Make the journal's plan happen, as far as it has not yet, and return what became of each step.

    `check_inputs` lists each tenant again, under its lock, and refuses the step when anything that the plan was made
    from has changed; a step that was begun has passed that. An error of one tenant stops no other.
    """
    begun, locked = journal.begun_scopes(), set(_left_locked(journal))

    def make(numbered: tuple[int, Step]) -> Done:
        first, step = numbered
        operations = list(enumerate(step.operations, start=first))
        keys = [operation.key for operation in step.operations]

        marker = [each for each in operations if _is_the_lock(step.scope, each[1].key)]
        others = [each for each in operations if each not in marker]

        def free() -> None:
            repairs.apply(marker, step.scope, bucket, journal, lambda: stop_if_cancelled(bucket))

        def work(guard: Callable[[], None]) -> None:
            if check_inputs and step.fingerprint and step.scope not in begun:
                _require_fingerprint(bucket, step)
            repairs.apply(others, step.scope, bucket, journal, guard, ObjectsUnread(bucket))

        if step.scope not in locked and all(journal.is_done(seq) for seq, _ in operations):
            return Done(step.scope, keys)
        error = _attempt(bucket, journal, step.scope, locking, work if others else None, before=free)
        return Done(step.scope, keys, error)

    return [done for _, done in bucket.each(make, journal.plan.numbered(), TENANTS_AT_ONCE, finish=True)]


def undo_run(bucket: Bucket, journal: FileJournal, locking: Locking) -> list[Done]:
    """Put back everything the journal's run has written, give back locks it left, and return what became of it."""
    begun = journal.begun()
    locked = _left_locked(journal)
    scopes = [*begun, *(scope for scope in locked if scope not in begun)]

    def restore(scope: str) -> Done:
        restored: list[str] = []

        entries = begun.get(scope, [])
        marker = [each for each in entries if _is_the_lock(scope, each.key)]
        others = [each for each in entries if each not in marker]

        def work(guard: Callable[[], None]) -> None:
            restored.extend(repairs.undo(others, bucket, journal, guard, ObjectsUnread(bucket)))

        def put_back() -> None:
            restored.extend(repairs.undo(marker, bucket, journal, lambda: stop_if_cancelled(bucket)))

        is_locking = bool(others) or scope in locked
        error = _attempt(bucket, journal, scope, locking, work if is_locking else None, after=put_back)
        return Done(scope, restored, error)

    return [done for _, done in bucket.each(restore, scopes, TENANTS_AT_ONCE, finish=True)]


def raise_for(results: Sequence[Done], journal: FileJournal, what: str = "tenant") -> None:
    """Raise for the steps that failed: their own error where nothing else was done, else that the run is partial."""
    failed = [done for done in results if done.error is not None]
    if not failed:
        return
    codes = {done.error.exit_code for done in failed if done.error is not None}
    first = failed[0].error
    if len(failed) == len(results) and len(codes) == 1 and first is not None:
        more = f" (and {format_count(len(failed) - 1, what)} more)" if len(failed) > 1 else ""
        raise type(first)(f"{first}{more}; journal {journal.run.id}") from first
    reasons = "; ".join(f"{done.scope}: {done.error}" for done in failed[:3])
    raise PartialError(
        f"{len(failed)} of {format_count(len(results), what)} failed: {reasons}; "
        f"go on with `cortexctl journal resume {journal.run.id} --apply`, "
        f"or take it back with `cortexctl journal undo {journal.run.id} --apply`"
    ) from first


def _is_the_lock(scope: str, key: str) -> bool:
    """Return whether an operation is on the cleaner's visit marker itself: it is made while nobody holds that."""
    return key == layout.cleaner_visit_marker(scope)


def _nothing() -> None:
    """What most steps have to do before and after they hold the lock."""


def _attempt(
    bucket: Bucket,
    journal: FileJournal,
    scope: str,
    locking: Locking,
    work: Callable[[Callable[[], None]], None] | None,
    *,
    before: Callable[[], None] = _nothing,
    after: Callable[[], None] = _nothing,
) -> CortexctlError | None:
    try:
        before()
        if work is not None:
            with _locked(bucket, journal, scope, locking) as guard:
                guard()
                work(guard)
        after()
    except CortexctlError as error:
        return error
    return None


@contextmanager
def _locked(bucket: Bucket, journal: FileJournal, tenant: str, locking: Locking) -> Iterator[Callable[[], None]]:
    """Hold the tenant's lock, where locking is wanted, and give the guard to call before each write."""
    lease: AbstractContextManager[CleanerLease | None] = nullcontext()
    if locking.enabled:
        lease = CleanerLease(
            bucket,
            tenant,
            journal.run.owner,
            journal,
            timeout_s=locking.timeout_s,
            settle_s=locking.settle_s,
        )
    with lease as held:
        yield held.check if held is not None else lambda: stop_if_cancelled(bucket)


def _require_fingerprint(bucket: Bucket, step: Step) -> None:
    listing = Fingerprint()
    for found in bucket.scan(layout.tenant_prefix(step.scope)):
        listing.see(found)
    if listing.digest() != step.fingerprint:
        raise ConflictError(f"{step.scope}: blocks or marks changed since the plan was made; make it again")


def _left_locked(journal: FileJournal) -> list[str]:
    """Return the tenants whose lock the run took and did not note as given back."""
    held: dict[str, None] = {}
    for event in journal.events():
        tenant = layout.split(str(event.get("key", "")))[0]
        if event.get("event") == "lock":
            held[tenant] = None
        elif event.get("event") == "unlock":
            held.pop(tenant, None)
    return list(held)
