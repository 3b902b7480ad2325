"""What does each layer cost, forward and backward?

Where a layer is a product of matrices, its time is also given as a multiple of the bare
product's: ``np.dot`` with ``out=``.
"""

from __future__ import annotations

from typing import Callable

import numpy as np

import npbp
from benchmarks.harness import Session, microseconds


def linear_products(x: np.ndarray, grad: np.ndarray, layer: npbp.Linear) -> dict[str, Callable]:
    W = layer.W[:-1]
    y, d_x, d_W = np.empty_like(grad), np.empty_like(x), np.empty_like(W)
    return {"forward": lambda: np.dot(x, W, out=y), "bp_input": lambda: np.dot(grad, W.T, out=d_x),
            "bp_param": lambda: np.dot(x.T, grad, out=d_W)}


def chain(units: int, rng: np.random.Generator) -> list[npbp.Layer]:
    return [npbp.Linear(units, units, rng), npbp.ReLU()]


def loss(kind: type, targets: Callable) -> tuple:
    return lambda units, rng: kind(), lambda units: 10, targets


def labels(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return rng.integers(0, x.shape[1], len(x))


def numbers(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    return rng.random(x.shape, dtype=np.float32)


def rows(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    t = numbers(rng, x)
    return t / t.sum(axis=1, keepdims=True)


def plain(make: Callable) -> tuple:
    return make, lambda units: units, None


# class: (layer of so many units, features that go in, its bare products); of a loss (loss,
# scores that go in, its targets). Each of them has a row
CASES = {
    npbp.Linear: (lambda units, rng: npbp.Linear(784, units, rng), lambda units: 784,
                  linear_products),
    **{kind: plain(lambda units, rng, kind=kind: kind()) for kind in (
        npbp.ReLU, npbp.LeakyReLU, npbp.ELU, npbp.SELU, npbp.GELU, npbp.SiLU, npbp.Softplus,
        npbp.Softsign, npbp.Sigmoid, npbp.HardSigmoid, npbp.Tanh, npbp.Softmax, npbp.LogSoftmax,
        npbp.Flatten)},
    **{kind: plain(lambda units, rng, kind=kind: kind(units).train()) for kind in (
        npbp.PReLU, npbp.BatchNorm1d, npbp.LayerNorm, npbp.RMSNorm)},
    npbp.Dropout: plain(lambda units, rng: npbp.Dropout(0.5, rng).train()),
    npbp.Reshape: plain(lambda units, rng: npbp.Reshape((-1, 4))),
    npbp.Sequential: plain(lambda units, rng: npbp.Sequential(chain(units, rng))),
    npbp.Residual: plain(lambda units, rng: npbp.Residual(chain(units, rng))),
    npbp.SoftmaxCrossEntropyLoss: loss(npbp.SoftmaxCrossEntropyLoss, labels),
    npbp.BinaryCrossEntropyLoss: loss(npbp.BinaryCrossEntropyLoss, numbers),
    npbp.HingeLoss: loss(npbp.HingeLoss, labels),
    npbp.HuberLoss: loss(npbp.HuberLoss, numbers),
    npbp.KullbackLeiblerLoss: loss(npbp.KullbackLeiblerLoss, rows),
    npbp.MeanAbsoluteErrorLoss: loss(npbp.MeanAbsoluteErrorLoss, numbers),
    npbp.MeanSquaredErrorLoss: loss(npbp.MeanSquaredErrorLoss, numbers),
}


def run(session: Session) -> None:
    rng = np.random.default_rng(0)
    for batch, units in ((64, 32), (128, 512))[:1 if session.quick else 2]:
        for kind, (make, features, others) in CASES.items():
            layer, products = make(units, rng), None
            x = rng.standard_normal((batch, features(units))).astype(np.float32)
            programs = {}
            if issubclass(kind, npbp.Loss):
                targets = others(rng, x)
                layer.forward(x, targets)
                programs = {"forward": lambda: layer.forward(x, targets),
                            "bp_input": lambda: layer.bp_input()}
            else:
                products = others
                grad = rng.standard_normal(layer.forward(x).shape).astype(np.float32)
                programs = {"forward": lambda: layer.forward(x),
                            "bp_input": lambda: layer.bp_input(grad)}
                if layer.parameters:
                    programs["bp_param"] = lambda: layer.bp_param(grad)
                if kind.backward is not npbp.Layer.backward:  # both at once, as a training does
                    programs["backward"] = lambda: layer.backward(grad)
            title = f"{layer!r}, {' by '.join(map(str, x.shape))}"
            table = session.table(title, "us", x="what",
                                  ratios=("bare product",) if products else ())
            bare = products(x, grad, layer) if products else {}
            for what, program in programs.items():
                both = {"bare product": bare[what]} if what in bare else {}
                session.compare(table, {**both, "npbp": program}, microseconds(), what)
