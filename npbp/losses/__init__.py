"""Losses: what makes one number of a network's scores and the targets, one a file.

Read ``base`` first, then ``mean_squared_error``, the shortest; ``softmax`` and
``softmax_cross_entropy``, the walk-through's; and the others in any order. ``correct`` counts
what is classified right; ``checks`` says what is wrong with what a loss was given.
"""

from npbp.losses.base import Loss
from npbp.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from npbp.losses.correct import correct_of, count_correct, fraction_correct
from npbp.losses.hinge import HingeLoss
from npbp.losses.huber import HuberLoss
from npbp.losses.kullback_leibler import KullbackLeiblerLoss
from npbp.losses.mean_absolute_error import MeanAbsoluteErrorLoss
from npbp.losses.mean_squared_error import MeanSquaredErrorLoss
from npbp.losses.softmax_cross_entropy import SoftmaxCrossEntropyLoss

__all__ = [
    "BinaryCrossEntropyLoss",
    "HingeLoss",
    "HuberLoss",
    "KullbackLeiblerLoss",
    "Loss",
    "MeanAbsoluteErrorLoss",
    "MeanSquaredErrorLoss",
    "SoftmaxCrossEntropyLoss",
    "correct_of",
    "count_correct",
    "fraction_correct",
]
