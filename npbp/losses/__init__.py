"""Losses: the last layer of a network, which turns scores into one number.

A loss is called with the scores of the network and the targets, and returns
``(prediction, loss)``. Its ``bp_input`` starts the way back: it is the derivative
of the number it returned with respect to the scores.
"""

from npbp.losses.correct import count_correct, fraction_correct
from npbp.losses.softmax_cross_entropy import SoftmaxCrossEntropyLoss

__all__ = ["SoftmaxCrossEntropyLoss", "count_correct", "fraction_correct"]
