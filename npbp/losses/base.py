"""What every loss has in common.

A loss stands at the end of a network. It compares what came out, the scores, with what
was wanted, the targets, and makes one number of it: J, which training makes small. Its
``bp_input`` starts the way back: it is the derivative of that number with respect to the
scores, the gradient that the last layer is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.layers.checks import Checked
from npbp.losses.correct import count_correct


class Loss(Checked):
    """The base of all losses: subclass it and write two methods.

    ``forward(scores, targets)`` takes ``(N, ...)`` and returns ``(prediction, number)``:
    the prediction that the scores stand for, ``(N, ...)``, and the loss. It leaves in
    ``self.cache`` what the backward needs. ``bp_input(grad)`` returns ``grad`` times the
    derivative of the number with respect to the scores, in their shape.

    If the prediction is not the scores themselves, ``predict(scores)`` says what it is. A
    loss that sums over the examples, and does not take their mean, says so by an attribute
    ``reduction = "sum"``: then `npbp.fit` divides by ``N`` for its history. `correct` says
    how many of the predictions are right, if there is such a thing.

    Examples
    --------
    >>> class MeanSquaredError(Loss):
    ...     '''J = the mean of (s - t)^2;  dJ/ds = 2 (s - t) / n, for n numbers s.'''
    ...     def forward(self, scores, targets):
    ...         self.cache = scores - targets
    ...         return scores, float(np.mean(self.cache**2))
    ...     def bp_input(self, grad=1.0):
    ...         difference = self.cached()
    ...         return grad * 2 * difference / difference.size
    >>> loss = MeanSquaredError()
    >>> loss(np.array([[1.0], [5.0]]), np.array([[1.0], [3.0]]))[1]
    2.0
    >>> loss.bp_input()
    array([[0.],
           [2.]])
    """

    reduction: str = "mean"
    total_weight: float | None = None  # of the last batch's examples, if not each counted 1

    def forward(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """``(prediction, number)``, for a batch; the batch is the first axis.

        ``sample_weight`` is ``(N,)``: how much each example counts, 1 if None. A loss of your
        own that does not need it leaves the argument out.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward(scores, targets)")

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """dJ/d(scores), from ``grad`` = dJ/d(number): 1 if the number is J itself."""
        raise NotImplementedError(f"{type(self).__name__} has no bp_input(grad)")

    def __call__(self, scores: np.ndarray, targets: np.ndarray, *weight: Any) -> tuple[np.ndarray, float]:
        return self.forward(scores, targets, *weight)

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The prediction alone, without targets: the scores, unless a loss says otherwise."""
        return scores

    def correct(self, prediction: np.ndarray, targets: np.ndarray) -> tuple[int, int] | None:
        """How many predictions are right, of how many; None where nothing is right or wrong,
        as in a regression."""
        right = count_correct(prediction, targets)
        return None if right is None else (right, len(prediction))
