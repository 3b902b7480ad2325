"""What every loss has in common.

A loss stands at the end of a network. It compares what came out, the scores, with what
was wanted, the targets, and makes one number of it: J, which training makes small. Its
``bp_input`` starts the way back: it is the derivative of that number with respect to the
scores, the gradient that the last layer is given.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from npbp.layers.checks import Checked, kind
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

    `reduced` takes the mean or the sum, with weights: a forward that ends with it, as all of
    this package do, has only the loss ``l`` of each number or example to say, and ``dl/ds``.

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

    def __call__(
        self, scores: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        if sample_weight is None:  # a loss of your own need not know of it
            returned = self.forward(scores, targets)
        else:
            returned = self.forward(scores, targets, sample_weight)
        if type(returned) is not tuple or len(returned) != 2 or type(returned[1]) is not float:
            self._check_returned(returned)
        return returned

    def _check_returned(self, returned: Any) -> None:
        pair = isinstance(returned, (tuple, list)) and len(returned) == 2
        if not pair or returned[1] is None or np.ndim(returned[1]):
            got = f"(prediction, {kind(returned[1])})" if pair else kind(returned)
            raise TypeError(
                f"{type(self).__name__}.forward: got {got}, wanted (prediction, number) returned: the "
                "number is the mean of the loss over the batch, or its sum"
            )

    def reduced(
        self,
        l: np.ndarray,
        dl_ds: np.ndarray,
        w: np.ndarray | None = None,
        total: float | None = None,
    ) -> float:
        """J, from the losses ``l`` of a batch; and dJ/ds as ``self.cache``, from ``dl_ds``.

        ``l`` is ``(N,)``, a number for each example, or ``(N, ...)``, of C numbers for each::

            sum     J = sum_n w_n sum_c l_nc
            mean    J = sum_n w_n sum_c l_nc / (C sum_n w_n)        0 if all w_n are 0

        ``dl_ds`` is ``(N, ...)``, ``w`` is ``(N,)``, or None if all are 1. A loss that has the
        weights in ``l`` already says by ``total`` what their sum is. That sum is left in
        ``self.total_weight``.

        Examples
        --------
        >>> loss = Loss()
        >>> l, dl_ds = np.array([[1.0, 3.0], [6.0, 0.0]]), np.array([[4.0, 8.0], [12.0, 0.0]])
        >>> loss.reduced(l, dl_ds), loss.reduced(l, dl_ds, w=np.array([3.0, 1.0]))
        (2.5, 2.25)
        >>> loss.cache
        array([[1.5, 3. ],
               [1.5, 0. ]])
        """
        if w is not None:
            l, dl_ds, total = (l.T * w).T, (dl_ds.T * w).T, float(w.sum())  # .T: row n times w_n
        self.total_weight = total
        J = float(l.sum())
        if self.reduction == "sum":
            self.cache = dl_ds
            return J
        n = len(dl_ds) if total is None else total or math.inf
        if l.ndim > 1:
            n *= math.prod(l.shape[1:])
        self.cache = dl_ds / n
        return J / n

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """The prediction alone, without targets: the scores, unless a loss says otherwise."""
        return scores

    def correct(self, prediction: np.ndarray, targets: np.ndarray) -> tuple[int, int] | None:
        """How many predictions are right, of how many; None where nothing is right or wrong,
        as in a regression."""
        right = count_correct(prediction, targets)
        return None if right is None else (right, len(prediction))
