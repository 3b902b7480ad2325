"""What the losses of a training say of its learning rate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from npbp.training.history import History


def advice(history: History, classes: int) -> str:
    """A sentence if the training with softmax and cross-entropy went badly, else "".

    It is that of `too_large`; or, if nothing was learnt for a reason that the losses alone do
    not tell, one that names both ways.

    Examples
    --------
    >>> from npbp.training import History
    >>> advice(History(loss=[2.1, 0.4], correct=[0.3, 0.9]), 10)
    ''
    >>> advice(History(loss=[2.3, 2.3], correct=[0.1, 0.1]), 10)
    '0.100 correct is what guessing gives: ...'
    """
    hint = too_large(history, classes)
    if not hint and history.loss and _correct(history) <= 1 / classes + 0.05:
        hint = (f"{_correct(history):.3f} correct is what guessing gives: the learning rate may be "
                "too small or too large, try ten times as much and a tenth of it")
    return hint


def too_large(history: History, classes: int) -> str:
    """A sentence if the learning rate seems too large, else "".

    Whoever guesses, with the same probability for each of ``classes``, has the loss
    ``log(classes)``. A training that ends far above that, or above its own first epoch,
    made steps that were too large; and so did one that was far up, and ends where guessing
    does. Of training and validation the better one counts.

    Examples
    --------
    >>> from npbp.training import History
    >>> too_large(History(loss=[39.3, 24.9], correct=[0.1, 0.1]), 10)
    'the loss ended at 24.9, where guessing has 2.303: ...'
    """
    if not history.loss:
        return ""
    guessing = math.log(classes)
    first, last = history.loss[0], min([history.loss[-1], *history.validation_loss[-1:]])
    large = "the learning rate may be too large, try a tenth of it"
    if last > 2 * guessing:
        return f"the loss ended at {last:.4g}, where guessing has {guessing:.4g}: {large}"
    if last > 1.01 * first:
        return f"the loss rose from {first:.4g} to {last:.4g}: {large}"
    if first > 2 * guessing and _correct(history) <= 1 / classes + 0.05:
        return f"{_correct(history):.3f} correct is what guessing gives: {large}"
    return ""


def _correct(history: History) -> float:
    """The better one of training and validation, in the last epoch; 1 if it was not counted."""
    return max([*history.correct[-1:], *history.validation_correct[-1:]], default=1)
