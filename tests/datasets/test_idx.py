import gzip
import hashlib
import os
import socket
import stat
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from npbp.datasets import DataError, read_idx, write_idx
from npbp.datasets.idx import MAX_RANK, idx_sha256

SIX = ["uint8", "int8", "int16", "int32", "float32", "float64"]


def header(code, *shape):
    return struct.pack(f">2x2B{len(shape)}I", code, len(shape), *shape)


def refused(path, body, *words):
    """The file is a DataError that names it and says each of `words`."""
    path.write_bytes(body)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["a", "a.gz"])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (1,) * 20, (2, 1, 3, 1, 2)])
@pytest.mark.parametrize("dtype", SIX)
def test_what_is_written_is_read(tmp_path, dtype, shape, name):
    array = (np.random.default_rng(0).normal(0, 50, shape)).astype(dtype)
    write_idx(tmp_path / name, array)
    back = read_idx(tmp_path / name)
    assert back.dtype == np.dtype(dtype) and back.dtype.isnative
    assert back.flags.c_contiguous and back.flags.writeable
    np.testing.assert_array_equal(back, array)
    back[...] = 0  # and it really can be written


@pytest.mark.parametrize("code, packing, values", [
    (0x08, "B", (0, 255, 7)), (0x09, "b", (-128, 127, -1)), (0x0B, "h", (-2**15, 2**15 - 1, 258)),
    (0x0C, "i", (-2**31, 2**31 - 1, 66051)), (0x0D, "f", (0.5, -1.25, 3e38)),
    (0x0E, "d", (0.1, -1e300, 3.0))])
def test_each_type_is_the_big_endian_one_of_the_format(tmp_path, code, packing, values):
    body = header(code, 3) + struct.pack(f">3{packing}", *values)
    (tmp_path / "a").write_bytes(body)
    array = read_idx(tmp_path / "a")
    np.testing.assert_array_equal(array, np.array(values, array.dtype))
    write_idx(tmp_path / "b", array)
    assert (tmp_path / "b").read_bytes() == body
    assert idx_sha256(array) == hashlib.sha256(body).hexdigest()


def test_gzip_is_known_by_its_content_not_by_its_name(tmp_path):
    body = header(8, 2) + b"ab"
    (tmp_path / "packed").write_bytes(gzip.compress(body))
    (tmp_path / "plain.gz").write_bytes(body)
    assert read_idx(tmp_path / "packed").tolist() == [97, 98]
    assert read_idx(str(tmp_path / "plain.gz")).tolist() == [97, 98]


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (3, 0, 2)])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_zero_items_are_valid(tmp_path, name, shape):
    for dtype in SIX:
        write_idx(tmp_path / name, np.zeros(shape, dtype))
        back = read_idx(tmp_path / name)
        assert back.shape == shape and back.dtype == np.dtype(dtype)


def test_arrays_of_any_memory_layout_are_written_in_order(tmp_path):
    array = np.arange(24, dtype=">i4").reshape(2, 3, 4)
    for view in (array.T, array[::-1, ::2], np.asfortranarray(array), array.astype("<i4")):
        write_idx(tmp_path / "a", view)
        np.testing.assert_array_equal(read_idx(tmp_path / "a"), view)
    assert array.ravel().tolist() == list(range(24))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
