import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from loopback import Server, good, html, names, trickle, wait_until

from npbp.datasets import NAMES, DataError, Dataset, cache_folder, load, read_idx, write_idx
from npbp.datasets.load import SAMPLE
from npbp.datasets.sources import FILES, SOURCES

NPBP_DATA = os.environ.get("NPBP_DATA", "")
full_mnist = pytest.mark.skipif(
    not all(any((Path(NPBP_DATA) / "mnist" / f"{file}{end}").exists() for end in (".gz", ""))
            for file in FILES) or not NPBP_DATA,
    reason="the full MNIST is not in NPBP_DATA")


# The sample

def test_the_sample_is_there_without_network_or_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NPBP_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    dataset = load("mnist-sample")
    assert isinstance(dataset, Dataset)
    for (images, labels), N in ((dataset.train, 6000), (dataset.test, 1000)):
        assert images.shape == (N, 28, 28) and images.dtype == np.uint8
        assert labels.shape == (N,) and labels.dtype == np.uint8
        assert set(labels.tolist()) == set(range(10))
    assert not (tmp_path / "nowhere").exists()


@full_mnist
def test_the_sample_is_the_head_of_the_full_files(tmp_path):
    """And this is how it was cut: the head of each file, written anew."""
    full, sample = load("mnist", root=NPBP_DATA, download=False), load("mnist-sample")
    for file, part, array, N in zip(FILES, (*sample.train, *sample.test),
                                    (*full.train, *full.test), (6000, 6000, 1000, 1000)):
        assert len(array) == 10 * N
        np.testing.assert_array_equal(part, array[:N])
        write_idx(tmp_path / f"{file}.gz", array[:N])
        np.testing.assert_array_equal(read_idx(tmp_path / f"{file}.gz"), part)


def test_the_sample_is_small_has_no_date_and_has_its_licence_beside_it():
    files = sorted(SAMPLE.glob("*"))
    assert [path.name for path in files] == sorted(f"{file}.gz" for file in FILES)
    assert 1.0e6 < sum(path.stat().st_size for path in files) < 1.2e6
    for path in files:
        assert path.read_bytes()[4:8] == bytes(4)
    licence = (SAMPLE.parent / "LICENSE-MNIST").read_text()
    for words in ("CC BY-SA 3.0", "Yann LeCun and Corinna Cortes", "NIST", "6,000", "1,000"):
        assert words in licence


# The names and where they come from

def test_the_names():
    assert set(NAMES) == {"mnist", "fashion-mnist", "kmnist", "mnist-sample"}
    with pytest.raises(ValueError, match="'mnits'.*mnist-sample, mnist, fashion-mnist, kmnist"):
        load("mnits")


def test_every_source_has_whole_hashes_and_https_mirrors():
    hashes = [sha256 for source in SOURCES.values() for sha256 in source.sha256]
    assert len(set(hashes)) == len(hashes) == 16
    for sha256 in hashes:
        assert len(bytes.fromhex(sha256)) == 32
    for name, source in SOURCES.items():
        assert all(mirror.startswith("https://") for mirror in source.mirrors)
        assert bool(source.mirrors) == (name != "mnist-sample")
        assert source.hash_of_gz == (name == "kmnist")


