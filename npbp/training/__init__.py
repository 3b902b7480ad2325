"""Training: ``fit`` is the loop, a ``history`` says how it went."""

from npbp.training.fit import DivergedError, fit
from npbp.training.history import History

__all__ = ["DivergedError", "History", "fit"]
