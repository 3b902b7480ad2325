"""Download one file, from the first mirror that gives the right one.

A network fails in many ways, and each has its answer: what may pass (a busy server, a
broken connection) is tried again after a pause, what will not (no such file, a wrong
content, an answer that comes too slowly) sends us to the next mirror. A file counts only
after it has been read and found right, and only then does it get its name.
"""
from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Callable, Sequence, TypeVar

from .answer import Failure, answer, clean
from .idx import DataError
from .sources import MAX_BYTES
from .terminal import can_redraw, columns
from .whole import replacing, sweep

Content = TypeVar("Content")

# The folders that let us wait in vain in this process: asked last for the files after.
SLOW: set[str] = set()


def fetch(urls: Sequence[str], target: Path, read: Callable[[Path], Content], *,
          max_bytes: int = MAX_BYTES, timeout: tuple[float, float] = (10, 30),
          tries: int = 3, pause: float = 0.5) -> Content:
    """Download `target` from the first of `urls` that gives a good file.

    Parameters
    ----------
    urls : sequence of str
        Addresses of the same file, tried in this order, but those last that were slow
        before. An https address is not followed to an http one. Proxies are taken from
        the environment.
    target : Path
        The path to write. It appears whole, or not at all.
    read : function
        ``read(path)`` reads the downloaded file, before it becomes `target`, and
        returns its content, or raises `DataError` if it is not the right one.
    max_bytes : int
        A longer answer is broken off: it cannot be the file.
    timeout : (float, float)
        Seconds to wait for a connection, and for the next piece of the answer. (Many
        small pieces are bounded too, see answer.py.)
    tries : int
        How often a mirror is tried when its failure may pass: 5xx, 429, a broken
        connection, a time-out, an answer cut short.
    pause : float
        Seconds before the second try; twice as long before each further one.

    Returns
    -------
    object
        What `read` returned.

    Raises
    ------
    DataError
        If no mirror gave a good file; one line for each says why.
    OSError
        If the target's folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    sweep(target.parent)
    failures, proxies = [], []
    for url in sorted(urls, key=lambda url: _folder(url) in SLOW):  # else in their order
        for attempt in range(tries):
            if attempt:
                time.sleep(pause * 2 ** (attempt - 1))
            try:
                with replacing(target) as temporary:
                    _download(url, temporary, target.name, max_bytes, timeout)
                    content = _checked(read, temporary)
                SLOW.discard(_folder(url))
                return content
            except Failure as error:
                failure = f"{error} ({attempt + 1} tries)" if attempt else str(error)
                if error.proxy and error.proxy not in proxies:
                    proxies.append(error.proxy)
                if error.stalled:
                    SLOW.add(_folder(url))
                if not error.may_pass:
                    break
        failures.append(f"  {clean(url)}: {clean(failure)}")
    failures += [f"  the proxy is that of {name}" for name in proxies]
    raise DataError(f"no mirror gave a good {target.name}:\n" + "\n".join(failures))


def _folder(url: str) -> str:
    return url.rpartition("/")[0]


def _download(url: str, path: Path, name: str, max_bytes: int, timeout) -> None:
    """Write what `url` answers to `path`."""
    with contextlib.closing(answer(url, max_bytes, timeout)) as pieces, open(path, "xb") as file:
        with contextlib.closing(Progress(name, next(pieces))) as progress:
            for piece in pieces:
                file.write(piece)
                progress.show(file.tell())


def _checked(read: Callable[[Path], Content], path: Path) -> Content:
    try:
        return read(path)
    except DataError as error:
        reason = str(error).replace(f"{path}: ", "")
        raise Failure(f"what it sent is wrong: {reason}") from None


class Progress:
    """One line on a terminal that says how far a download is, if it takes a while."""

    def __init__(self, name: str, total: int | None, after: float = 0.5) -> None:
        self.name, self.total = name, total
        self.next = time.monotonic() + after
        self.terminal = can_redraw()
        self.shown = False

    def show(self, done: int) -> None:
        """Say that `done` bytes are here; at most ten times a second."""
        if self.terminal and time.monotonic() >= self.next:
            self.next = time.monotonic() + 0.1
            self.shown = True
            of = f" of {self.total / 1e6:.1f}" if self.total else ""
            line = f"{self.name}  {done / 1e6:.1f}{of} MB"[:columns() - 1]
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the line on the terminal and begin a new one."""
        if self.shown:
            print(file=sys.stderr, flush=True)
