"""What the downloader does when the network misbehaves: real sockets, real files."""
import gc
import gzip
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from loopback import (Server, cut_short, endless, good, html, names, never_answer, ok, raw,
                      redirect, reset, reset_in_the_middle, stall, status, trickle, wait_until)

from npbp.datasets import DataError, answer, read_idx, write_idx
from npbp.datasets.download import fetch


@pytest.fixture
def body(tmp_path_factory):
    path = tmp_path_factory.mktemp("body") / "a.gz"
    write_idx(path, np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8))
    return path.read_bytes()


@pytest.fixture
def get(server, body, tmp_path):
    """Fetch a file from mirrors that behave as told, quickly; check that only it is there."""
    def get(*mirrors, **options):
        urls = []
        for number, replies in enumerate(mirrors):
            path = f"/{number}/a.gz"
            server.replies[path] = list(replies) if isinstance(replies, tuple) else [replies]
            urls.append(server.url + path)
        target = tmp_path / "cache" / "a.gz"
        before = names(target.parent) if target.parent.exists() else set()
        options = {"timeout": (5, 5), "pause": 0.01, **options}
        try:
            array = fetch(urls, target, read, **options)
        except DataError:
            assert names(target.parent) == before
            raise
        assert target.read_bytes() == body
        assert names(target.parent) - before <= {"a.gz"}
        assert len(array) == 300_000
        return server.requests

    def read(path):
        array = read_idx(path)
        if len(array) != 300_000:
            raise DataError(f"{path}: not the right file")
        return array

    get.fetch = lambda urls: fetch(urls, tmp_path / "cache" / "a.gz", read, pause=0.01)
    return get


def wrong():
    return gzip.compress(b"\0\0\x08\x01\0\0\0\x03abc")


def test_a_good_mirror_gives_the_file_in_one_request(get, body):
    assert get(good(body)) == ["/0/a.gz"]


@pytest.mark.parametrize("code", [403, 404])
def test_a_mirror_without_the_file_is_not_asked_again(get, body, code):
    assert get(status(code), good(body)) == ["/0/a.gz", "/1/a.gz"]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_mirror_is_asked_again(get, body, code):
    assert get((status(code), status(code), good(body))) == ["/0/a.gz"] * 3


def test_the_pause_doubles(get, body):
    start = time.monotonic()
    get((status(503), status(503), good(body)), pause=0.1)
    assert 0.3 <= time.monotonic() - start < 2


def test_a_mirror_that_stays_busy_is_left_after_three_tries(get, body):
    assert get(status(503), good(body)) == ["/0/a.gz"] * 3 + ["/1/a.gz"]


@pytest.mark.parametrize("misbehave", [cut_short, reset_in_the_middle])
def test_an_answer_cut_short_is_asked_for_again(get, body, misbehave):
    assert get((misbehave(body), good(body))) == ["/0/a.gz"] * 2


def test_a_connection_that_is_reset_is_tried_again(get, body):
    assert get((reset, good(body))) == ["/0/a.gz"] * 2


def test_a_stall_is_ended_by_the_timeout_and_tried_again(get, body):
    for misbehave in (stall(body), never_answer):
        start = time.monotonic()
        get((misbehave, good(body)), timeout=(5, 0.2))
        assert 0.2 <= time.monotonic() - start < 3


@pytest.mark.parametrize("misbehave", [html, good(wrong()), good(b""), good(b"\0\0\x08\x01")])
def test_a_wrong_content_sends_us_to_the_next_mirror(get, body, misbehave):
    assert get(misbehave, good(body)) == ["/0/a.gz", "/1/a.gz"]


def test_a_redirect_is_followed(get, server, body):
    server.replies["/elsewhere"] = [good(body)]
    for to in ("/elsewhere", f"{server.url}/elsewhere"):
        server.requests.clear()
        assert get(redirect(to)) == ["/0/a.gz", "/elsewhere"]


def test_a_circle_of_redirects_ends(get, body):
    assert get(redirect("/0/a.gz"), good(body))[-1] == "/1/a.gz"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_a_gz_that_is_called_an_encoding_is_kept_as_it_is(get, body, encoding):
    get(good(body, Content_Encoding=encoding))


