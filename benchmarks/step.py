"""Where does the time of a training step go?

The pieces of a step, in the order in which `npbp.fit` does them: each where it stands ("in a
step"), and then over and over on the same arrays ("alone"). What a piece takes longer in a
step is the way of its data. The pieces between have filled the caches; and of what a product
on two cores has read or written, a part is with the other core, and has to come back before
it can be written again.
"""

from __future__ import annotations

import functools
import itertools
import time
from typing import Any, Callable

import numpy as np

import npbp
from benchmarks import mnist
from benchmarks.epoch import CASES, COURSE, name
from benchmarks.harness import Session, Timer
from benchmarks.layers import linear_products
from benchmarks.programs import ALPHA, with_npbp
from npbp import SGD, Layer, Linear, datasets
from npbp.layers.speed import aligned_copy
from npbp.losses import fraction_correct

IN, ALONE, BARE, ALL = "in a step", "alone", "bare product", "all of them"


class Step:
    """Training steps that note the time of each piece."""

    def __init__(self, sizes: tuple, batch: int, course: bool = False) -> None:
        images, labels, _ = mnist.images_and_labels()
        batches = datasets.Batches(images, labels, batch, rng=0)
        self.batches = itertools.chain.from_iterable(itertools.repeat(batches))  # without end
        self.network = with_npbp.network(sizes, course).train()
        self.rule = npbp.Adam if course else functools.partial(SGD, ALPHA)
        self.optimizers = {name: self.rule() for name in self.network.names}
        self.microseconds: dict[str, float] = {}
        self.calls: dict[str, Callable[[], Any]] | None = None

    def piece(self, name: str, function: Callable, *arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        self.microseconds[name] = (self.microseconds.get(name, 0)
                                   + (time.perf_counter() - start) * 1e6)
        if self.calls is not None:
            self.calls[name] = lambda: function(*arguments)
        return result

    def run(self) -> None:
        """One step, as `fit` does it."""
        layers, loss = list(zip(self.network.names, self.network.layers)), self.network.loss
        gradients: dict[str, np.ndarray] = {}
        X, y = self.piece("batch", next, self.batches)
        for name, layer in layers:
            X = self.piece(f"{name} forward", layer.forward, X)
        probabilities, number = self.piece("loss forward", loss.forward, X, y)
        self.piece("fraction correct", fraction_correct, probabilities, y)
        grad = self.piece("loss bp_input", loss.bp_input)
        for name, layer in reversed(layers):
            shares = type(layer).backward is not Layer.backward  # the work of both gradients
            if shares:
                grad, d_W = self.piece(f"{name} backward", layer.backward, grad)
            elif layer.parameters:
                d_W = self.piece(f"{name} bp_param", layer.bp_param, grad)
            if layer.parameters:
                gradients[name] = layer.named(d_W)
            if layer is not layers[0][1] and not shares:
                grad = self.piece(f"{name} bp_input", layer.bp_input, grad)
        for name, layer in layers:
            if layer.parameters:
                step = self.optimizers[name].step
                self.piece(f"{name} {'W ' * isinstance(layer, Linear)}step", step, layer.parameters,
                           gradients[name])

    def mean(self, steps: int) -> dict[str, float]:
        """What each piece takes in a step: the mean over so many."""
        self.microseconds.clear()
        for _ in range(steps):
            self.run()
        return {piece: total / steps for piece, total in self.microseconds.items()}

    def alone(self) -> dict[str, Callable[[], Any]]:
        """The calls of one more step, to be made again."""
        self.calls = {}
        self.run()
        calls, self.calls = self.calls, None  # to keep its arrays would slow down other steps
        # The same step of W over and over would leave no network to train.
        for name, layer in zip(self.network.names, self.network.layers):
            if layer.parameters:
                twins = {key: aligned_copy(W, W.dtype) for key, W in layer.parameters.items()}
                ones = {key: np.ones_like(W) for key, W in twins.items()}
                calls[f"{name} {'W ' * isinstance(layer, Linear)}step"] = functools.partial(
                    self.rule().step, twins, ones)
        return calls

    def bare(self) -> dict[str, Callable[[], Any]]:
        """For a piece that is a product in the first place: that product alone."""
        rng, products = np.random.default_rng(0), {}
        for name, layer in zip(self.network.names, self.network.layers):
            if isinstance(layer, Linear):
                x = layer.cache
                grad = rng.random((len(x), layer.out_features), dtype=np.float32)
                products.update({f"{name} {method}": product for method, product
                                 in linear_products(x, grad, layer).items()})
        return products


def run(session: Session) -> None:
    session.note(f"The data: {mnist.images_and_labels()[2]}.")
    cases = [(name(sizes, batch), (sizes, batch)) for sizes, batch, _, _ in CASES[:2]]
    for title, case in [*cases, (COURSE, ((784, 256, 10), 64, True))]:
        table = session.table(title, "us", x="piece", ratios=(ALONE, BARE), floor=BARE)
        step, steps = Step(*case), 24 if session.quick else 300
        pieces = list(step.mean(steps))  # and warm
        calls, products = step.alone(), step.bare()
        timers = {(piece, ALONE): Timer(calls[piece], session.at_least) for piece in pieces}
        timers.update({(piece, BARE): Timer(products[piece], session.at_least)
                       for piece in pieces if piece in products})
        for timer in timers.values():
            timer()
        runs: dict[tuple[str, str], list[float]] = {}
        for _ in range(session.rounds):
            turn = {(piece, IN): us for piece, us in step.mean(steps).items()}
            turn.update({key: timer() * 1e6 for key, timer in timers.items()})
            for program in (IN, ALONE, BARE):
                turn[ALL, program] = sum(us for key, us in turn.items() if key[1] == program)
            for key, us in turn.items():
                runs.setdefault(key, []).append(us)
        for piece in [*pieces, ALL]:
            for program in (IN, ALONE, BARE):
                if (piece, program) in runs:
                    table.add(program, runs[piece, program], piece)
