"""The general back-propagation algorithm, for any differentiable program.

A program made of differentiable operations draws a graph as it runs; the algorithm
differentiates it, and inserts the gradients into the graph, where they can be
differentiated again.

>>> import numpy as np
>>> from npbp import graph
>>> a = graph.Variable(1.5, name="a")
>>> b = a + a
>>> c = b * b
>>> graph.general_back_propagation([a, b], c)[a]
Variable(12.0, Add)
>>> graph.grad(lambda x: np.sum(np.sin(x)))(np.array([0.0, np.pi]))
array([ 1., -1.])

Reading order:

* the algorithm: ``variable`` (a node), ``operation`` (forward and bprop),
  ``backprop`` (the table), ``forward`` (the other direction);
* ``operations/``, one kind a file, and ``protocols``: how NumPy's own functions find them;
* ``transforms/``: functions in, functions out (grad, jacobian, ...);
* ``program/``: the graph run again (evaluate, compile);
* ``pictures/``: the graph drawn;
* beside them ``bridge`` (hand-written layers in a graph), ``check`` (finite differences)
  and ``watch`` (where a NaN came from).

Source: Goodfellow, Bengio, Courville, Deep Learning, 6.5.
"""

# The order matters in one place: an operator of Variable is put there by arithmetic.
from npbp.graph.operation import Constant, Elementwise, LinearMap, Operation
from npbp.graph.variable import Variable
from npbp.graph.operations import (  # noqa: F401
    arithmetic,
    choosing,
    constants,
    convolution,
    cumulative,
    diagonals,
    differences,
    factors,
    interpolation,
    linalg,
    nanfunctions,
    norms,
    outer,
    products,
    refused,
    shaping,
    sorting,
    special,
    statistics,
)
from npbp.graph.backprop import (
    bprop,
    build_grad,
    general_back_propagation,
    get_children,
    get_consumers,
    get_inputs,
    naive_back_propagation,
    prune,
)
from npbp.graph.bridge import apply, parameters
from npbp.graph.check import CheckError, check_grads
from npbp.graph.program.compile import Program, compile
from npbp.graph.pictures.draw import draw, to_dot
from npbp.graph.operations.elementwise import relu, sigmoid, softplus
from npbp.graph.program.evaluate import evaluate
from npbp.graph.forward import general_forward_propagation
from npbp.graph.operations.indexing import at
from npbp.graph.operations.joining import array
from npbp.graph.operations.softmax import log_softmax, logsumexp, softmax
from npbp.graph.transforms.checkpoint import checkpoint
from npbp.graph.transforms.curvature import (
    gauss_newton_vector_product,
    hessian,
    hessian_vector_product,
)
from npbp.graph.transforms.gradients import (
    elementwise_grad,
    grad,
    grad_and_aux,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from npbp.graph.watch import NotFiniteError, watch

__all__ = [
    "CheckError",
    "Constant",
    "Elementwise",
    "LinearMap",
    "NotFiniteError",
    "Operation",
    "Program",
    "Variable",
    "apply",
    "array",
    "at",
    "bprop",
    "build_grad",
    "check_grads",
    "checkpoint",
    "compile",
    "draw",
    "elementwise_grad",
    "evaluate",
    "gauss_newton_vector_product",
    "general_back_propagation",
    "general_forward_propagation",
    "get_children",
    "get_consumers",
    "get_inputs",
    "grad",
    "grad_and_aux",
    "hessian",
    "hessian_vector_product",
    "jacobian",
    "jvp",
    "log_softmax",
    "logsumexp",
    "naive_back_propagation",
    "parameters",
    "prune",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "to_dot",
    "value_and_grad",
    "vjp",
    "watch",
]