class TestBadFilesAreNamedWithWhatIsWrong:
    def test_empty(self, tmp_path, pack):
        refused(tmp_path / "a", pack(b""), "too short", "0 bytes")

    def test_three_bytes(self, tmp_path, pack):
        refused(tmp_path / "a", pack(b"\0\0\x08"), "too short", "3 bytes")

    def test_sizes_missing(self, tmp_path, pack):
        refused(tmp_path / "a", pack(header(8, 2, 3)[:-1]), "too short", "7 of 8")

    def test_magic(self, tmp_path, pack):
        refused(tmp_path / "a", pack(b"PK\x03\x04" + bytes(50)), "not an idx file", "50 4b 03 04")

    @pytest.mark.parametrize("code", [0x00, 0x0A, 0x0F, 0xFF])
    def test_type(self, tmp_path, pack, code):
        refused(tmp_path / "a", pack(header(code, 1) + b"a"), f"unknown type {code:02X}",
                "0B int16")

    def test_rank_0(self, tmp_path, pack):
        refused(tmp_path / "a", pack(header(8) + b"a"), "rank 0")

    def test_rank_above_numpys(self, tmp_path, pack):
        refused(tmp_path / "a", pack(header(8, *[1] * (MAX_RANK + 1)) + b"a"),
                f"{MAX_RANK + 1} dimensions", f"at most {MAX_RANK}")
        (tmp_path / "a").write_bytes(pack(header(8, *[1] * MAX_RANK) + b"a"))
        assert read_idx(tmp_path / "a").ndim == MAX_RANK

    def test_too_few_numbers(self, tmp_path, pack):
        refused(tmp_path / "a", pack(header(0x0B, 2, 3) + bytes(11)), "2 x 3 int16, 12 bytes",
                "11 follow")

    def test_too_many_numbers(self, tmp_path, pack):
        refused(tmp_path / "a", pack(header(0x0B, 2, 3) + bytes(13)), "2 x 3 int16, 12 bytes",
                "follow it")

    def test_no_numbers_declared_but_some_there(self, tmp_path, pack):
        refused(tmp_path / "a", pack(header(8, 0, 5) + b"a"), "0 x 5 uint8, 0 bytes", "follow it")

    def test_terabytes_claimed_take_no_memory(self, tmp_path, pack):
        body = pack(header(0x0E, 2**32 - 1, 2**10) + bytes(100))
        tracemalloc.start()
        try:
            refused(tmp_path / "a", body, "4294967295 x 1024 float64, 35184372080640 bytes",
                    "100 follow")
            assert tracemalloc.get_traced_memory()[1] < 4e6
        finally:
            tracemalloc.stop()

    def test_a_product_beyond_64_bits(self, tmp_path, pack):
        # modulo 2**64 this product is 0, which would fit the missing numbers
        refused(tmp_path / "a", pack(header(8, 2**31, 2**31, 4)), "18446744073709551616 bytes")

    def test_no_items_of_an_impossible_shape(self, tmp_path, pack):
        refused(tmp_path / "a", pack(header(8, 0, *[2**32 - 1] * 4)), "NumPy")

    def test_html(self, tmp_path, pack):
        for start in (b"<!DOCTYPE html>", b"\r\n  <html>", b"\xef\xbb\xbf<?xml"):
            refused(tmp_path / "a", pack(start + b" Not found"), "web page")


def test_a_gzip_that_is_cut_short_anywhere_is_refused(tmp_path):
    packed = gzip.compress(header(8, 50) + bytes(range(50)))
    for length in range(2, len(packed)):
        refused(tmp_path / "a.gz", packed[:length], "gzip", "cut short")


def test_a_damaged_gzip_is_refused(tmp_path):
    packed = bytearray(gzip.compress(header(8, 5000) + os.urandom(5000)))
    packed[2500] ^= 1
    refused(tmp_path / "a.gz", bytes(packed), "damaged")
    refused(tmp_path / "a.gz", gzip.compress(header(8, 1) + b"a") + b"rubbish", "damaged")


def test_a_gzip_bomb_stops_at_what_its_header_declares(tmp_path):
    bomb = gzip.compress(header(8, 10) + bytes(200_000_000), 1)
    tracemalloc.start()
    try:
        refused(tmp_path / "a.gz", bomb, "10 uint8, 10 bytes", "more than that")
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


def test_a_bomb_that_declares_all_its_bytes_stops_at_max_bytes(tmp_path):
    path = tmp_path / "a.gz"
    write_idx(path, np.zeros(50_000_000, np.uint8))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="50000000 bytes, more than the 1000 allowed"):
            read_idx(path, max_bytes=1000)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()
    assert len(read_idx(path, max_bytes=50_000_000)) == 50_000_000


def test_a_file_that_is_not_there_is_not_a_data_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        read_idx(tmp_path / "nothing-here")


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64", "uint16", "float16", "object"])
def test_other_types_are_not_written(tmp_path, dtype):
    with pytest.raises(TypeError) as caught:
        write_idx(tmp_path / "a", np.zeros(3, dtype))
    for word in (dtype, "astype", *SIX):
        assert word in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_single_number_and_a_giant_dimension_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"at least one dimension.*reshape\(1\)"):
        write_idx(tmp_path / "a", np.uint8(3))
    giant = np.broadcast_to(np.uint8(0), (2**32, 0))
    with pytest.raises(ValueError, match=r"2\*\*32 - 1.*4294967296"):
        write_idx(tmp_path / "a", giant)
    assert not list(tmp_path.iterdir())
    write_idx(tmp_path / "a", giant[1:])
    assert read_idx(tmp_path / "a").shape == (2**32 - 1, 0)


def test_the_same_array_gives_the_same_gzip(tmp_path):
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, np.arange(100, dtype=np.uint8))
    packed = (tmp_path / "a.gz").read_bytes()
    assert packed == (tmp_path / "b.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # the date


def test_writing_replaces_the_whole_file_and_leaves_nothing_else(tmp_path):
    write_idx(tmp_path / "a", np.zeros(1000, np.uint8))
    write_idx(str(tmp_path / "a"), np.ones(3, np.uint8))
    assert read_idx(tmp_path / "a").tolist() == [1, 1, 1]
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
def test_writing_to_a_symbolic_link_replaces_the_file_behind_it(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_idx(tmp_path / "link", np.array([1, 2], np.uint8))
    write_idx(tmp_path / "link", np.array([3], np.uint8))
    assert (tmp_path / "link").is_symlink() and read_idx(tmp_path / "file").tolist() == [3]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_a_full_disk_leaves_the_file_that_was_there(tmp_path, name):
    write_idx(tmp_path / name, np.arange(3, dtype=np.uint8))
    code = (
        "import resource, sys, numpy as np\n"
        "from npbp.datasets import write_idx\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        "    write_idx(sys.argv[1], np.random.default_rng(0).random(100_000))\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n")
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)],
                         capture_output=True, text=True, timeout=60)
    assert run.stdout.strip() == "File too large", run.stderr
    assert read_idx(tmp_path / name).tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == [name]


