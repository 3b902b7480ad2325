"""Optimizers: how a gradient becomes a step of the weights, one rule a file."""

from npbp.optimizers.sgd import SGD, learning_rate

__all__ = ["SGD", "learning_rate"]
