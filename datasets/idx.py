"""The idx format, in which MNIST and its relatives are published.

A file is a header and then the numbers, the last index running fastest:

    2 bytes  zero
    1 byte   type of the numbers: 08 uint8, 09 int8, 0B int16, 0C int32,
                                  0D float32, 0E float64
    1 byte   rank, the number of dimensions
    4 bytes  for each dimension its size, an unsigned integer

Everything is big-endian. The file may be compressed with gzip; that is recognised by
its first two bytes, not by its name.

Source: the description at the end of http://yann.lecun.com/exdb/mnist/.
"""
from __future__ import annotations

import gzip
import hashlib
import math
import operator
import os
import reprlib
import stat
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from .whole import replacing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32",
         0x0D: "float32", 0x0E: "float64"}
CODES = {name: code for code, name in TYPES.items()}

CHUNK = 1 << 20
MAX_RANK = 32 if np.__version__.startswith("1.") else 64  # of a NumPy array


class DataError(ValueError):
    """A data file is bad, missing, or could not be downloaded; the message says which."""


def read_idx(path: str | os.PathLike[str], max_bytes: int | None = None) -> np.ndarray:
    """Read an idx file, plain or gzip, into an array.

    Parameters
    ----------
    path : path
        The file.
    max_bytes : int, optional
        Refuse a file whose numbers take more than this. A few kilobytes of gzip can
        inflate to gigabytes: give it for files you do not trust.

    Returns
    -------
    numpy.ndarray
        Of the shape and type that the file's header declares, in the byte order of
        this machine, C-contiguous and writable. Zero items are fine.

    Raises
    ------
    DataError
        If the file is not idx, is cut short, has bytes left over, is a damaged gzip, or
        is no file but a pipe or a device. No more memory is taken than the file has content.
    OSError
        If there is no such file, or it cannot be read.
    TypeError, ValueError
        If `path` is no path, or `max_bytes` no whole number of at least 0.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(folder + "/three-idx1-short.gz", np.array([1, 2, 300], dtype=np.int16))
    ...     read_idx(folder + "/three-idx1-short.gz")
    array([  1,   2, 300], dtype=int16)
    """
    path = as_path("read_idx", path)
    if max_bytes is not None:
        max_bytes = _limit(max_bytes)
    with open(path, "rb", opener=_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):  # it might give bytes for ever, or none
            raise DataError(f"{path}: this is a pipe or a device, wanted a file")
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not compressed:
            return _read(file, path, max_bytes, found.st_size, packed=False)
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(unpacked, path, max_bytes, found.st_size, packed=True)
        except EOFError:
            raise DataError(f"{path}: the gzip is cut short: the download or copy of it "
                            "was not completed") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path}: the gzip is damaged ({error})") from None


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end, if it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read(file, path: str, max_bytes: int | None, file_size: int, packed: bool) -> np.ndarray:
    """Read header and numbers; what a packed file holds only reading to its end tells."""
    dtype, shape = _read_header(file, path)
    declared = math.prod(shape) * dtype.itemsize  # Python integers: this cannot overflow
    promise = f"the header declares {' x '.join(map(str, shape))} {dtype.name}, {declared} bytes"
    if max_bytes is not None and declared > max_bytes:
        raise DataError(f"{path}: {promise}, more than the {max_bytes} allowed here")
    if packed and file_size > 2 * declared + CHUNK:  # zeros after a gzip are read and ignored
        raise DataError(f"{path}: {promise}, but more than that follow it: the gzip alone has "
                        f"{file_size}")
    if not packed and declared != file_size - file.tell():
        raise DataError(f"{path}: {promise}, but {file_size - file.tell()} follow it")

    # Whether a gzip keeps its header's promise is known only at its end. So memory
    # grows with what has arrived, and one byte too many is enough to stop.
    payload = bytearray()
    while len(payload) < declared:
        chunk = file.read(min(CHUNK, declared - len(payload)))
        if not chunk:
            raise DataError(f"{path}: {promise}, but only {len(payload)} follow it")
        payload += chunk
    if file.read(1):
        raise DataError(f"{path}: {promise}, but more than that follow it")

    try:
        array = np.frombuffer(payload, dtype).reshape(shape)
    except ValueError as error:  # 0 x 4000000000 x 4000000000 x ... has no bytes, yet
        raise DataError(f"{path}: {promise}; NumPy has no such shape ({error})") from None
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(file, path) -> tuple[np.dtype, tuple[int, ...]]:
    if file.peek(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise DataError(f"{path}: this is a web page (HTML or XML), not idx data: the download "
                        "gave a message in place of the file")
    magic = file.read(4) or b""
    if len(magic) < 4:
        raise DataError(f"{path}: too short for an idx file: {len(magic)} bytes, "
                        "the header alone has 4 and 4 more per dimension")
    if magic[:2] != b"\0\0":
        raise DataError(f"{path}: not an idx file: it begins with the bytes {magic.hex(' ')}, "
                        "an idx file with 00 00")
    code, rank = magic[2], magic[3]
    if code not in TYPES:
        known = ", ".join(f"{code:02X} {name}" for code, name in TYPES.items())
        raise DataError(f"{path}: unknown type {code:02X} in the idx header; known are {known}")
    if rank == 0:
        raise DataError(f"{path}: the idx header declares rank 0; an idx file has at least "
                        "one dimension")
    if rank > MAX_RANK:
        raise DataError(f"{path}: the idx header declares {rank} dimensions; a NumPy array "
                        f"has at most {MAX_RANK}")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise DataError(f"{path}: too short for an idx file: the header declares {rank} "
                        f"dimensions, but ends after {len(sizes)} of {4 * rank} bytes of sizes")
    return np.dtype(TYPES[code]).newbyteorder(">"), struct.unpack(f">{rank}I", sizes)


def write_idx(path: str | os.PathLike[str], array: ArrayLike) -> None:
    """Write an array as an idx file; as gzip if `path` ends with ".gz".

    The file appears whole: an error or a kill on the way leaves what was there before.
    The same array gives the same bytes each time (the gzip carries no date).

    Parameters
    ----------
    path : path
        The file to write.
    array : array
        Any shape of rank 1 or more; uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    TypeError
        If it is of another dtype, or masked, or `path` is no path.
    ValueError
        If it has rank 0, or a dimension above 2**32 - 1.
    OSError
        If the file cannot be written, or is no file but a folder, a pipe or a device.

    Examples
    --------
    >>> write_idx("labels-idx1", np.array([3, 1, 4], dtype=np.int64))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: an idx file holds uint8, int8, ..., float64, not int64: convert with ...
    """
    path = as_path("write_idx", path)
    if np.ma.is_masked(array):
        raise TypeError("an idx file holds numbers only, this array is masked, so some are missing: "
                        "fill them with array.filled(...)")
    header, numbers = _encode(np.asarray(array))
    with replacing(path) as temporary, open(temporary, "xb") as file:
        if path.endswith(".gz"):
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                packed.write(header)
                packed.write(numbers)
        else:
            file.write(header)
            file.write(numbers)


def idx_sha256(array: np.ndarray) -> str:
    """SHA-256 of the plain idx file that holds `array`.

    An array has only one idx file, so after `read_idx` this is the hash of the
    decompressed content, and the file need not be read twice.

    Examples
    --------
    >>> idx_sha256(np.array([1, 2], dtype=np.uint8))[:16]
    '7d8d5bbc33d5b40c'
    """
    digest = hashlib.sha256()
    for part in _encode(array):
        digest.update(part)
    return digest.hexdigest()


def _encode(array: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The header of `array`, and its numbers as a flat array of bytes."""
    if array.dtype.name not in CODES:
        raise TypeError(f"an idx file holds {', '.join(CODES)}, not {array.dtype.name}: "
                        "convert with array.astype(...) if the values fit")
    if array.ndim == 0:
        raise ValueError("an idx file has at least one dimension, this array has none: "
                         "for a single number write array.reshape(1)")
    if max(array.shape) >= 2**32:
        raise ValueError(f"an idx file has no dimension above 2**32 - 1, this array has "
                         f"shape {array.shape}")
    header = struct.pack(f">2x2B{array.ndim}I", CODES[array.dtype.name], array.ndim, *array.shape)
    numbers = np.ascontiguousarray(array, array.dtype.newbyteorder(">"))
    return header, numbers.reshape(-1).view(np.uint8)


def as_path(function: str, path: str | bytes | os.PathLike) -> str:
    """`path` as a string, or an error that names the function it was given to."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"{function}: got {reprlib.repr(path)} as the path, wanted a string or a "
                        "pathlib.Path")
    path = os.fsdecode(path)
    if "\0" in path:
        raise ValueError(f"{function}: got {reprlib.repr(path)} as the path, wanted one without the "
                         "character 0")
    return path


def _limit(max_bytes: int) -> int:
    try:
        limit = operator.index(max_bytes)
    except TypeError:
        raise TypeError(f"read_idx: got max_bytes={reprlib.repr(max_bytes)}, wanted a whole "
                        "number") from None
    if limit < 0:
        raise ValueError(f"read_idx: got max_bytes={limit}, wanted at least 0")
    return limit
