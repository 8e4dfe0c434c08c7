"""What can go wrong, as one tree, and the exit code of each branch.

Every error message is for the operator: it names the object and the fault. The tree imports nothing, so
every layer may raise from it; `cortexctl.cli.main` alone turns an error into an exit.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to cron and CI. Codes not listed here mean failure."""

    OK = 0
    """Done; no finding at or above `--fail-on`."""
    FINDINGS = 1
    """Findings at or above `--fail-on`."""
    USAGE = 2
    """Wrong usage: an option, an argument or a configuration file."""
    SOURCE = 3
    """A bucket, KV store or pod cannot be reached or may not be read."""
    DATA = 4
    """An object asked for by name is not what it should be."""
    CONFLICT = 5
    """It changed since the plan was made; nothing further was applied."""
    PARTIAL = 6
    """Some tenants or operations failed, the rest is done; the message names the journal."""
    LOCKED = 7
    """Locked by another run or by a compactor."""
    REFUSED = 8
    """Refused by a safety limit."""
    FAULT = 70
    """A fault in cortexctl itself."""
    DEADLINE = 124
    """The run's `--deadline` passed; state is saved."""
    INTERRUPTED = 130
    """SIGINT; state is saved."""
    TERMINATED = 143
    """SIGTERM; state is saved."""


class CortexctlError(Exception):
    """A fault in cortexctl, like any exception that is not ours."""

    exit_code = ExitCode.FAULT


class UsageError(CortexctlError):
    """An option, argument or configuration file that cannot mean anything."""

    exit_code = ExitCode.USAGE


class SourceError(CortexctlError):
    """A bucket or ring that cannot be reached, or may not be read or written."""

    exit_code = ExitCode.SOURCE


class NotFoundError(SourceError):
    """There is no such object or bucket."""


class AccessDeniedError(SourceError):
    """The credentials are missing, wrong, or do not allow this request."""


class UnavailableError(SourceError):
    """The server hung, refused, throttled or failed, also when asked again."""


class DataError(CortexctlError):
    """Bytes asked for by name that are not what they should be."""

    exit_code = ExitCode.DATA


class ConflictError(CortexctlError):
    """An object changed since the plan was made; nothing further was applied."""

    exit_code = ExitCode.CONFLICT


class PartialError(CortexctlError):
    """Some tenants or operations failed and the rest is done."""

    exit_code = ExitCode.PARTIAL


class LockedError(CortexctlError):
    """Another run, or a compactor, holds the lock."""

    exit_code = ExitCode.LOCKED


class RefusedError(CortexctlError):
    """A safety limit forbids it."""

    exit_code = ExitCode.REFUSED


class DeadlineError(CortexctlError):
    """The run's deadline passed."""

    exit_code = ExitCode.DEADLINE
