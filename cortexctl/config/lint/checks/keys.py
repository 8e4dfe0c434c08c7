"""Keys and values that Cortex does not take, or takes for something else than they look like."""

from collections.abc import Iterator

from cortexctl.config.lint.comparing import Deviating, Deviation
from cortexctl.config.lint.version import NEWEST, display
from cortexctl.config.lint.view import LintView
from cortexctl.findings import Problem, Severity, check

_SECTIONS = {
    "compactor": ("compactor",),
    "store_gateway": ("store-gateway", "querier", "ruler"),
    "ruler": ("ruler",),
    "ruler_storage": ("ruler",),
    "alertmanager": ("alertmanager",),
    "alertmanager_storage": ("alertmanager",),
    "parquet_converter": ("parquet-converter",),
    "query_range": ("query-frontend",),
    "frontend": ("query-frontend",),
    "query_scheduler": ("query-scheduler",),
    "frontend_worker": ("querier",),
}
"""The targets that read a section, of the sections that not nearly all read."""


def _of(view: LintView, kind: Deviation) -> Iterator[Deviating]:
    return (each for each in view.deviating if each.kind is kind)


def _at(each: Deviating) -> dict[str, int]:
    return {} if each.line is None else {"line": each.line}


@check("CFG01", "key-unknown", Severity.HIGH)
def key_unknown(view: LintView) -> Iterator[Problem]:
    """There is no such key in Cortex's configuration.

    Cortex does not start with it, so the next restart or roll-out of any process that reads it fails.

    Information only on the page of a running process, which has started with it: then its Cortex is another than the
    one whose keys cortexctl knows.

    Correct its name or its place, or remove it.
    Source: Cortex, cmd/cortex/main.go, LoadConfig.
    """
    for each in _of(view, Deviation.UNKNOWN):
        nearest = view.reference.nearest(each.path)
        section, _, key = each.path.rpartition(".")
        renamed = nearest.rpartition(".")[0] == section
        meant = f"; is {nearest.rpartition('.')[2] if renamed else nearest} meant?" if nearest else ""
        yield Problem(
            each.path,
            f"{section or 'the document'} has no {key} (as of Cortex {display(NEWEST)}){meant}",
            _at(each) | ({"nearest": nearest} if nearest else {}),
            severity=Severity.INFO if view.is_live else None,
        )


@check("CFG02", "value-refused", Severity.HIGH)
def value_refused(view: LintView) -> Iterator[Problem]:
    """A value is not of the kind that its key takes.

    Cortex does not start with it. The other checks go on with the default in its place.

    Write a value that the key takes.
    Source: Cortex, cmd/cortex/main.go, LoadConfig; pkg/cortex/cortex.go, Validate.
    """
    for each in _of(view, Deviation.REFUSED):
        yield Problem(each.path, each.fault, _at(each))
    empty = tuple(f"{each.path}." for each in _of(view, Deviation.EMPTY))
    for name, fault in view.unreadable.items():
        path, _, because = fault.partition(": ")
        if path.startswith(empty):
            continue  # what is wrong is that it is empty
        yield Problem(path, f"{because} (the {name} ring)", {})


@check("CFG03", "key-twice", Severity.HIGH)
def key_twice(view: LintView) -> Iterator[Problem]:
    """A key is written twice in one section.

    Cortex does not start with it; other readers of the file take the later value and say nothing.

    Leave one of them.
    Source: gopkg.in/yaml.v2, UnmarshalStrict.
    """
    for each in _of(view, Deviation.TWICE):
        first = view.lines.of(tuple(each.path.split(".")))
        yield Problem(each.path, f"is written in line {first} and again in line {each.line}", _at(each))


