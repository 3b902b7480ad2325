"""``npbp train``: the walk-through's network, loop and chart."""

from __future__ import annotations

import argparse
import logging
import math
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from npbp import datasets
from npbp.cli.common import (
    Bar,
    Failed,
    learning_rate,
    load,
    new_run_folder,
    say,
    stopped,
    subcommand,
    whole,
)
from npbp.layers import Linear, ReLU
from npbp.losses import SoftmaxCrossEntropyLoss
from npbp.network import Network
from npbp.optimizers import SGD
from npbp.plotting import curves
from npbp.training import DivergedError, History, fit
from npbp.training.advice import advice

CLASSES = 10  # of every data set here
ALPHA = 0.001


def add_to(commands: Any) -> None:
    """The arguments of ``npbp train``."""
    sub = subcommand(commands, "train", train, "train a network on images and draw its curves",
                  "  npbp train\n"
                  "  npbp train --data mnist --epochs 10\n"
                  "  npbp train --data fashion-mnist --hidden 128 64 --seed 1\n\n"
                  "The folder of the run gets model.npz (the network) and history.csv (loss and\n"
                  "fraction correct) after each epoch, and curves.png at the end. The validation is\n"
                  "done with the test images of the data. Ctrl-C ends the training and keeps the\n"
                  "whole epochs.\n")
    sub.add_argument("--data", choices=datasets.NAMES, default="mnist-sample",
                     help="what to train on (default: mnist-sample, which is installed with npbp; "
                          "the others are downloaded once)")
    sub.add_argument("--epochs", type=whole(1), default=10, metavar="N",
                     help="how often to go through the data (default: 10)")
    sub.add_argument("--batch-size", type=whole(1), default=64, metavar="N",
                     help="examples a step (default: 64)")
    sub.add_argument("--hidden", type=whole(1, 1_000_000), nargs="+", default=[32], metavar="N",
                     help="sizes of the hidden layers, one or more (default: 32)")
    sub.add_argument("--alpha", type=learning_rate, default=ALPHA, metavar="A",
                     help="learning rate: a step is A times the gradient of the sum of a batch's "
                          f"losses (default: {ALPHA})")
    sub.add_argument("--seed", type=whole(0), default=0, metavar="N",
                     help="of the weights and the shuffling: same seed, same result (default: 0)")
    sub.add_argument("--out", default="runs", metavar="DIR",
                     help="where the run gets a new folder of its own, such as "
                          "DIR/mnist-sample-1 (default: runs)")


def train(options: argparse.Namespace) -> int:
    """``npbp train``: the walk-through's network, loop and chart."""
    (X, y), test = load(options.data)
    rng = np.random.default_rng(options.seed)  # makes the weights, then the shuffling
    sizes = [math.prod(X.shape[1:]), *options.hidden, CLASSES]
    layers: list = [Linear(sizes[0], sizes[1], rng=rng)]
    for n_in, n_out in zip(sizes[1:], sizes[2:]):
        layers += [ReLU(), Linear(n_in, n_out, rng=rng)]
    # The sum, as in the walk-through: alpha times the gradient of the batch's sum.
    network = Network(layers, SoftmaxCrossEntropyLoss("sum"))

    say(f"epochs {options.epochs}, batch size {options.batch_size}, alpha {options.alpha:g}, "
        f"seed {options.seed}; validation (the test images) after each epoch")
    say(network.summary())

    report = Report(new_run_folder(options.out, options.data), options.epochs)
    try:
        report.write(network, History())  # a folder that cannot be written to says so now
        with warnings.catch_warnings():  # the hint is given below, in the command's own words
            warnings.simplefilter("ignore", UserWarning)
            history = fit(network, (X, y), test, epochs=options.epochs,
                          batch_size=options.batch_size, optimizer=SGD(options.alpha), rng=rng,
                          callbacks=[report])
        if len(history.loss) > report.written:  # Ctrl-C fell between an epoch's end and here
            report.write(network, history)
        report.bar.clear()
        no_chart = _draw(history, report.folder, options.data) if history.loss else ""
    except (DivergedError, Failed) as error:
        raise Failed(f"{error} ({report.files()})") from None
    except KeyboardInterrupt:
        report.bar.clear()
        return stopped(options, report.files())
    finally:
        report.bar.clear()
    if history.interrupted:
        return stopped(options, report.files(), no_chart)
    hint = advice(history, CLASSES)
    if hint:
        say(f"{hint} (--alpha was {options.alpha:g}, its default is {ALPHA})")
    if no_chart:
        raise Failed(f"{no_chart}; history.csv and model.npz are in {report.folder}")
    say(f"curves.png, history.csv and model.npz are in {report.folder}")
    if options.data == "mnist-sample":
        say("This was a sample of MNIST. For the full 97 %: "
            f"{_command()} train --data mnist --hidden 128")
    return 0


def _draw(history: History, folder: Path, title: str) -> str:
    """Write curves.png; why there is none, or ""."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # what it says of fonts and folders
    try:
        curves(history, folder / "curves.png", title=title)
    except Exception as error:  # matplotlib missing, broken, or at odds with its settings
        return f"curves.png could not be drawn: {type(error).__name__}: {str(error)[:300]}"
    return ""


class Report:
    """What `fit` calls: writes the files, prints a line an epoch, moves the bar."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder, self.epochs, self.written = folder, epochs, -1
        self.bar = Bar()

    def write(self, network: Network, history: History) -> None:
        """Each file is replaced whole, so a process killed here leaves no part of one."""
        try:
            network.save(self.folder / "model.npz")
            history.to_csv(self.folder / "history.csv")
        except OSError as error:
            raise Failed(f"{self.folder} cannot be written: {error.strerror or error}") from None
        self.written = len(history.loss)

    def files(self) -> str:
        """What is on disk after a run that did not come to its end."""
        if not self.folder.is_dir():
            return f"{self.folder} is gone"
        if self.written < 1:
            weights = "the weights of the start" if self.written == 0 else "nothing"
            return f"no epoch was whole; {self.folder} holds {weights}"
        n = self.written
        return f"{self.folder} holds the {n} whole epoch{'' if n == 1 else 's'} before"

    def on_batch(self, epoch: int, batch: int, batches: int) -> None:
        self.bar.draw(f"epoch {epoch}/{self.epochs}", batch, batches)

    def __call__(self, network: Network, history: History) -> None:
        self.write(network, history)
        self.bar.clear()
        say(f"epoch {len(history.loss):{len(str(self.epochs))}}/{self.epochs}  "
            f"loss {history.loss[-1]:.4f}  correct {history.correct[-1]:.4f}  "
            f"validation loss {history.validation_loss[-1]:.4f}  "
            f"validation correct {history.validation_correct[-1]:.4f}  "
            f"{history.seconds[-1]:.2f} s")


def _command() -> str:
    """What to type for this command: its path, if the shell would not find ``npbp``."""
    called = sys.argv[0]
    is_script = os.path.splitext(os.path.basename(called))[0] == "npbp"
    return called if is_script and shutil.which("npbp") is None else "npbp"
