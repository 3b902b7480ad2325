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

from typing import Any, Callable, Sequence

import numpy as np

from npbp.graph.backprop import garbage_collection_paused, prune, upstream_of, zeros_of
from npbp.graph.forward import seed
from npbp.graph.transforms.tracing import (
    check_single_number,
    checked_argnums,
    columns,
    gradients_of,
    outputs_of,
    reaches_older,
    rows,
    tangents_of,
    trace,
    with_variables,
)
from npbp.graph.transforms.trees import leaves_like, rebuild
from npbp.graph.variable import Variable, value_of


def value_and_grad(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """``(f(...), gradient)`` in one run of f: see `grad`.

    Examples
    --------
    >>> from npbp import graph
    >>> value, gradient = graph.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 3.0]))
    >>> float(value), gradient
    (10.0, array([2., 6.]))
    """
    argnums = checked_argnums(argnums)

    @garbage_collection_paused()  # until the graph is gone again
    def function(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        inputs, args, trees = with_variables(args, argnums)
        z = f(*args, **kwargs)
        if type(z) is not Variable or z.value.ndim:
            check_single_number(z)
            if type(z) is not Variable:
                return z, rebuild(trees, [zeros_of(x, insert=False) for x in inputs])
        graph = prune(inputs, z)
        insert = reaches_older(graph, inputs)
        gradients = gradients_of(inputs, graph, z, upstream_of(z, None, insert), insert)
        return z if insert else z.value, rebuild(trees, gradients)

    return function


def grad(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """The gradient of ``f``, a function that returns a single number, as a function.

    Parameters
    ----------
    f : function
        Of arrays, or of nested lists, tuples and dicts of arrays, written with operators,
        NumPy's functions and operations. It may be made of gradients itself.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to, counted from 0. The others, and
        those given by keyword, go to f as they are.

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
        If f does not return a single number; if an array to differentiate is one of
        integers or booleans (a Python int is taken as a float: ``grad(f)(3)``).

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
    """
    both = value_and_grad(f, argnums)

    def function(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return function


def vjp(f: Callable, *args: Any, argnums: int | Sequence[int] | None = None) -> tuple:
    """``f(*args)``, and a function that pulls a gradient of it back to the arguments.

    Parameters
    ----------
    f : function
        Of arrays or trees of arrays; it returns an array or a tree of arrays.
    *args
        Its arguments.
    argnums : int or tuple of int, optional
        Which arguments to differentiate with respect to; all unless given.

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
    argnums = checked_argnums(range(len(args)) if argnums is None else argnums)
    inputs, args, trees = with_variables(args, argnums)
    with garbage_collection_paused():
        result = f(*args)
    outputs = outputs_of(result)
    z, graph, nested = trace(inputs, outputs)

    def pullback(G: Any) -> Any:
        Gs = leaves_like(result, G, "the upstream gradient")
        insert = nested or any(type(G) is Variable for G in Gs)
        dz = tuple(upstream_of(y, G, insert) for y, G in zip(outputs, Gs) if type(y) is Variable)
        return rebuild(trees, gradients_of(inputs, graph, z, dz, insert))

    return rebuild(result, outputs if nested else map(value_of, outputs)), pullback


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
    f: Callable, argnums: int | Sequence[int] = 0, mode: str | None = None
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
    argnums = checked_argnums(argnums)
    if mode not in ("rev", "fwd", None):
        raise ValueError(f"got mode={mode!r}, wanted 'rev', 'fwd' or None (the cheaper one)")

    def function(*args: Any, **kwargs: Any) -> Any:
        inputs, args, trees = with_variables(args, argnums)
        with garbage_collection_paused():
            result = f(*args, **kwargs)
        outputs = outputs_of(result)
        wide = sum(np.size(y) for y in outputs) <= sum(x.size for x in inputs)
        blocks = rows if mode == "rev" or (mode is None and wide) else columns
        return rebuild(result, [rebuild(trees, row) for row in blocks(inputs, outputs)])

    return function


def hessian(
    f: Callable, argnums: int | Sequence[int] = 0, mode: str | None = None
) -> Callable:
    """The second derivatives of ``f``: the `jacobian` of its `grad`.

    Parameters
    ----------
    f : function
        As for `grad`.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to.
    mode : "rev", "fwd" or None
        Of the Jacobian of the gradient.

    Returns
    -------
    function
        Of the arguments of f; it returns an array of shape ``x.shape + x.shape``, or a
        tree of trees of them.

    Examples
    --------
    >>> from npbp import graph
    >>> graph.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(f, argnums), argnums, mode)


def hessian_vector_product(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """The Hessian of ``f`` times a vector, without the Hessian.

    ``H v`` is how the gradient changes when x changes by v: `jvp` of `grad`, which costs a
    few runs of f, where the Hessian costs one for each entry of x.

    Returns
    -------
    function
        Of the arguments of f and, after them, v in the shape (and form) of the argument,
        or a tuple of them if argnums is one.

    Examples
    --------
    >>> from npbp import graph
    >>> product = graph.hessian_vector_product(lambda x: x[0] ** 2 * x[1])
    >>> product(np.array([3.0, 5.0]), np.array([1.0, 0.0]))
    array([10.,  6.])
    """
    gradient = grad(f, argnums)

    def function(*args_and_v: Any, **kwargs: Any) -> Any:
        if len(args_and_v) < 2:
            raise TypeError(
                f"hessian_vector_product: got {len(args_and_v)} arguments, wanted those of the "
                "function and, last, the vector"
            )
        *args, v = args_and_v
        return jvp(lambda *args: gradient(*args, **kwargs), args, v, argnums)[1]

    return function
