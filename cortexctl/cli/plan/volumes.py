"""The volumes of compactors, as options and contexts name them."""

from cortexctl.cli.session import Session
from cortexctl.errors import UsageError
from cortexctl.units import parse_size


def volumes_of_context(run: Session) -> list[str]:
    """Return what the context in force says of volumes, as `--volume` takes it."""
    return [] if run.context is None else [f"{name}={size}" for name, size in run.context.volumes.items()]


def parse_volumes(given: list[str]) -> dict[str, int]:
    """Return the bytes of each instance's volume, "" being those not named. Raises UsageError."""
    volumes: dict[str, int] = {}
    for each in given:
        name, _, size = each.rpartition("=")
        if name in volumes:
            raise UsageError(f"--volume {each!r}: {name or 'that of all'} is given twice")
        volumes[name] = parse_size(size)
        if volumes[name] <= 0:
            raise UsageError(f"--volume {each!r}: must be more than nothing")
    return volumes
