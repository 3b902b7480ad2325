"""The files that ``npbp predict`` is given: pictures, what is no picture, and what never ends."""
from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest

from npbp import Linear, Network, SoftmaxCrossEntropyLoss
from npbp.cli import main
from npbp.datasets import load, write_idx

posix = pytest.mark.skipif(os.name != "posix", reason="needs pipes and sparse files")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    Network([Linear(784, 10, np.random.default_rng(0))], SoftmaxCrossEntropyLoss()).save(path)
    return str(path)


@pytest.fixture(scope="module")
def image():
    return load("mnist-sample").test[0][0]


def png(*parts):
    """A PNG of these chunks: written by hand, so that it may be anything."""
    chunks = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
              for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def picture(array, colour, depth=8):
    """``(height, width)`` or ``(height, width, channels)`` bytes as a PNG of a colour type."""
    height, width = array.shape[:2]
    if depth == 16:
        array = array.astype(">u2") * 257
    lines = b"".join(b"\0" + line.tobytes() for line in array)
    palette = [(b"PLTE", bytes(i for i in range(256) for _ in range(3)))] if colour == 3 else []
    return png((b"IHDR", struct.pack(">2I5B", width, height, depth, colour, 0, 0, 0)), *palette,
               (b"IDAT", zlib.compress(lines)), (b"IEND", b""))


def said(capsys, model, path):
    """What predict prints of an image, without the image's name."""
    assert main(["predict", model, str(path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path}[0]: ")
    return out[len(str(path)):]


def refused(capsys, model, path, *words):
    """It is one line; and finding out takes no memory."""
    tracemalloc.start()
    try:
        assert main(["predict", model, str(path)]) == 1
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()
    out, error = capsys.readouterr()
    assert out == "" and error.startswith("npbp predict: ") and error.count("\n") == 1
    assert len(error) < len(str(path)) + 300
    for word in (str(path), *words):
        assert word in error


@pytest.mark.parametrize("make", [
    lambda a: picture(a, 0), lambda a: picture(a, 0, 16), lambda a: picture(a, 3),
    lambda a: picture(np.dstack([a] * 3), 2), lambda a: picture(np.dstack([a, 255 + 0 * a]), 4),
    lambda a: picture(np.dstack([a] * 3 + [255 + 0 * a]), 6),
    lambda a: picture(np.dstack([255 + 0 * a, a]), 4),  # white, where it is not transparent
    lambda a: picture(np.dstack([255 + 0 * a] * 3 + [a]), 6),
], ids=["grey", "16 bits", "palette", "RGB", "grey+A", "RGBA", "alpha", "white+alpha"])
def test_a_png_says_what_the_array_of_its_pixels_says(tmp_path, capsys, model, image, make):
    (tmp_path / "digit.png").write_bytes(make(image))
    np.save(tmp_path / "digit.npy", image)
    assert said(capsys, model, tmp_path / "digit.png") == said(capsys, model, tmp_path / "digit.npy")


def test_a_png_that_matplotlib_writes_is_read_and_white_stays_within_1(tmp_path, capsys, model, image):
    import matplotlib.image

    matplotlib.image.imsave(tmp_path / "digit.png", np.dstack([image] * 3))
    np.save(tmp_path / "digit.npy", image)
    assert said(capsys, model, tmp_path / "digit.png") == said(capsys, model, tmp_path / "digit.npy")
    (tmp_path / "white").write_bytes(picture(np.full((28, 28, 3), 255, np.uint8), 2))
    np.save(tmp_path / "white.npy", np.ones((28, 28), np.float32))
    assert said(capsys, model, tmp_path / "white") == said(capsys, model, tmp_path / "white.npy")


def test_colours_are_grey_as_bright_as_they_look(tmp_path, capsys, model):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (28, 28, 3), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(picture(colours, 2))
    np.save(tmp_path / "a.npy", colours / 255 @ [0.299, 0.587, 0.114])
    assert said(capsys, model, tmp_path / "a.png") == said(capsys, model, tmp_path / "a.npy")


HEAD = (b"IHDR", struct.pack(">2I5B", 28, 28, 8, 0, 0, 0, 0))
HUGE = (b"IHDR", struct.pack(">2I5B", 20000, 20000, 8, 0, 0, 0, 0))
DATA, END = (b"IDAT", zlib.compress(bytes(29 * 28))), (b"IEND", b"")


@pytest.mark.parametrize("data, words", [
    (picture(np.zeros((100, 90), np.uint8), 0), "a PNG of 90 x 100 pixels, wanted 28 x 28: cut the digit out"),
    (png(HUGE, (b"IDAT", zlib.compress(bytes(20001 * 1000))), END), "20000 x 20000 pixels, wanted 28 x 28"),
    (png(HEAD, HUGE, (b"IDAT", zlib.compress(bytes(20001 * 1000))), END), "a damaged PNG"),
    (png((b"tEXt", b"a\0b"), HEAD, DATA, END), "a damaged PNG"),
    (png(HEAD, (b"IDAT", zlib.compress(bytes(10))), END), "cannot be read"),
    (png(HEAD, (b"IDAT", b"nothing"), END), "cannot be read"),
    (png(HEAD), "cannot be read"), (png(), "a damaged PNG"), (png(HEAD)[:20], "a damaged PNG"),
    (png(HEAD, (b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8))), DATA, END), "cannot be read"),
    (picture(np.zeros((28, 28), np.uint8), 0) + bytes(2 << 20), "28 x 28"),
], ids=["large", "huge", "huge inside", "no head", "short", "damaged", "empty", "none", "cut", "text", "long"])
def test_a_png_that_is_no_digit_is_one_line(tmp_path, capsys, model, data, words):
    (tmp_path / "digit.png").write_bytes(data)
    refused(capsys, model, tmp_path / "digit.png", words)