def test_a_length_that_is_not_given_does_no_harm(get, body):
    def reply(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body)
    get(reply)


def chunked(*parts):
    return raw(ok(b"Transfer-Encoding: chunked"), *parts)


def moved(location, code=302):
    return raw(b"HTTP/1.1 %d Moved\r\nContent-Length: 0\r\n" % code,
               b"Location: %b\r\n\r\n" % location if location is not None else b"\r\n")


ODD_ANSWERS = {
    **{f"length {value[:20]!r}": raw(ok(b"Content-Length: " + value), b"not the file")
       for value in (b"-1", b"many", b"", b"9" * 5000, b"+5", b"1e3", b"1_0",
                     "\u00b2".encode("latin-1"), b"5, 7", b"0x10", b"\x1b[2J")},
    "two lengths": raw(ok(b"Content-Length: 5", b"Content-Length: 7"), b"not the file"),
    **{f"chunk size {size[:20]!r}": chunked(size + b"\r\nnot the file\r\n0\r\n\r\n")
       for size in (b"many", b"-1", b"-5", b"", b"F" * 8, b"F" * 30, b"0x5", b"+5", b"\x1b[2J",
                    b"5;" + b"x" * 3_000_000)},
    "a trailer of megabytes": chunked(b"1\r\na\r\n0\r\n", b"x: " + b"y" * 3_000_000),
    "many trailers": chunked(b"1\r\na\r\n0\r\n", b"x: y\r\n" * 200_000),
    **{f"to {location and location[:20]!r}": moved(location)
       for location in (None, b"", b"http://", b"http://[", b"http://[::1/a", b"http://host:port/",
                        b"file:///etc/passwd", b"ftp://127.0.0.1/a", b"javascript:1", b"//",
                        b"http://127.0.0.1:99999/", b"http://127.0.0.1:1/a b", b"\xff\xfe", b" ",
                        "http://127.0.0.1:1/\u00e9".encode(), "http://\u2603.invalid/".encode(),
                        b"http://.invalid/", b"http://" + b"a" * 70 + b".invalid/", b"../../..",
                        b"a" * 60_000, b"a" * 100_000, b"\x1b[2J", b"http://\x1b[2J/")},
    **{f"status {code}": raw(b"HTTP/1.1 %d So\r\nContent-Length: 3\r\n\r\nabc" % code)
       for code in (101, 103, 201, 204, 206, 300, 304, 305, 306, 399, 418, 600, 999)},
    "a status of words": raw(b"HTTP/1.1 fine\r\n\r\n"),
    "a status of escapes": raw(b"HTTP/1.1 404 \x1b[31m\x07Not\x9b Found\r\n\r\n"),
    "a status of kilobytes": raw(b"HTTP/1.1 404 " + b"no" * 30_000 + b"\r\n\r\n"),
    "no HTTP": raw(b"\x1b[2JSSH-2.0-OpenSSH\r\n"),
    "nothing": raw(b""),
    "a header of megabytes": raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 3_000_000),
    "many headers": raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000),
    "a header without a colon": raw(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\nabc"),
    "an odd cookie": raw(ok(b"Set-Cookie: a=b; expires=\xff; max-age=many; port=x"), b"abc"),
    "an unknown encoding": raw(ok(b"Content-Encoding: br, gzip, nonsense"), b"abc"),
    "an unknown transfer": raw(ok(b"Transfer-Encoding: gzip"), b"abc"),
}


# urllib3 leaves the socket of an answer that it refuses to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_whatever_a_mirror_does_is_one_line_and_the_next_is_asked(get, server, body, name, capfd):
    get(ODD_ANSWERS[name], good(body), tries=1)
    assert server.requests[0] == "/0/a.gz" and server.requests[-1] == "/1/a.gz"
    with pytest.raises(DataError) as caught:
        get(ODD_ANSWERS[name], status(404), tries=1)
    first, odd, last = str(caught.value).splitlines()
    start = f"  {server.url}/0/a.gz: "
    assert odd.startswith(start) and len(start) + 3 < len(odd) < 300 and odd.isprintable()
    assert last == f"  {server.url}/1/a.gz: HTTP 404 Not Found"
    assert capfd.readouterr() == ("", "")
    gc.collect()


