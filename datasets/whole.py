"""A file is there whole or it is not there at all.

The new content goes into a temporary file beside the target. When all of it is on
the disk, the temporary file takes the target's name: `os.replace` does that in one
step, so nobody ever sees half a file, whoever is killed and however many write at once.
(``npbp/files.py`` does the same for networks: the two share nothing, as the data stand
on their own.)
"""
from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Iterator

ABANDONED = 3600  # seconds without a write after which a temporary file has no owner


@contextlib.contextmanager
def replacing(target: str | bytes | os.PathLike) -> Iterator[Path]:
    """Give a temporary path in the target's folder; on success it becomes the target.

    On any error the temporary file is removed and the target is as it was. A symbolic
    link stays one: the file that it points to is replaced, and keeps its permissions, and
    its owner if the system allows that. What is no file, such as a pipe, is an `OSError`.
    """
    asked = os.fsdecode(target)
    target = Path(os.path.realpath(asked))
    if os.path.basename(asked) in ("", ".", ".."):
        raise FileNotFoundError(errno.ENOENT, "this names no file", asked)
    old = _old(asked)
    # Not tempfile: its files can be read by their owner only, and the target inherits that.
    temporary = target.parent / f".{target.name[:16]}.{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if old is not None:
            for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
                with contextlib.suppress(OSError, AttributeError):  # not ours to give; Windows
                    os.chown(temporary, owner, group)
            os.chmod(temporary, old.st_mode & 0o777)
        os.replace(temporary, target)
    except BaseException as error:  # Ctrl-C too
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(target.parent)  # it is the folder that takes no file
        raise


def _old(path: str) -> os.stat_result | None:
    """What is to be replaced, if there is something; `OSError` unless it is a file to write."""
    try:
        old = os.stat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(old.st_mode):
        code = errno.EISDIR if stat.S_ISDIR(old.st_mode) else errno.EINVAL
        raise OSError(code, "this is a folder, a pipe or a device, wanted a file", path)
    os.close(os.open(os.path.realpath(path), os.O_WRONLY))
    return old


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`."""
    for path in folder.glob(".*.part"):
        # A living download writes to its file all the time, or gives up. And the
        # file may be gone by now, or be someone else's: then it is not ours to remove.
        with contextlib.suppress(OSError):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and time.time() - found.st_mtime > ABANDONED:
                path.unlink()