@pytest.mark.parametrize("start, kind", [
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"), (b"GIF89a", "a GIF image"), (b"BM\0\0", "a BMP image"),
    (b"%PDF-1.4", "a PDF"), (b"PK\x03\x04", "a zip or .npz archive"), (b"II*\0", "a TIFF image")])
def test_another_kind_of_file_is_called_by_its_name_and_says_what_is_wanted(tmp_path, capsys, model, start, kind):
    (tmp_path / "digit").write_bytes(start + bytes(100))
    refused(capsys, model, tmp_path / "digit", f"is {kind}; wanted an idx file, a PNG, or a .npy file",
            "np.save('digits.npy', images)")
    (tmp_path / "digit").write_bytes(start)
    refused(capsys, model, tmp_path / "digit", kind)


def test_the_help_says_that_digits_are_white_on_black(capsys):
    assert main(["predict", "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "a PNG of 28 x 28 pixels" in out and "white on black" in out and "digit.png" in out


# What never ends, or lies about its size

@posix
@pytest.mark.parametrize("kind", ["pipe", "link to a device", "device"])
def test_a_pipe_or_a_device_is_one_line_at_once(tmp_path, model, image, kind):
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = "/dev/null"
    else:
        path.symlink_to("/dev/zero")
    np.save(tmp_path / "digit.npy", image)
    for arguments in ((model, str(path)), (str(path), str(tmp_path / "digit.npy"))):
        done = subprocess.run([sys.executable, "-m", "npbp", "predict", *arguments], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
        assert f"{path}" in done.stderr and "it is a pipe or a device, wanted a file" in done.stderr


@posix
@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="no /dev/stdin here")
def test_stdin_is_read_if_it_is_a_file_and_else_one_line(tmp_path, model, image):
    np.save(tmp_path / "digit.npy", image)
    command = [sys.executable, "-m", "npbp", "predict", model, "/dev/stdin"]
    with open(tmp_path / "digit.npy", "rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith(b"/dev/stdin[0]: ")
    done = subprocess.run(command, input=(tmp_path / "digit.npy").read_bytes(), capture_output=True, timeout=60)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and b"wanted a file" in done.stderr


def npy(shape, dtype="|u1"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text


@posix
@pytest.mark.parametrize("start", [
    npy((10**9, 784)), npy((28, 28)), struct.pack(">2x2B3I", 8, 3, 10**9, 28, 28),
    struct.pack(">2x2B3I", 8, 3, 1, 28, 28), gzip.compress(struct.pack(">2x2B3I", 8, 3, 1, 28, 28) + bytes(784)),
    picture(np.zeros((28, 28), np.uint8), 0), b"", b"GIF89a", b"PK\x03\x04"])
def test_a_sparse_file_is_one_line_at_once(tmp_path, capsys, model, start):
    path = tmp_path / "images"
    path.write_bytes(start)
    os.truncate(path, 784 * 10**9 + len(start))
    refused(capsys, model, path)


@pytest.mark.parametrize("content", [
    npy((10**9, 784)), npy((2**40, 2**40)), npy((1, 784)) + bytes(783), npy((1, 784)) + bytes(785),
    npy("(" * 9000), npy((28, 28), "O") + bytes(8 * 784), npy((784,), "u1,u1") + bytes(2 * 784),
    b"\x93NUMPY\x02\0\xff\xff\xff\xff", gzip.compress(struct.pack(">2x2B3I", 8, 3, 10**9, 28, 28)),
    gzip.compress(struct.pack(">2x2B3I", 8, 3, 1, 28, 28) + bytes(10**8), 1)], ids=range(10))
def test_a_file_that_claims_what_it_has_not_is_one_line(tmp_path, capsys, model, content):
    (tmp_path / "images").write_bytes(content)
    refused(capsys, model, tmp_path / "images")


def test_flipped_bits_in_an_image_are_one_line_or_a_line_an_image(tmp_path, capsys, model, image):
    path, rng = tmp_path / "image", np.random.default_rng(0)
    npy = io.BytesIO()
    np.save(npy, image)
    write_idx(tmp_path / "idx.gz", image[None])
    write_idx(tmp_path / "idx", image[None])
    for data in (npy.getvalue(), picture(image, 0), (tmp_path / "idx.gz").read_bytes(),
                 (tmp_path / "idx").read_bytes()):
        for step in range(150):
            damaged = bytearray(data)
            for place in rng.integers(0, 8 * (160 if step % 2 else len(data)), 1 + step % 4):
                damaged[place // 8] ^= 1 << place % 8
            path.write_bytes(damaged)
            code = main(["predict", model, str(path)])
            out, error = capsys.readouterr()
            assert (code, out == "", error.count("\n")) in ((0, False, 0), (1, True, 1)), error
