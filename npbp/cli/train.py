"""``npbp train``: a network from options, a loop that survives, and a chart."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import shlex
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np

from npbp.cli.common import Failed, complain, load, say, stopped, subcommand
from npbp.cli.options import Contradiction, add_options, default_alpha, given, refuse_another, settled
from npbp.cli.recipe import CLASSES, metrics_of, network_of, optimizer_of
from npbp.cli.report import Report, settings
from npbp.cli.run_folder import (
    CHECKPOINT,
    alone,
    check_size,
    new_run_folder,
    read_options,
    refuse_another_folder,
    write_options,
)
from npbp.network import Network
from npbp.plotting import curves
from npbp.training import DivergedError, History, fit
from npbp.training.advice import advice

SECONDS = 30  # between two checkpoints within an epoch


def add_to(commands: Any) -> None:
    """The arguments of ``npbp train``."""
    sub = subcommand(commands, "train", train, "train a network on images and draw its curves",
                  "  npbp train\n"
                  "  npbp train --data mnist --hidden 256 --optimizer adam\n"
                  "  npbp train --hidden 256 128 --activation gelu --norm batch --dropout 0.2 \\\n"
                  "      --optimizer adamw --schedule cosine --early-stopping 5\n"
                  "  npbp train --resume runs/mnist-sample-1\n\n"
                  "The folder of the run gets options.json first, model.npz (the network) and\n"
                  "history.csv (loss and fraction correct) after each epoch, and curves.png at the\n"
                  "end. The validation is done with the test images of the data, unless there is\n"
                  "--validation or --early-stopping. Ctrl-C ends the training and keeps the whole\n"
                  "epochs. The folder checkpoint, written after each epoch and every half minute, is\n"
                  "what --resume goes on from, to the same numbers, whatever ended the process.\n")
    groups = add_options(sub)
    groups["output"].add_argument(
        "--out", metavar="DIR", help="where the run gets a new folder of its own, such as "
                                     "DIR/mnist-sample-1 (default: runs)")
    groups["output"].add_argument(
        "--resume", metavar="RUN", help="go on with the run in the folder RUN, such as "
                                        "runs/mnist-sample-1, with its options (default: a new run)")
    sub.usage = "npbp train [--OPTION VALUE ...]\n       npbp train --resume RUN"
    sub.set_defaults(refuse=sub.error)


def train(options: argparse.Namespace) -> int:
    """``npbp train``: a new run, or the rest of one."""
    try:
        chosen = given(options)
        folder = None if options.resume is None else Path(options.resume)
        recipe = settled(chosen) if folder is None else read_options(folder)
        if folder is not None:
            refuse_another(chosen, recipe)
            refuse_another_folder(options.out, folder)
    except Contradiction as error:
        options.refuse(str(error))

    (X, y), test = load(recipe.data)
    features, examples = math.prod(X.shape[1:]), len(X)
    if folder is not None:
        check_size(folder, recipe, features)
    if recipe.validation is not None:
        examples -= round(recipe.validation * len(X))
        if not 0 < examples < len(X):
            options.refuse(f"--validation {recipe.validation:g} of {len(X)} images leaves none to "
                           f"{'measure' if examples else 'train'} on")
    rng = np.random.default_rng(recipe.seed)  # makes the weights, then the shuffling
    network = network_of(recipe, features, rng)
    optimizer = optimizer_of(recipe, steps=-(-examples // recipe.batch_size))

    say(settings(recipe))
    say(network.summary())

    resume = folder is not None
    if folder is None:
        folder = new_run_folder(options.out or "runs", recipe.data)
    with alone(folder):
        if not resume:
            write_options(folder, recipe)
        report = Report(recipe, folder, optimizer, resume)

        def fitted() -> History:
            return fit(network, (X, y), recipe.validation or test, epochs=recipe.epochs,
                       batch_size=recipe.batch_size, optimizer=optimizer, rng=rng,
                       callbacks=report.callbacks(), metrics=metrics_of(recipe),
                       checkpoint=folder / CHECKPOINT, resume=resume, checkpoint_seconds=SECONDS)
        return _run(options, fitted, report, network, test)


def _run(options: argparse.Namespace, fitted: Callable[[], History], report: Report,
         network: Network, test: tuple) -> int:
    """The training, and what comes after it, however it ends."""
    recipe, folder = report.options, report.folder
    go_on = f"continue with: {_command()} train --resume {shlex.quote(str(folder))}"
    try:
        with _warnings_as_lines(options):
            history = fitted()
        no_picture = report.draw("curves.png", curves, history) if history.loss else ""
        if history.interrupted:
            return stopped(options, report.files(), no_picture, go_on)
        report.say_how_it_ended(history)
        no_picture = report.test(network, test) or no_picture
    except (DivergedError, Failed) as error:
        raise Failed(f"{error} ({report.files()})") from None
    except BrokenPipeError:
        raise  # the reader of a pipe has what it wanted
    except OSError as error:  # of a checkpoint: the first is read, those after it are written
        if report.written < 0 and error.filename is not None:
            raise
        raise Failed(f"{report.cannot_write(error)} ({report.files()})") from None
    except ValueError as error:  # a checkpoint is damaged, or that of another training
        raise Failed(str(error).removeprefix("fit: ")) from None
    except KeyboardInterrupt:
        report.bar.clear()
        return stopped(options, report.files(), go_on)
    finally:
        report.bar.clear()
    hint = advice(history, CLASSES)
    if hint:
        say(f"{hint} (--alpha was {recipe.alpha:g}, its default is {default_alpha(recipe.optimizer)})")
    if no_picture:
        raise Failed(f"{no_picture}; history.csv and model.npz are in {folder}")
    say(f"{report.pictures()}, history.csv and model.npz are in {folder}")
    if recipe.data == "mnist-sample":
        say("This was a sample of MNIST. For the full 97 %: "
            f"{_command()} train --data mnist --hidden 128")
    return 0


@contextlib.contextmanager
def _warnings_as_lines(options: argparse.Namespace) -> Iterator[None]:
    """What `fit` warns of a checkpoint becomes a line on stderr. Its hint about the learning rate
    is given at the end, in the command's own words."""
    def show(message: Any, *where: Any, **more: Any) -> None:
        complain(options, str(message).removeprefix("fit: "), 0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.filterwarnings("always", "(?s)fit: .*checkpoint", UserWarning)
        warnings.showwarning = show
        yield


def _command() -> str:
    """What to type for this command: its path, if the shell would not find ``npbp``."""
    called = sys.argv[0]
    is_script = os.path.splitext(os.path.basename(called))[0] == "npbp"
    return called if is_script and shutil.which("npbp") is None else "npbp"
