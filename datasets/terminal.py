"""Whether stderr is a terminal that a line can be drawn on, and how wide it is."""
from __future__ import annotations

import os
import sys


def can_redraw() -> bool:
    """Whether stderr is a terminal that can write its last line again."""
    return (sys.stderr is not None and sys.stderr.isatty()
            and os.environ.get("TERM") != "dumb")


def columns() -> int:
    """How many characters fit on a line of stderr's terminal.

    What the terminal itself says counts more than COLUMNS, which may be from before it
    was made narrower. (`shutil.get_terminal_size` asks stdout, which may be a file.)

    Examples
    --------
    >>> columns() > 0
    True
    """
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):  # no stderr, not a terminal, closed
        width = 0
    if width <= 0:  # some terminals do not know
        given = os.environ.get("COLUMNS", "")
        width = int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
    return width or 80
