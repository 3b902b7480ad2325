"""The callbacks under a short name: they are written in ``npbp/training/callbacks.py``."""

from npbp.training.callbacks import *  # noqa: F403
from npbp.training.callbacks import __all__  # noqa: F401
