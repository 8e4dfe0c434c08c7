"""A whole cluster on one page: a section after the other, the worst of each, and what to do first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from cortexctl.findings import Finding, Section, Severity
from cortexctl.render.findings import FindingsResult, filled, since_lines
from cortexctl.render.spec import Format, OutputSpec
from cortexctl.render.table import cell_width
from cortexctl.render.terminal import fitted_width, painted
from cortexctl.render.text import escape
from cortexctl.results import Column, Row

_MOST_LINES = 10
"""Of findings, and of errors, in a section of the page; `-o wide` has them all."""
_INDENT = " " * 9


@dataclass(frozen=True, slots=True)
class DoctorResult(FindingsResult):
    """The findings of all sections in one list, for formats with rows, and the sections, for a page."""

    sections: Sequence[Section] = ()
    verdict: str = ""
    first: Finding | None = None
    """What to begin with."""

    @property
    def columns(self) -> Sequence[Column]:
        """The section, and the fields of a finding."""
        return [Column("section"), *super(DoctorResult, self).columns]

    @property
    def summary(self) -> Mapping[str, Any]:
        """The counts, the verdict, what to do first, and how each section went."""
        first = None
        if self.first is not None:
            first = {"code": self.first.code, "scope": self.first.scope, "subject": self.first.subject}
            first |= {"message": self.first.message, "next": self.first.next}
        return {
            **super(DoctorResult, self).summary,
            "verdict": self.verdict,
            "first": first,
            "sections": [each.document() for each in self.sections],
        }

    def rows(self) -> Iterable[Row]:
        """Yield each finding as its document, with its section."""
        names = [section.name for section in self.sections for _ in section.findings]
        return ({"section": name, **row} for name, row in zip(names, super(DoctorResult, self).rows(), strict=True))

    def drawing(self, output: OutputSpec) -> Any:
        """Return the page for a person who asks for no columns."""
        is_page = output.format in (Format.TABLE, Format.WIDE) and not output.fields and not output.sort
        return write_report if is_page else None


def write_report(result: DoctorResult, output: OutputSpec, stream: TextIO) -> None:
    """Write the sections in their order, and the verdict as the last line."""
    limit = fitted_width(output, stream)
    most = None if output.format is Format.WIDE else _MOST_LINES
    known = iter(() if result.compared is None else result.compared.known)
    told = dict[str, str]()
    for section in result.sections:
        shown = [each for each in section.findings if not next(known, False)]
        stream.writelines(f"{line}\n" for line in _section(section, shown, told, most, limit, output.colour))
        told |= {each.evidence["said"]: section.name for each in shown if "said" in each.evidence}
    stream.write("\n")
    if result.compared is not None:
        compared = result.compared
        stream.write(f"{sum(compared.known)} known, {len(compared.fixed)} fixed since {escape(compared.baseline)}\n")
    if result.since is not None:
        stream.writelines(f"{line}\n" for line in since_lines(result.since))
    stream.writelines(f"{line}\n" for line in _verdict(result))


def _verdict(result: DoctorResult) -> Iterator[str]:
    yield f"verdict: {escape(result.verdict)}"
    if result.first is not None:
        what = f"{result.first.code} {escape(result.first.scope)}"
        yield f"first:   {what}: {escape(result.first.next or result.first.message)}"


def _section(
    section: Section,
    shown: Sequence[Finding],
    told: Mapping[str, str],
    most: int | None,
    limit: int | None,
    colour: bool,
) -> Iterator[str]:
    """Yield the lines of a section. `told` are messages that an earlier one has shown, and which it is."""
    yield from filled(f"{section.name:<8} {_head(section, shown, told)}".split(" "), " ", limit, "")
    for line in section.told:
        yield from filled(escape(line).split(), " ", limit, _INDENT)
    errors = [str(each) for each in section.errors][int(section.is_failed) :]
    errors = [said for said in dict.fromkeys(errors) if said not in told]
    for said in errors[:most]:
        yield from filled(escape(f"not read: {said}").split(), " ", limit, _INDENT)
    if most is not None and len(errors) > most:
        yield f"{_INDENT}and {len(errors) - most} more that could not be read"
    groups = _groups(shown if most is None else [each for each in shown if each.severity > Severity.INFO])
    for at, group in enumerate(groups[:most]):
        yield from _group(group, limit, colour)
        following = groups[at + 1][0].next if at + 1 < len(groups[:most]) else ""
        if group[0].next and group[0].next != following:  # never folded: it is there to be copied
            yield f"{_INDENT}  next: {escape(group[0].next)}"
    if most is not None and len(groups) > most:
        yield f"{_INDENT}and {len(groups) - most} more of lesser weight: -o wide shows them"


def _head(section: Section, shown: Sequence[Finding], told: Mapping[str, str]) -> str:
    if section.skipped:
        return f"not looked at: {escape(section.skipped)}"
    if section.is_failed:
        why = str(section.errors[0]) if section.errors else "nothing is there"
        return f"could not be looked at: {f'see {told[why]}' if why in told else escape(why)}"
    counts = Counter(each.severity for each in shown)
    said = ", ".join(f"{counts[grade]} {grade}" for grade in sorted(counts, reverse=True))
    found = f"{len(shown)} finding{'' if len(shown) == 1 else 's'}: {said}" if shown else "ok"
    return f"{found}; not all could be looked at" if section.errors else found


def _groups(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Return the findings of each code and tenant, ring or place together, worst first as they come."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        groups.setdefault((each.code, each.scope), []).append(each)
    return list(groups.values())


def _group(group: Sequence[Finding], limit: int | None, colour: bool) -> Iterator[str]:
    first = group[0]
    severity = f"{str(first.severity).upper():<8}"
    where = " ".join(filter(None, (first.code, escape(first.scope), f"x{len(group)}" if len(group) > 1 else "")))
    message = ": ".join(filter(None, (escape(first.subject), escape(first.message))))
    painted_severity = painted(severity, str(first.severity)) if colour else severity
    if limit is None or cell_width(f"{_INDENT}{severity} {where}  {message}") <= limit:
        yield f"{_INDENT}{painted_severity} {where}  {message}"
    else:
        yield f"{_INDENT}{painted_severity} {where}"
        yield from filled(message.split(), " ", limit, _INDENT + "  ")
