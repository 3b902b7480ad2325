"""What the losses of a training say of its learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npbp.training.history import History


def advice(history: History, classes: int) -> str:
    """A sentence if the training with softmax and cross-entropy went badly, else "".

    Whoever guesses, with the same probability for each of ``classes``, has the loss
    ``log(classes)``. A training that ends far above that, or above its own first epoch,
    made steps that were too large. One that ends where guessing does has learnt
    nothing, for a reason that the losses alone do not tell, unless they were far up before.
    Of training and validation the better one counts.

    Examples
    --------
    >>> from npbp.training import History
    >>> advice(History(loss=[2.1, 0.4], correct=[0.3, 0.9]), 10)
    ''
    >>> advice(History(loss=[39.3, 24.9], correct=[0.1, 0.1]), 10)
    'the loss ended at 24.9, where guessing has 2.303: the learning rate may be too large, try a tenth of it'
    """
    if not history.loss:
        return ""
    guessing = math.log(classes)
    first, last = history.loss[0], min([history.loss[-1], *history.validation_loss[-1:]])
    correct = max([*history.correct[-1:], *history.validation_correct[-1:]], default=1)
    large = "the learning rate may be too large, try a tenth of it"
    if last > 2 * guessing:
        return f"the loss ended at {last:.4g}, where guessing has {guessing:.4g}: {large}"
    if last > 1.01 * first:
        return f"the loss rose from {first:.4g} to {last:.4g}: {large}"
    if correct > 1 / classes + 0.05:
        return ""
    nothing = f"{correct:.3f} correct is what guessing gives"
    if first > 2 * guessing:
        return f"{nothing}: {large}"
    return (f"{nothing}: the learning rate may be too small or too large, try ten times as much "
            "and a tenth of it")
