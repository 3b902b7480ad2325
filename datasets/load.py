"""Load a data set by its name: from the cache folder, else from the network.

Every file is checked against a known SHA-256 each time it is read, whether it was
downloaded a moment or a year ago. So what you train on is what was published.
"""
from __future__ import annotations

import hashlib
import os
import reprlib
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .download import fetch
from .idx import DataError, as_path, idx_sha256, read_idx
from .sources import FILES, MAX_BYTES, NAMES, SOURCES, Source

SAMPLE = Path(__file__).parent / "sample"


class Dataset(NamedTuple):
    """Images with their labels, to train on and to test on.

    A pixel is 0 for the background to 255 for full ink; a label is 0 to 9.

    Attributes
    ----------
    train : (images, labels)
        Shapes ``(N, 28, 28)`` and ``(N,)``, both uint8.
    test : (images, labels)
        The same for images that the training does not see.

    Examples
    --------
    >>> data = load("mnist-sample")
    >>> images, labels = data.train
    >>> int(images[0].max()), int(labels[0])
    (255, 5)
    """

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load(name: str, root: str | os.PathLike[str] | None = None,
         download: bool = True) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str
        "mnist-sample", which comes with the package and needs neither network nor
        cache; "mnist", "fashion-mnist" or "kmnist".
    root : path, optional
        The cache folder; None means that of `cache_folder()`. A file is looked for as
        ``root/name/FILE.gz``, then as ``root/name/FILE`` (of "kmnist" only the .gz can be
        known to be right, as only its hashes are published).
    download : bool
        Whether to fetch a file that is missing there or is not the right one.

    Returns
    -------
    Dataset
        ``train`` and ``test``, each (images ``(N, 28, 28)`` uint8, labels ``(N,)``
        uint8). N is 60,000 and 10,000; in the sample 6,000 and 1,000.

    Raises
    ------
    ValueError
        If there is no data set of that name, or `root` is empty.
    TypeError
        If `name` is no string, `root` no path, or `download` neither True nor False.
    DataError
        If a file is missing or bad and could not be downloaded; the message says where
        it was looked for and what happened.

    Examples
    --------
    >>> (images, labels), test = load("mnist-sample")
    >>> images.shape, images.dtype, labels[:5]
    ((6000, 28, 28), dtype('uint8'), array([5, 0, 4, 1, 9], dtype=uint8))
    """
    if not isinstance(name, str):
        raise TypeError(f"load: got {reprlib.repr(name)} as the name, wanted a string, one of "
                        f"{', '.join(NAMES)}")
    if name not in SOURCES:
        raise ValueError(f"there is no data set {reprlib.repr(name)}; the names are {', '.join(NAMES)}")
    if not isinstance(download, (bool, int, np.bool_)):  # "no" would count as True
        raise TypeError(f"load: got download={reprlib.repr(download)}, wanted True or False")
    source = SOURCES[name]
    # What comes with the package can only be read, never fetched.
    folder = cache_folder(root) / name if source.mirrors else SAMPLE
    a, b, c, d = (_load(name, source, file, sha256, folder, download and bool(source.mirrors))
                  for file, sha256 in zip(FILES, source.sha256))
    return Dataset((a, b), (c, d))


def cache_folder(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder where data sets are kept.

    It is `root` if given, else the environment's NPBP_DATA, else `npbp` in the
    platform's usual folder: ~/Library/Caches on macOS, %LOCALAPPDATA% on Windows,
    $XDG_CACHE_HOME or ~/.cache elsewhere.

    Raises
    ------
    TypeError
        If `root` is no path.
    ValueError
        If it is empty.

    Examples
    --------
    >>> cache_folder("my-data").name
    'my-data'
    """
    if root is not None and not as_path("cache_folder", root):
        raise ValueError("cache_folder: got '' as the path, wanted a folder, or None for the usual one")
    given = root if root is not None else os.environ.get("NPBP_DATA")
    if given:
        return Path(os.fsdecode(given)).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "npbp"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "npbp"
    usual = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return (usual if usual.is_absolute() else home / ".cache") / "npbp"


def _load(name: str, source: Source, file: str, sha256: str, folder: Path,
          download: bool) -> np.ndarray:
    """One file of a data set: from `folder` if a good one is there, else downloaded."""
    def read(path: Path) -> np.ndarray:
        return _read_checked(path, sha256, source.hash_of_gz)

    packed = folder / f"{file}.gz"
    problems = []
    for path in (packed, folder / file):
        try:
            return read(path)
        except DataError as error:
            problems.append(str(error))
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
    what = "\n".join(problems) or f"neither {packed.name} nor {file} is in {folder}"

    if not source.mirrors:
        raise DataError(f"{what}\nThis file comes with npbp: install npbp again")
    if not download:
        raise DataError(f"{what}\nload({name!r}, download=True) fetches it; "
                        "'mnist-sample' needs no network")
    if problems:
        print(f"npbp: {what}\nnpbp: fetching {packed.name} again", file=sys.stderr)
    try:
        return fetch([f"{mirror}/{packed.name}" for mirror in source.mirrors], packed, read)
    except DataError as error:
        reason = str(error)
    except OSError as error:
        reason = (f"nothing can be written to {folder} ({error.strerror or error}): "
                  "choose another folder with NPBP_DATA")
    raise DataError(f"{what}\n{reason}\n'mnist-sample' needs no network: it comes with npbp")


def _read_checked(path: Path, sha256: str, hash_of_gz: bool) -> np.ndarray:
    """Read an idx file; raise `DataError` unless its SHA-256 is right."""
    array = read_idx(path, MAX_BYTES)
    found = hashlib.sha256(path.read_bytes()).hexdigest() if hash_of_gz else idx_sha256(array)
    if found != sha256:
        of = "the .gz as published" if hash_of_gz else "the decompressed content"
        raise DataError(f"{path}: not the right file: the SHA-256 of {of} should be {sha256}, "
                        f"this one has {found}")
    return array