def test_without_the_package_requests_the_error_says_so(get, body, monkeypatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(DataError, match="a.gz: the package requests cannot be imported"):
        get(good(body))


@pytest.mark.parametrize("extra", [b"Content-Length: 5", b"Content-Length: 9999999",
                                   b"Content-Length: many"])
def test_the_chunks_count_and_not_the_length_beside_them(get, body, extra):
    half = len(body) // 2
    get(raw(ok(b"Transfer-Encoding: chunked", extra),
            b"%x;a=b\r\n%b\r\n" % (half, body[:half]),
            b"%X\r\n%b\r\n0\r\nx: y\r\n\r\n" % (len(body) - half, body[half:])))


def test_an_answer_cut_short_says_how_far_it_came(get, server, body):
    half = len(body) // 2
    with pytest.raises(DataError, match=f": cut short after {half} of {len(body)} bytes$"):
        get(cut_short(body), tries=1)


def test_a_redirect_may_be_relative_or_hold_spaces_and_letters_of_any_kind(get, server, body):
    for location, path in ((b"../b/c.gz", "/b/c.gz"), (b"c%20d.gz", "/0/c%20d.gz"),
                           (b"c e.gz", "/0/c%20e.gz"), (b"?x", "/0/a.gz?x"),
                           ("\u00e9.gz".encode(), "/0/%C3%A9.gz")):
        server.replies[path] = [good(body)]
        assert get(moved(location))[-2:] == ["/0/a.gz", path]


def test_a_redirect_to_another_kind_of_address_is_named_and_not_followed(get, server):
    with pytest.raises(DataError, match="redirects to an address that is not http: file:///etc/pass"):
        get(moved(b"file:///etc/passwd"))


def test_the_body_of_a_redirect_is_not_read(get, server, body):
    sent = []

    def bomb(handler):
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /b.gz\r\n"
                            b"Content-Encoding: gzip\r\n\r\n")
        while not handler.server.stopping.is_set():
            handler.wfile.write(bytes(100_000))
            sent.append(100_000)

    server.replies["/b.gz"] = [good(body)]
    assert get(bomb) == ["/0/a.gz", "/b.gz"]
    assert sum(sent) < 30e6  # what the system's buffers take


@pytest.mark.parametrize("declared", [True, False])
def test_an_endless_answer_is_cut_off(get, server, body, declared):
    sent = []

    def never_ends(handler):
        handler.send_response(200)
        if declared:
            handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        while not handler.server.stopping.is_set():
            handler.wfile.write(bytes(100_000))
            sent.append(100_000)

    get(never_ends, good(body), max_bytes=400_000)
    assert sum(sent) < 30e6  # what the system's buffers take
    with pytest.raises(DataError, match="more than 400000 bytes"):
        get(never_ends, max_bytes=400_000)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(answer, "PATIENCE", 0.3)


TOO_SLOW = {
    "no answer": never_answer,
    "a status": endless(b"HTTP/1.1 2", b"0", 0.02),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"x", 0.02),
    "continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02),
    "a redirect": endless(b"HTTP/1.1 302 Found\r\nLocation: ", b"/a", 0.02),
    "bytes": endless(ok(), b"\0", 0.02),
    "bytes of a length": endless(ok(b"Content-Length: 300000"), b"\0", 0.02),
    "chunks": endless(ok(b"Transfer-Encoding: chunked"), b"1\r\na\r\n", 0.02),
    "a chunk size": endless(ok(b"Transfer-Encoding: chunked"), b"0", 0.02),
    "a chunk extension": endless(ok(b"Transfer-Encoding: chunked") + b"1;", b"x", 0.02),
    "trailers": endless(ok(b"Transfer-Encoding: chunked") + b"0\r\n", b"x: y\r\n", 0.02),
}


