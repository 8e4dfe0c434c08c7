"""The page of configuration: what goes before what, and every variable of the environment that is read."""

from collections.abc import Iterator, Sequence

from cortexctl.cli import tree

ASIDE = {
    "CORTEXCTL_CONFIG": "The file of [contexts](contexts.md).",
    "CORTEXCTL_PASSWORD": "The password of HTTP's basic auth, as `--password-file`.",
    "CORTEXCTL_BEARER_TOKEN": "The bearer token, as `--bearer-token-file`.",
    "CONSUL_HTTP_TOKEN": "Consul's ACL token.",
    "ETCDCTL_USER": "The user of etcd, and `ETCDCTL_PASSWORD` the password.",
    "STORAGE_EMULATOR_HOST": "An emulator of GCS.",
    "NO_COLOR": "No colours, also on a terminal.",
    "XDG_CONFIG_HOME": "Where `cortexctl/config.yaml` is; `~/.config` by default.",
    "XDG_STATE_HOME": "Where `cortexctl/journal` is; `~/.local/state` by default.",
    "XDG_CACHE_HOME": "Where the names for completion are; `~/.cache` by default.",
}
"""Variables that stand for no option."""

ABOUT = """\
An option goes before a variable of the environment, that before a [context](contexts.md), that before Cortex's own YAML
or `/config` page, and that before Cortex's default. Answers that depend on a setting say where it is from. Credentials
of a store come from its own variables and files: [which bucket](buckets.md), [which ring](rings.md#where-a-ring-is)."""


def page(commands: Sequence[tree.Command]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "# Configuration"
    yield ""
    yield ABOUT
    yield ""
    yield "| Variable | As | What it does |"
    yield "| --- | --- | --- |"
    options = {option.envvar: option for each in commands for option in each.options if option.envvar}
    for variable, option in sorted(options.items()):
        about = option.help.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
        yield f"| `{variable}` | `{option.names[-1]}` | {about} |"
    yield from (f"| `{variable}` | | {about} |" for variable, about in ASIDE.items())
