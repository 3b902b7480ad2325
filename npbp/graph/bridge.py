"""The bridge: a hand-written layer as an operation of the graph.

A layer has ``forward(x)``, ``bp_input(grad)`` and ``bp_param(grad)``. These are a forward
and its bprop, so `apply` can put the layer into a graph, next to any other operation. Its
weights are inputs of that operation, and so they are targets like any other variable.

The layer is known by its methods only: nothing here imports the layers of the library, and
a class of your own that has the three methods will do.
"""

from __future__ import annotations

import copy
import weakref
from typing import Any, Mapping

import numpy as np

from npbp.graph.backprop import real
from npbp.graph.operation import Operation
from npbp.graph.variable import Variable


def apply(layer: Any, x: Any, *others: Any) -> Any:
    """``layer.forward(x)`` as a node of the graph; ``bp_input`` and ``bp_param`` go back.

    Parameters
    ----------
    layer : object
        With ``forward`` and ``bp_input``, and ``bp_param`` if it has weights. Its
        ``parameters`` is then a dict of its weight arrays by name, and ``bp_param``
        returns one gradient, a tuple in the order of that dict, or a dict.
    x : Variable or array
        Its input, ``(N, ...)``.
    others : variables or arrays
        What else forward takes, such as the targets of a loss. They are constants.

    Returns
    -------
    Variable
        The output. A loss returns ``(prediction, number)``: the variable is the number.
        A plain array, if neither ``x`` nor ``others`` nor a weight is a variable.

    Raises
    ------
    TypeError
        If ``layer`` has not the methods. If the gradient is differentiated again, or
        pushed forward (``jvp``): the layer's backward is plain NumPy and has no derivative
        of its own. If a gradient for one of ``others`` is asked for. If the layer returns
        what is no array of real numbers.
    ValueError
        If the layer returns a gradient of another shape than what it is the gradient of.

    Notes
    -----
    One layer can be applied many times. After each forward the layer is copied with
    ``copy.deepcopy`` (but not its weights and the arrays of the graph), so each use keeps
    what its own backward needs, and a layer used by hand in between does no harm. The
    gradients of all uses are summed.

    The weights are those of the layer, not copies. So change them when all gradients are
    known: one taken after ``layer.W -= step`` would mix old values with new weights.

    Examples
    --------
    >>> from npbp import Linear, SoftmaxCrossEntropyLoss, graph
    >>> hidden, loss = Linear(3, 3), SoftmaxCrossEntropyLoss()
    >>> x, labels = np.eye(3, dtype=np.float32), np.array([0, 1, 2])
    >>> W = graph.parameters(hidden)["W"]
    >>> for step in range(100):
    ...     h = np.tanh(graph.apply(hidden, x)) + x             # a residual
    ...     z = graph.apply(loss, graph.apply(hidden, h), labels)     # and used again
    ...     gradients = graph.general_back_propagation([W], z, insert=False)
    ...     hidden.W -= 0.5 * gradients[W]
    >>> bool(z.value < 0.1)
    True
    """
    for method in ("forward", "bp_input"):
        if isinstance(layer, type) or not callable(getattr(layer, method, None)):
            raise TypeError(
                f"apply: got {layer!r} as a layer, wanted an object with forward and bp_input: "
                "is a pair of parentheses missing, as in ReLU()?"
            )
    weights = parameters(layer)
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("apply: got an input with a mask, which would be lost: x.filled(0)")
    inputs = [v if type(v) is Variable else np.asarray(v) for v in (x, *others)]
    return LayerOperation(layer, tuple(weights), len(inputs))(*inputs, *weights.values())


# The variables of each layer's weights, by the layer's identity: a layer need not be hashable.
_known: dict[int, tuple[weakref.ref, dict[str, Variable]]] = {}


