"""The metrics under a short name: they are written in ``npbp/training/metrics.py``."""

from npbp.training.metrics import *  # noqa: F403
from npbp.training.metrics import __all__  # noqa: F401
