"""What ``npbp train`` can be told: one table, by which the command line is read, the help is
written, and the options.json of a run is read again.

An option that was not given is None. `settled` fills in the defaults, of which some hang on
other options, and refuses options that contradict one another.
"""

from __future__ import annotations

import argparse
import copy
import json
import reprlib
from types import SimpleNamespace
from typing import Any, Callable, NamedTuple

from npbp import datasets
from npbp.cli.common import number, one_of, whole
from npbp.cli.recipe import ACTIVATIONS, INITIALIZERS, NORMS, OPTIMIZERS, SCHEDULES

ALPHAS = {"sgd": 0.001, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.01}  # else:
ALPHA, WEIGHT_DECAY = 0.001, {"adamw": 0.01}
MOST_LAYERS = 1000
SHARE = 0.1  # of the training images, kept for early stopping


class Contradiction(Exception):
    """Options that cannot be followed together."""


class Option(NamedTuple):
    """An option, or one value of an option that takes a list."""

    name: str
    read: Callable[[str], Any]  # raises argparse.ArgumentTypeError
    default: Any
    help: str
    metavar: str = "NAME"
    many: bool = False
    may_be_none: bool = False  # in the end: nothing is done then

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def metric(text: str) -> str:
    """Reads a name of --metrics."""
    if text != "confusion" and text not in (f"top-{k}" for k in range(2, 10)):
        raise argparse.ArgumentTypeError(
            f"got {text[:40]!r}, wanted top-2 to top-9, or confusion")
    return text


def names(table: Any) -> str:
    """What there is to choose from, in a help text."""
    return ", ".join(table)


above_0 = number(lambda v: v > 0, "above 0")
at_least_0 = number(lambda v: v >= 0, "of at least 0")
below_1 = number(lambda v: 0 <= v < 1, "of 0 to below 1")
between = number(lambda v: 0 < v < 1, "between 0 and 1")

GROUPS = {
    "data": [
        Option("data", one_of(datasets.NAMES), "mnist-sample",
               f"what to train on: {names(datasets.NAMES)} (default: mnist-sample, which is "
               "installed with npbp; the others are downloaded once)"),
        Option("batch_size", whole(1), 64, "examples a step (default: 64)", "N"),
        Option("validation", between, None,
               "measure after each epoch on this share of the training images, which are then not "
               "trained on, and on the test images at the end (default: none, so that each epoch "
               f"measures on the test images; {SHARE:g} if there is --early-stopping)", "SHARE",
               may_be_none=True),
    ],
    "network": [
        Option("hidden", whole(1, 1_000_000), [32],
               "sizes of the hidden layers, one or more (default: 32)", "N", many=True),
        Option("activation", one_of(ACTIVATIONS), "relu",
               f"after each hidden layer: {names(ACTIVATIONS)} (default: relu)"),
        Option("norm", one_of(NORMS), "none",
               f"normalisation before each activation: {names(NORMS)} (default: none)"),
        Option("dropout", below_1, 0.0,
               "probability that a hidden number is dropped in training (default: 0)", "P"),
        Option("initializer", one_of(INITIALIZERS), "xavier-uniform",
               f"how the weights start: {names(INITIALIZERS)} (default: xavier-uniform)"),
    ],
    "training": [
        Option("epochs", whole(1), 10, "how often to go through the data (default: 10)", "N"),
        Option("optimizer", one_of(OPTIMIZERS), "sgd",
               f"the rule of a step: {names(OPTIMIZERS)} (default: sgd)"),
        Option("alpha", above_0, None,
               "learning rate. With sgd a step is A times the gradient of the sum of a batch's "
               "losses, as in the walk-through; the other optimizers are given the gradient of "
               "their mean. (0.01 for momentum, nesterov and adagrad; default: 0.001)", "A"),
        Option("schedule", one_of(SCHEDULES), "constant",
               "how alpha changes from step to step: constant; cosine, down to 0; step, a tenth "
               "after each third of the training; exponential, down to a hundredth "
               "(default: constant)"),
        Option("warm_up", at_least_0, 0.0,
               "in the first N epochs, such as 0.5, alpha rises from 0 (default: 0)", "N"),
        Option("weight_decay", at_least_0, None,
               "how strongly weights are drawn to 0, biases not: as a part of the gradient, with "
               "adamw beside it (0.01 for adamw; default: 0)", "D"),
        Option("clip_norm", above_0, None,
               "shorten a gradient whose norm, over all weights, is above C (default: never)", "C",
               may_be_none=True),
        Option("label_smoothing", below_1, 0.0,
               "share of a target that is spread over all classes (default: 0)", "E"),
        Option("early_stopping", whole(1), None,
               "stop when the validation loss was not lower for N epochs; the weights of the best "
               "epoch are kept (default: never)", "N", may_be_none=True),
        Option("seed", whole(0), 0,
               "of the weights, the shuffling, the validation share and the dropout: same seed, "
               "same result (default: 0)", "N"),
    ],
    "output": [
        Option("metrics", metric, [],
               "what else to show of each epoch: top-2 to top-9, the fraction whose target is among "
               "the K most probable; and at the end: confusion, a table and a picture of which "
               "digit was taken for which (default: none)", many=True),
    ],
}
OPTIONS = {option.name: option for group in GROUPS.values() for option in group}


