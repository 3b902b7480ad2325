"""Softmax: probabilities from scores. The losses and the layers have one between them."""

from npbp.layers.softmax import softmax

__all__ = ["softmax"]
