"""What is summed up over the batches of an epoch.

Sums over examples and not means over batches, as the last batch may be smaller.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any, Mapping

import numpy as np

from npbp.losses import correct_of
from npbp.network import Network
from npbp.training.metrics import Metric, one_number

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
    (2.0, 1.0, {})
    """

    def __init__(self, network: Network, metrics: Mapping[str, Metric] = MappingProxyType({})) -> None:
        self.is_sum = getattr(network.loss, "reduction", "mean") == "sum"
        self.network = network
        self.loss, self.examples, self.correct, self.counted = 0.0, 0, 0, 0
        self.metrics = metrics
        self.sums: dict[str, np.ndarray] = {}  # of each metric, once there was a batch

    def add(self, prediction: np.ndarray, loss: float, y: np.ndarray) -> None:
        n, loss = len(y), float(loss)
        if getattr(self.network.loss, "total_weight", None) is not None:
            n = self.network.loss.total_weight
        self.loss += loss if self.is_sum else loss * n
        self.examples += n
        counted = correct_of(self.network.loss, prediction, y)
        if counted is None or self.correct is None:
            self.correct = None
        else:
            self.correct += counted[0]
            self.counted += counted[1]
        if self.metrics:
            self._add_metrics(prediction, y)

    def _add_metrics(self, prediction: np.ndarray, y: np.ndarray) -> None:
        ignored = getattr(self.network.loss, "ignored_label", None)
        if ignored is not None and y.ndim == 1:  # what the loss leaves out, the metrics do
            prediction, y = prediction[y != ignored], y[y != ignored]
        prediction = np.asarray(prediction).view()
        prediction.flags.writeable = False  # the backward may still need it
        for name, metric in self.metrics.items():
            sums = np.asarray(metric.sums(prediction, y), dtype=np.float64)
            if name in self.sums:
                sums = getattr(metric, "merge", np.add)(self.sums[name], sums)
            self.sums[name] = sums

    def means(self) -> tuple[float, float | None, dict[str, Any]]:
        """The mean loss, the fraction correct or None (there are no classes), and the metrics."""
        correct = None if self.correct is None else self.correct / max(self.counted, 1)
        values = {name: self.metrics[name].value(sums) for name, sums in self.sums.items()}
        loss = self.loss / self.examples if self.examples else math.nan  # none counted
        return loss, correct, {
            name: np.array(value) if np.ndim(value) else one_number(name, value)
            for name, value in values.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """The sums, for a checkpoint."""
        sums = {f"metric.{name}": sums for name, sums in self.sums.items()}
        return {**{name: getattr(self, name) for name in SUMS}, **sums}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the sums of a checkpoint.

        Raises
        ------
        ValueError
            If they are sums of other metrics.
        """
        sums = {key[7:]: value for key, value in state.items() if key.startswith("metric.")}
        if state["examples"] and sums.keys() != self.metrics.keys():
            raise ValueError(
                f"fit: got the metrics {', '.join(self.metrics) or 'none'}, wanted those that the "
                f"epoch began with: {', '.join(sums) or 'none'}"
            )
        for name in SUMS:
            setattr(self, name, state[name])
        self.sums = sums
