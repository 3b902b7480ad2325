"""Reading a ``.npy`` or ``.npz`` that nobody vouches for: no more is taken than it has bytes.

A .npy begins with the byte 93, "NUMPY" and two bytes of version. Then come the length
of the header, in two bytes (four since version 2), and the header, a Python dict as
text: ``descr`` is the type, and ``fortran_order`` and ``shape`` tell the order of the
numbers, which follow. What is no plain array of numbers or text is refused. A .npz is a
zip archive of them, with a directory at its end.

Source: the documentation of ``numpy.lib.format``; PKWARE's APPNOTE.TXT (zip).
"""

from __future__ import annotations

import math
import os
import re
import reprlib
import zipfile
from typing import BinaryIO, Iterator, NamedTuple

import numpy as np

MAGIC = b"\x93NUMPY"
LONGEST = 10_000  # bytes of a header: some 100 are usual
CHUNK = 1 << 20
INFLATES = 16  # times its size may an archive grow: arrays of numbers hardly do


class Header(NamedTuple):
    """What a .npy says that it holds: here no more than it has bytes."""

    dtype: np.dtype
    shape: tuple[int, ...]
    order: str


def read_npy(file: BinaryIO, size: int, most: float = math.inf) -> np.ndarray:
    """The array of a .npy of ``size`` bytes, in the byte order of this machine.

    Raises
    ------
    ValueError
        If it has more than ``most`` bytes, is no .npy, or is another array than its
        header tells of.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.array([1.5, 2.5]))
    >>> size = file.tell()
    >>> _ = file.seek(0)
    >>> read_npy(file, size)
    array([1.5, 2.5])
    """
    if size > most:
        raise ValueError(f"it has {size} bytes, wanted {most} at most")
    dtype, shape, order = read_header(file, size)
    claimed = math.prod(shape) * dtype.itemsize
    numbers = bytearray()
    while len(numbers) < claimed:
        chunk = file.read(min(CHUNK, claimed - len(numbers)))
        if not chunk:
            raise ValueError("it is cut short")
        numbers += chunk
    array = np.frombuffer(numbers, dtype).reshape(shape, order=order)
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_header(file: BinaryIO, size: int) -> Header:
    """The header of a .npy of ``size`` bytes, checked; ``file`` is left at the numbers."""
    start = file.read(8)
    wide = 2 if start[6:7] == b"\x01" else 4
    length = int.from_bytes(file.read(wide), "little")
    if start[:6] != MAGIC or length > LONGEST:
        raise ValueError("it is no .npy file that NumPy writes")
    text = file.read(length).decode("latin-1")
    # Not evaluated: a few brackets or minus signs too many can take Python's parser down.
    descr = re.search(r"""['"]descr['"]\s*:\s*['"]([^'"\\]*)['"]""", text)
    order = re.search(r"""['"]fortran_order['"]\s*:\s*(True|False)""", text)
    shape = re.search(r"""['"]shape['"]\s*:\s*\(([0-9L,\s]*)\)""", text)
    if not (descr and order and shape):
        raise ValueError("its header tells of no plain array")
    dtype = np.dtype(descr[1])
    sizes = tuple(int(number) for number in re.findall("[0-9]+", shape[1]))
    if dtype.kind not in "biufcmMSU":
        raise ValueError(f"it holds {dtype}, which takes pickle to read, wanted plain numbers")
    claimed, there = math.prod(sizes) * dtype.itemsize, size - len(start) - wide - length
    if claimed != there:
        raise ValueError(f"its header claims {claimed} bytes of numbers, and {there} follow")
    return Header(dtype, sizes, "F" if order[1] == "True" else "C")


class Npz:
    """The arrays of a .npz, by name; each is read when it is asked for.

    Raises
    ------
    ValueError
        If the file is no .npz, has a name twice, or claims far more than it has bytes.
    Exception
        What zipfile raises, if the archive is damaged.

    Examples
    --------
    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, a=np.arange(3.0), b=np.eye(2))
    >>> with Npz(file) as arrays:
    ...     list(arrays), arrays.shape("b"), arrays.read("a")
    (['a', 'b'], (2, 2), array([0., 1., 2.]))
    """

    def __init__(self, file: BinaryIO) -> None:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if file.read(2) != b"PK":
            raise ValueError("it is no .npz file")
        self.archive = zipfile.ZipFile(_InPieces(file))
        self.members: dict[str, zipfile.ZipInfo] = {}
        for info in self.archive.infolist():
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("it is compressed in a way that NumPy does not use")
            name = info.filename[:-4] if info.filename.endswith(".npy") else info.filename
            if name in self.members:
                raise ValueError(f"it has {reprlib.repr(name)} twice")
            self.members[name] = info
        if sum(info.file_size for info in self.members.values()) > INFLATES * size:
            raise ValueError("it claims to hold far more than it has bytes")

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array, of which no more than the header is read."""
        return self.header(name).shape

    def header(self, name: str) -> Header:
        """The type and shape of an array, of which no more than that is read."""
        with self.archive.open(self.members[name]) as file:
            return read_header(file, self.members[name].file_size)

    def read(self, name: str, most: float = math.inf) -> np.ndarray:
        """An array, if it has at most ``most`` bytes."""
        with self.archive.open(self.members[name]) as file:
            array = read_npy(file, self.members[name].file_size, most)
            file.read(1)  # at the end zipfile looks whether all bytes are as they were
            return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __enter__(self) -> Npz:
        return self

    def __exit__(self, *error: object) -> None:
        self.archive.close()


class _InPieces:
    """A file of which zipfile gets no more at once than a directory may have: a megabyte.

    That is enough for ten thousand arrays.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size if 0 <= size <= CHUNK else CHUNK + 1)
        if len(data) > CHUNK:
            raise ValueError("its directory is too long")
        return data
