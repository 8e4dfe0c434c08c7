"""Local files that an operator names: read, or said why not."""

from pathlib import Path

from cortexctl.errors import UsageError


def read_text(path: Path) -> str:
    """Return a file's text. Raises UsageError."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {fault_of(error)}") from error


def fault_of(error: OSError | ValueError) -> str:
    """Return what is wrong with a file, without its path, which messages name themselves."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
