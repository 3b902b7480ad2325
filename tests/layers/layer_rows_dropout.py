import numpy as np
from layer_rows import Row

from npbp import Dropout


def dropped(p, training=True):
    """A layer whose first mask is that of the twin, and the twin."""

    def build(rng):
        return Dropout(p, np.random.default_rng(8)).train(training)

    def twin(x):
        return x * build(None)(np.ones(x.shape))

    return build, twin


def row(name, p, shape, training=True, **options):
    build, twin = dropped(p, training)
    return Row(name, build, shape, twin, **options)


ROWS = [  # an example's mask depends on where in the batch it stands
    row("Dropout, in training", 0.5, (4, 6), mixes=True),
    row("Dropout, in training, most of them", 0.8, (17,), mixes=True),
    row("Dropout, in training, none", 0, (5,)),
    row("Dropout, in inference", 0.5, (5,), training=False),
]