# What is no file, or is far larger than it says

posix = pytest.mark.skipif(os.name != "posix", reason="needs pipes and sparse files")


@posix
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    code = ("import sys; from npbp.datasets import DataError, read_idx\n"
            "for path in sys.argv[1:]:\n"
            "    try: read_idx(path)\n"
            "    except DataError as error: print(error)\n")
    paths = [str(tmp_path / "pipe"), str(tmp_path / "link"), "/dev/null"]
    run = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True,
                         timeout=60)
    assert run.stdout.splitlines() == [f"{path}: this is a pipe or a device, wanted a file"
                                       for path in paths], run.stderr


@posix
def test_a_pipe_a_socket_or_a_folder_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    os.mkdir("folder")
    os.symlink("pipe", "link")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("socket")
        for name in ("pipe", "link", "socket", "folder", "folder/", ""):
            with pytest.raises(OSError):
                write_idx(name, np.zeros(3, np.uint8))
    assert [stat.S_IFMT(os.lstat(name).st_mode) for name in ("pipe", "link", "socket", "folder")] == [
        stat.S_IFIFO, stat.S_IFLNK, stat.S_IFSOCK, stat.S_IFDIR]
    assert len(os.listdir()) == 4


@posix
def test_a_file_that_is_far_longer_than_it_says_is_refused_at_once(tmp_path):
    code = ("import sys; from npbp.datasets import DataError, read_idx\n"
            "for path in sys.argv[1:]:\n"
            "    try: read_idx(path)\n"
            "    except DataError as error: print('more than that follow it' in str(error), end=' ')\n")
    (tmp_path / "plain").write_bytes(header(8, 3) + bytes(3))
    (tmp_path / "packed").write_bytes(gzip.compress(header(8, 3) + bytes(3)))
    for name in ("plain", "packed"):
        os.truncate(tmp_path / name, 10**12)  # zeros after a gzip are allowed, and skipped
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "plain", tmp_path / "packed"],
                         capture_output=True, text=True, timeout=20)
    assert run.stdout == "False True ", run.stderr  # of a plain file the message has the number
    (tmp_path / "packed").write_bytes(gzip.compress(header(8, 3) + b"abc") + bytes(1000))
    assert read_idx(tmp_path / "packed").tolist() == [97, 98, 99]


# What is given

@pytest.mark.parametrize("path", [None, 0, True, 1.5, ["a"], ("a",), {"a": 1}, np.zeros(3)])
def test_what_is_no_path_is_an_error_that_says_so(path):
    with pytest.raises(TypeError, match="read_idx: got .* as the path, wanted a string"):
        read_idx(path)
    with pytest.raises(TypeError, match="write_idx: got .* as the path, wanted a string"):
        write_idx(path, np.zeros(3, np.uint8))


def test_a_path_with_a_zero_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="read_idx: got .* without the character 0"):
        read_idx("a\0b")
    with pytest.raises(ValueError, match="write_idx: got .* without the character 0"):
        write_idx("a\0b", np.zeros(3, np.uint8))


def test_paths_may_be_strings_bytes_and_path_objects(tmp_path):
    for path in (tmp_path / "a\nb", str(tmp_path / "c"), os.fsencode(tmp_path / "d.gz")):
        write_idx(path, np.array([1, 2], np.uint8))
        assert read_idx(path).tolist() == [1, 2]
    assert (tmp_path / "d.gz").read_bytes()[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("limit, error", [("9", TypeError), (9.0, TypeError), ([], TypeError),
                                          (-1, ValueError)])
def test_a_limit_that_is_none_is_an_error_that_says_so(tmp_path, limit, error):
    write_idx(tmp_path / "a", np.zeros(3, np.uint8))
    with pytest.raises(error, match="read_idx: got max_bytes=.*, wanted"):
        read_idx(tmp_path / "a", max_bytes=limit)
    assert len(read_idx(tmp_path / "a", max_bytes=np.int64(3))) == 3


def test_what_is_masked_is_not_written_as_if_it_were_there(tmp_path):
    array = np.ma.array([1, 2, 3], dtype=np.uint8, mask=[False, True, False])
    with pytest.raises(TypeError, match=r"masked.*array\.filled"):
        write_idx(tmp_path / "a", array)
    write_idx(tmp_path / "a", array.filled(7))
    assert read_idx(tmp_path / "a").tolist() == [1, 7, 3]
