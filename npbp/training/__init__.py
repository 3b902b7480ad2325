"""Training: ``fit`` is the loop, a ``history`` says how it went.

Read ``fit`` and ``history`` first. ``metrics`` are what else can be counted on the way,
``callbacks`` are what is done after each epoch.
"""

from npbp.training import callbacks, metrics
from npbp.training.callbacks import (
    CsvLog,
    EarlyStopping,
    LivePlot,
    Progress,
    ReduceOnPlateau,
    SaveBest,
    Schedule,
)
from npbp.training.fit import DivergedError, fit
from npbp.training.history import History

__all__ = [
    "CsvLog",
    "DivergedError",
    "EarlyStopping",
    "History",
    "LivePlot",
    "Progress",
    "ReduceOnPlateau",
    "SaveBest",
    "Schedule",
    "callbacks",
    "fit",
    "metrics",
]