def add_options(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Give ``parser`` the options in their groups; the groups by name."""
    groups = {}
    for name, options in GROUPS.items():
        groups[name] = parser.add_argument_group(name)
        for option in options:
            groups[name].add_argument(
                option.flag, type=option.read, metavar=option.metavar,
                help=option.help.replace("%", "%%"), **({"nargs": "+"} if option.many else {}))
    return groups


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The options that the command line gives."""
    values = {name: getattr(options, name) for name in OPTIONS}
    return {name: value for name, value in values.items() if value is not None}


def settled(given: dict[str, Any]) -> SimpleNamespace:
    """All options, from those that were given.

    Raises
    ------
    Contradiction
        If they contradict one another.

    Examples
    --------
    >>> options = settled({"optimizer": "adamw", "early_stopping": 3})
    >>> options.alpha, options.weight_decay, options.validation, options.hidden
    (0.001, 0.01, 0.1, [32])
    """
    defaults = {name: copy.copy(option.default) for name, option in OPTIONS.items()}
    options = SimpleNamespace(**defaults)
    vars(options).update(given)
    if options.alpha is None:
        options.alpha = default_alpha(options.optimizer)
    if options.weight_decay is None:
        options.weight_decay = WEIGHT_DECAY.get(options.optimizer, 0.0)
    if options.early_stopping and options.validation is None:
        options.validation = SHARE  # chosen by the test images, the result would flatter
    if options.warm_up > options.epochs:
        raise Contradiction(f"--warm-up {options.warm_up:g} is longer than the training: "
                            f"--epochs {options.epochs}")
    if options.norm == "batch" and options.batch_size == 1:
        raise Contradiction("--norm batch contradicts --batch-size 1: it compares the examples of "
                            "a batch, so it wants 2 or more")
    if len(options.hidden) > MOST_LAYERS:
        raise Contradiction(f"--hidden has {len(options.hidden)} sizes, wanted {MOST_LAYERS} at most")
    for i, name in enumerate(options.metrics):
        if name in options.metrics[:i]:
            raise Contradiction(f"--metrics has {name} twice")
    return options


def default_alpha(optimizer: str) -> float:
    """The learning rate, unless --alpha says it."""
    return ALPHAS.get(optimizer, ALPHA)


def refuse_another(given: dict[str, Any], run: SimpleNamespace) -> None:
    """Raise a `Contradiction` if a run that is resumed has other options than those given."""
    for name, value in given.items():
        has = getattr(run, name)
        if value != has:
            raise Contradiction(f"{OPTIONS[name].flag} {shown(value)} contradicts the run, which "
                                f"has {shown(has)}")


def shown(value: Any) -> str:
    """A value as it is typed."""
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value).removesuffix(".0")


# ---- as JSON


def to_json(options: SimpleNamespace) -> str:
    """The options as they are written into the folder of a run, one a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in vars(options).items())
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def from_json(text: str | bytes) -> SimpleNamespace:
    """The options in a text that may come from anywhere: each is read as that of a command line.

    Raises
    ------
    ValueError
        If it is no JSON object of exactly these options, as `settled` leaves them.

    Examples
    --------
    >>> from_json(to_json(settled({"hidden": [20, 10]}))).hidden
    [20, 10]
    >>> from_json('{"hidden": [20]}')
    Traceback (most recent call last):
    ...
    ValueError: it has no 'activation'
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, brackets without end
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    for name in sorted({*found, *OPTIONS}):
        if name not in OPTIONS:
            raise ValueError(f"it has an unknown option {reprlib.repr(name)}")
        if name not in found:
            raise ValueError(f"it has no {name!r}")
        _check(OPTIONS[name], found[name])
    try:
        options = settled(found)
    except Contradiction as error:
        raise ValueError(str(error)) from None
    for name, value in found.items():
        if getattr(options, name) != value:
            raise ValueError(f"it has no {name!r} but other options that want one")
    return options


def _check(option: Option, value: Any) -> None:
    """Raise a ValueError unless `option.read` gives ``value`` back, or it may be none."""
    if value is None and option.may_be_none:
        return
    values = value if option.many and isinstance(value, list) else [value]
    if option.many and not (isinstance(value, list) and len(value) >= bool(option.default)):
        raise ValueError(f"{option.name!r}: got {reprlib.repr(value)}, wanted a list")
    for one in values:
        try:
            again = option.read(one if isinstance(one, str) else repr(one))
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"{option.name!r}: {error}") from None
        if type(again) is not type(one):
            raise ValueError(f"{option.name!r}: got {reprlib.repr(one)}, wanted "
                             f"{'text' if isinstance(again, str) else 'a number'}")
