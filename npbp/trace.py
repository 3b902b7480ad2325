"""Every intermediate of one forward and one backward, by name.

Nothing is computed in another way than a training does: on a copy of the network, each
layer's own methods run, and beside each stands a `Record` that notes what goes in and out.
"""

from __future__ import annotations

import copy
import functools
from typing import Any, Callable, NamedTuple

import numpy as np

from npbp.layers import Layer


class Traced(NamedTuple):
    """What `Trace` has of one layer; all arrays are copies.

    output : what the layer returned, ``(N, ...)``; None if it did not run.
    gradient : dJ/d(output), in the shape of the output; J is the loss.
    parameters : dJ/dW of each of its own weights, by name, such as ``"W"``.
    """

    output: np.ndarray | None
    gradient: np.ndarray | None
    parameters: dict[str, np.ndarray]


class Trace(dict):
    """From names to `Traced`: ``"input"``, every layer such as ``"linear1"`` and
    ``"residual1.linear1"``, and ``"loss"``. Printed, it is a table; see `npbp.Network.trace`.

    "size" is the root of the mean square: of the output, of its gradient, and of the gradient
    of the weights. Where it falls from line to line as one goes up the table, the gradient
    fades on its way back.
    """

    def __repr__(self) -> str:
        rows = [("", "shape", "mean", "size", "gradient", "of weights")]
        for name, (output, gradient, parameters) in self.items():
            if output is None:
                rows.append((name, "did not run", "", "", "", ""))
                continue
            weights = [d_W.ravel() for d_W in parameters.values()]
            rows.append((
                name, str(output.shape), _short(np.mean, output), _short(_size, output),
                "" if gradient is None else _short(_size, gradient),
                _short(_size, np.concatenate(weights)) if weights else "",
            ))  # fmt: skip
        wide = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join(
            "  ".join([f"{row[0]:{wide[0]}}", f"{row[1]:{wide[1]}}",
                       *(f"{cell:>{n}}" for cell, n in zip(row[2:], wide[2:]))]).rstrip()
            for row in rows
        )


def trace(network: Any, X: np.ndarray, Y: np.ndarray) -> Trace:
    """See `npbp.Network.trace`."""
    chain, loss = copy.deepcopy((network.chain, network.loss))
    records = watched(chain)
    _, number = loss(chain.forward(X), Y)
    d_X, _ = chain.backward(loss.bp_input())
    found = Trace(input=Traced(np.array(X), np.array(d_X), {}))
    for name, record in records.items():
        found[name] = Traced(record.output, record.gradient, record.parameters)
    found["loss"] = Traced(np.array(number), np.array(1.0), {})
    return found


class Record:
    """What the methods of one layer take and return, when they run. Of several runs, the last.

    x, output : of its forward.
    gradient : of the output, as the backward was given it.
    parameters : the gradients of the layer's own weights.
    asked : the backward methods that were called from outside of the layer.
    """

    def __init__(self, layer: Layer) -> None:
        self.x = self.output = self.gradient = None
        self.parameters: dict[str, np.ndarray] = {}
        self.asked: list[str] = []
        self.layer, self.busy = layer, False
        for method in ("forward", "bp_input", "bp_param", "backward"):
            own = getattr(layer, method)
            layer.__dict__[method] = functools.partial(self._run, method, own)

    def _run(self, method: str, own: Callable, array: Any, *more: Any, **named: Any) -> Any:
        if self.busy:  # a backward that calls its own bp_input
            return own(array, *more, **named)
        given = np.array(array)
        self.busy = True
        try:
            returned = own(array, *more, **named)
        finally:
            self.busy = False
        if method == "forward":
            self.x, self.output = given, np.array(returned)
            self.gradient, self.parameters, self.asked = None, {}, []
            return returned
        self.gradient = given
        self.asked.append(method)
        if method != "bp_input" and self.layer.parameter_names:
            named = self.layer.named(returned if method == "bp_param" else returned[1])
            self.parameters = {name: named[name].copy() for name in self.layer.parameter_names}
        return returned


def watched(chain: Layer) -> dict[str, Record]:
    """A record beside each layer inside, by name."""
    return {name: Record(layer) for name, layer in chain.walk() if layer is not chain}


def _size(array: np.ndarray) -> float:
    return np.sqrt(np.mean(np.square(array)))


def _short(function: Callable, array: np.ndarray) -> str:
    if not array.size:
        return "-"
    with np.errstate(all="ignore"):  # what is not finite shows
        return f"{float(function(np.asarray(array, np.float64))):.3g}"
