"""What repairs a configuration, as it can be pasted: the YAML to set, in one line, and the flag that does the same."""

from cortexctl.config.lint.reference import Reference
from cortexctl.config.lint.version import display


def setting(path: str, value: str, reference: Reference) -> str:
    """Return `compactor: {deletion_delay: 12h}` and, as a comment, its flag and since when there is such a key."""
    *above, key = path.split(".")
    yaml = f"{key}: {value}"
    for section in reversed(above):
        yaml = f"{section}: {{{yaml}}}"
    since, flag = reference.known_since(path), reference.flags.get(path)
    comment = [] if flag is None else [f"or -{flag}={value.strip('[]').replace(' ', '')}"]
    comment += [] if since is None else [f"since {display(since)}"]
    return f"{yaml}  # {', '.join(comment)}" if comment else yaml