@full_mnist
def test_the_full_mnist_is_what_was_published():
    train, test = load("mnist", root=NPBP_DATA, download=False)
    assert train[0].shape == (60000, 28, 28) and test[0].shape == (10000, 28, 28)
    assert train[1].shape == (60000,) and test[1].shape == (10000,)
    assert train[1][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(train[0].mean() / 255, 4) == 0.1307  # the mean that is quoted everywhere


@pytest.mark.parametrize("name", [["mnist"], ("mnist",), {"mnist": 1}, None, 3, True, b"mnist",
                                  Path("mnist"), np.array(["mnist"])])
def test_a_name_that_is_no_string_is_an_error_that_says_so(name):
    with pytest.raises(TypeError, match="load: got .* as the name, wanted a string, one of mnist-sample, mnist"):
        load(name)


@pytest.mark.parametrize("name", ["", "MNIST", "mnist\n", "x" * 10**6, "a\nb" * 1000, "../mnist"])
def test_a_wrong_name_is_an_error_of_one_short_line(name):
    with pytest.raises(ValueError, match="there is no data set '.*'; the names are") as caught:
        load(name)
    assert len(str(caught.value)) < 150 and str(caught.value).isprintable()


@pytest.mark.parametrize("root", [0, True, 1.5, ["data"], np.zeros(2)])
def test_a_root_that_is_no_path_is_an_error_that_says_so(root):
    for ask in (cache_folder, lambda root: load("mnist", root=root)):
        with pytest.raises(TypeError, match="cache_folder: got .* as the path, wanted a string"):
            ask(root)


def test_an_empty_root_is_an_error_and_not_the_usual_folder():
    for root in ("", b""):
        with pytest.raises(ValueError, match="cache_folder: got '' as the path, wanted a folder"):
            cache_folder(root)


def test_a_root_may_be_bytes_long_or_have_a_new_line(toy, tmp_path):
    for root in (os.fsencode(tmp_path / "a"), tmp_path / "b\nc", tmp_path / "d" / ("e" * 255)):
        toy.check(load("toy", root))
        toy.check(load("toy", root, download=False))
    with pytest.raises(DataError, match="File name too long"):
        load("toy", tmp_path / ("e" * 256))


@pytest.mark.parametrize("download", ["no", None, [], 0.0])
def test_a_download_that_is_neither_true_nor_false_is_an_error(download):
    with pytest.raises(TypeError, match="load: got download=.*, wanted True or False"):
        load("mnist-sample", download=download)
    load("mnist-sample", download=np.bool_(False))


# The folder

def test_the_folder_is_root_else_npbp_data_else_the_platforms(tmp_path, monkeypatch):
    monkeypatch.setenv("NPBP_DATA", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("USERPROFILE", "/home/ada")
    assert cache_folder("/else") == Path("/else")
    assert cache_folder() == tmp_path
    for value in ("", None):
        monkeypatch.setenv("NPBP_DATA", "") if value == "" else monkeypatch.delenv("NPBP_DATA")
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
        assert cache_folder() == Path("/cache/npbp")
        monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
        assert cache_folder() == Path("/home/ada/.cache/npbp")
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert cache_folder() == Path("/home/ada/.cache/npbp")
        monkeypatch.setattr(sys, "platform", "darwin")
        assert cache_folder() == Path("/home/ada/Library/Caches/npbp")
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setenv("LOCALAPPDATA", "/local")
        assert cache_folder() == Path("/local/npbp")
    assert cache_folder("~/data") == Path("/home/ada/data")


@pytest.mark.parametrize("packed", [True, False])
def test_packed_and_plain_files_in_npbp_data_are_found(toy, tmp_path, monkeypatch, packed):
    (tmp_path / "toy").mkdir()
    for file in FILES:
        name, body = (f"{file}.gz", toy.packed[file]) if packed else (file, toy.plain[file])
        (tmp_path / "toy" / name).write_bytes(body)
    monkeypatch.setenv("NPBP_DATA", str(tmp_path))
    toy.check(load("toy"))
    toy.check(load("toy", download=False))
    assert toy.server.requests == []


def test_good_files_in_a_folder_that_cannot_be_written_are_read_in_peace(toy, tmp_path):
    load("toy", tmp_path)
    folder = tmp_path / "toy"
    before = {path: path.stat().st_mtime_ns for path in (folder, *folder.iterdir())}
    for path in before:
        path.chmod(0o555)
    try:
        toy.check(load("toy", tmp_path))
        assert before == {path: path.stat().st_mtime_ns for path in (folder, *folder.iterdir())}
    finally:
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_made_is_a_clear_error(toy, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        load("toy", tmp_path / "file")
    for words in (str(tmp_path / "file" / "toy"), "nothing can be written", "Not a directory",
                  "NPBP_DATA", "mnist-sample"):
        assert words in str(caught.value)


# The download

def test_a_data_set_is_downloaded_once(toy, tmp_path, capfd):
    toy.check(load("toy", tmp_path))
    assert names(tmp_path / "toy") == toy.names and len(toy.server.requests) == 4
    toy.check(load("toy", tmp_path))
    assert len(toy.server.requests) == 4
    assert capfd.readouterr() == ("", "")


def test_a_mirror_may_compress_differently_or_not_at_all(toy, tmp_path):
    toy.reply(good(gzip.compress(toy.plain[FILES[0]], 1)))
    toy.reply(good(toy.plain[FILES[1]]), file=FILES[1])
    toy.check(load("toy", tmp_path))
    toy.check(load("toy", tmp_path, download=False))


def test_a_wrong_body_is_not_kept(toy, tmp_path):
    other = toy.arrays[0].copy()
    other[5, 5, 5] ^= 1  # one bit
    write_idx(tmp_path / "other.gz", other)
    toy.reply(good((tmp_path / "other.gz").read_bytes()))
    with pytest.raises(DataError) as caught:
        load("toy", tmp_path)
    for words in ("what it sent is wrong", "SHA-256 of the decompressed content should be",
                  toy.source.sha256[0], toy.server.url):
        assert words in str(caught.value)
    assert names(tmp_path / "toy") == set()


def test_a_bomb_from_a_mirror_is_refused_before_it_goes_off(toy, tmp_path):
    write_idx(tmp_path / "bomb.gz", np.zeros((100_000, 28, 28), np.uint8))
    toy.reply(good((tmp_path / "bomb.gz").read_bytes()))
    with pytest.raises(DataError, match="100000 x 28 x 28 uint8, 78400000 bytes, more than"):
        load("toy", tmp_path)


@pytest.mark.parametrize("bad", [b"", b"half", b"<html>", gzip.compress(b"\0\0\x08\x01\0\0\0\1a")])
def test_a_bad_file_in_the_cache_is_fetched_again_and_said_so(toy, tmp_path, capfd, bad):
    load("toy", tmp_path)
    path = tmp_path / "toy" / f"{FILES[2]}.gz"
    path.write_bytes(bad)
    toy.server.requests.clear()
    toy.check(load("toy", tmp_path))
    assert toy.server.requests == [f"/{path.name}"]
    out, err = capfd.readouterr()
    assert out == "" and str(path) in err and f"npbp: fetching {path.name} again" in err
    toy.check(load("toy", tmp_path, download=False))
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
@pytest.mark.parametrize("link", [False, True])
def test_a_pipe_in_the_cache_is_refused_at_once_and_stays_a_pipe(toy, tmp_path, link):
    load("toy", tmp_path)
    path = tmp_path / "toy" / f"{FILES[1]}.gz"
    path.unlink()
    pipe = tmp_path / "pipe" if link else path
    os.mkfifo(pipe)
    if link:
        path.symlink_to(pipe)
    code = ("from npbp.datasets import DataError\n"
            "for download in (False, True):\n"
            "    try: load('toy', root, download)\n"
            "    except DataError as error: print(error)\n")
    process = toy.process(tmp_path, code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=60)
    assert out.count(f"{path}: this is a pipe or a device, wanted a file") == 2, err
    assert "nothing can be written to" in out and pipe.is_fifo() and path.is_symlink() == link
    assert names(tmp_path / "toy") == toy.names

    (tmp_path / "toy" / FILES[1]).write_bytes(toy.plain[FILES[1]])  # a good file stands in
    toy.check(load("toy", tmp_path, download=False))


@pytest.mark.skipif(os.name != "posix", reason="needs sparse files")
@pytest.mark.parametrize("hash_of_gz", [False, True])
def test_a_giant_file_in_the_cache_is_refused_at_once(toy, tmp_path, monkeypatch, hash_of_gz):
    sha256 = tuple(hashlib.sha256(toy.packed[file]).hexdigest() for file in FILES)
    if hash_of_gz:
        monkeypatch.setitem(SOURCES, "toy", toy.source._replace(sha256=sha256, hash_of_gz=True))
    load("toy", tmp_path)
    for name, body in ((f"{FILES[0]}.gz", toy.packed[FILES[0]]), (FILES[0], toy.plain[FILES[0]])):
        (tmp_path / "toy" / name).write_bytes(body)
        os.truncate(tmp_path / "toy" / name, 10**12)
    start = time.monotonic()
    with pytest.raises(DataError, match="but more than that follow it.*\n.*but 99"):
        load("toy", tmp_path, download=False)
    assert time.monotonic() - start < 20


def test_a_flipped_bit_in_the_cache_is_found(toy, tmp_path, capfd):
    load("toy", tmp_path)
    path = tmp_path / "toy" / f"{FILES[0]}.gz"
    other = toy.arrays[0].copy()
    other[-1, -1, -1] ^= 128
    write_idx(path, other)
    toy.check(load("toy", tmp_path))
    assert "SHA-256" in capfd.readouterr().err
    assert path.read_bytes() == toy.packed[FILES[0]]


def test_a_good_plain_file_stands_in_for_a_bad_packed_one(toy, tmp_path):
    load("toy", tmp_path)
    (tmp_path / "toy" / FILES[0]).write_bytes(toy.plain[FILES[0]])
    (tmp_path / "toy" / f"{FILES[0]}.gz").write_bytes(b"bad")
    toy.server.requests.clear()
    toy.check(load("toy", tmp_path))
    assert toy.server.requests == []


def test_without_download_a_missing_or_bad_file_is_an_error(toy, tmp_path):
    with pytest.raises(DataError) as caught:
        load("toy", tmp_path, download=False)
    for words in (f"neither {FILES[0]}.gz nor {FILES[0]} is in {tmp_path / 'toy'}",
                  "download=True", "mnist-sample"):
        assert words in str(caught.value)
    assert not (tmp_path / "toy").exists()

    load("toy", tmp_path)
    path = tmp_path / "toy" / f"{FILES[3]}.gz"
    path.write_bytes(toy.packed[FILES[2]])
    toy.server.requests.clear()
    with pytest.raises(DataError) as caught:
        load("toy", tmp_path, download=False)
    for words in (str(path), "SHA-256", toy.source.sha256[3], "download=True"):
        assert words in str(caught.value)
    assert toy.server.requests == [] and path.read_bytes() == toy.packed[FILES[2]]


def test_a_hash_of_the_gz_is_checked_on_the_gz(toy, tmp_path, monkeypatch, capfd):
    sha256 = tuple(hashlib.sha256(toy.packed[file]).hexdigest() for file in FILES)
    monkeypatch.setitem(SOURCES, "toy", toy.source._replace(sha256=sha256, hash_of_gz=True))
    toy.check(load("toy", tmp_path))
    path = tmp_path / "toy" / f"{FILES[0]}.gz"
    assert path.read_bytes() == toy.packed[FILES[0]]

    # The same content in another .gz, or in none, cannot be known to be right.
    path.write_bytes(gzip.compress(toy.plain[FILES[0]], 1))
    (tmp_path / "toy" / FILES[0]).write_bytes(toy.plain[FILES[0]])
    with pytest.raises(DataError, match="SHA-256 of the .gz as published"):
        load("toy", tmp_path, download=False)
    toy.check(load("toy", tmp_path))
    assert path.read_bytes() == toy.packed[FILES[0]]
    assert "fetching" in capfd.readouterr().err


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"mnist-sample"}))
def test_without_a_network_the_error_says_all_that_helps(tmp_path, monkeypatch, name):
    with Server() as gone:
        pass
    monkeypatch.setenv("HTTPS_PROXY", gone.url)  # nobody is there: all mirrors are out of reach
    with pytest.raises(DataError) as caught:
        load(name, tmp_path)
    message = str(caught.value)
    assert f"is in {tmp_path / name}" in message
    for mirror in SOURCES[name].mirrors:
        line, = (line for line in message.splitlines() if mirror in line)
        assert "Connection refused (3 tries)" in line and len(line) < 150
    assert "'mnist-sample' needs no network" in message
    assert message.count("\n") <= 5


