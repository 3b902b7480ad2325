"""Writing a file whole: readers see the old one or the new one, never a part.

And reading only what is a file: a pipe or a device may make the reader wait for ever.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, Iterator

WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)  # for the other end of a pipe


@contextlib.contextmanager
def replacing(path: str | bytes | os.PathLike) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; it becomes ``path`` at the end.

    If the block raises, ``path`` is as it was before and the temporary file is gone. A
    symbolic link stays one: the file that it points to is replaced. The new file has the
    permissions of the old one, and its owner if the system allows that. (Another hard
    link of the old file keeps the old content.)

    Only a file is replaced. A pipe or a device, such as /dev/null or /dev/stdout, stays
    what it is and has the whole content written to it at the end.

    Raises
    ------
    FileNotFoundError
        If the folder of ``path`` is not there.
    OSError
        If ``path`` is a folder, a socket, a disk or a pipe that nobody reads from, or if
        the file or its folder may not be written.

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
    path = os.fsdecode(path)
    try:
        old = os.stat(path)
    except FileNotFoundError:
        old = None
    is_file = old is None or stat.S_ISREG(old.st_mode) and _standard_stream(old) is None
    with _beside(path, old) if is_file else _copied_into(path, old) as temporary:
        yield temporary


def opened(path: str | bytes | os.PathLike) -> BinaryIO:
    """``path``, opened to read its bytes.

    Raises
    ------
    ValueError
        If it is no file but a pipe or a device.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> opened("/dev/zero")
    Traceback (most recent call last):
    ...
    ValueError: it is a pipe or a device, wanted a file: write what it gives to a file first
    """
    def at_once(path: str, flags: int) -> int:
        return os.open(path, flags | WITHOUT_WAITING)

    file = open(os.fspath(path), "rb", opener=at_once)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError("it is a pipe or a device, wanted a file: write what it gives to a file first")
    return file


def sync_folder(folder: str | os.PathLike) -> None:
    """Have the names in ``folder`` on the disk now: a file's own ``fsync`` says nothing of its name.

    Where the system cannot do that, as Windows, nothing happens.

    Examples
    --------
    >>> sync_folder(".")
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _beside(path: str, old: os.stat_result | None) -> Iterator[Path]:
    """A temporary path in the folder of ``path`` that takes its name at the end."""
    target = Path(os.path.realpath(path))
    if os.path.basename(path) in ("", ".", ".."):
        raise FileNotFoundError(errno.ENOENT, "this names no file", path)
    if not target.parent.is_dir():  # else the error would name a file that nobody asked for
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(target.parent))
    if old is not None:  # a file that may not be written may not be replaced
        os.close(os.open(target, os.O_WRONLY))
    # Unique, so that two processes that write the same file do not share one.
    temporary = target.with_name(f".{target.stem[:16]}-{os.urandom(6).hex()}{target.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if old is not None:
            _keep_owner_and_permissions(old, temporary)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(target.parent)  # it is the folder that takes no file
        raise
    sync_folder(target.parent)


@contextlib.contextmanager
def _copied_into(path: str, old: os.stat_result) -> Iterator[Path]:
    """A temporary path elsewhere whose content goes into the pipe or device ``path``."""
    with _stream(path, old) as stream, tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder, os.path.basename(path))
        yield temporary
        with open(temporary, "rb") as whole:
            shutil.copyfileobj(whole, stream)


def _stream(path: str, old: os.stat_result) -> BinaryIO:
    """A pipe or device, opened to write."""
    standard = _standard_stream(old)
    if standard is not None:  # opened anew, a file behind it would be written from its start
        for text in (sys.stdout, sys.stderr):
            if text is not None:
                text.flush()
        return open(os.dup(standard), "wb")
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder, wanted a file", path)
    if not (stat.S_ISFIFO(old.st_mode) or stat.S_ISCHR(old.st_mode)):
        raise OSError(errno.EINVAL, "this is a socket or a disk, wanted a file", path)
    try:
        stream = open(os.open(path, os.O_WRONLY | WITHOUT_WAITING), "wb")
    except OSError as error:
        if error.errno == errno.ENXIO and stat.S_ISFIFO(old.st_mode):
            error.strerror = "nobody reads from this pipe"
        raise
    if WITHOUT_WAITING:
        os.set_blocking(stream.fileno(), True)  # a reader that is there may be slow
    return stream


def _standard_stream(old: os.stat_result) -> int | None:
    """1 or 2, if stdout or stderr of this process is the file that ``old`` tells of."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # it may be closed
            if os.path.samestat(os.fstat(descriptor), old):
                return descriptor
    return None


def _keep_owner_and_permissions(old: os.stat_result, path: Path) -> None:
    for owner, group in ((old.st_uid, -1), (-1, old.st_gid)):
        with contextlib.suppress(OSError, AttributeError):  # not ours to give; not on Windows
            os.chown(path, owner, group)
    os.chmod(path, old.st_mode & 0o777)