def parameters(layer: Any) -> dict[str, Variable]:
    """The weights of a layer as variables, by name: targets for general back-propagation.

    The same layer always has the same variables, however often it is applied. Their values
    are the layer's own arrays: a step in place, as ``layer.W -= step``, is seen. If another
    array was assigned to ``layer.W``, its variable takes it over here and in `apply`.

    Raises
    ------
    TypeError
        If the layer's ``parameters`` is no dict of arrays by name.

    Examples
    --------
    >>> from npbp import Linear
    >>> layer = Linear(2, 1)
    >>> layer.W = [[1], [2], [3]]
    >>> parameters(layer)["W"].value is layer.W
    True
    >>> parameters(layer)["W"] is parameters(layer)["W"]
    True
    """
    arrays = _arrays(layer)
    if not arrays:
        return {}
    key = id(layer)
    if key not in _known or _known[key][0]() is not layer:
        _known[key] = weakref.ref(layer, lambda _: _known.pop(key, None)), {}
    variables = _known[key][1]
    for name, array in arrays.items():
        if name not in variables:
            variables[name] = Variable(array, name=name)
        variables[name].value = array if array.ndim else array[()]
    return {name: variables[name] for name in arrays}


class LayerOperation(Operation):
    """``Y = layer.forward(X_0)``;  dJ/dX_0 = bp_input(G),  dJ/dW = bp_param(G).

    Its inputs are x, what else forward takes, and the weights.
    """

    def __init__(self, layer: Any, names: tuple[str, ...], taken: int) -> None:
        self.layer, self.names, self.taken = layer, names, taken
        self.name = type(layer).__name__
        self.held: tuple = ()  # the inputs of the last forward, and the layer after it
        self.noted: tuple = ()  # a G, and the gradients of all weights for it

    def forward(self, *X: Any) -> Any:
        inputs, weights = X[: self.taken], X[self.taken :]
        layer, own = self.layer, _arrays(self.layer)
        if all(w is own[name] or w.ndim == 0 and w == own[name]
               for name, w in zip(self.names, weights)):
            Y = layer.forward(*inputs)
            # A copy keeps what this use needs, when the layer is used again. The arrays of
            # the graph stay as they are, so the copy shares them, and it shares the weights.
            shared = [*inputs, *own.values(), *(Y if isinstance(Y, tuple) else [Y])]
            layer = copy.deepcopy(layer, {id(array): array for array in shared})
        else:  # the graph runs again with other weights than the layer's
            layer = copy.deepcopy(layer)
            for array, w in zip(_arrays(layer).values(), weights):
                array[...] = w
            Y = layer.forward(*inputs)
        self.held, self.noted = (X, layer), ()
        if isinstance(Y, tuple):
            Y = self._number(Y, inputs[0])
        return self.real("forward", Y)[()]

    def _number(self, Y: tuple, scores: Any) -> Any:
        """A loss returns (prediction, number): the number, in the dtype of the scores."""
        if len(Y) != 2 or np.ndim(Y[1]):
            raise ValueError(
                f"{self.name}: got a tuple of {len(Y)} from forward, wanted one array, or of a "
                "loss (prediction, number)"
            )
        dtype = scores.dtype if scores.dtype.kind == "f" else np.float64
        return self.real("forward", Y[1]).astype(dtype)

    def real(self, method: str, given: Any) -> np.ndarray:
        """What a method of the layer returned, as an array of real numbers."""
        if given is None:
            raise TypeError(
                f"{self.name}: got nothing (None) from {method}, wanted an array: is its `return` "
                "missing?"
            )
        if type(given) is Variable:
            raise TypeError(
                f"{self.name}: got a Variable from {method}, wanted a plain array: a layer in "
                "apply computes in plain NumPy, on plain arrays"
            )
        try:
            return real(f"a result of {method}", given)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{self.name}: {error}") from None

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        return LayerGradient(self, i)(G, Y, *X)

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        raise TypeError(
            f"{self.name}: a hand-written layer has no rule for the forward direction (jvp), "
            "only bp_input and bp_param: use the reverse direction, or write the layer with "
            "NumPy's functions on variables"
        )

    def gradient(self, i: int, G: Any, X: tuple) -> np.ndarray:
        """dJ/dX_i as an array, by the layer as it was after ``forward(*X)``."""
        if not self.held or any(a is not b for a, b in zip(self.held[0], X)):
            self.forward(*X)  # the graph has run with other values since
        layer = self.held[1]
        if i == 0:
            gradient, method = layer.bp_input(G), "bp_input"
        elif i < self.taken:
            raise TypeError(
                f"{self.name}: got input {i} of forward to differentiate, but bp_input gives "
                "the gradient of the first only: the others, as the targets of a loss, are "
                "constants: pass them by their .value"
            )
        else:
            gradient, method = self._weights(layer, G)[self.names[i - self.taken]], "bp_param"
        gradient = self.real(method, gradient)
        if gradient.shape != X[i].shape:
            raise ValueError(
                f"{self.name}: got a gradient of shape {gradient.shape} from {method}, wanted "
                f"{X[i].shape}, the shape of what it is the gradient of"
            )
        return gradient[()]

    def _weights(self, layer: Any, G: Any) -> Mapping[str, Any]:
        """``bp_param(G)`` by name. Of several weights it gives all at once: so note it."""
        if self.noted and np.array_equal(self.noted[0], G):
            return self.noted[1]
        if not callable(getattr(layer, "bp_param", None)):
            raise TypeError(
                f"{self.name}: got a layer with weights ({', '.join(self.names)}) and no "
                "bp_param, wanted one that gives their gradients"
            )
        gradients = layer.bp_param(G)
        if isinstance(gradients, Mapping) and hasattr(layer, "named"):
            gradients = layer.named(gradients)  # it has layers inside, with gradients of their own
        if not isinstance(gradients, Mapping):
            if not isinstance(gradients, (tuple, list)):
                gradients = (gradients,)
            if len(gradients) != len(self.names) or any(g is None for g in gradients):
                raise ValueError(
                    f"{self.name}: got {len([g for g in gradients if g is not None])} gradients "
                    f"from bp_param, wanted one for each of {', '.join(self.names)}"
                )
            gradients = dict(zip(self.names, gradients))
        missing = [name for name in self.names if gradients.get(name) is None]
        if missing:
            raise ValueError(
                f"{self.name}: got no gradient of {', '.join(missing)} from bp_param, wanted one "
                f"for each of {', '.join(self.names)}"
            )
        if len(self.names) > 1:
            self.noted = np.copy(G), gradients
        return gradients

    def __repr__(self) -> str:
        return f"LayerOperation({self.layer!r})"


