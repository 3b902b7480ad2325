"""Optimizers: how a gradient becomes a step of the weights.

Read ``sgd.py``, ``momentum.py``, ``adaptive.py`` and ``adam.py``: each rule is a few lines.
Then ``base.py``, which walks the parameters and has what the rules share; ``clipping.py``, and
``schedules.py`` for learning rates that change.
"""

from npbp.optimizers import clipping, schedules
from npbp.optimizers.adam import Adam, AdamW
from npbp.optimizers.adaptive import AdaGrad, RMSProp
from npbp.optimizers.base import Optimizer
from npbp.optimizers.checks import learning_rate
from npbp.optimizers.momentum import Momentum, Nesterov
from npbp.optimizers.sgd import SGD

__all__ = ["AdaGrad", "Adam", "AdamW", "Momentum", "Nesterov", "Optimizer", "RMSProp", "SGD",
           "clipping", "learning_rate", "schedules"]
