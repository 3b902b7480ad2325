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


# class: (layer of so many units, features that go in, its bare products); each of them has a row
CASES = {
    npbp.Linear: (lambda units, rng: npbp.Linear(784, units, rng), lambda units: 784,
                  linear_products),
    **{kind: (lambda units, rng, kind=kind: kind(), lambda units: units, None) for kind in (
        npbp.ReLU, npbp.LeakyReLU, npbp.ELU, npbp.SELU, npbp.GELU, npbp.SiLU, npbp.Softplus,
        npbp.Softsign, npbp.Sigmoid, npbp.HardSigmoid, npbp.Tanh, npbp.Softmax, npbp.LogSoftmax)},
    npbp.PReLU: (lambda units, rng: npbp.PReLU(units), lambda units: units, None),
    npbp.SoftmaxCrossEntropyLoss: (lambda units, rng: npbp.SoftmaxCrossEntropyLoss(),
                                   lambda units: 10, None),
}


def run(session: Session) -> None:
    rng = np.random.default_rng(0)
    for batch, units in ((64, 32), (128, 512)):
        for kind, (make, features, products) in CASES.items():
            layer = make(units, rng)
            x = rng.standard_normal((batch, features(units))).astype(np.float32)
            programs = {}
            if kind is npbp.SoftmaxCrossEntropyLoss:
                labels = rng.integers(0, 10, batch)
                layer.forward(x, labels)
                programs = {"forward": lambda: layer.forward(x, labels),
                            "bp_input": lambda: layer.bp_input()}
            else:
                grad = rng.standard_normal(layer.forward(x).shape).astype(np.float32)
                programs = {"forward": lambda: layer.forward(x),
                            "bp_input": lambda: layer.bp_input(grad)}
                if layer.parameters:
                    programs["bp_param"] = lambda: layer.bp_param(grad)
            title = f"{layer!r}, {' by '.join(map(str, x.shape))}"
            table = session.table(title, "us", x="what",
                                  ratios=("bare product",) if products else ())
            bare = products(x, grad, layer) if products else {}
            for what, program in programs.items():
                both = {"bare product": bare[what]} if what in bare else {}
                session.compare(table, {**both, "npbp": program}, microseconds(), what)
