"""A file is there whole or it is not there at all.

The new content goes into a temporary file beside the target. When all of it is on
the disk, the temporary file takes the target's name: `os.replace` does that in one
step, so nobody ever sees half a file, whoever is killed and however many write at once.
(``npbp/files.py`` does the same for networks: the two share nothing, as the data stand
on their own.)
"""
from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import Iterator

ABANDONED = 3600  # seconds without a write after which a temporary file has no owner


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path in the target's folder; on success it becomes the target.

    On any error the temporary file is removed and the target is as it was. A symbolic
    link stays one: the file that it points to is replaced.
    """
    target = Path(os.path.realpath(target)) if target.is_symlink() else target
    # Not tempfile: its files can be read by their owner only, and the target inherits that.
    temporary = target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`."""
    for path in folder.glob(".*.part"):
        # A living download writes to its file all the time, or gives up. And the
        # file may be gone by now, or be someone else's: then it is not ours to remove.
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()
