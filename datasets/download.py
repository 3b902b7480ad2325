"""Download one file, from the first mirror that gives the right one.

A network fails in many ways, and each has its answer: what may pass (a busy server, a
broken connection) is tried again after a pause, what will not (no such file, a wrong
content) sends us to the next mirror. A file counts only after it has been read and
found right, and only then does it get its name.
"""
from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Callable, Sequence, TypeVar

from .idx import DataError
from .sources import MAX_BYTES
from .whole import replacing, sweep

Content = TypeVar("Content")

CHUNK = 1 << 16


class _MayPass(Exception):
    """The same mirror may do better in a moment."""


def fetch(urls: Sequence[str], target: Path, read: Callable[[Path], Content], *,
          max_bytes: int = MAX_BYTES, timeout: tuple[float, float] = (10, 30),
          tries: int = 3, pause: float = 0.5) -> Content:
    """Download `target` from the first of `urls` that gives a good file.

    Parameters
    ----------
    urls : sequence of str
        Addresses of the same file, tried in this order. An https address is not
        followed to an http one. Proxies are taken from the environment.
    target : Path
        The path to write. It appears whole, or not at all.
    read : function
        ``read(path)`` reads the downloaded file, before it becomes `target`, and
        returns its content, or raises `DataError` if it is not the right one.
    max_bytes : int
        A longer answer is broken off: it cannot be the file.
    timeout : (float, float)
        Seconds to wait for a connection, and for the next piece of the answer.
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
    failures = []
    for url in urls:
        for attempt in range(tries):
            if attempt:
                time.sleep(pause * 2 ** (attempt - 1))
            try:
                with replacing(target) as temporary:
                    _download(url, temporary, target.name, max_bytes, timeout)
                    try:
                        return read(temporary)
                    except DataError as error:
                        reason = str(error).replace(f"{temporary}: ", "")
                        raise DataError(f"what it sent is wrong: {reason}") from None
            except _MayPass as error:
                failure = f"{error} ({attempt + 1} tries)" if attempt else str(error)
            except DataError as error:
                failure = str(error)
                break
        failures.append(f"  {url}: {failure}")
    raise DataError(f"no mirror gave a good {target.name}:\n" + "\n".join(failures))


def _download(url: str, path: Path, name: str, max_bytes: int, timeout) -> None:
    """Write what `url` answers to `path`; raise _MayPass or DataError with the reason."""
    import requests

    with requests.Session() as session, open(path, "xb") as file:
        if url.startswith("https:"):
            del session.adapters["http://"]  # so that no redirect leads there
        try:
            with session.get(url, stream=True, timeout=timeout,
                             headers={"Accept-Encoding": "identity"}) as response:
                status = response.status_code
                if status != 200:
                    kind = _MayPass if status == 429 or status >= 500 else DataError
                    raise kind(f"HTTP {status} {response.reason}")
                # Some servers call the .gz a content encoding. requests would undo it,
                # but we want the file, byte for byte.
                response.raw.headers.pop("Content-Encoding", None)
                length = response.headers.get("Content-Length", "")
                total = int(length) if length.isdigit() else None
                _copy(response, file, Progress(name, total), total, max_bytes)
        except requests.exceptions.InvalidSchema:
            raise DataError("it leads on to an address that is not https") from None
        except (requests.ConnectionError, requests.Timeout,
                requests.exceptions.ChunkedEncodingError) as error:
            raise _MayPass(_in_few_words(error)) from None
        except requests.RequestException as error:  # too many redirects, no valid address, ...
            raise DataError(str(error)) from None


def _copy(response, file, progress: Progress, total: int | None, max_bytes: int) -> None:
    done = 0
    try:
        for chunk in response.iter_content(CHUNK):
            done += len(chunk)
            if max(done, total or 0) > max_bytes:
                raise DataError(f"it sends more than {max_bytes} bytes: this cannot be the file")
            file.write(chunk)
            progress.show(done)
    finally:
        progress.close()
    if total is not None and done != total:  # urllib3 before 2.0 does not mind
        raise _MayPass(f"cut short after {done} of {total} bytes")


def _in_few_words(error: BaseException) -> str:
    """requests wraps the error of urllib3, which wraps that of the system: say that one."""
    words = None
    while error is not None:
        words = getattr(error, "strerror", None) or words
        last, error = error, error.__cause__ or error.__context__
    return words or str(last) or type(last).__name__


class Progress:
    """One line on a terminal that says how far a download is, if it takes a while."""

    def __init__(self, name: str, total: int | None, after: float = 0.5) -> None:
        self.name, self.total = name, total
        self.next = time.monotonic() + after
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self.shown = False

    def show(self, done: int) -> None:
        """Say that `done` bytes are here; at most ten times a second."""
        if self.terminal and time.monotonic() >= self.next:
            self.next = time.monotonic() + 0.1
            self.shown = True
            of = f" of {self.total / 1e6:.1f}" if self.total else ""
            print(f"\r{self.name}  {done / 1e6:.1f}{of} MB", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the line on the terminal and begin a new one."""
        if self.shown:
            print(file=sys.stderr, flush=True)
