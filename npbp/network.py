"""Networks: a chain of layers and a loss, and the walk-through's network.

Forward, each layer's output is the next one's input. Backward, each layer's
``bp_input`` is the gradient that the layer below is given: that is all of
back-propagation, for a chain.
"""

from __future__ import annotations

import contextlib
import copy
import os
import warnings
from typing import Any, Iterable, Iterator, Sequence

import numpy as np

from npbp import model_file
from npbp import summary as tables
from npbp import trace as tracing
from npbp.layers import Layer, Linear, ReLU, Sequential, Sigmoid, Softmax
from npbp.layers.checks import flag, floating
from npbp.layers.containers import chain
from npbp.layers.nesting import Weights, fixed
from npbp.losses import (
    BinaryCrossEntropyLoss,
    KullbackLeiblerLoss,
    SoftmaxCrossEntropyLoss,
    correct_of,
)
from npbp.optimizers import learning_rate  # one place says what an alpha is
from npbp.trace import Trace


class Network:
    """A chain of layers and the loss at its end.

    Any number of threads may call `predict` at once. A training is one thread's: two that
    call ``evaluate`` and ``backprop`` on one network overwrite each other's caches and
    weights, so each takes a network of its own (``copy.deepcopy(network)``).

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the scores. Kept as the attribute ``layers``, a tuple.
    loss : Loss
        Called with the scores and the targets, it returns ``(prediction, number)``; its
        ``bp_input(grad)`` is the derivative of that number. `predict` also needs its
        ``predict(scores)``. Kept as the attribute ``loss``.

    Raises
    ------
    ValueError
        If there are no layers, if neighbours do not fit, if one layer is given twice (it
        remembers one forward only), or if one has a ``bp_param`` and declares no weight.
    TypeError
        If a layer is no `Layer`, or the loss cannot be called or has no ``bp_input``.

    Warns
    -----
    UserWarning
        If the last layer is a softmax or a sigmoid, and the loss is one that has it inside.

    Examples
    --------
    >>> from npbp import Linear, Network, ReLU, SoftmaxCrossEntropyLoss
    >>> rng = np.random.default_rng(0)
    >>> network = Network([Linear(2, 8, rng), ReLU(), Linear(8, 2, rng)], SoftmaxCrossEntropyLoss())
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
    >>> Y = np.array([0, 1, 1, 0])             # the exclusive or
    >>> for step in range(300):
    ...     probabilities, correct, loss = network.evaluate(X, Y)
    ...     network.gradient_descent(alpha=1.0)
    >>> correct
    1.0
    >>> network.predict(X).argmax(axis=1)
    array([0, 1, 1, 0])
    """

    def __init__(self, layers: Iterable[Layer], loss: Any) -> None:
        layers = chain("Network", layers)
        if isinstance(loss, (type, Layer)) or not (callable(loss) and hasattr(loss, "bp_input")):
            raise TypeError(
                f"Network: got {loss!r} as the loss, wanted an object of a class of npbp.Loss "
                "(not a layer): is a pair of parentheses missing, as in SoftmaxCrossEntropyLoss()?"
            )
        _warn_of_two(layers[-1], loss)
        self.loss = loss
        self.chain = Sequential(layers)
        self.names = self.chain.names  # such as "linear1"
        inside = list(self.chain.walk())
        # A layer of a student's own may be given another one inside at any time. If there is none
        # of that kind, all weights are known now: each training step asks for them.
        self.weighted = None
        if all(isinstance(layer, Sequential) or not layer.children for _, layer in inside):
            self.weighted = [(f"{name}.{key}", layer, key)
                             for name, layer in inside for key in layer.parameter_names]

    @fixed
    def layers(self) -> tuple[Layer, ...]:
        """The layers that it was made of, for good."""
        return self.chain.layers

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        """The weights by name, such as ``"linear1.W"``: the arrays themselves, not copies."""
        if self.weighted is None:
            return self.chain.parameters
        found = Weights({name: layer.__dict__[key] for name, layer, key in self.weighted})
        found.layer = self.chain
        return found

    @property
    def buffers(self) -> dict[str, np.ndarray]:
        """What the layers keep and do not train, such as running statistics, by name."""
        return self.chain.buffers

    def train(self, training: bool = True) -> Network:
        """Say that what follows is training: before a loop by hand, if a layer as Dropout is
        another one in inference. `npbp.fit` and ``predict`` choose by themselves."""
        self.chain.train(training)
        if self.chain.parameters.keys() != self.parameters.keys():
            raise ValueError(
                "Network: got weights in a layer that had none when the network was made, so they "
                "would not be trained: put all layers in first, then make the network"
            )
        return self

    def eval(self) -> Network:
        """Say that what follows is inference: before an ``evaluate`` that measures."""
        return self.train(False)

    @contextlib.contextmanager
    def mode(self, training: bool) -> Iterator[None]:
        """Training or inference for a while; then each layer is as it was.

        Examples
        --------
        >>> from npbp import NeuralNet
        >>> model = NeuralNet()
        >>> with model.mode(training=False):
        ...     model.layers[0].training
        False
        >>> model.layers[0].training is None   # nobody has said
        True
        """
        before = [(layer, layer.training) for _, layer in self.chain.walk()]
        self.train(training)
        try:
            yield
        finally:
            for layer, was in before:
                layer.training = was

    def scores(self, X: np.ndarray) -> np.ndarray:
        """The output of the last layer, before the loss: ``(N, ...)`` to ``(N, C)``."""
        return self.chain.forward(X)

    def evaluate(self, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, float, float]:
        """``(prediction, correct, loss)`` of a batch.

        ``X`` is ``(N, in_features)``, ``Y`` what the loss takes, such as labels ``(N,)`` or rows
        ``(N, C)``. ``prediction`` is what the scores stand for: with softmax probabilities, in a
        regression the scores themselves. ``correct`` is the fraction of the predictions that are
        right, or None where nothing is right or wrong (see `npbp.Loss.correct`). What the backward
        needs is kept, for ``backprop``.
        """
        prediction, loss = self.loss(self.scores(X), Y)
        return prediction, self.correct(prediction, Y), loss

    def correct(self, prediction: np.ndarray, Y: np.ndarray) -> float | None:
        """The fraction of the predictions that are right, or None: see `npbp.Loss.correct`."""
        counted = correct_of(self.loss, prediction, Y)
        return counted[0] / counted[1] if counted and counted[1] else None

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The prediction, such as probabilities: ``(N, in_features)`` to ``(N, C)``.

        It leaves no trace: a ``backprop`` after it, or at the same time in another
        thread, is still that of the last ``evaluate``.

        Raises
        ------
        TypeError
            If the loss has no ``predict(scores)``.
        """
        if not hasattr(self.loss, "predict"):
            raise TypeError(
                f"{type(self.loss).__name__} has no predict(scores), wanted the prediction "
                "alone, as its call returns it with the loss: it may be the scores themselves"
            )
        return self.loss.predict(self.chain.without_cache().forward(X))

    def gradients(self, grad: float = 1.0) -> dict[str, np.ndarray]:
        """The gradient of the last ``evaluate``'s loss for each weight, by name.

        ``grad`` multiplies them all: dJ/d(loss), if the loss is a part of some J. The
        gradient with respect to the input is not computed; see ``bp_input``.
        """
        if not self.chain.has_parameters:
            return {}
        found = self.chain.named(self.chain.bp_param(self.loss.bp_input(grad)))
        known = self.parameters if self.weighted is None else self.weighted
        return found if len(found) == len(known) else self.chain._complete(found, self.parameters)

    def backprop(self, grad: float = 1.0) -> dict[str, np.ndarray]:
        """The `gradients`, by the walk-through's word."""
        return self.gradients(grad)

    def bp_input(self, grad: float = 1.0) -> np.ndarray:
        """The gradient of the last ``evaluate``'s loss for its input ``X``, in its shape."""
        return self.chain.bp_input(self.loss.bp_input(grad))

    def gradient_descent(self, alpha: float) -> None:
        """One step against the gradient: ``W <- W - alpha * dJ/dW`` for every weight."""
        alpha = learning_rate("gradient_descent", alpha)
        gradients = Network.gradients(self)
        for name, W in self.parameters.items():
            W -= alpha * gradients[name]

    def trace(self, X: np.ndarray, Y: np.ndarray) -> Trace:
        """Every intermediate of one forward and one backward, by name, to look at.

        A dict: of ``"input"``, of each layer such as ``"linear1"``, with those inside such as
        ``"residual1.linear1"``, and of ``"loss"`` it has a named tuple ``(output, gradient,
        parameters)``. ``gradient`` is that of the loss with respect to the output; the loss is
        the number that ``network.loss`` returns. ``parameters`` are the gradients of the layer's
        own weights by name. Printed, it is a table with the sizes of them all.

        The layers' own methods compute it, in training or inference, as they were told, but on
        a copy: the network's weights, caches, running statistics and generators stay as they are.

        Examples
        --------
        >>> from npbp import Linear, Network, SoftmaxCrossEntropyLoss
        >>> network = Network([Linear(2, 2)], SoftmaxCrossEntropyLoss())
        >>> network.layers[0].W = [[1, 0], [0, 1], [0, 0]]
        >>> trace = network.trace([[3.0, 3.0]], [0])     # of both classes, p = 1/2
        >>> trace["linear1"].output
        array([[3., 3.]])
        >>> trace["linear1"].gradient                    # p - t
        array([[-0.5,  0.5]])
        >>> trace["linear1"].parameters["W"]             # [x 1]^T (p - t)
        array([[-1.5,  1.5],
               [-1.5,  1.5],
               [-0.5,  0.5]], dtype=float32)
        >>> trace["input"].gradient                      # (p - t) W[:-1]^T
        array([[-0.5,  0.5]])
        >>> trace
                 shape    mean   size  gradient  of weights
        input    (1, 2)      3      3       0.5
        linear1  (1, 2)      3      3       0.5        1.26
        loss     ()      0.693  0.693         1
        """
        return tracing.trace(self, X, Y)

    def summary(self, costs: bool = False, batch_size: int = 64, X: np.ndarray | None = None) -> str:
        """A table as text: layer, output shape, parameters; on request, what each costs.

        ``costs=True`` adds, of each layer in a training,

        * the bytes that it keeps for the backward of a batch. An array that two layers keep is
          counted below, and the one above says whose it is;
        * the multiply-adds of one example, forward and backward: the products that are added up
          in a product of matrices. "?" if a layer of your own has no ``multiply_adds(shape)``.
          For the lowest weights no gradient of the input is computed, and nothing below them;
        * the measured time, forward and backward, in microseconds. What stands around the
          layers, such as the loss and the step, is not in it.

        Parameters
        ----------
        costs : bool
        batch_size : int
            Of the batch of random numbers that the layers are measured with.
        X : array, optional
            A batch to measure with in its place, where the layers do not tell its shape.

        Raises
        ------
        ValueError, TypeError
            If ``X`` is needed and missing, or an argument is not as above.

        Examples
        --------
        >>> from npbp import NeuralNet
        >>> print(NeuralNet().summary())
        layer                    output shape  parameters
        linear1 Linear(784, 32)  (N, 32)           25,120
        relu1   ReLU()           (N, 32)                0
        linear2 Linear(32, 10)   (N, 10)              330
        loss    SoftmaxCrossEntropyLoss('sum')
        total                                      25,450
        >>> print(NeuralNet().summary(costs=True))
                                                             bytes  multiply-adds ...
        layer                    output shape  parameters     kept        forward  backward ...
        linear1 Linear(784, 32)  (N, 32)           25,120  200,704         25,088    25,088 ...
        relu1   ReLU()           (N, 32)                0    8,192              0         0 ...
        linear2 Linear(32, 10)   (N, 10)              330    8,192            320       640 ...
        loss    SoftmaxCrossEntropyLoss('sum')
        total                                      25,450  217,088         25,408    25,728 ...
        ...
        """
        if not flag("Network.summary", "costs", costs):
            if X is not None:
                raise TypeError("Network.summary: got X, which is to measure with: summary(costs=True, X=X)")
            return tables.table(self)
        return tables.table_of_costs(self, batch_size, X)

    def astype(self, dtype: Any) -> Network:
        """A copy of the network whose weights have the floating type ``dtype``."""
        floating(dtype)
        twin = type(self).__new__(type(self))
        twin.__dict__.update(self.__dict__)
        Network.__init__(twin, self.chain.astype(dtype).layers, copy.deepcopy(self.loss))
        return twin

    # ---- files

    def config(self) -> dict[str, Any]:
        """What ``save`` writes beside the weights: how to make this network again."""
        layers = [model_file.recipe(layer) for layer in self.layers]
        return {"layers": layers, "loss": model_file.recipe(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any], known: dict[str, type]) -> Network:
        """The network that ``config`` tells of, with its weights at a fresh start."""
        layers = [known[name](**arguments) for name, arguments in config["layers"]]
        name, arguments = config["loss"]
        return cls(layers, known[name](**arguments))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights and structure to ``path`` as a NumPy ``.npz`` file, whole or not at all.

        Raises
        ------
        TypeError
            If a layer or loss of your own could not be made again: its ``config()`` has to
            return the arguments of its ``__init__``, as plain numbers and strings.
        ValueError
            If all these arguments together take more than a million letters, or there are
            more than ten thousand layers.
        OSError
            If ``path`` cannot be written to; what is there stays as it is.
        """
        model_file.save(self, path)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], layers: Sequence[type] = (), finite: bool = True
    ) -> Network:
        """The network that ``save`` wrote to ``path``.

        ``layers`` are your own classes of layers or losses, if the network has any, and of
        what is inside of them. Weights that are NaN or infinite, as after a training that
        diverged, are refused unless ``finite`` is False: nothing good comes of them.
        The file is read without pickle, so that it cannot run code, and takes no more
        memory than it has bytes for.

        Raises
        ------
        ValueError
            If the file is no such network, or has weights that are not finite; the message
            says which file and why.
        TypeError
            If ``path`` is no path, or ``layers`` are no classes.
        OSError
            If it cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> from npbp import NeuralNet, Network
        >>> model = NeuralNet(4, 3, 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(folder + "/model.npz")
        ...     again = Network.load(folder + "/model.npz")
        >>> again
        NeuralNet(input_size=4, hidden_size=3, output_size=2, alpha=0.001)
        >>> bool((again.w1 == model.w1).all())
        True
        """
        networks = {kind.__name__: kind for kind in (Network, NeuralNet, cls)}
        return model_file.load(path, layers, networks, flag("Network.load", "finite", finite))

    def __repr__(self) -> str:
        return f"Network([{', '.join(map(repr, self.layers))}], {self.loss!r})"


def _warn_of_two(last: Layer, loss: Any) -> None:
    """A loss that is taken from scores does to them what the last layer has done already."""
    for layer, losses in ((Softmax, (SoftmaxCrossEntropyLoss, KullbackLeiblerLoss)),
                          (Sigmoid, (BinaryCrossEntropyLoss,))):
        if isinstance(last, layer) and isinstance(loss, losses):
            name = layer.__name__
            warnings.warn(
                f"Network: got {name}() before {type(loss).__name__}, which does that itself: leave "
                f"{name}() out, as twice it trains, only worse", stacklevel=3)


class NeuralNet(Network):
    """The walk-through's network: linear, ReLU, linear, softmax with cross-entropy.

    As in the walk-through, the loss that ``evaluate`` reports is the mean over the
    batch, and the gradient that ``gradient_descent`` steps along is that of the sum
    (there, ``Y_prob - Y`` is multiplied by ones, not by ``1/N``). The same steps are
    ``alpha * N`` with the gradient of the mean: ``alpha * 64`` at a batch of 64.

    Parameters
    ----------
    input_size, hidden_size, output_size : int
        Numbers of pixels, hidden units and classes.
    alpha : float
        The learning rate of ``gradient_descent``.
    rng : numpy.random.Generator, optional
        Draws the start of the weights.

    Raises
    ------
    ValueError, TypeError
        If a size is no whole number of at least 1, or ``alpha`` no learning rate.

    Examples
    --------
    >>> from npbp import NeuralNet
    >>> rng = np.random.default_rng(0)
    >>> model = NeuralNet(rng=rng)
    >>> X = rng.random((64, 784), dtype=np.float32)
    >>> y = rng.integers(0, 10, 64)
    >>> y_prob, correct, loss = model.evaluate(X, y)
    >>> d_w1, d_w2 = model.backprop()
    >>> d_w1.shape, d_w2.shape
    ((785, 32), (33, 10))
    >>> model.gradient_descent()               # w1 -= alpha * d_w1; w2 -= alpha * d_w2
    >>> model.evaluate(X, y)[2] < loss
    True
    """

    def __init__(
        self,
        input_size: int = 784,
        hidden_size: int = 32,
        output_size: int = 10,
        alpha: float = 0.001,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = np.random.default_rng(rng)
        self.alpha = learning_rate("NeuralNet", alpha)
        super().__init__(
            [Linear(input_size, hidden_size, rng), ReLU(), Linear(hidden_size, output_size, rng)],
            SoftmaxCrossEntropyLoss(reduction="sum"),
        )

    @property
    def w1(self) -> np.ndarray:
        """The first linear layer's ``W``, ``(input_size + 1, hidden_size)``."""
        return self.layers[0].W

    @property
    def w2(self) -> np.ndarray:
        """The second linear layer's ``W``, ``(hidden_size + 1, output_size)``."""
        return self.layers[2].W

    def evaluate(self, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, float, float]:
        """``(probabilities, correct, loss)``; the loss is the mean over the batch."""
        probabilities, correct, total = super().evaluate(X, Y)
        return probabilities, correct, total / len(probabilities)

    def backprop(self, grad: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """``(d_w1, d_w2)``: the gradients of the loss summed over the batch."""
        d_w1, d_w2 = super().backprop(grad).values()
        return d_w1, d_w2

    def gradient_descent(self, alpha: float | None = None) -> None:
        """One step along the gradient of the sum, with the network's ``alpha`` unless given."""
        super().gradient_descent(self.alpha if alpha is None else alpha)

    def config(self) -> dict[str, Any]:
        first, _, last = self.layers
        return {
            "input_size": first.in_features,
            "hidden_size": first.out_features,
            "output_size": last.out_features,
            "alpha": self.alpha,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], known: dict[str, type]) -> NeuralNet:
        return cls(**config)

    def __repr__(self) -> str:
        return f"NeuralNet({', '.join(f'{k}={v!r}' for k, v in self.config().items())})"
