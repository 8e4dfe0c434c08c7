"""Where a person looks on: whether it is a terminal, how wide, and the colour of a severity."""

import shutil
from typing import TextIO

from cortexctl.render.spec import OutputSpec

_STYLES = {"critical": "1;31", "high": "31", "warning": "33", "info": "34"}


def fitted_width(output: OutputSpec, stream: TextIO) -> int | None:
    """Return the columns to fit into, or None where nobody looks on and every row stays one line.

    Colour implies a terminal; without colour (`NO_COLOR`) the stream knows.
    """
    if not (output.colour or stream.isatty()):
        return None
    return output.width or shutil.get_terminal_size().columns


def painted(text: str, severity: str) -> str:
    """Return the text in the colour of a severity: critical is bold."""
    style = _STYLES.get(severity)
    return f"\x1b[{style}m{text}\x1b[0m" if style else text
