"""Memory for time: of a part of a program keep its inputs only, and run it again when it is needed.

The graph keeps every array that the program makes, as the way back needs them. In a chain of n
equal parts of k operations each, it needs n k arrays; with each part a checkpoint, n, and for
one part at a time k more. The price is a second forward.

Source: Griewank, Achieving logarithmic growth of temporal and spatial complexity in reverse
automatic differentiation, 1992; Chen, Xu, Zhang, Guestrin, Training deep nets with sublinear
memory cost, 2016.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from npbp.graph.backprop import get_inputs
from npbp.graph.bridge import LayerOperation
from npbp.graph.operation import Operation
from npbp.graph.transforms.gradients import jvp, vjp
from npbp.graph.transforms.tracing import check_function
from npbp.graph.transforms.trees import leaves, rebuild
from npbp.graph.variable import Variable, value_of


class Checkpoint(Operation):
    """``Y = f(X_0, X_1, ...)`` as one node, which keeps nothing but the X.

    ``dJ/dX_i = J_i^T G``: f runs again, on variables, and G is pulled back to all X at once.
    """

    def __init__(self, f: Callable, differentiable: bool) -> None:
        self.f, self.differentiable = f, differentiable
        self.noted: tuple = (None, {})  # a G, and the gradients for it that nobody has asked for

    def forward(self, *X: Any) -> Any:
        return value_of(self.f(*map(Variable, X)))

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        known_G, gradients = self.noted
        if known_G is not G or i not in gradients:
            floats = [k for k, x in enumerate(X) if x.dtype.kind == "f"]
            gradients = dict(zip(floats, vjp(self.f, *X, argnums=floats)[1](G)))
            self.noted = G, gradients
        return gradients.pop(i)

    def jvp(self, i: int, T: Any, Y: Any, *X: Any) -> Any:
        return jvp(self.f, X, T, argnums=i)[1]

    def __repr__(self) -> str:
        return f"Checkpoint({self.f!r})"


def checkpoint(f: Callable) -> Callable:
    """``f``, but the graph keeps its arguments only: the way back runs f again.

    Parameters
    ----------
    f : function
        Of arrays or trees of arrays; it returns an array or a tree of arrays. It must do the
        same when it runs again, so it draws no random numbers. What is to be
        differentiated has to be among its arguments.

    Returns
    -------
    function
        With the values and the derivatives of f, of any order and in both directions: to the
        last bit for an argument that is used here alone (a sum over uses inside and outside is
        added in another order). For the first derivative by back-propagation, its memory is
        that of its arguments. Of several arrays that f returns, each runs f again for its
        gradient.

    Raises
    ------
    TypeError
        If f uses a variable that is not among its arguments, such as the weights of a layer in
        `apply`: its gradient would be lost.

    Examples
    --------
    >>> import numpy as np
    >>> from npbp import graph
    >>> @graph.checkpoint
    ... def block(x, W):
    ...     return np.tanh(x @ W) + x
    >>> def loss(Ws, x):
    ...     for W in Ws:
    ...         x = block(x, W)
    ...     return np.sum(x)
    >>> d_Ws = graph.grad(loss)([np.eye(3)] * 10, np.ones((2, 3)))
    >>> len(d_Ws), d_Ws[0].shape
    (10, (3, 3))
    """
    check_function("checkpoint", f)

    def function(*args: Any, **kwargs: Any) -> Any:
        given = leaves((args, kwargs))
        variables = [x for x in given if type(x) is Variable]
        if not variables:
            return f(*args, **kwargs)

        def run(*X: Any) -> Any:
            """What f returns for X in place of the variables."""
            new = iter(X)
            mixed = [next(new) if type(x) is Variable else x for x in given]
            new_args, new_kwargs = rebuild((args, kwargs), mixed)
            return f(*new_args, **new_kwargs)

        own = [Variable(x.value) for x in variables]
        result = run(*own)
        outputs = leaves(result)
        check_closed(own, outputs)
        nodes = []
        for k, y in enumerate(outputs):
            if type(y) is Variable:
                op = Checkpoint(partial(part, run, k), y.value.dtype.kind == "f")
                y = Variable(y.value, None, op, tuple(variables))
            nodes.append(y)
        return rebuild(result, nodes)

    return function


def part(run: Callable, k: int, *X: Any) -> Any:
    """The k-th leaf of what a function returns."""
    return leaves(run(*X))[k]


def check_closed(own: list[Variable], outputs: list) -> None:
    """Refuse outputs that depend on floating variables which are not made of our own."""
    stack, seen = [y for y in outputs if type(y) is Variable], set()
    while stack:
        V = stack.pop()
        if V in seen:
            continue
        seen.add(V)
        # (The weights of a layer may be younger: their variables are made at the first use.)
        weights = type(V.op) is LayerOperation and V.op.names
        if weights or (V.index < own[0].index and V.value.dtype.kind == "f"):
            raise TypeError(
                "checkpoint: the function uses a variable that is not among its arguments, and "
                "the gradient of that would be lost: pass it in as an argument (the weights of a "
                "layer in graph.apply cannot be passed: leave the layer out of the checkpoint)"
            )
        if V.op is not None and V.op.differentiable:
            stack += get_inputs(V)
