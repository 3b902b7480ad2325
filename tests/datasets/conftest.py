"""What the tests of the data share; the server itself is in loopback.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from loopback import Server, Toy

from npbp.datasets.download import SLOW
from npbp.datasets.sources import SOURCES


@pytest.fixture(autouse=True)
def direct_connections(monkeypatch):
    """Loopback is asked directly, whatever proxy the machine uses."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    SLOW.clear()  # a port may come again


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def toy(server, tmp_path_factory, monkeypatch):
    toy = Toy(server, tmp_path_factory.mktemp("toy"))
    monkeypatch.setitem(SOURCES, "toy", toy.source)
    yield toy
    for process in toy.processes:
        process.kill()
        process.wait()
