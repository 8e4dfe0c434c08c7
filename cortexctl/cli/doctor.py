"""`cortexctl doctor`: a whole cluster, on one page."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cortexctl.cli.choosing import chooser
from cortexctl.cli.cluster import opened, placed, read_texts
from cortexctl.cli.contexts import say_context
from cortexctl.cli.cron import in_turn
from cortexctl.cli.exits import complain
from cortexctl.cli.groups import grouped
from cortexctl.cli.kubernetes import KubernetesOptions, find_pods
from cortexctl.cli.options import (
    BucketOptions,
    CheckOptions,
    CronOptions,
    ExcludedTenants,
    FindingsOutputOptions,
    ResultOptions,
    Tenants,
)
from cortexctl.cli.plan.volumes import parse_volumes
from cortexctl.cli.ring.options import HttpOptions
from cortexctl.cli.session import Output, Session
from cortexctl.cli.verdict import RunName, Verdict, judge, read_earlier
from cortexctl.errors import DeadlineError, ExitCode, PartialError
from cortexctl.units import parse_duration_s, parse_time_s

if TYPE_CHECKING:
    from cortexctl.findings import Check, Finding, Section
    from cortexctl.render import DoctorResult


@grouped
def doctor(
    source: BucketOptions,
    http: HttpOptions,
    kubernetes: KubernetesOptions,
    output: FindingsOutputOptions,
    findings: CheckOptions,
    cron: CronOptions,
    ring_source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            "-s",
            help="Where the rings are, as for `cortexctl ring`; dns+http:// finds every pod. Repeatable.",
            metavar="URL",
            envvar="CORTEXCTL_SOURCE",
        ),
    ] = None,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(
            "--volume", help="The size of compactors' volumes, or of one's. Repeatable.", metavar="[INSTANCE=]SIZE"
        ),
    ] = None,
) -> None:
    """Look at a whole cluster, and say on one page how it is and what to do first.

    In this order: what can be reached and may be read, the clocks, all rings, the bucket, the compactors' volumes, and
    Cortex's configuration. What cannot be looked at is named with its reason, and hides nothing else. A configuration
    with its bucket and KV store is enough; -o wide and -o json have every finding. Changes nothing, and tries no write.
    Needs to list the bucket, to get objects, and to read the KV store; of Kubernetes only lists.
    """
    from cortexctl.cli.catalogue import checks
    from cortexctl.cli.examining import Asked, examine, wants_pods

    to = Output(output, "doctor", time.time())
    only, earlier = chooser(findings, checks()), read_earlier(findings, "scope")
    asked = Asked(only, tenant or [], exclude_tenant or [], parse_volumes(volume or []))
    now_s = to.started_at_s if output.as_of is None else parse_time_s(output.as_of, to.started_at_s)
    given = placed(source, ring_source, http, has_namespace=kubernetes.k8s_namespace is not None)
    given = replace(given, pods=find_pods(kubernetes, source.timeout, source.deadline) if wants_pods(asked) else None)
    say_context(to, given.context, source.context)
    to.timeout_s = parse_duration_s(source.timeout)
    with in_turn(cron), to.to_the_end():
        with ExitStack() as stack:
            # What is opened writes nothing: there is one result, of all of it.
            cluster = opened(stack, given, read_texts(given), ResultOptions(as_of=output.as_of, quiet=output.quiet))
            if isinstance(cluster.bucket, Session):
                to.requests = cluster.bucket.bucket.totals.requests
            sections = examine(cluster, asked)
        found = [replace(each, scope_kind="scope") for section in sections for each in section.findings]
        this = RunName("doctor", cluster.name, now_s)
        said = judge(findings, earlier, found, lambda *of: any(each.looked_for(*of) for each in sections), this)
        result = _result(sections, found, said, [each for each in checks() if only(each)])
        to.emit(result, is_well=said.is_well and not any(each.errors for each in sections))
        _fail_for(sections, source.deadline)
        if not said.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _result(
    sections: "Sequence[Section]", found: "Sequence[Finding]", said: Verdict, checks: "Sequence[Check[Any]]"
) -> "DoctorResult":
    from cortexctl.audit.doctor.verdict import verdict
    from cortexctl.render import DoctorResult, NotRun

    come_to = verdict(sections, found if said.compared is None else said.compared.new(found))
    return DoctorResult(
        found,
        [NotRun(*each) for section in sections for each in section.not_run],
        sum(each.is_looked_at for each in sections),
        scope="scope",
        unread=[{"section": each.name, "error": str(error)} for each in sections for error in each.errors],
        compared=said.compared,
        since=said.since,
        checks=checks,
        fail_on=said.fail_on,
        sections=sections,
        verdict=come_to.text,
        first=come_to.first,
    )


def _fail_for(sections: "Sequence[Section]", deadline: str | None) -> None:
    """Raise when something could not be looked at, after the rest was shown. Of what was read, access tells nothing."""
    errors = [error for section in sections for error in section.errors]
    if not errors:
        return
    if any(isinstance(each, DeadlineError) for each in errors):
        raise DeadlineError(f"--deadline {deadline} is over; what was looked at until then is shown")
    looked_at = [each for each in sections if each.name not in ("access", "clocks") and each.is_looked_at]
    if not looked_at:
        complain("nothing of the cluster could be read")
        raise typer.Exit(errors[0].exit_code)
    names = ", ".join(each.name for each in sections if each.errors)
    raise PartialError(f"could not be looked at, or not whole: {names}; the rest is shown")
