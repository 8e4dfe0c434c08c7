"""The commands that findings name, as they are typed after `cortexctl`; the source is added by who prints them."""

import shlex

from cortexctl.ring.checked import CheckedRing


def show(checked: CheckedRing) -> str:
    """Return the command that shows the ring."""
    return f"ring show {checked.component.name}"


def forget(checked: CheckedRing, instance_id: str) -> str:
    """Return the command that takes a dead instance out of the ring."""
    return f"ring forget {checked.component.name} {shlex.quote(instance_id)}"


def owners(checked: CheckedRing, key: int) -> str:
    """Return the command that explains a key's replica set."""
    return f"ring owners {checked.component.name} --token {key}"
