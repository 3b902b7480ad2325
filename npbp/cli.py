"""The command ``npbp``: train a network, let it predict, fetch data.

Whatever a user gets wrong ends in one line on stderr. Exit codes: 0 done, 1 the work
failed, 2 the arguments are wrong, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Sequence

import numpy as np

import npbp
from npbp import datasets
from npbp.layers import Linear, ReLU
from npbp.losses import SoftmaxCrossEntropyLoss
from npbp.network import Network
from npbp.optimizers import SGD
from npbp.plotting import curves
from npbp.training import DivergedError, History, fit

if TYPE_CHECKING:
    from typing import NoReturn

CLASSES = 10  # of every data set here


class Failed(Exception):
    """The work cannot be done, for the reason in the message."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with ``arguments`` (those of the process if None); its exit code.

    Examples
    --------
    >>> main(["predict", "no-such-file.npz", "digits.npy"])  # the reason is on stderr
    1
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file's name may not fit the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse's way to end after --help or a mistake
        return int(stop.code or 0)
    try:
        code = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of a pipe has what it wanted, as in `| head -1`
        # Python flushes stdout once more at its exit; its manual advises this.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _complain(options, "stopped by Ctrl-C", 130)
    except MemoryError as error:
        return _complain(options, f"not enough memory: {error}", 1)
    except (Failed, DivergedError, datasets.DataError, OSError) as error:
        return _complain(options, error, 1)


def train(options: argparse.Namespace) -> int:
    """``npbp train``: the walk-through's network, loop and chart."""
    (X, y), test = _load(options.data)
    rng = np.random.default_rng(options.seed)  # makes the weights, then the shuffling
    sizes = [math.prod(X.shape[1:]), *options.hidden, CLASSES]
    layers: list = [Linear(sizes[0], sizes[1], rng=rng)]
    for n_in, n_out in zip(sizes[1:], sizes[2:]):
        layers += [ReLU(), Linear(n_in, n_out, rng=rng)]
    # The sum, as in the walk-through: alpha times the gradient of the batch's sum.
    network = Network(layers, SoftmaxCrossEntropyLoss("sum"))

    print(f"epochs {options.epochs}, batch size {options.batch_size}, alpha {options.alpha:g}, "
          f"seed {options.seed}")
    print(network.summary(), flush=True)

    folder = new_run_folder(options.out, options.data)
    report = Report(folder, options.epochs)
    report.write(network, History())  # so that a folder that cannot be written to says so now
    try:
        history = fit(network, (X, y), test, epochs=options.epochs, batch_size=options.batch_size,
                      optimizer=SGD(options.alpha), rng=rng, callbacks=[report])
    except DivergedError as error:
        report.bar.clear()
        raise Failed(f"{error} ({_files(folder, error.history)})") from None
    report.bar.clear()
    if len(history.loss) > report.written:  # Ctrl-C fell between the end of an epoch and here
        report.write(network, history)
    if history.loss:
        curves(history, folder / "curves.png", title=options.data)
    if history.interrupted:
        return _complain(options, f"stopped by Ctrl-C; {_files(folder, history)}", 130)
    print(f"curves.png, history.csv and model.npz are in {folder}")
    if options.data == "mnist-sample":
        print("This was a sample of MNIST. For the full 97 %: "
              f"{_command()} train --data mnist --hidden 128")
    return 0


def predict(options: argparse.Namespace) -> int:
    """``npbp predict``: a line an image."""
    try:
        network = Network.load(options.model)
    except ValueError as error:
        raise Failed(error) from None
    for name in options.images:
        index = 0
        for X in _rows(name, _read_images(name), network):
            probabilities = network.predict(X)
            if not np.isfinite(probabilities).all():
                raise Failed(f"{options.model} predicts numbers that are not finite for {name}: its "
                             "weights are not those of a training that went well")
            for p in probabilities:
                first, *others = np.argsort(-p, kind="stable")[:2]
                line = f"{name}[{index}]: {first}  {p[first]:.4f}"
                print(line, *(f"  (next: {other}  {p[other]:.4f})" for other in others), sep="")
                index += 1
    return 0


