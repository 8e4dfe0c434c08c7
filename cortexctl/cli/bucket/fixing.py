"""`cortexctl bucket check --fix`: findings repaired by one plan, and what is left of them."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from cortexctl.cli.bucket.changing import Ending, carry_out
from cortexctl.cli.bucket.looking import Asked, Looked
from cortexctl.cli.change_options import ApplyOptions, JournalOptions, LockOptions
from cortexctl.cli.session import Session
from cortexctl.errors import ExitCode, RefusedError, UsageError

if TYPE_CHECKING:
    from cortexctl.audit.bucket.chosen import TenantChange
    from cortexctl.findings import Finding
    from cortexctl.repair.operations import Plan
    from cortexctl.results import Row, Table

_MOST_SHOWN = 20


def fix_findings(
    looking: Asked,
    patterns: Sequence[str],
    apply: ApplyOptions,
    lock: LockOptions,
    kept: JournalOptions,
    *,
    irreversible: bool,
) -> None:
    """Plan the repair of what is found of some checks, or load it; show it, or make it and check again."""
    from cortexctl.audit.bucket.fix import plan_fixes

    run = looking.run
    ending = _Left(looking, _codes(looking, patterns))
    if apply.plan is None:
        ending.looked = looking.look()

    def planned() -> "Sequence[TenantChange]":
        found = [each for each in ending.found if each.code in ending.codes]
        return plan_fixes(run.bucket, found, run.now_s, run.delays, run.parquet_enabled)

    def allow(plan: "Plan") -> None:
        from cortexctl.blocks.fixing import is_deleted_at_once

        delay_s = run.delays.deletion_delay_s
        if not irreversible and any(is_deleted_at_once(each.operations, run.now_s, delay_s) for each in plan.steps):
            raise RefusedError("the cleaner deletes data for good once this is applied: agree with --irreversible")

    carry_out(
        run,
        apply,
        lock,
        kept,
        planned,
        again=_again(looking, patterns, irreversible=irreversible),
        named=bool(patterns),
        allow=allow,
        verb="bucket check",
        ending=ending,
    )


def _codes(looking: Asked, patterns: Sequence[str]) -> set[str]:
    """Return the codes that are meant and have a repair.

    Raises UsageError for one that has none, saying what to do instead; of a family, those that have none are left.
    """
    from cortexctl.blocks.checks import CHECKS

    codes: set[str] = set()
    for pattern in patterns:
        meant = [each for each in CHECKS if each.code.startswith(pattern.upper())]
        if not meant:
            raise UsageError(f"no check begins with {pattern!r}; `cortexctl explain` lists them")
        able = {each.code for each in meant if each.repair is not None and each.repair.is_automatic}
        if not able:
            texts = [each.repair.text for each in meant if each.repair is not None]
            instead = f"instead: {texts[0]}" if len(meant) == 1 else "`cortexctl explain CODE` says what to do instead"
            raise UsageError(f"--fix {pattern}: that is not repaired by --fix; {instead}")
        if not any(looking.only(each) for each in meant if each.code in able):
            raise UsageError(f"--fix {pattern}: --only or --ignore leave that out, so it is not found")
        codes |= able
    return codes


@dataclass
class _Left(Ending):
    """What is shown besides the plan: the findings that it leaves, and after it was applied those that are left."""

    looking: Asked
    codes: set[str]
    looked: Looked | None = None

    @property
    def found(self) -> "Sequence[Finding]":
        """The findings, once it was looked."""
        return () if self.looked is None else self.looked.checked.findings

    def shown(self, table: "Table", *, is_applied: bool) -> "Table":
        """Return the table with the findings that are left; after an apply it is looked again."""
        if is_applied:
            self.looked = self.looking.look()
        left = [each for each in self.found if is_applied or each.code not in self.codes]
        summary = {**table.summary, "left": [each.document() for each in left]}
        said = list(_lines(left, "left" if is_applied else "not repaired by this"))
        if is_applied and not left:
            said.append("checked again: no findings are left")
        if is_applied and any(_is_marked(row) for row in table.rows()):
            said.append(
                "once the cleaner has seen new deletion marks, take them back with `cortexctl bucket undelete`, not "
                "with `journal undo`"
            )
        return replace(table, summary=summary, note="\n".join((*said, table.note)).strip("\n"))

    def leave(self, run: Session, changes: "Sequence[TenantChange]") -> None:
        """Leave as a check does, with the findings of before a dry run, and of after an apply."""
        run.fail_for([change.error for change in changes if change.error is not None], len(changes))
        if self.looked is None:
            return
        run.fail_for(self.looked.checked.failed, len(self.looked.scope.tenants))
        if not self.looked.verdict.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _is_marked(row: "Row") -> bool:
    from cortexctl.blocks import layout

    return row["change"] in ("create", "rewrite") and (row["key"] or "").endswith(layout.DELETION_MARK)


def _lines(left: "Sequence[Finding]", what: str) -> "Iterator[str]":
    for each in left[:_MOST_SHOWN]:
        where = "  ".join(part for part in (each.scope, each.subject) if part)
        yield f"{what}: {str(each.severity).upper()} {each.code} {where}  {each.message}"
    if len(left) > _MOST_SHOWN:
        yield f"{what}: … and {len(left) - _MOST_SHOWN} more (-o json has all)"


def _again(looking: Asked, patterns: Sequence[str], *, irreversible: bool) -> str:
    words = []
    given = (
        ("--tenant", looking.tenants),
        ("--exclude-tenant", looking.excluded),
        ("--only", looking.findings.only or ()),
        ("--ignore", looking.findings.ignore or ()),
        ("--fail-on", () if looking.findings.fail_on == "high" else (looking.findings.fail_on,)),
        ("--baseline", () if looking.findings.baseline is None else (str(looking.findings.baseline),)),
        ("--fix", patterns),
    )
    for option, values in given:
        for value in values:
            words += [option, value]
    return f"bucket check {shlex.join([*words, *(['--irreversible'] if irreversible else [])])}"
