"""A real HTTP server on loopback that behaves, or misbehaves, as a test asks."""
import gzip
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from npbp.datasets.idx import idx_sha256, write_idx
from npbp.datasets.sources import FILES, Source


class Server(ThreadingHTTPServer):
    """`replies[path]` is a list of functions of the request, one a request, the last for all
    later ones; `requests` is the list of the paths asked for."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.server_port}"
        self.replies, self.requests, self.stopping = {}, [], threading.Event()

    def handle_error(self, request, client_address):
        pass  # clients that hang up or are killed are what is tested here

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01},
                         daemon=True).start()
        return self

    def __exit__(self, *args):
        self.stopping.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        replies = self.server.replies.get(self.path, [status(404)])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        reply(self)

    def log_message(self, *args):
        pass


def send(handler, body, code=200, length=None, **headers):
    handler.send_response(code)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def good(body, **headers):
    return lambda handler: send(handler, body, **headers)


def status(code):
    return lambda handler: send(handler, b"sorry", code)


def raw(*pieces):
    """An answer as it stands, bytes for the socket; the connection ends with it."""
    def reply(handler):
        for piece in pieces:
            handler.wfile.write(piece)
    return reply


def ok(*headers):
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", b""])


def endless(start, piece, seconds=0.0):
    """`start`, then `piece` again and again."""
    def reply(handler):
        handler.wfile.write(start)
        while not handler.server.stopping.wait(seconds):
            handler.wfile.write(piece)
    return reply


def html(handler):
    send(handler, b"<!DOCTYPE html><html><body>Sign in to this network</body></html>")


def cut_short(body):
    return lambda handler: send(handler, body[:len(body) // 2], length=len(body))


def redirect(to):
    return lambda handler: send(handler, b"", 302, Location=to)


def reset(handler):
    # Linger of 0 seconds: the close becomes a reset instead of a polite end.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.wfile = handler.rfile = open("/dev/null", "r+b", buffering=0)


def reset_in_the_middle(body):
    def reply(handler):
        send(handler, body[:len(body) // 2], length=len(body))
        reset(handler)
    return reply


def stall(body, seconds=30):
    """Half of the body, then nothing."""
    def reply(handler):
        send(handler, body[:len(body) // 2], length=len(body))
        handler.server.stopping.wait(seconds)
    return reply


def never_answer(handler):
    handler.server.stopping.wait(30)


def trickle(body, pieces=100, seconds=0.02):
    def reply(handler):
        send(handler, b"", length=len(body))
        step = -(-len(body) // pieces)
        for start in range(0, len(body), step):
            handler.wfile.write(body[start:start + step])
            if handler.server.stopping.wait(seconds):
                return
    return reply


class Toy:
    """A data set of random images that `server` serves, known to `load` as "toy"."""

    def __init__(self, server, folder):
        rng = np.random.default_rng(0)
        self.server, self.processes = server, []
        self.arrays = [rng.integers(0, 256, shape, dtype=np.uint8)
                       for shape in ((300, 28, 28), (300,), (40, 28, 28), (40,))]
        self.plain = {}
        for file, array in zip(FILES, self.arrays):
            write_idx(folder / file, array)
            self.plain[file] = (folder / file).read_bytes()
        self.packed = {file: gzip.compress(body) for file, body in self.plain.items()}
        self.source = Source(tuple(map(idx_sha256, self.arrays)), (server.url,))
        self.names = {f"{file}.gz" for file in FILES}
        for file, body in self.packed.items():
            server.replies[f"/{file}.gz"] = [good(body)]

    def reply(self, *replies, file=FILES[0]):
        self.server.replies[f"/{file}.gz"] = list(replies)

    def check(self, dataset):
        (a, b), (c, d) = dataset
        for found, wanted in zip((a, b, c, d), self.arrays):
            assert found.dtype == np.uint8
            np.testing.assert_array_equal(found, wanted)

    def process(self, root, code="load('toy', root)", **options):
        """A fresh Python that knows the toy data set and runs `code`."""
        setup = (
            "import json, sys\n"
            "from npbp.datasets import load\n"
            "from npbp.datasets.sources import SOURCES, Source\n"
            "root, source = sys.argv[1], json.loads(sys.argv[2])\n"
            "SOURCES['toy'] = Source(tuple(source[0]), tuple(source[1]))\n"
        )
        self.processes.append(subprocess.Popen(
            [sys.executable, "-c", setup + code, str(root), json.dumps(self.source[:2])],
            **options))
        return self.processes[-1]


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def names(folder):
    return {path.name for path in folder.iterdir()}
