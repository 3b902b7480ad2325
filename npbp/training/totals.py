"""What is summed up over the batches of an epoch.

Sums over examples and not means over batches, as the last batch may be smaller.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npbp.losses import correct_of
from npbp.network import Network

SUMS = ("loss", "examples", "correct", "counted")


class Totals:
    """The sums over a part of an epoch, of which the history has the means.

    Examples
    --------
    >>> from npbp import NeuralNet
    >>> totals = Totals(NeuralNet(4, 3, 2))
    >>> for loss, y in ((3.0, np.array([0, 1, 1])), (5.0, np.array([0]))):  # sums over a batch
    ...     totals.add(np.eye(2)[y], loss, y)
    >>> totals.means()
    (2.0, 1.0)
    """

    def __init__(self, network: Network) -> None:
        self.is_sum = getattr(network.loss, "reduction", "mean") == "sum"
        self.network = network
        self.loss, self.examples, self.correct, self.counted = 0.0, 0, 0, 0

    def add(self, prediction: np.ndarray, loss: float, y: np.ndarray) -> None:
        n, loss = len(y), float(loss)
        if not self.is_sum and getattr(self.network.loss, "total_weight", None) is not None:
            n = self.network.loss.total_weight
        self.loss += loss if self.is_sum else loss * n
        self.examples += n
        counted = correct_of(self.network.loss, prediction, y)
        if counted is None or self.correct is None:
            self.correct = None
        else:
            self.correct += counted[0]
            self.counted += counted[1]

    def means(self) -> tuple[float, float | None]:
        """The mean loss, and the fraction correct or None: there are no classes."""
        correct = None if self.correct is None else self.correct / max(self.counted, 1)
        return self.loss / self.examples, correct

    def state_dict(self) -> dict[str, Any]:
        """The sums, for a checkpoint."""
        return {name: getattr(self, name) for name in SUMS}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the sums of a checkpoint."""
        for name in SUMS:
            setattr(self, name, state[name])
