"""Draw the pictures of the graph in README.rst anew: ``python -m benchmarks.pictures``."""

from pathlib import Path

import numpy as np

from npbp import graph

FOLDER = Path(__file__).parent / "pictures"


def sum_and_square() -> None:
    """b = a + a, c = b * b: the worked example of README.rst."""
    a = graph.Variable(1.5, name="a")
    b = a + a
    b.name = "b"
    c = b * b
    c.name = "c"
    graph.draw(c, graph.general_back_propagation([a, b], c), FOLDER / "graph.png")


def two_layers() -> None:
    """A network of two layers, differentiated for its weights alone."""
    rng = np.random.default_rng(0)
    X = graph.Variable(rng.standard_normal((7, 5)), name="X")
    W1 = graph.Variable(rng.standard_normal((5, 4)), name="W1")
    W2 = graph.Variable(rng.standard_normal((4, 3)), name="W2")
    J = np.sum(np.tanh(X @ W1) @ W2)
    J.name = "J"
    graph.draw(J, graph.general_back_propagation([W1, W2], J), FOLDER / "network.png")


if __name__ == "__main__":
    sum_and_square()
    two_layers()