class LayerGradient(Operation):
    """``Y = bp_input(G)`` or the part of ``bp_param(G)`` that belongs to X_i.

    It is a node, so that the graph can run again, but it has no derivative. The layer's
    output is among its inputs, so that the layer's forward has always run before it.
    """

    def __init__(self, use: LayerOperation, i: int) -> None:
        self.use, self.i = use, i
        self.name = f"{use.name}.{'bp_param' if i >= use.taken else 'bp_input'}"

    def forward(self, G: Any, Y: Any, *X: Any) -> Any:
        return self.use.gradient(self.i, G, X)

    def bprop(self, i: int, *_: Any) -> Any:
        raise TypeError(
            f"{self.name} cannot be differentiated again: a hand-written layer gives the first "
            "derivative in plain NumPy, and no derivative of that: write the layer with NumPy's "
            "functions on variables, or as an operation of your own"
        )

    jvp = bprop

    def __repr__(self) -> str:
        return f"LayerGradient({self.use!r}, {self.i})"


def _arrays(layer: Any) -> Mapping[str, np.ndarray]:
    arrays = getattr(layer, "parameters", None) or {}
    by_name = isinstance(arrays, Mapping)
    if not by_name or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise TypeError(
            f"{type(layer).__name__}: got {type(arrays).__name__} as its parameters, wanted a dict "
            "of NumPy arrays by name: the arrays themselves, as training changes them in place"
        )
    return arrays
