"""The general back-propagation algorithm, for any differentiable program."""

from npbp.graph.operation import Constant, Elementwise, LinearMap, Operation
from npbp.graph.variable import Variable
from npbp.graph.backprop import (
    bprop,
    build_grad,
    general_back_propagation,
    get_children,
    get_inputs,
    naive_back_propagation,
    prune,
)
from npbp.graph import arithmetic
from npbp.graph.elementwise import *
from npbp.graph.reductions import *
from npbp.graph.shaping import *
from npbp.graph.indexing import *
from npbp.graph.products import *
from npbp.graph.linalg import *
from npbp.graph.transforms import *
from npbp.graph.forward import *
from npbp.graph.check import *
from npbp.graph.draw import *
from npbp.graph.watch import *
from npbp.graph.bridge import *
from npbp.graph.evaluate import *
from npbp.graph.compile import *