@check("CFG04", "value-empty", Severity.HIGH)
def value_empty(view: LintView) -> Iterator[Problem]:
    """A key has nothing after it, which Cortex reads as zero, or empty, and not as its default.

    A section without content sets everything in it to zero: time-outs, intervals, replication factors. Cortex does not
    start where that is a section of the top level; anywhere else it does.

    A warning where a single key is meant; no finding where its default is nothing, too.

    Remove the key, or write its value.
    Source: gopkg.in/yaml.v2, decode.go, scalar; Cortex, pkg/cortex/cortex.go, validateYAMLEmptyNodes.
    """
    for each in _of(view, Deviation.EMPTY):
        if each.is_section:
            is_root = "." not in each.path
            outcome = "Cortex does not start" if is_root else "everything in it is zero"
            yield Problem(each.path, f"is an empty section: {outcome}", _at(each))
        elif view.is_set(each.path):
            default = view.default(each.path)
            yield Problem(
                each.path,
                f"is empty: that is {view.shown(each.path) or 'no text'}, and not the default {default}",
                _at(each),
                view.repair(each.path, default),
                Severity.WARNING,
            )


@check("CFG05", "key-moved", Severity.HIGH)
def key_moved(view: LintView) -> Iterator[Problem]:
    """A key was renamed or removed in a later Cortex.

    From that version on Cortex does not start with it. The other checks take its value for that of the new key.

    Information only where the version is not known, or is older: then it is something to do at the upgrade.

    Write the new key when upgrading.
    Source: Cortex, CHANGELOG.md.
    """
    for each in _of(view, Deviation.MOVED):
        moved = view.reference.moved_from(each.path)
        if moved is None:
            continue
        is_gone = view.version is not None and view.version >= moved.since and not view.is_live
        instead = f"it is {moved.to} now" if moved.to else "nothing is in its place"
        yield Problem(
            each.path,
            f"Cortex has no such key from {display(moved.since)} on: {instead}",
            _at(each),
            severity=None if is_gone else Severity.INFO,
        )


@check("CFG06", "key-too-new", Severity.HIGH, needs=("Cortex's version: --cortex-version",))
def key_too_new(view: LintView) -> Iterator[Problem]:
    """A key is younger than the Cortex that is to read it.

    Cortex does not start with it.

    Remove it, or upgrade first.
    Source: Cortex, docs/configuration/config-file-reference.md at each release.
    """
    for each in _of(view, Deviation.TOO_NEW):
        since = view.reference.known_since(each.path)
        if since is not None and view.version is not None and not view.is_live:
            yield Problem(
                each.path, f"there is such a key since {display(since)}, and this is {display(view.version)}", _at(each)
            )


@check("CFG07", "key-deprecated", Severity.INFO)
def key_deprecated(view: LintView) -> Iterator[Problem]:
    """A key that is set is deprecated.

    It has no effect any more, or will have none: a later Cortex does not start with it.

    Set what is in its place.
    Source: Cortex, docs/configuration/config-file-reference.md.
    """
    for path, instead in view.reference.deprecated.items():
        if view.is_set(path):
            said = f"is deprecated: set {instead}" if instead else "is deprecated, and has no effect"
            yield Problem(path, said, view.evidence(path))


@check("CFG08", "section-unread", Severity.INFO, needs=("the target: `target` in the configuration",))
def section_unread(view: LintView) -> Iterator[Problem]:
    """Settings are of components that this process does not run.

    They have no effect here. Where the process was meant to be another, its own settings are missing.

    Nothing, where processes share one file; else correct `target`.
    Source: Cortex, pkg/cortex/modules.go, setupModuleManager.
    """
    if not view.targets:
        return
    # A process fills in the instance's name of every ring.
    told = [path for path in view.given if view.is_set(path) and not path.endswith(".instance_id")]
    unread = {
        section: count
        for section, readers in _SECTIONS.items()
        if not view.runs(*readers) and (count := sum(path.startswith(f"{section}.") for path in told))
    }
    if unread:
        yield Problem(
            "target",
            f"{', '.join(sorted(view.targets))}: no part of this process reads {', '.join(unread)}",
            {**view.evidence("target"), "keys_unread": sum(unread.values())},
        )


CHECKS = (
    key_unknown,
    value_refused,
    key_twice,
    value_empty,
    key_moved,
    key_too_new,
    key_deprecated,
    section_unread,
)
