"""Second derivatives: the Hessian, and what it, or its Gauss-Newton part, makes of a vector.

They are made of the first ones of `npbp.graph.transforms.gradients`, applied to each other.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Sequence

from npbp.graph.transforms.gradients import grad, jacobian, jvp, vjp
from npbp.graph.transforms.tracing import check_function


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
    >>> import numpy as np
    >>> from npbp import graph
    >>> graph.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    check_function("hessian", f)
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
    >>> import numpy as np
    >>> from npbp import graph
    >>> product = graph.hessian_vector_product(lambda x: x[0] ** 2 * x[1])
    >>> product(np.array([3.0, 5.0]), np.array([1.0, 0.0]))
    array([10.,  6.])
    """
    check_function("hessian_vector_product", f)
    gradient = grad(f, argnums)

    def function(*args_and_v: Any, **kwargs: Any) -> Any:
        args, v = without_vector("hessian_vector_product", args_and_v)
        return jvp(partial(gradient, **kwargs), args, v, argnums)[1]

    return function


def gauss_newton_vector_product(
    model: Callable, loss: Callable, argnums: int | Sequence[int] = 0
) -> Callable:
    """The Gauss-Newton matrix of ``loss(model(...))`` times a vector, without the matrix.

    With J the Jacobian of the model and H the Hessian of the loss at y = model(...), it is

        ``G v = J^T H J v``,

    the Hessian of the whole without the curvature of the model, ``sum_j dloss/dY_j d2Y_j``. If
    the loss is convex, as cross-entropy and squared errors are, G has no direction of negative
    curvature, so the steps of a Newton method lead downhill. From right to left it is a `jvp`
    of the model, a `hessian_vector_product` of the loss, and a `vjp` of the model.

    Parameters
    ----------
    model : function
        Of arrays or trees of arrays; it returns an array or a tree of arrays.
    loss : function
        Of what the model returns, to a single number. It closes over targets.
    argnums : int or tuple of int
        Which arguments of the model G belongs to.

    Returns
    -------
    function
        Of the arguments of the model and, after them, v in the shape (and form) of the
        argument, or a tuple of them if argnums is one; so is the result.

    Raises
    ------
    TypeError
        As `grad` does.

    Notes
    -----
    Source: Schraudolph, Fast curvature matrix-vector products for second-order gradient
    descent, Neural Computation 14, 2002; Martens, Deep learning via Hessian-free
    optimization, ICML 2010.

    Examples
    --------
    For half of the squared errors, H = 1, and G = J^T J:

    >>> import numpy as np
    >>> from npbp import graph
    >>> X, targets = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.ones(3)
    >>> product = graph.gauss_newton_vector_product(
    ...     lambda w: X @ w, lambda y: np.sum((y - targets) ** 2) / 2
    ... )
    >>> w, v = np.array([7.0, 8.0]), np.array([1.0, 0.0])
    >>> product(w, v), X.T @ (X @ v)
    (array([35., 44.]), array([35., 44.]))
    """
    check_function("gauss_newton_vector_product", model)
    check_function("gauss_newton_vector_product", loss)
    curvature = hessian_vector_product(loss)

    def function(*args_and_v: Any, **kwargs: Any) -> Any:
        args, v = without_vector("gauss_newton_vector_product", args_and_v)
        y, J_v = jvp(partial(model, **kwargs), args, v, argnums)
        pullback = vjp(partial(model, **kwargs), *args, argnums=argnums)[1]
        return pullback(curvature(y, J_v))

    return function


def without_vector(owner: str, args_and_v: tuple) -> tuple[tuple, Any]:
    """The arguments of the function, and the vector that stands after them."""
    if len(args_and_v) < 2:
        raise TypeError(
            f"{owner}: got {len(args_and_v)} arguments, wanted those of the function and, last, "
            "the vector"
        )
    return args_and_v[:-1], args_and_v[-1]
