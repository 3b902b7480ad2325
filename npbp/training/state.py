"""Where a training stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Iterator

import numpy as np

from npbp.training.history import History
from npbp.training.totals import Totals

if TYPE_CHECKING:
    from npbp.datasets import Batches


@dataclass
class State:
    """All that the loop of `fit` itself carries from one batch to the next.

    Attributes
    ----------
    totals : Totals
        The sums over the batches of this epoch.
    epoch : int
        Which one it is; the first is 1.
    batch : int
        How many of its batches have been trained on.
    order : array or None
        The order of its examples; None if it has not been drawn yet.
    seconds : float
        How long this epoch has taken.
    stopped : bool
        Whether a callback ended the training.
    history : History
        The epochs before.
    """

    totals: Totals
    epoch: int = 1
    batch: int = 0
    order: np.ndarray | None = None
    seconds: float = 0.0
    stopped: bool = False
    history: History = field(default_factory=History)

    def batches(self, train: Batches) -> Iterator:
        """Those of this epoch that are still to come."""
        from npbp.datasets import Batches

        if type(train).__iter__ is not Batches.__iter__:
            return iter(train)  # a class of one's own: nobody else can begin within its epoch
        if self.order is None:
            self.order = train.order()
        return train.epoch(self.order, self.batch)

    def next_epoch(self, totals: Totals) -> None:
        """The epoch is in the history: on to the one after it."""
        self.totals, self.epoch = totals, self.epoch + 1
        self.batch, self.order, self.seconds = 0, None, 0.0
