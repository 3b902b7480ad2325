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
* the operations: ``arithmetic``, ``elementwise``, ``constants``, ``reductions``,
  ``cumulative``, ``shaping``, ``joining``, ``indexing``, ``products``, ``linalg``,
  ``norms``, and ``protocols`` (how NumPy's own functions find them);
* what is built on it: ``transforms`` with ``tracing`` and ``trees`` (grad, jacobian, ...),
  ``check``, ``evaluate``, ``compile`` with ``recipes``, ``writing`` and ``lines``,
  ``draw`` with ``layout``, ``watch``, and ``bridge`` (hand-written layers in a graph).

Source: Goodfellow, Bengio, Courville, Deep Learning, 6.5.
"""

# The order matters in one place: an operator of Variable is put there by arithmetic.
from npbp.graph.operation import Constant, Elementwise, LinearMap, Operation
from npbp.graph.variable import Variable
from npbp.graph import arithmetic, constants, cumulative, linalg, norms, products, shaping  # noqa: F401
from npbp.graph.backprop import (
    bprop,
    build_grad,
    general_back_propagation,
    get_children,
    get_inputs,
    naive_back_propagation,
    prune,
)
from npbp.graph.bridge import apply, parameters
from npbp.graph.check import CheckError, check_grads
from npbp.graph.compile import Program, compile
from npbp.graph.draw import draw, to_dot
from npbp.graph.elementwise import relu, sigmoid, softplus
from npbp.graph.evaluate import evaluate
from npbp.graph.forward import general_forward_propagation
from npbp.graph.indexing import at
from npbp.graph.joining import array
from npbp.graph.reductions import log_softmax, logsumexp, softmax
from npbp.graph.transforms import (
    grad,
    hessian,
    hessian_vector_product,
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
    "compile",
    "draw",
    "evaluate",
    "general_back_propagation",
    "general_forward_propagation",
    "get_children",
    "get_inputs",
    "grad",
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