@pytest.mark.parametrize("name", TOO_SLOW)
def test_a_mirror_that_is_too_slow_is_left_for_the_next(get, server, body, name, impatient):
    start = time.monotonic()
    assert get(TOO_SLOW[name], good(body)) == ["/0/a.gz", "/1/a.gz"]
    assert time.monotonic() - start < 2
    with pytest.raises(DataError, match=r"/2/a.gz: too slow: \d+ bytes in 0.3 s"):
        get(status(404), status(404), TOO_SLOW[name])


def test_a_redirect_that_goes_on_slowly_does_not_start_the_time_again(get, body, impatient):
    def slowly(handler):
        time.sleep(0.1)
        redirect(f"{handler.path}/a")(handler)

    start = time.monotonic()
    server = None
    with pytest.raises(DataError, match="too slow"):
        with Server() as server:
            path = "/a.gz"
            for _ in range(10):
                server.replies[path] = [slowly]
                path += "/a"
            get.fetch([f"{server.url}/a.gz"])
    assert time.monotonic() - start < 1 and len(server.requests) < 6


def test_trailers_without_end_are_cut_off_by_their_bytes(get, body):
    start = ok(b"Transfer-Encoding: chunked") + b"0\r\n"
    get(endless(start, b"x: y\r\n" * 1000), good(body), max_bytes=400_000)


def test_a_slow_line_that_keeps_on_bringing_bytes_is_waited_for(get, body, monkeypatch):
    monkeypatch.setattr(answer, "PATIENCE", 0.3)
    monkeypatch.setattr(answer, "LEAST", 20_000)
    start = time.monotonic()
    assert get(trickle(body, 50, 0.02)) == ["/0/a.gz"]
    assert time.monotonic() - start > 0.9


def test_ten_megabytes_may_come_over_a_slow_line_and_a_byte_a_second_may_not():
    rate = answer.LEAST / answer.PATIENCE
    assert 100 < rate < 8_000  # bytes a second: 64 kbit/s is enough
    assert answer.PATIENCE <= 60


def test_a_mirror_that_was_too_slow_is_asked_last_afterwards(server, body, tmp_path, impatient):
    urls = [[f"{server.url}/{mirror}/{file}.gz" for mirror in "xy"] for file in "abc"]
    for path in ("/x/b.gz", "/x/c.gz", "/y/a.gz", "/y/b.gz"):
        server.replies[path] = [good(body)]
    server.replies["/x/a.gz"] = [endless(ok(), b"\0", 0.02)]
    for file, addresses in zip("abc", urls):
        fetch(addresses, tmp_path / f"{file}.gz", read_idx)
    assert server.requests == ["/x/a.gz", "/y/a.gz", "/y/b.gz", "/y/c.gz", "/x/c.gz"]
    server.requests.clear()  # it did well: as before
    server.replies["/y/c.gz"] = [good(body)]
    fetch(urls[2], tmp_path / "d.gz", read_idx)
    assert server.requests == ["/x/c.gz"]