def test_all_mirrors_are_tried_and_named(toy, tmp_path, monkeypatch):
    second = f"{toy.server.url}/second"
    monkeypatch.setitem(SOURCES, "toy", toy.source._replace(mirrors=(toy.server.url, second)))
    toy.reply(html)
    with pytest.raises(DataError) as caught:
        load("toy", tmp_path)
    message = str(caught.value)
    assert f"{toy.server.url}/{FILES[0]}.gz: what it sent is wrong: this is a web" in message
    assert f"{second}/{FILES[0]}.gz: HTTP 404 Not Found" in message
    toy.server.replies[f"/second/{FILES[0]}.gz"] = [good(toy.packed[FILES[0]])]
    toy.check(load("toy", tmp_path))


# Killed and crowded

@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7])
def test_a_killed_download_leaves_no_half_file(toy, tmp_path, part):
    toy.reply(trickle(toy.packed[FILES[0]], 100, 0.01), good(toy.packed[FILES[0]]))
    process = toy.process(tmp_path)

    def arrived():
        return sum(path.stat().st_size for path in tmp_path.glob("toy/.*.part"))

    wait_until(lambda: arrived() > part * len(toy.packed[FILES[0]]))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    left = names(tmp_path / "toy")
    assert len(left) == 1 and left.pop().endswith(".part")

    toy.check(load("toy", tmp_path))  # what is left does no harm,
    for path in (tmp_path / "toy").glob(".*.part"):
        os.utime(path, (time.time() - 7200,) * 2)
    (tmp_path / "toy" / f"{FILES[0]}.gz").unlink()
    load("toy", tmp_path)  # and the next download after an hour removes it
    assert names(tmp_path / "toy") == toy.names


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_processes_killed_at_any_moment_leave_only_whole_files(toy, tmp_path):
    for file in FILES:
        toy.reply(trickle(toy.packed[file], 10, 0.003), file=file)
    code = ("import itertools\n"
            "for number in itertools.count(): load('toy', f'{root}/{number}')\n")
    process = toy.process(tmp_path, code)
    rng = np.random.default_rng()
    wait_until(lambda: (tmp_path / "1").exists())
    for _ in range(5):
        time.sleep(rng.uniform(0.05, 0.3))
        os.kill(process.pid, signal.SIGSTOP)  # what a kill at this moment would leave
        files = [path for path in tmp_path.glob("*/toy/*") if path.name in toy.names]
        for path in files:
            assert path.read_bytes() == toy.packed[path.name[:-3]]
        os.kill(process.pid, signal.SIGCONT)
    process.kill()
    process.wait()
    assert len(files) > 4
    for path in tmp_path.glob("*/toy/*.gz"):
        assert path.name.startswith(".") or path.read_bytes() == toy.packed[path.name[:-3]]


def test_eight_processes_at_once_leave_only_whole_files(toy, tmp_path):
    together = threading.Barrier(8, timeout=60)

    def reply(handler):  # nobody gets the first file before all eight have asked for it
        together.wait()
        trickle(toy.packed[FILES[0]], 20, 0.005)(handler)

    toy.reply(reply)
    processes = [toy.process(tmp_path, "print(load('toy', root).train[0].sum())",
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                 for _ in range(8)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert outputs == [(f"{toy.arrays[0].sum()}\n", "")] * 8
    assert toy.server.requests.count(f"/{FILES[0]}.gz") == 8
    assert names(tmp_path / "toy") == toy.names
    for file in FILES:
        assert (tmp_path / "toy" / f"{file}.gz").read_bytes() == toy.packed[file]


def test_importing_the_data_loads_neither_requests_nor_matplotlib():
    code = ("import sys, npbp.datasets as d; d.load('mnist-sample');"
            "print([name for name in ('requests', 'matplotlib') if name in sys.modules])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "[]", run.stderr
