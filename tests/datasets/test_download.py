"""What the downloader does when the network misbehaves: real sockets, real files."""
import gzip
import os
import shutil
import ssl
import subprocess
import time

import numpy as np
import pytest
from loopback import (Server, cut_short, good, html, names, never_answer, redirect, reset,
                      reset_in_the_middle, stall, status, trickle)

from npbp.datasets import DataError, read_idx, write_idx
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


@pytest.mark.parametrize("declared", [True, False])
def test_an_endless_answer_is_cut_off(get, server, body, declared):
    sent = []

    def endless(handler):
        handler.send_response(200)
        if declared:
            handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        while not handler.server.stopping.is_set():
            handler.wfile.write(bytes(100_000))
            sent.append(100_000)

    get(endless, good(body), max_bytes=400_000)
    assert sum(sent) < 30e6  # what the system's buffers take
    with pytest.raises(DataError, match="more than 400000 bytes"):
        get(endless, max_bytes=400_000)


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


class TestProgress:
    code = ("import sys\nfrom pathlib import Path\nfrom npbp.datasets import read_idx\n"
            "from npbp.datasets.download import fetch\n"
            "fetch([sys.argv[1]], Path(sys.argv[2]), read_idx)\n")

    def on_terminal(self, url, target):
        pty = pytest.importorskip("pty", reason="needs a terminal")
        import sys
        ours, theirs = pty.openpty()
        process = subprocess.Popen([sys.executable, "-c", self.code, url, str(target)],
                                   stderr=theirs)
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

    def test_without_a_terminal_nothing_is_shown(self, server, body, tmp_path, capfd):
        server.replies["/a.gz"] = [trickle(body, 40, 0.02)]
        fetch([f"{server.url}/a.gz"], tmp_path / "a.gz", read_idx)
        assert capfd.readouterr() == ("", "")
