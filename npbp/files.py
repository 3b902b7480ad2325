"""Writing a file whole: readers see the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Iterator


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; it becomes ``path`` at the end.

    If the block raises, ``path`` is as it was before and the temporary file is gone. A
    symbolic link stays one: the file that it points to is replaced.

    Raises
    ------
    FileNotFoundError
        If the folder of ``path`` is not there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder, "notes.txt")
    ...     with replacing(target) as temporary:
    ...         _ = temporary.write_text("whole")
    ...     target.read_text()
    'whole'
    """
    path = Path(os.path.realpath(path) if os.path.islink(path) else path)
    if not path.parent.is_dir():  # else the error would name a file that nobody asked for
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    # Unique, so that two processes that write the same file do not share one.
    temporary = path.with_name(f".{path.stem}-{os.urandom(6).hex()}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
