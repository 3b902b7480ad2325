"""What a test case of a layer is; the files `layer_rows_*.py` here have them.

`test_every_layer.py` holds what every layer promises against each of them, and
`test_agreement.py` compares its gradients with those of the general algorithm.
"""

import importlib
from pathlib import Path



class Row:
    """A layer with certain options.

    name : its class, then what is special: "Linear" or "Linear, without bias".
    build : called with a Generator, it makes one, told whether it is training if it asks.
    shape : of one example's input.
    twin : its forward once more, in NumPy style and with the formula only, as a function of
        x and its parameters in their order.
    says : what its messages begin with, if not its class: that of a layer inside.
    mixes : whether an output depends on other examples of the batch.
    at : called with (rng, shape with N), it draws an x: away from kinks, for instance.
    zero_alone : the gradients that are zero if N is 1: "bp_input", or names of parameters.
    """

    def __init__(
        self, name, build, shape, twin, says=None, mixes=False, at=None, zero_alone=()
    ):
        self.name, self.build, self.shape, self.twin = name, build, shape, twin
        self.kind = name.split(",")[0]
        self.says = says or self.kind
        self.mixes = mixes
        self.at = at or (lambda rng, shape: rng.standard_normal(shape))
        self.zero_alone = zero_alone

    def zero(self, N):
        """The gradients that are zero in a batch of N."""
        return self.zero_alone if N == 1 else ()


def random_parameters(layer, rng):
    """The layer, with weights that are no zeros and ones: a lost factor shows."""
    for W in layer.parameters.values():
        W[...] = rng.standard_normal(W.shape)
    return layer


def all_rows():
    rows = {}
    for path in sorted(Path(__file__).parent.glob("layer_rows_*.py")):
        for row in importlib.import_module(path.stem).ROWS:
            assert row.name not in rows, row.name
            rows[row.name] = row
    return rows


def left_out(base, room, rows):
    """The classes of a package that have no row, and the other way round."""
    classes = {
        name
        for name, kind in vars(room).items()
        if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    }
    assert classes and rows
    return classes ^ {row.kind for row in rows.values()}