def download(options: argparse.Namespace) -> int:
    """``npbp download``: the four files of a data set, whole and verified."""
    _load(options.name)
    is_part_of_npbp = options.name == "mnist-sample"
    folder = (Path(datasets.__file__).parent / "sample" if is_part_of_npbp
              else datasets.cache_folder() / options.name)
    print(f"the files are in {folder.absolute()}")
    return 0


class Report:
    """What `fit` calls: writes the files, prints a line an epoch, moves the bar."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder, self.epochs, self.written = folder, epochs, 0
        self.bar = Bar()

    def write(self, network: Network, history: History) -> None:
        """Each file is replaced whole, so a process killed here leaves no part of one."""
        network.save(self.folder / "model.npz")
        history.to_csv(self.folder / "history.csv")
        self.written = len(history.loss)

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        self.bar.draw(f"epoch {epoch}/{self.epochs}", batch, batches)

    def __call__(self, network: Network, history: History) -> None:
        self.write(network, history)
        self.bar.clear()
        print(f"epoch {len(history.loss):{len(str(self.epochs))}}/{self.epochs}  "
              f"loss {history.loss[-1]:.4f}  correct {history.correct[-1]:.4f}  "
              f"test loss {history.validation_loss[-1]:.4f}  "
              f"test correct {history.validation_correct[-1]:.4f}  "
              f"{history.seconds[-1]:.2f} s", flush=True)


class Bar:
    """A progress bar on the last line of a terminal; nothing where stderr is a file."""

    def __init__(self) -> None:
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self.drawn = 0.0

    def draw(self, label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self.terminal or now - self.drawn < 0.1:
            return
        self.drawn = now
        end = f" {done}/{total}"
        room = max(0, min(50, shutil.get_terminal_size().columns - len(label) - len(end) - 5))
        full = room * done // total
        sys.stderr.write(f"\r{label} [{'#' * full}{'.' * (room - full)}]{end}\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        if self.terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


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


def _load(name: str) -> datasets.Dataset:
    try:
        data = datasets.load(name)
    except RuntimeError as error:  # no home folder, so no cache folder
        reason = str(error).rstrip(".")
        raise Failed(f"{reason}: choose a folder for the data with NPBP_DATA") from None
    n_train, n_test = len(data.train[0]), len(data.test[0])
    print(f"data {name}: {n_train} training and {n_test} test images", flush=True)
    return data


def _command() -> str:
    """What to type for this command: its path, if the shell would not find ``npbp``."""
    called = sys.argv[0]
    is_script = os.path.splitext(os.path.basename(called))[0] == "npbp"
    return called if is_script and shutil.which("npbp") is None else "npbp"


def _files(folder: Path, history: History) -> str:
    """What is on disk after a run that did not come to its end."""
    n = len(history.loss)
    if not n:
        return f"no epoch was whole; {folder} holds the weights of the start"
    return f"{folder} holds the {n} whole epoch{'' if n == 1 else 's'} before"


def _read_images(name: str) -> np.ndarray:
    """The array of an idx file (plain or gzip) or of a .npy file."""
    with open(name, "rb") as file:
        is_npy = file.read(6) == b"\x93NUMPY"
    if not is_npy:
        return datasets.read_idx(name)
    try:
        return np.load(name, allow_pickle=False)
    except Exception as error:  # a damaged header makes NumPy raise all sorts
        raise Failed(_in_file(name, error)) from None


def _in_file(name: str, error: Exception) -> str:
    return str(error) if name in str(error) else f"{name} cannot be read: {error}"


def _rows(name: str, images: np.ndarray, network: Network) -> Iterator[np.ndarray]:
    """The images as rows of float32 in 0..1, in chunks of bounded memory."""
    features = next((layer.in_features for layer in network.layers
                     if hasattr(layer, "in_features")), None)
    if images.ndim > 1 and math.prod(images.shape[1:]) == features:
        rows = images.reshape(len(images), features)
    elif images.size == features:  # one image
        rows = images.reshape(1, features)
    elif features is None:
        raise Failed("the model has no linear layer, so it does not say how many numbers an "
                     "image has: predict with npbp.Network.load in Python")
    else:
        raise Failed(f"{name} holds an array of shape {images.shape}; the model wants images of "
                     f"{features} numbers each, as in (28, 28), (N, 28, 28) or (N, {features})")
    if rows.dtype != np.uint8 and rows.dtype.kind != "f":
        raise Failed(f"{name} holds {rows.dtype}; wanted uint8 (0 to 255) or floats in 0 to 1")
    unused = np.zeros(len(rows), int)
    for X, _ in datasets.Batches(rows, unused, 1000, shuffle=False):  # scales as in training
        if not ((X >= 0) & (X <= 1)).all():
            raise Failed(f"{name} holds floats outside of 0 to 1 (or NaN): divide images of "
                         "0 to 255 by 255")
        yield X


def _complain(options: argparse.Namespace, error: Any, code: int) -> int:
    """One line on stderr; ``code`` is handed back."""
    if isinstance(error, OSError) and error.filename is not None:
        error = f"{error.filename}: {error.strerror}"
    line = "; ".join(part.strip() for part in str(error).splitlines()).replace(":; ", ": ")
    print(f"npbp {options.command}: {line}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="npbp", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Back-propagation in pure NumPy.",
        epilog="examples:\n"
               "  npbp train                              a few seconds, no network needed\n"
               "  npbp train --data mnist --hidden 128    the full 97 %\n"
               "  npbp predict runs/mnist-1/model.npz digits.npy\n")
    parser.add_argument("--version", action="version", version=f"npbp {npbp.__version__}")
    parser.set_defaults(run=lambda options: parser.print_help() or 0, command="")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, run: Any, text: str, epilog: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".",
                                  epilog="examples:\n" + epilog,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        sub.set_defaults(run=run, command=name)
        return sub

    sub = command("train", train, "train a network on images of digits and draw its curves",
                  "  npbp train\n"
                  "  npbp train --data mnist --epochs 10\n"
                  "  npbp train --data fashion-mnist --hidden 128 64 --seed 1\n")
    sub.add_argument("--data", choices=datasets.NAMES, default="mnist-sample",
                     help="what to train on (default: mnist-sample, which is installed with npbp)")
    sub.add_argument("--epochs", type=_whole(1), default=10, metavar="N",
                     help="how often to go through the data (default: 10)")
    sub.add_argument("--batch-size", type=_whole(1), default=64, metavar="N",
                     help="examples a step (default: 64)")
    sub.add_argument("--hidden", type=_whole(1, 1_000_000), nargs="+", default=[32], metavar="N",
                     help="sizes of the hidden layers, one or more (default: 32)")
    sub.add_argument("--alpha", type=_learning_rate, default=0.001, metavar="A",
                     help="learning rate, times the gradient of a batch's sum (default: 0.001)")
    sub.add_argument("--seed", type=_whole(0), default=0, metavar="N",
                     help="of the weights and the shuffling: same seed, same result (default: 0)")
    sub.add_argument("--out", default="runs", metavar="DIR",
                     help="where the run gets a new folder of its own, such as "
                          "DIR/mnist-sample-1 (default: runs)")

    sub = command("predict", predict, "print the digit in each image, with its probability",
                  "  npbp predict runs/mnist-sample-1/model.npz digits.npy\n"
                  "  npbp predict runs/mnist-1/model.npz t10k-images-idx3-ubyte.gz | head\n")
    sub.add_argument("model", metavar="MODEL", help="the model.npz of a run")
    sub.add_argument("images", metavar="IMAGE", nargs="+",
                     help="an idx file (plain or .gz) or a .npy file: (28, 28), (N, 28, 28) or "
                          "(N, 784), uint8 or floats in 0 to 1")

    sub = command("download", download, "fetch a data set and say where its files are",
                  "  npbp download mnist\n")
    sub.add_argument("name", metavar="NAME", choices=datasets.NAMES,
                     help=", ".join(datasets.NAMES))
    return parser


def _whole(least: int, most: int | None = None) -> Any:
    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            span = f"of at least {least}" if most is None else f"of {least} to {most}"
            raise argparse.ArgumentTypeError(f"got {text[:40]!r}, wanted a whole number {span}")
        return value
    return whole


def _learning_rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"got {text[:40]!r}, wanted a number above 0")
    return value
