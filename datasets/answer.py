"""What one address answers, piece by piece, or one reason why there is no file.

Whatever the other side does, this ends: after too little in too much time, too many
bytes, too many redirects. requests bounds the wait for one piece, not for all of them,
nor for the look-up of a name; and it reads the body of a redirect to its end. So it works
in a thread of its own, where redirects are followed here; and when the thread takes
too long, it is left alone. It only reads from the network: Ctrl-C, the file and the terminal
are the caller's.
"""
from __future__ import annotations

import io
import os
import queue
import re
import socket
import threading
import time
from typing import Any, Iterator
from urllib.parse import urljoin, urlsplit

# In every PATIENCE seconds LEAST bytes are to come, or all that is missing; else the
# address is given up. That is 4.4 kB/s, a telephone modem: 10 MB may take 38 minutes. A
# server that sends a byte a second is left after the first minute, one that stays just
# above the line after 64 MB (`max_bytes`), which is 4 hours.
PATIENCE, LEAST = 60.0, 1 << 18

CHUNK = 1 << 16
REDIRECTS = 10


class Failure(Exception):
    """There is no file from this address, for the reason in the message.

    Attributes
    ----------
    may_pass : bool
        Whether the same address may do better in a moment.
    stalled : bool
        Whether time was lost with waiting.
    proxy : str
        The variable of the environment that named the proxy which was asked, else "".
    """

    def __init__(self, reason: str, may_pass: bool = False, stalled: bool = False,
                 proxy: str = "") -> None:
        super().__init__(f"by proxy: {reason}" if proxy else reason)
        self.may_pass, self.stalled, self.proxy = may_pass, stalled, proxy


def answer(url: str, max_bytes: int, timeout: tuple[float, float]) -> Iterator[Any]:
    """Yield the length of the file (None if it is not said), then its bytes in pieces.

    Raises
    ------
    Failure
        At any moment.
    """
    try:
        import requests  # noqa: F401  (not first in the thread, which Ctrl-C does not reach)
    except Exception as error:
        raise Failure(f"the package requests cannot be imported: {error}") from None
    came, items = _Count(max_bytes), queue.SimpleQueue()

    def work() -> None:
        try:
            for item in _ask(url, came, timeout):
                items.put(item)
            items.put(StopIteration)
        except Exception as error:  # nothing else is left to hear it
            items.put(error)

    threading.Thread(target=work, daemon=True, name=f"download {url}").start()
    try:
        before, end = 0, time.monotonic() + PATIENCE
        while True:
            if time.monotonic() > end and items.empty():  # else it is we who are slow
                n = came.bytes - before
                if n < LEAST:
                    raise Failure(f"too slow: {n} bytes in {PATIENCE:g} s", stalled=True)
                before, end = came.bytes, time.monotonic() + PATIENCE
            try:
                item = items.get(timeout=0.1)  # on Windows, Ctrl-C has to wait for that
            except queue.Empty:
                continue
            if item is StopIteration:
                return
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        came.wanted = False


class _Count(io.RawIOBase):
    """The stream of an answer, counted as it comes from the socket: what frames the
    file, such as the sizes of its chunks, has no other bound."""

    def __init__(self, most: int) -> None:
        self.most, self.bytes, self.wanted, self.stream = most, 0, True, None

    def put_under(self, response: Any) -> None:
        """Let the library read `response` through this."""
        reader = response.raw._original_response  # as requests itself does, for the cookies
        self.stream, reader.fp = reader.fp, io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        n = self.stream.readinto1(buffer)
        self.bytes += n
        if self.bytes > self.most:
            raise _too_long(self.most)
        if not self.wanted:
            raise Failure("nobody waits any more")
        return n

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
        super().close()