def test_no_thread_is_left_that_goes_on_reading(get, body, impatient):
    before = threading.active_count()
    with pytest.raises(DataError):
        get(endless(ok(), b"\0", 0.02))
    end = time.monotonic() + 2
    while any("download" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < end, (before, threading.enumerate())
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_that_is_not_there_is_named(tmp_path, monkeypatch, name):
    with Server() as gone:
        pass
    monkeypatch.setenv(name, gone.url.replace("//", "//ada:secret@"))
    with pytest.raises(DataError) as caught:
        fetch(["http://no-such-host.invalid/a.gz"], tmp_path / "a.gz", read_idx, pause=0.01)
    _, line, last = str(caught.value).splitlines()
    assert last == f"  the proxy is that of {name}"
    assert line == "  http://no-such-host.invalid/a.gz: by proxy: Connection refused (3 tries)"


@pytest.mark.parametrize("value", [
    "http://", "http://[::1", "http://host:port", "http://127.0.0.1:99999", "foo://x",
    "socks5://x:1", "http://ada:secret@bad host:99999", "\x1b[2J://", "ada:secret@host:port",
    "http://ada:se cret@x:y"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_no_address_is_named_without_password(tmp_path, monkeypatch, value, scheme):
    monkeypatch.setenv(f"{scheme}_proxy", value)
    with pytest.raises(DataError) as caught:
        fetch([f"{scheme}://no-such-host.invalid/a.gz"], tmp_path / "a.gz", read_idx, pause=0.01)
    _, line, last = str(caught.value).splitlines()
    assert last == f"  the proxy is that of {scheme}_proxy"
    assert "a.gz: by proxy: " in line and line.isprintable() and len(line) < 200
    assert "ret" not in line and "ada" not in line


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_are_not_there_are_named(tmp_path, monkeypatch, name):
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "/no/where")
    with pytest.raises(DataError, match=rf"(?i)certificate.* \({name} is /no/where\)"):
        fetch(["https://127.0.0.1:1/a.gz"], tmp_path / "a.gz", read_idx, pause=0.01)


def test_a_disk_that_is_full_is_no_mirrors_fault(server, body, tmp_path, monkeypatch):
    """A limit on the size of files stands in for it: the write fails in the same way."""
    resource = pytest.importorskip("resource", reason="needs a limit on the size of files")
    server.replies["/a.gz"] = server.replies["/b.gz"] = [good(body)]
    code = ("import resource, signal, sys\nfrom pathlib import Path\n"
            "from npbp.datasets import read_idx\nfrom npbp.datasets.download import fetch\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            "try: fetch(sys.argv[2:], Path(sys.argv[1]), read_idx)\n"
            "except OSError as error: print(error.strerror)\n")
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "c" / "a.gz", f"{server.url}/a.gz",
         f"{server.url}/b.gz"], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("File too large\n", "")
    assert server.requests == ["/a.gz"] and names(tmp_path / "c") == set()


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("reply", [never_answer, endless(ok(), b"\0", 0.02)])
def test_ctrl_c_ends_a_download_at_once_and_leaves_nothing(server, tmp_path, reply):
    server.replies["/a.gz"] = [reply]
    code = ("import signal, sys\nfrom pathlib import Path\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from npbp.datasets import read_idx\nfrom npbp.datasets.download import fetch\n"
            "try: fetch([sys.argv[2]], Path(sys.argv[1]), read_idx)\n"
            "except KeyboardInterrupt: print('stopped')\n")
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "c" / "a.gz", f"{server.url}/a.gz"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: server.requests)
    time.sleep(0.2)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("stopped\n", "")
    assert process.returncode == 0 and time.monotonic() - start < 2
    assert names(tmp_path / "c") == set()


def test_the_error_says_what_each_mirror_did(get, server, body):
    with pytest.raises(DataError) as caught:
        get(status(404), status(503), html, good(wrong()), cut_short(body), reset,
            timeout=(5, 0.3), tries=2)
    first, *lines = str(caught.value).splitlines()
    assert first == "no mirror gave a good a.gz:"
    for number, (line, words) in enumerate(zip(lines, (
            "HTTP 404 Not Found", "HTTP 503 Service Unavailable (2 tries)",
            "what it sent is wrong: this is a web page", "what it sent is wrong: not the right",
            "", "Connection reset by peer (2 tries)"))):
        assert line.startswith(f"  {server.url}/{number}/a.gz: {words}")
    half = len(body) // 2
    assert str(half) in lines[4] and "(2 tries)" in lines[4]
    assert len(lines) == 6 and all(len(line) < 200 for line in lines)


def test_the_error_says_why_there_is_no_connection(tmp_path):
    with Server() as gone:
        pass
    urls = [f"{gone.url}/a.gz", "http://no-such-host.invalid/a.gz", "nonsense"]
    with pytest.raises(DataError) as caught:
        fetch(urls, tmp_path / "a.gz", read_idx, pause=0.01)
    _, *lines = str(caught.value).splitlines()
    assert lines[0] == f"  {gone.url}/a.gz: Connection refused (3 tries)"
    assert lines[1].startswith("  http://no-such-host.invalid/a.gz: ") and len(lines[1]) < 120
    assert lines[2].startswith("  nonsense: Invalid URL")


