"""The folder of a run: a name of its own, one process at a time, and its options.json.

=============  =================================================================
options.json   every option, written first: what ``--resume`` goes by
checkpoint/    what a training needs to go on as if it had not stopped
model.npz      the network, after each whole epoch
history.csv    how it went, after each whole epoch
curves.png     its picture, at the end
=============  =================================================================
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Iterator

from npbp.cli.common import Failed
from npbp.cli.options import Contradiction, from_json, to_json
from npbp.cli.recipe import sizes_of
from npbp.files import opened, replacing

OPTIONS, CHECKPOINT = "options.json", "checkpoint"
LONGEST = 1 << 16  # bytes of an options.json: a thousand hidden layers take a tenth


def new_run_folder(out: str | os.PathLike[str], name: str) -> Path:
    """Make ``out/name-1``, or the first number that is free.

    Making a folder fails if it is there already, even by a process that came first by a
    moment; so no two runs share one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as out:
    ...     [new_run_folder(out, "mnist").name for _ in range(2)]
    ['mnist-1', 'mnist-2']
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = out / f"{name}-{number}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Train in ``folder`` as the only process.

    The folder itself is locked, so that the lock is gone with the process, however that ends.
    Where the system cannot do that (Windows, some network file systems), nothing is locked.

    Raises
    ------
    Failed
        If another process trains there.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(f"{folder} is being trained by another process") from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def write_options(folder: Path, options: SimpleNamespace) -> None:
    """Write options.json, whole."""
    try:
        with replacing(folder / OPTIONS) as temporary:
            temporary.write_text(to_json(options), encoding="utf-8")
    except OSError as error:
        raise Failed(f"{folder} cannot be written: {error.strerror or error}") from None


def read_options(folder: Path) -> SimpleNamespace:
    """The options of the run in ``folder``.

    Raises
    ------
    Failed
        If it is no such folder, or its options.json is not what `write_options` writes.
    """
    path = folder / OPTIONS
    try:
        with opened(path) as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise ValueError(f"it has more than {LONGEST} bytes")
        return from_json(text)
    except FileNotFoundError:
        what = "there is no such folder" if not folder.exists() else f"it has no {OPTIONS}"
        raise Failed(f"{folder} is no folder of a run: {what}") from None
    except NotADirectoryError:
        raise Failed(f"{folder} is no folder of a run: it is a file; wanted the folder in which "
                     "model.npz lies") from None
    except ValueError as error:
        raise Failed(f"{path}: these are no options of a run: {error}") from None


def refuse_another_folder(out: str | None, folder: Path) -> None:
    """Raise a `Contradiction` if --out is not the folder that the run lies in."""
    if out is not None and Path(out).resolve() != folder.resolve().parent:
        raise Contradiction(f"--out {out} contradicts the run, which stays in {folder}")


def check_size(folder: Path, options: SimpleNamespace, features: int) -> None:
    """Before a network is made: an options.json may tell of any.

    Raises
    ------
    Failed
        If no file of the run is as large as its weights.
    """
    sizes = sizes_of(options, features)
    weights = sum((n_in + 1) * n_out for n_in, n_out in zip(sizes, sizes[1:]))
    files = [*(folder / CHECKPOINT).glob("*.npz"), *folder.glob("model.npz")]
    largest = max((path.stat().st_size for path in files), default=math.inf)
    if 4 * weights > largest:
        raise Failed(f"{folder / OPTIONS} tells of a network of {weights:,} weights, and no file of "
                     "the run is that large")
