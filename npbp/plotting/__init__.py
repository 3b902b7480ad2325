"""Charts of a training. matplotlib is imported only when something is drawn."""

from npbp.plotting.confusion import confusion
from npbp.plotting.curves import CORRECT_COLOUR, LOSS_COLOUR, curves

__all__ = ["CORRECT_COLOUR", "LOSS_COLOUR", "confusion", "curves"]