def test_a_failed_download_leaves_the_file_that_was_there(server, tmp_path):
    (tmp_path / "a.gz").write_bytes(b"old")
    with pytest.raises(DataError):
        fetch([f"{server.url}/a.gz"], tmp_path / "a.gz", read_idx)
    assert (tmp_path / "a.gz").read_bytes() == b"old"
    assert names(tmp_path) == {"a.gz"}


def test_an_interrupt_leaves_no_temporary_file(server, body, tmp_path):
    server.replies["/a.gz"] = [good(body)]

    def interrupt(path):
        assert path.exists()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([f"{server.url}/a.gz"], tmp_path / "a.gz", interrupt)
    assert names(tmp_path) == set()


def test_temporary_files_of_the_dead_are_removed_and_of_the_living_kept(get, tmp_path, body):
    cache = tmp_path / "cache"
    cache.mkdir()
    dead, living, other = cache / ".a.gz.1-ff.part", cache / ".a.gz.2-ff.part", cache / "my.part"
    for path in (dead, living, other):
        path.write_bytes(b"half")
    for path in (dead, other):
        os.utime(path, (time.time() - 7200,) * 2)
    get(good(body))
    assert names(cache) == {"a.gz", living.name, other.name}


def test_a_proxy_of_the_environment_is_used(server, body, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("http_proxy", server.url)
    url = "http://no-such-host.invalid/a.gz"
    server.replies[url] = [good(body)]  # a proxy is asked for the whole address
    assert len(fetch([url], tmp_path / "a.gz", read_idx)) == 300_000
    assert server.requests == [url]


def test_the_file_can_be_read_by_those_whom_the_umask_allows(get, tmp_path, body):
    old = os.umask(0o022)
    try:
        get(good(body))
    finally:
        os.umask(old)
    assert (tmp_path / "cache" / "a.gz").stat().st_mode & 0o777 == 0o644


class TestHttps:
    @pytest.fixture
    def secure(self, tmp_path, monkeypatch):
        if not shutil.which("openssl"):
            pytest.skip("makes its certificate with openssl")
        key, certificate, config = (str(tmp_path / name) for name in ("key", "crt", "cnf"))
        (tmp_path / "cnf").write_text(
            "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n"
            "[dn]\nCN = loopback\n"
            "[ext]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = critical, CA:TRUE\n"
            "keyUsage = critical, digitalSignature, keyCertSign\n"
            "subjectKeyIdentifier = hash\n")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-config", config, "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with Server(context) as server:
            yield server

    def test_a_trusted_server_is_read(self, secure, body, tmp_path):
        secure.replies["/a.gz"] = [redirect("/b.gz")]
        secure.replies["/b.gz"] = [good(body)]
        assert len(fetch([f"{secure.url}/a.gz"], tmp_path / "a.gz", read_idx)) == 300_000

    def test_no_redirect_leads_from_https_to_http(self, secure, server, body, tmp_path):
        server.replies["/a.gz"] = [good(body)]
        secure.replies["/a.gz"] = [redirect(f"{server.url}/a.gz")]
        with pytest.raises(DataError, match="not https"):
            fetch([f"{secure.url}/a.gz"], tmp_path / "a.gz", read_idx)
        assert server.requests == []

    def test_a_server_that_is_not_trusted_is_not_read(self, secure, body, tmp_path, monkeypatch):
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        secure.replies["/a.gz"] = [good(body)]
        with pytest.raises(DataError, match="(?i)certificate"):
            fetch([f"{secure.url}/a.gz"], tmp_path / "a.gz", read_idx, pause=0.01)
        assert secure.requests == []


    def test_the_certificates_that_do_not_fit_are_named(self, secure, tmp_path, monkeypatch):
        certifi = pytest.importorskip("certifi", reason="comes with requests")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
        with pytest.raises(DataError, match=rf"\(REQUESTS_CA_BUNDLE is {certifi.where()}\)"):
            fetch([f"{secure.url}/a.gz"], tmp_path / "a.gz", read_idx, pause=0.01)

    def test_a_bundle_that_holds_no_certificates_is_named(self, secure, tmp_path, monkeypatch):
        (tmp_path / "bundle").write_text("none")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle"))
        with pytest.raises(DataError, match=rf"\(REQUESTS_CA_BUNDLE is {tmp_path / 'bundle'}\)"):
            fetch([f"{secure.url}/a.gz"], tmp_path / "a.gz", read_idx, pause=0.01)

    def test_a_slow_https_mirror_is_left_too(self, secure, server, body, tmp_path, impatient):
        secure.replies["/a.gz"] = [endless(ok(), b"\0", 0.02)]
        server.replies["/a.gz"] = [good(body)]
        urls = [f"{secure.url}/a.gz", f"{server.url}/a.gz"]
        assert len(fetch(urls, tmp_path / "a.gz", read_idx)) == 300_000

    def test_a_handshake_that_does_not_come_is_not_waited_for(self, tmp_path, impatient):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}/a.gz"
            start = time.monotonic()
            with pytest.raises(DataError, match="too slow: 0 bytes in 0.3 s"):
                fetch([url], tmp_path / "a.gz", read_idx)
            assert time.monotonic() - start < 2


