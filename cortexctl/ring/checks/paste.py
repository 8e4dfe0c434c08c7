"""The commands that findings name, as they are typed after `cortexctl`; the source is added by who prints them."""

from typing import Protocol

from cortexctl import shell
from cortexctl.ring.components import Component


class OfARing(Protocol):
    """What knows which ring it is of: a view, or a survey."""

    @property
    def component(self) -> Component:
        """The ring."""


def show(of: OfARing) -> str:
    """Return the command that shows the ring."""
    return f"ring show {of.component.name}"


def diff(of: OfARing) -> str:
    """Return the command that lays the views of the ring side by side."""
    return f"ring diff {of.component.name}"


def forget(of: OfARing, instance_id: str) -> str:
    """Return the command that takes a dead instance out of the ring."""
    return shell.command(f"ring forget {of.component.name}", [instance_id])


def owners(of: OfARing, key: int) -> str:
    """Return the command that explains a key's replica set."""
    return f"ring owners {of.component.name} --token {key}"


def tokens(path: str) -> str:
    """Return the command that compares a token file with the ring."""
    return shell.command("ring tokens", [path])
