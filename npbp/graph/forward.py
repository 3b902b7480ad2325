"""The chain rule in the other direction: from the inputs to the outputs.

Back-propagation starts at z and asks of each variable how a change of it would change z.
Here we start at the inputs, say how each of them changes (its *tangent*), and ask of each
variable how it changes with them. The tangent of V is a sum over the inputs of V, and each
term is what the ``jvp`` of V's operation makes of that input's own tangent.

One pass backward gives a row of the Jacobian (one output, all inputs), one pass forward
gives a column (one input, all outputs): so it is cheaper where the inputs are few.

Source: Griewank, Walther, Evaluating Derivatives, chapter 3.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

import numpy as np

from npbp.graph.backprop import (
    Pruned,
    check_floating,
    general_back_propagation,
    get_children,
    in_dtype,
    listed,
    prune,
    real,
    sum_to_shape,
    zeros_of,
)
from npbp.graph.operation import Operation
from npbp.graph.variable import Variable


def general_forward_propagation(
    tangents: Mapping[Variable, Any], outputs: Iterable[Variable], insert: bool = True
) -> dict[Variable, Any]:
    """How ``outputs`` change when variables change by ``tangents``: ``{output: tangent}``.

    Parameters
    ----------
    tangents : dict
        ``{input: tangent}``: floating variables of the graph, and for each an array or a
        variable of its shape, the direction in which it changes. If one of them depends
        on another, its tangent is added to what comes from there.
    outputs : variables
    insert : bool
        True: each tangent is a variable of the graph and can be differentiated again.
        False: the tangents are plain arrays, which is faster.

    Returns
    -------
    dict
        A tangent for each output, in its shape and dtype; zeros if it does not depend on
        any of the inputs.

    Raises
    ------
    ValueError
        If a tangent has not the shape of its variable.
    TypeError
        If an input or an output is not a variable of floating numbers.

    Examples
    --------
    >>> a = Variable(3.0)
    >>> b = a * a
    >>> c = b + a
    >>> tangents = general_forward_propagation({a: 1.0}, [b, c])
    >>> float(tangents[b].value), float(tangents[c].value)      # 2 a, 2 a + 1
    (6.0, 7.0)
    """
    outputs = listed("outputs", outputs)
    for y in outputs:
        if type(y) is not Variable:
            raise TypeError(f"got {type(y).__name__} as an output, wanted a Variable")
        check_floating("an output", y.value)
    graph = prune(list(tangents), together(outputs))
    seeds = {V: seed(V, T, insert) for V, T in tangents.items()}
    table = push_tangents(seeds, graph, insert)
    return {y: table[y] if y in table else zeros_of(y, insert) for y in outputs}


def push_tangents(seeds: dict, graph: Pruned, insert: bool) -> dict[Variable, Any]:
    """The tangent of every node of ``graph``, given those of its inputs."""
    table = {V: seeds[V] for V in graph.order if V in seeds}
    # Inputs first: when V's turn comes, all that it was made of has added its term.
    for V in reversed(graph.order):
        for C, i in get_children(V, graph):
            if C.value is not None:  # not the node that `together` made
                term = forward_term(C, i, table[V], insert)
                table[C] = table[C] + term if C in table else term
    return table


def forward_term(C: Variable, i: int, T: Any, insert: bool = True) -> Any:
    """The change of ``C`` that a change ``T`` of its input ``i`` makes.

    If broadcasting stretches the input, it stretches the change too.
    """
    if insert:
        tangent = C.op.jvp(i, T, C, *C.inputs)
    else:
        values = [x.value if type(x) is Variable else x for x in C.inputs]
        tangent = C.op.jvp(i, T, C.value, *values)
    value = C.value
    if tangent.shape != value.shape:
        tangent = np.broadcast_to(tangent, value.shape)
    if tangent.dtype != value.dtype:
        tangent = in_dtype(value.dtype, tangent)
    return tangent


def jvp_of_bprop(self: Operation, i: int, T: Any, Y: Any, *X: Any) -> Any:
    """The ``jvp`` of an operation that has none, made of its ``bprop``.

    That is linear in G, ``J^T G``, and the gradient of ``sum(J^T G * T)`` with respect to G
    is ``J T``.
    """
    inserted = any(type(x) is Variable for x in (T, Y, *X))
    G = Variable(np.zeros(Y.shape, Y.dtype))
    back = sum_to_shape(self.bprop(i, G, Y, *X), X[i].shape)
    if type(back) is not Variable:  # a bprop that is zero without looking at G
        return G.value
    return general_back_propagation([G], back, T, insert=inserted)[G]


Operation.jvp = jvp_of_bprop  # put there from here: `operation` knows nothing of the algorithms


class Together(Operation):
    """``Y = (X_0, X_1, ...)``: several outputs as one node;  dJ/dX_i = G_i.

    The algorithms start from one node. This one has no value, and its gradient is a tuple.
    """

    def bprop(self, i: int, G: Any, Y: Any, *X: Any) -> Any:
        return G[i]


def together(outputs: Iterable[Variable]) -> Variable:
    """A node from which a walk down the graph reaches all ``outputs``."""
    return Variable(None, None, Together(), tuple(outputs))


def seed(V: Variable, T: Any, insert: bool) -> Any:
    """The tangent ``T`` given for ``V``, checked to have its shape."""
    if type(T) is not Variable:
        T = real("a tangent", T).astype(V.value.dtype, copy=False)[()]
    if T.shape != V.value.shape:
        raise ValueError(
            f"got a tangent of shape {T.shape} for a variable of shape {V.value.shape}: it is a "
            "change of the variable, so it has the same shape"
        )
    if insert:
        return T if type(T) is Variable else Variable(T)
    return T.value if type(T) is Variable else T
