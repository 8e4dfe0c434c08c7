"""The environment in the text of a configuration: as Cortex has it, with `-config.expand-env`, and as Thanos has it."""

import re
from collections.abc import Mapping

from cortexctl.errors import UsageError

_GO_REFERENCE = re.compile(r"\$(?:\{([^}]*)\}|(\{)|([*#$@!?\-0-9])|([A-Za-z0-9_]+))")
_THANOS_REFERENCE = re.compile(r"\$\(([a-zA-Z_0-9]+)\)")


def expand_env(text: str, environment: Mapping[str, str]) -> str:
    """Return the text with `$VAR`, `${VAR}` and `${VAR:default}` replaced, as `-config.expand-env` does.

    The default is everything after the first colon and stands in for a variable unset or empty; without one
    that is nothing. There is no escape: `$$` is the variable called `$`. A `$` before no name stays.
    Source: Cortex, cmd/cortex/main.go, expandEnv; Go, os.Expand.
    """

    def value(match: re.Match[str]) -> str:
        braced, unclosed, special, name = match.groups()
        if unclosed:
            return ""
        variable, _, default = (braced or special or name or "").partition(":")
        return environment.get(variable, "") or default

    return _GO_REFERENCE.sub(value, text)


def expand_references(text: str, environment: Mapping[str, str], *, name: str) -> str:
    """Return the text with `$(VAR)` replaced, as Thanos does; a variable that is not set is a fault.

    Source: efficientgo/tools, extkingpin/pathorcontent.go, expandEnv.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise UsageError(f"{name}: $({match[1]}) is not set in the environment")
        return environment[match[1]]

    return _THANOS_REFERENCE.sub(value, text)


def brought(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that either of these puts into a text, with their values, the longest first."""
    names = {name for match in _THANOS_REFERENCE.finditer(text) for name in match.groups()}
    for match in _GO_REFERENCE.finditer(text):
        names.update(name.partition(":")[0] for name in match.groups() if name)
    found = {name: environment[name] for name in names if environment.get(name)}
    return dict(sorted(found.items(), key=lambda each: (-len(each[1]), each[0])))