def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(tmp_path, monkeypatch, impatient):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: over.wait(30) and [])
    start = time.monotonic()
    with pytest.raises(DataError, match="too slow: 0 bytes in 0.3 s"):
        fetch(["http://slow.invalid/a.gz"], tmp_path / "a.gz", read_idx)
    assert time.monotonic() - start < 2
    over.set()


class TestProgress:
    code = ("import sys\nfrom pathlib import Path\nfrom npbp.datasets import read_idx\n"
            "from npbp.datasets.download import fetch\n"
            "fetch([sys.argv[1]], Path(sys.argv[2]), read_idx)\n")

    def on_terminal(self, url, target, width=0, **environment):
        pty = pytest.importorskip("pty", reason="needs a terminal")
        import fcntl
        import struct
        import termios
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        process = subprocess.Popen([sys.executable, "-c", self.code, url, str(target)],
                                   stderr=theirs, env={**os.environ, "TERM": "xterm", **environment})
        os.close(theirs)
        text = b""
        try:
            while True:
                piece = os.read(ours, 1000)
                if not piece:
                    break
                text += piece
        except OSError:  # Linux says so when the other end is closed
            pass
        os.close(ours)
        assert process.wait(30) == 0
        return text.decode()

    def test_a_long_download_shows_a_line_on_a_terminal(self, server, body, tmp_path):
        server.replies["/a.gz"] = [trickle(body, 40, 0.04)]
        text = self.on_terminal(f"{server.url}/a.gz", tmp_path / "a.gz")
        assert text.startswith("\ra.gz  0.") and text.endswith("of 0.3 MB\r\n")
        assert text.count("\n") == 1 and 2 <= text.count("\r") <= 25

    def test_a_short_download_shows_nothing(self, server, body, tmp_path):
        server.replies["/a.gz"] = [good(body)]
        assert self.on_terminal(f"{server.url}/a.gz", tmp_path / "a.gz") == ""

    @pytest.mark.parametrize("width", [1, 20])
    def test_the_line_is_cut_to_a_narrow_terminal(self, server, body, tmp_path, width):
        server.replies["/a.gz"] = [trickle(body, 40, 0.03)]
        text = self.on_terminal(f"{server.url}/a.gz", tmp_path / "a.gz", width=width)
        assert text.count("\r") >= 2 and text.count("\n") == 1
        assert {len(line) for line in text[:-2].split("\r")[1:]} == {width - 1}

    def test_a_dumb_terminal_gets_no_line(self, server, body, tmp_path):
        server.replies["/a.gz"] = [trickle(body, 40, 0.03)]
        assert self.on_terminal(f"{server.url}/a.gz", tmp_path / "a.gz", TERM="dumb") == ""

    def test_without_a_terminal_nothing_is_shown(self, server, body, tmp_path, capfd):
        server.replies["/a.gz"] = [trickle(body, 40, 0.02)]
        fetch([f"{server.url}/a.gz"], tmp_path / "a.gz", read_idx)
        assert capfd.readouterr() == ("", "")
