"""npbp: back-propagation in pure NumPy.

The walk-through's network in seven lines, on real handwritten digits::

    import npbp
    from npbp import datasets

    data = datasets.load("mnist-sample")
    model = npbp.NeuralNet()
    for X, y in datasets.Batches(*data.train):
        y_prob, correct, loss = model.evaluate(X, y)
        model.gradient_descent()

Read ``npbp/layers`` first: a layer is a ``forward`` and two functions that pass a
gradient back.
"""

import importlib.util as _util
import pathlib as _pathlib

# In a checkout the datasets lie beside npbp/, not in it: only an install joins them.
if _util.find_spec("npbp.datasets") is None:
    raise ImportError(
        "npbp is imported from its source folder without an install: run "
        f"`pip install -e .` (pip 23.1 or newer) in {_pathlib.Path(__file__).parents[1]} first, "
        "or start Python in another folder if npbp is installed already"
    )

from npbp import callbacks, metrics
from npbp.gradcheck import GradientError, check_layer, check_loss
from npbp.layers import (
    ELU,
    GELU,
    SELU,
    BatchNorm1d,
    Buffer,
    Dropout,
    Flatten,
    HardSigmoid,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    LogSoftmax,
    PReLU,
    Parameter,
    RMSNorm,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    SiLU,
    Sigmoid,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from npbp.losses import (
    BinaryCrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KullbackLeiblerLoss,
    Loss,
    MeanAbsoluteErrorLoss,
    MeanSquaredErrorLoss,
    SoftmaxCrossEntropyLoss,
)
from npbp.network import Network, NeuralNet
from npbp.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from npbp.training import (
    CsvLog,
    DivergedError,
    EarlyStopping,
    History,
    LivePlot,
    Progress,
    ReduceOnPlateau,
    SaveBest,
    Schedule,
    fit,
)

__version__ = "0.1.0"

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "BatchNorm1d",
    "BinaryCrossEntropyLoss",
    "Buffer",
    "CsvLog",
    "DivergedError",
    "Dropout",
    "ELU",
    "EarlyStopping",
    "Flatten",
    "GELU",
    "GradientError",
    "HardSigmoid",
    "HingeLoss",
    "History",
    "HuberLoss",
    "KullbackLeiblerLoss",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LivePlot",
    "LogSoftmax",
    "Loss",
    "MeanAbsoluteErrorLoss",
    "MeanSquaredErrorLoss",
    "Momentum",
    "Nesterov",
    "Network",
    "NeuralNet",
    "Optimizer",
    "PReLU",
    "Parameter",
    "Progress",
    "RMSNorm",
    "RMSProp",
    "ReLU",
    "ReduceOnPlateau",
    "Reshape",
    "Residual",
    "SELU",
    "SGD",
    "SaveBest",
    "Schedule",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropyLoss",
    "Softplus",
    "Softsign",
    "Tanh",
    "callbacks",
    "check_layer",
    "check_loss",
    "datasets",
    "fit",
    "graph",
    "metrics",
]


def __getattr__(name):
    # Loaded when first used: training needs neither a data set of ours nor a graph.
    if name in ("datasets", "graph"):
        import importlib

        return importlib.import_module(f"npbp.{name}")
    raise AttributeError(f"module 'npbp' has no attribute {name!r}")
