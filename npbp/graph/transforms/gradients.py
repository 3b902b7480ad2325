"""Functions in, functions out: the gradient of a function is a function.

``grad(f)`` takes what f takes: plain arrays, or trees of them (see ``trees``). It makes
variables of them, runs f, which draws the graph, and runs the general algorithm on it.

What makes them nest, as in ``grad(grad(f))``:

* Each call makes variables of its own, so two differentiations never mix up theirs. An
  argument that is a variable already, of the differentiation around this one, goes
  through an `Identity`: a new node, from which a path still leads to the old one.
* The gradient is inserted into the graph if the graph reaches anything older than our own
  variables: then somebody around us may differentiate it. Otherwise it is plain arrays.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Sequence

import numpy as np

from npbp.graph.backprop import garbage_collection_paused, prune, upstream_of, zeros_of
from npbp.graph.forward import seed
from npbp.graph.transforms.tracing import (
    check_function,
    check_single_number,
    checked_argnums,
    columns,
    gradients_of,
    outputs_of,
    pair,
    reaches_older,
    rows,
    tangents_of,
    trace,
    with_variables,
)
from npbp.graph.transforms.trees import leaves, leaves_like, rebuild
from npbp.graph.variable import Variable, value_of


def value_and_grad(
    f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable:
    """``(f(...), gradient)`` in one run of f: see `grad`.

    With ``has_aux``, f returns ``(number, aux)``, and the result is ``((number, aux), gradient)``.

    Examples
    --------
    >>> from npbp import graph
    >>> value, gradient = graph.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 3.0]))
    >>> float(value), gradient
    (10.0, array([2., 6.]))
    """
    check_function("value_and_grad", f)
    argnums = checked_argnums(argnums)

    @garbage_collection_paused()  # until the graph is gone again
    def function(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        inputs, args, trees = with_variables(args, argnums)
        z = f(*args, **kwargs)
        if has_aux:
            z, aux = pair(z, inputs)
        check_single_number(z)
        if type(z) is Variable:
            graph = prune(inputs, z)
            insert = reaches_older(graph, inputs)
            gradients = gradients_of(inputs, graph, z, upstream_of(z, None, insert), insert)
            z = z if insert else z.value
        else:
            gradients = [zeros_of(x, insert=False) for x in inputs]
        return ((z, aux) if has_aux else z), rebuild(trees, gradients)

    return function


def grad(f: Callable, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable:
    """The gradient of ``f``, a function that returns a single number, as a function.

    Parameters
    ----------
    f : function
        Of arrays, or of nested lists, tuples and dicts of arrays, written with operators,
        NumPy's functions and operations. It may be made of gradients itself.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to, counted from 0. The others, and
        those given by keyword, go to f as they are.
    has_aux : bool
        f returns ``(number, aux)``, with anything as aux, such as a prediction: the result is
        ``(gradient, aux)``. The variables in an aux (or in lists, tuples and dicts there)
        come back as plain values, or as variables where the gradient would too.

    Returns
    -------
    function
        Of the arguments of f. It returns the gradient in the shape, dtype and form of the
        argument, or a tuple of gradients if argnums is a tuple. If f does not depend on an
        argument, its gradient is zeros. The gradients are plain arrays, unless they can be
        differentiated again: by a function like this one around the call, or with respect
        to variables that f uses.

    Raises
    ------
    TypeError
        If f does not return a single number, or one that has no derivative: an integer or
        a truth value, as np.argmax and comparisons give. If an array to differentiate is one
        of integers or booleans (a Python int is taken as a float: ``grad(f)(3)``).

    Examples
    --------
    >>> from npbp import graph
    >>> cube = lambda x: x**3
    >>> float(graph.grad(cube)(3.0))                                # 3 x^2
    27.0
    >>> float(graph.grad(graph.grad(cube))(3.0))                    # 6 x
    18.0
    >>> def loss(parameters, x):
    ...     W, b = parameters
    ...     return np.sum(np.tanh(x @ W + b) ** 2)
    >>> d_W, d_b = graph.grad(loss)([np.ones((2, 3)), np.zeros(3)], np.ones((5, 2)))
    >>> d_W.shape, d_b.shape
    ((2, 3), (3,))
    >>> def with_prediction(W):
    ...     prediction = 2.0 * W
    ...     return np.sum(prediction**2), prediction
    >>> graph.grad(with_prediction, has_aux=True)(np.array([1.0, 3.0]))
    (array([ 8., 24.]), array([2., 6.]))
    """
    check_function("grad", f)
    both = value_and_grad(f, argnums, has_aux)

    def function(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return function


def grad_and_aux(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """``(gradient, aux)`` of a function that returns ``(number, aux)``: `grad` with ``has_aux``.

    Examples
    --------
    >>> from npbp import graph
    >>> gradient, aux = graph.grad_and_aux(lambda x: (x**2, "any thing"))(3.0)
    >>> float(gradient), aux
    (6.0, 'any thing')
    """
    check_function("grad_and_aux", f)
    return grad(f, argnums, has_aux=True)


def elementwise_grad(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """The derivative of each number that ``f`` returns by the input number in its place.

    For functions that act on each number alone, as np.tanh does. It is the gradient of the sum
    of the result, ``sum_j dY_j / dX_i``, of which then only ``j = i`` is left. Where one
    number of Y depends on several of X, or X is broadcast, the whole sum is what comes out.

    Parameters
    ----------
    f : function
        Of arrays or trees of arrays; it returns an array or a tree of arrays.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to.

    Returns
    -------
    function
        Of the arguments of f; it returns the derivatives in the shape and form of the argument.

    Raises
    ------
    TypeError
        As `grad` does, but for results of any shape.

    Examples
    --------
    >>> from npbp import graph
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> graph.elementwise_grad(lambda x: x**3)(x)                       # 3 x^2
    array([ 0.,  3., 12.])
    >>> graph.elementwise_grad(graph.elementwise_grad(lambda x: x**3))(x)       # 6 x
    array([ 0.,  6., 12.])
    """
    check_function("elementwise_grad", f)
    argnums = checked_argnums(argnums)

    def function(*args: Any, **kwargs: Any) -> Any:
        value, pullback = vjp(partial(f, **kwargs), *args, argnums=argnums)
        return pullback(rebuild(value, [np.ones_like(value_of(y)) for y in leaves(value)]))

    return function


def vjp(
    f: Callable,
    *args: Any,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
) -> tuple:
    """``f(*args)``, and a function that pulls a gradient of it back to the arguments.

    Parameters
    ----------
    f : function
        Of arrays or trees of arrays; it returns an array or a tree of arrays.
    *args
        Its arguments.
    argnums : int or tuple of int, optional
        Which arguments to differentiate with respect to; all unless given.
    has_aux : bool
        f returns ``(value, aux)``, as for `grad`, and the result is ``(value, pullback, aux)``.

    Returns
    -------
    value, pullback
        ``pullback(G)``, with G = dJ/d(value) in the shape (and form) of the value, is the
        tuple of the gradients ``sum_j (dY_j / dX_i) G_j``, one for each of argnums, or just
        one if argnums is an int. It can be called again, with another G.

    Raises
    ------
    TypeError
        As `grad` does.
    ValueError
        If G has not the shape and form of the value.

    Examples
    --------
    >>> from npbp import graph
    >>> value, pullback = graph.vjp(lambda W, x: W @ x, np.eye(2), np.array([3.0, 4.0]))
    >>> d_W, d_x = pullback(np.array([1.0, 10.0]))
    >>> d_W, d_x
    (array([[ 3.,  4.],
           [30., 40.]]), array([ 1., 10.]))
    """
    check_function("vjp", f)
    argnums = checked_argnums(range(len(args)) if argnums is None else argnums)
    inputs, args, trees = with_variables(args, argnums)
    with garbage_collection_paused():
        result = f(*args)
    if has_aux:
        result, aux = pair(result, inputs)
    outputs = outputs_of(result)
    z, graph, nested = trace(inputs, outputs)

    def pullback(G: Any) -> Any:
        Gs = leaves_like(result, G, "the upstream gradient")
        insert = nested or any(type(G) is Variable for G in Gs)
        dz = tuple(upstream_of(y, G, insert) for y, G in zip(outputs, Gs) if type(y) is Variable)
        return rebuild(trees, gradients_of(inputs, graph, z, dz, insert))

    value = rebuild(result, outputs if nested else map(value_of, outputs))
    return (value, pullback, aux) if has_aux else (value, pullback)


def jvp(
    f: Callable, args: Sequence, tangents: Sequence, argnums: int | Sequence[int] | None = None
) -> tuple:
    """``f(*args)``, and how it changes when the arguments change by ``tangents``.

    The chain rule from the inputs to the outputs: one pass, whatever the size of the value.

    Parameters
    ----------
    f : function
        Of arrays or trees of arrays; it returns an array or a tree of arrays.
    args : tuple
        Its arguments.
    tangents : tuple
        For each of argnums, a change in the shape (and form) of the argument; if argnums is
        an int, just this one.
    argnums : int or tuple of int, optional
        Which arguments change; all unless given.

    Returns
    -------
    value, tangent
        In the same shape and form; the tangent is ``sum_i (dY / dX_i) T_i``.

    Raises
    ------
    TypeError
        As `grad` does; if args is not a tuple.
    ValueError
        If a tangent has not the shape and form of its argument.

    Examples
    --------
    >>> from npbp import graph
    >>> graph.jvp(lambda x: x**2, (np.array([1.0, 2.0]),), (np.array([1.0, 0.5]),))
    (array([1., 4.]), array([2., 2.]))
    """
    if not isinstance(args, (tuple, list)):
        raise TypeError(
            f"got {type(args).__name__} as args, wanted the tuple of f's arguments: write "
            "jvp(f, (x,), (tangent,))"
        )
    check_function("jvp", f)
    argnums = checked_argnums(range(len(args)) if argnums is None else argnums)
    inputs, args, trees = with_variables(args, argnums)
    Ts = leaves_like(trees, tangents, "the tangents")
    with garbage_collection_paused():
        result = f(*args)
    outputs = outputs_of(result)
    _, graph, nested = trace(inputs, outputs)
    insert = nested or any(type(T) is Variable for T in Ts)
    seeds = {x: seed(x, T, insert) for x, T in zip(inputs, Ts)}
    changes = tangents_of(seeds, graph, outputs, insert)
    value = rebuild(result, outputs if nested else map(value_of, outputs))
    return value, rebuild(result, changes)


def jacobian(
    f: Callable,
    argnums: int | Sequence[int] = 0,
    mode: str | None = None,
    has_aux: bool = False,
) -> Callable:
    """All derivatives of ``f``, each output with respect to each input, as a function.

    Parameters
    ----------
    f : function
        Of arrays, or trees of arrays; it returns an array, or a tree of arrays.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to.
    mode : "rev", "fwd" or None
        "rev": row by row, one pass of back-propagation for each number that f returns.
        "fwd": column by column, one pass forward for each number that goes in. None: the
        one with fewer passes.
    has_aux : bool
        f returns ``(value, aux)``, as for `grad`, and the result is ``(jacobian, aux)``.

    Returns
    -------
    function
        Of the arguments of f; it returns an array of shape ``y.shape + x.shape``, for y the
        value of f: ``[..., ...]`` is dy[...] / dx[...]. For trees it is the tree of y, with
        the tree of x in place of each leaf.

    Raises
    ------
    TypeError
        As `grad` does.
    ValueError
        If the mode is another.

    Examples
    --------
    >>> from npbp import graph
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> graph.jacobian(lambda x: x[1:] * x[0])(x)
    array([[2., 1., 0.],
           [3., 0., 1.]])
    """
    check_function("jacobian", f)
    argnums = checked_argnums(argnums)
    if mode not in ("rev", "fwd", None):
        raise ValueError(f"got mode={mode!r}, wanted 'rev', 'fwd' or None (the cheaper one)")

    def function(*args: Any, **kwargs: Any) -> Any:
        inputs, args, trees = with_variables(args, argnums)
        with garbage_collection_paused():
            result = f(*args, **kwargs)
        if has_aux:
            result, aux = pair(result, inputs)
        outputs = outputs_of(result)
        wide = sum(np.size(y) for y in outputs) <= sum(x.size for x in inputs)
        blocks = rows if mode == "rev" or (mode is None and wide) else columns
        J = rebuild(result, [rebuild(trees, row) for row in blocks(inputs, outputs)])
        return (J, aux) if has_aux else J

    return function
