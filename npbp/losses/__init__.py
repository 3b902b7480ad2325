"""Losses: what makes one number of a network's scores and the targets, one a file.

Read ``base`` first, then ``softmax`` and ``softmax_cross_entropy``. ``correct`` counts what
is classified right.
"""

from npbp.losses.base import Loss
from npbp.losses.correct import correct_of, count_correct, fraction_correct
from npbp.losses.softmax_cross_entropy import SoftmaxCrossEntropyLoss

__all__ = ["Loss", "SoftmaxCrossEntropyLoss", "correct_of", "count_correct", "fraction_correct"]