def _ask(url: str, came: _Count, timeout: tuple[float, float]) -> Iterator[Any]:
    """The same as `answer`, for as long as it takes."""
    import requests

    schemes = ("https",) if url.startswith("https:") else ("https", "http")
    with requests.Session() as session:
        session.get_redirect_target = lambda response: None  # we follow, see above
        for _ in range(REDIRECTS + 1):
            try:
                with session.get(url, stream=True, timeout=timeout,
                                 headers={"Accept-Encoding": "identity"}) as response:
                    if response.status_code not in (301, 302, 303, 307, 308):
                        yield from _body(response, came)
                        return
                    url = _next(url, response.headers.get("Location", ""), schemes)
            except Failure:
                raise
            except Exception as error:
                raise _failure(error, url) from None
    raise Failure(f"it redirects more than {REDIRECTS} times")


def _next(url: str, location: str, schemes: tuple[str, ...]) -> str:
    """The address that a redirect leads to."""
    # A header is bytes, which http.client reads as latin-1; most servers mean UTF-8.
    location = location.encode("latin-1", "replace").decode("utf-8", "replace").strip()
    if not location:
        raise Failure("it redirects, but does not say where to")
    try:
        to = urljoin(url, location)
        parts = urlsplit(to)
    except ValueError:
        raise Failure(f"it redirects to {clean(location, 80)}, which is no address") from None
    if parts.scheme not in schemes or not parts.netloc:
        raise Failure(f"it redirects to an address that is not {schemes[-1]}: {clean(to, 80)}")
    return to


def _body(response: Any, came: _Count) -> Iterator[Any]:
    status = response.status_code
    if status != 200:
        raise Failure(f"HTTP {status} {clean(response.reason or '', 60)}".rstrip(),
                      may_pass=status == 429 or status >= 500)
    # Some servers call the .gz a content encoding. requests would undo it, but we want
    # the file, byte for byte.
    response.raw.headers.pop("Content-Encoding", None)
    # The length counts if it is a plain number and nothing else frames the file.
    length = response.headers.get("Content-Length", "")
    is_plain = re.fullmatch("[0-9]{1,15}", length) and "Transfer-Encoding" not in response.headers
    total = int(length) if is_plain else None
    if total is not None and total > came.most:
        raise _too_long(came.most)
    came.put_under(response)
    response.raw.enforce_content_length = False  # urllib3 from 2.0 on would; we say it ourselves
    yield total
    done = 0
    for piece in response.iter_content(CHUNK):
        done += len(piece)
        yield piece
    if total is not None and done != total:
        raise Failure(f"cut short after {done} of {total} bytes", may_pass=True)


def _too_long(most: int) -> Failure:
    return Failure(f"it sends more than {most} bytes: this cannot be the file")


def _failure(error: Exception, url: str) -> Failure:
    """What the libraries raised, in few words: who is to blame, and may it pass?"""
    import requests

    may_pass = isinstance(error, (requests.ConnectionError, requests.Timeout,
                                  requests.exceptions.ChunkedEncodingError))
    # requests wraps the error of urllib3, which wraps that of the system: say that one.
    words, stalled, inner = None, False, error
    while inner is not None:
        words = getattr(inner, "strerror", None) or words
        stalled |= isinstance(inner, (requests.Timeout, TimeoutError, socket.timeout))
        last, inner = inner, inner.__cause__ or inner.__context__
    words = words or str(last) or type(last).__name__
    if "certificate" in words.lower():
        name = next(filter(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")), None)
        words += f" ({name} is {os.environ[name]})" if name else ""
    return Failure(words, may_pass, stalled, _proxy(url))


def _proxy(url: str) -> str:
    """The variable that names the proxy for `url`; "" if there is none."""
    from requests.utils import get_environ_proxies, select_proxy

    if not select_proxy(url, get_environ_proxies(url)):
        return ""
    names = (f"{urlsplit(url).scheme}_proxy", "all_proxy")
    return next((name for lower in names for name in (lower, lower.upper())
                 if os.environ.get(name)), "the system's settings")


def clean(text: str, most: int = 400) -> str:
    """A server's text, fit for a terminal: one short line without control characters.

    A password in an address is left out.

    Examples
    --------
    >>> clean("Not\\r\\n \\x1b[31mFound")
    'Not ?[31mFound'
    """
    text = re.sub(r"//[^/@]*@", "//", " ".join(text[:10_000].split()))
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= most else text[:most - 3] + "..."
