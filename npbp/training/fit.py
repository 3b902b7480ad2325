"""Training: forward, backward, a step; batch by batch, epoch by epoch.

`fit` is the loop that the walk-through writes by hand, with a `History` of how it
went. One step of it is three lines::

    probabilities, loss = network.loss(network.scores(X), y)      # forward
    gradients = network.gradients()                               # backward
    optimizer.step(network.parameters, gradients)                 # a step downhill
"""

from __future__ import annotations

import math
import os
import time
import warnings
from typing import TYPE_CHECKING, Any, Callable, Iterable

import numpy as np

from npbp.layers.checks import flag, kind, numbers
from npbp.losses import SoftmaxCrossEntropyLoss
from npbp.network import Network
from npbp.optimizers import SGD
from npbp.training.advice import too_large
from npbp.training.callbacks import check_callbacks
from npbp.training.checkpoint import Checkpoints, rows_before
from npbp.training.data import training_and_validation
from npbp.training.history import History
from npbp.training.metrics import Metric, as_metrics
from npbp.training.state import State
from npbp.training.totals import Totals
from npbp.training.weights import as_text, sample_weights

if TYPE_CHECKING:
    from npbp.datasets import Batches


class DivergedError(ValueError):
    """The loss is no longer a finite number.

    The message names the epoch and the batch (the first is 1), the first layer whose
    output is not finite, and the likely cause.

    Attributes
    ----------
    history : History
        The whole epochs before it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.history = History()


def fit(
    network: Network,
    train: Batches | tuple[Any, Any],
    validation: Batches | tuple[Any, Any] | float | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Any = None,
    rng: np.random.Generator | None = None,
    callbacks: Iterable[Callable[[Network, History], Any]] = (),
    metrics: Iterable[Any] | dict[str, Any] = (),
    class_weights: Any = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 30.0,
) -> History:
    """Train ``network`` in place and return how it went.

    Every step goes along the gradient of the number that ``network.loss`` returns for
    one batch: the mean over its examples, or their sum, as the loss's ``reduction``
    says. The losses of the history are means over examples in both cases.

    Parameters
    ----------
    network : Network
    train : (X, y) or Batches
        ``X`` is uint8 images ``(N, 28, 28)``, scaled to 0..1 batch by batch, or
        floating rows ``(N, in_features)``; ``y`` is integer labels ``(N,)`` or rows of
        probabilities ``(N, C)``. They are shuffled anew for each epoch. A `Batches` is
        taken as it is: its own size, order and rng count.
    validation : (X, y), Batches or a share, optional
        Measured after each epoch, in its order, never trained on. A share, such as 0.1, is
        drawn from ``train`` by its rng before the first shuffling: the same seed draws the same.
        With labels each class gives its share, to within one example, and keeps at least one.
        A second call draws anew, also examples that the first was trained on: to go on, resume.
    epochs : int
        How often to go through ``train``. 0 gives an empty history.
    batch_size : int
        Examples a step, if ``train`` is ``(X, y)``.
    optimizer : optional
        Has ``step(parameters, gradients)``, of two dicts ``{name: array}``: it changes the
        arrays of the first in place, or puts new ones there. None means
        ``SGD(network.alpha)`` if the network has an ``alpha``, as a `NeuralNet` does, and
        ``SGD(0.1)`` if not.
    rng : numpy.random.Generator, optional
        Shuffles ``train``; a fresh one if None. The same seed gives the same history.
    callbacks : functions
        Each is called as ``callback(network, history)`` at the end of each epoch. If it
        returns True, the training stops there. If it has an attribute ``on_batch``, that is
        called after each step as ``on_batch(epoch, batch, batches)``, counted from 1. See
        `npbp.callbacks` for those that there are, and for ``on_start`` and ``on_end``.
    metrics : list of metrics, or dict {name: metric}
        What else to count, such as ``[npbp.metrics.accuracy, npbp.metrics.top_k(3)]``; or functions
        of (prediction, targets) that return the mean over the examples. They are counted in
        training as ``correct`` is, and over the validation: ``history.metrics`` has both.
    class_weights : "balanced", array (C,) or dict {label: weight}, optional
        How much an example counts in the training loss, by its class. "balanced" gives each
        class the same weight in all: ``N / (C n_k)``, if ``n_k`` of ``N`` examples are of class k.
        The loss must take a ``sample_weight``. What is measured on the validation, ``correct``
        and metrics are not weighted.
    checkpoint : path of a folder, optional
        Where to keep all that the training depends on: at its start, after each epoch, and
        within one after a step when ``checkpoint_seconds`` have passed. The last two are kept.
        The optimizer, and a callback that has a state, need ``state_dict()`` and
        ``load_state_dict(state)``. NumPy's Generators are kept that are attributes, or in lists,
        tuples and dicts there, of the layers, loss, optimizer, callbacks and `Batches`.
    resume : bool
        Go on from the newest checkpoint in the folder, if there is one: after a kill at any
        moment, with the same arguments as before, it ends with weights and history (but its
        ``seconds``) equal to the last bit to those of a training that was never stopped. A
        training at its end gives its history; with more ``epochs`` it goes on, unless it was
        a callback that ended it. Without ``resume`` a folder with a checkpoint is refused.
    checkpoint_seconds : float
        See ``checkpoint``. After Ctrl-C it goes on from the last one, as after a kill.

    While it trains the layers are told that it is training, in the validation and for the
    callbacks after an epoch that it is inference; at the end each is as it was.

    Returns
    -------
    History
        Ctrl-C stops the training and also returns it, with ``interrupted`` True and the
        whole epochs so far. The network keeps the steps it has made.

    Warns
    -----
    UserWarning
        If the learning rate seems too large: the softmax cross-entropy rose, or was far up
        and ends where guessing does. If the newest checkpoint is damaged, so that it goes on
        from the one before; or was written on another machine, with another NumPy, or another
        number of threads, which may change the last digits.

    Raises
    ------
    DivergedError
        If a loss is not finite. Its ``history`` holds the epochs before.
    ValueError, TypeError
        If an argument is not as above; or, before anything is changed, if the checkpoint is
        one of another network, loss, optimizer, data, batch size or callbacks, or no file
        there can be read.
    OSError
        If a checkpoint cannot be written.

    Source: Goodfellow, Bengio, Courville, Deep Learning, 8.1.3 (batches) and 8.3.1.

    Examples
    --------
    >>> from npbp.layers import Linear
    >>> from npbp.losses import SoftmaxCrossEntropyLoss
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    >>> y = (X[:, 0] > X[:, 1]).astype(int)    # on which side of the diagonal?
    >>> network = Network([Linear(2, 2, rng=rng)], SoftmaxCrossEntropyLoss())
    >>> history = fit(network, (X, y), epochs=20, batch_size=10, rng=rng)
    >>> len(history.loss), history.correct[-1] > 0.95
    (20, True)
    """
    if not isinstance(network, Network):
        raise TypeError(f"fit: got {kind(network)} as network, wanted a Network")
    resume = flag("fit", "resume", resume)
    share, rows = validation, rows_before(checkpoint) if resume else None  # the same share again
    train, validation, rows = training_and_validation(train, validation, batch_size, rng, rows)
    metrics = as_metrics(metrics)
    weights = sample_weights(class_weights, train.y, network.loss)
    epochs = _epochs(epochs)
    if optimizer is None:
        optimizer = SGD(getattr(network, "alpha", 0.1))
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TypeError(f"fit: got {kind(optimizer)} as optimizer, wanted one such as SGD(0.1)")
    if callable(callbacks):
        raise TypeError(f"fit: got callbacks={callbacks!r}, wanted a list: callbacks=[...]")
    callbacks = tuple(callbacks or ())
    for callback in callbacks:
        if isinstance(callback, type):
            raise TypeError(f"fit: got {kind(callback)} as a callback, wanted an object of it: is a pair of "
                            f"parentheses missing, as in {callback.__name__}()?")
        if not callable(callback):
            raise TypeError(f"fit: got callbacks={callbacks!r}, wanted functions of (network, history)")
    check_callbacks(callbacks, optimizer, metrics, validation is not None)
    on_start, on_batch, on_end = (
        [getattr(callback, hook) for callback in callbacks if hasattr(callback, hook)]
        for hook in ("on_start", "on_batch", "on_end")
    )
    if hasattr(optimizer, "decayed"):  # said once, as a step is given a plain dict
        optimizer.decayed = network.chain.decayed

    state = State(Totals(network, metrics))
    history, checkpoints = state.history, None
    if checkpoint is not None:
        counted = {"the metrics": ", ".join(metrics) or "none",
                   "class_weights": as_text(class_weights),
                   "the share of validation": "none" if rows is None else str(share)}
        checkpoints = Checkpoints(checkpoint, checkpoint_seconds, network, train, validation, optimizer,
                                  callbacks, counted, rows)
        checkpoints.begin(resume, epochs, state)
    try:
        for function in on_start:
            function(network, history, epochs)
        while state.epoch <= epochs and not state.stopped:
            with network.mode(training=True):
                _train_epoch(network, train, weights, optimizer, state, on_batch, checkpoints)
            with network.mode(training=False):
                measured = _measure(network, validation, metrics, state.epoch) if validation else ()
                history._add(state.totals.means(), measured, state.seconds)
                # (In a list: if one says stop, the others are called all the same.)
                state.stopped = any([_says_stop(callback(network, history)) for callback in callbacks])
            state.next_epoch(Totals(network, metrics))
            if checkpoints is not None:
                checkpoints.write(state)
    except KeyboardInterrupt:
        history._drop_part_of_an_epoch()
        history.interrupted = True
    except DivergedError as error:
        error.history = history
        for function in on_end:
            function(network, history)
        raise
    for function in on_end:
        function(network, history)
    if isinstance(network.loss, SoftmaxCrossEntropyLoss) and network.loss.cache is not None \
            and not history.interrupted:
        _warn(history, network.loss, train.batch_size)
    return history


def _train_epoch(
    network: Network, train: Batches, weights: Callable[[np.ndarray], tuple], optimizer: Any,
    state: State, on_batch: list, checkpoints: Checkpoints | None,
) -> None:
    """A step for every batch that is still to come in this epoch."""
    epoch, totals = state.epoch, state.totals
    layers = [layer for _, layer in network.chain.walk()] if on_batch else []
    start = time.perf_counter() - state.seconds
    with np.errstate(all="ignore"):  # an overflow shows in the next loss, with its place
        for batch, (X, y) in enumerate(state.batches(train), start=state.batch + 1):
            probabilities, loss = network.loss(network.scores(X), y, *weights(y))
            if not math.isfinite(loss):
                where = f"epoch {epoch}, batch {batch}"
                raise _diverged(network, X, loss, where, no_step_yet=epoch == batch == 1)
            totals.add(probabilities, loss, y)
            held = network.parameters
            parameters = dict(held)
            optimizer.step(parameters, network.gradients())
            _take_over(held, parameters)
            for function in on_batch:
                function(epoch, batch, len(train))
            for layer in layers:  # one may have said eval(), to measure
                layer.training = True
            if checkpoints is not None and state.order is not None and checkpoints.is_due():
                state.batch, state.seconds = batch, time.perf_counter() - start
                checkpoints.write(state)
    state.seconds = time.perf_counter() - start


def _measure(
    network: Network, validation: Batches, metrics: dict[str, Metric], epoch: int
) -> tuple:
    """The means, see `Totals.means`, without a step."""
    totals = Totals(network, metrics)
    for batch, (X, y) in enumerate(validation, start=1):
        with np.errstate(all="ignore"):
            probabilities, loss = network.loss(network.scores(X), y)
            if not math.isfinite(loss):
                raise _diverged(network, X, loss, f"epoch {epoch}, validation batch {batch}")
        totals.add(probabilities, loss, y)
    return totals.means()


def _warn(history: History, loss: SoftmaxCrossEntropyLoss, batch_size: int) -> None:
    """Say so if the training went badly: a loss that does not fall goes unseen by itself."""
    hint = too_large(history, classes=loss.cached().shape[1]) if history.loss else ""
    if hint and loss.reduction == "sum":
        hint += (
            f" (the loss is a sum over a batch of {batch_size}, so alpha has to be about "
            "that much smaller than with the mean)"
        )
    if hint:  # (one that learnt nothing may well be meant: a first look, an alpha of 0)
        warnings.warn(f"fit: {hint}", stacklevel=3)


def _take_over(held: dict[str, np.ndarray], parameters: dict[str, np.ndarray]) -> None:
    """If an optimizer put another array in place of a weight, the weight takes its numbers.

    Raises
    ------
    ValueError, TypeError
        If what it left there has not the weight's shape, or is not of real numbers.
    """
    for name, W in held.items():
        new = parameters.get(name)
        if new is W:
            continue
        if getattr(new, "shape", None) != W.shape:
            raise ValueError(
                f"fit: the optimizer left {kind(new)} as {name}, wanted an array of its shape "
                f"{W.shape}"
            )
        W[...] = numbers(f"fit: what the optimizer left as {name}", new)


def _says_stop(returned: Any) -> bool:
    return isinstance(returned, (bool, np.bool_)) and bool(returned)


def _diverged(
    network: Network, X: np.ndarray, loss: float, where: str, no_step_yet: bool = False
) -> DivergedError:
    """Say where the first number that is not finite came from."""
    start = f"{where}: the loss is {loss}"
    if not np.isfinite(X).all():
        row = int(np.argmin(np.isfinite(X.reshape(len(X), -1)).all(axis=1)))
        return DivergedError(
            f"{start}, as the input X itself is not finite (row {row} of the batch): "
            "is there a NaN or an infinity in the data?"
        )
    x = X
    for name, layer in zip(network.names, network.layers):
        x = layer.forward(x)
        if not np.isfinite(x).all():
            found = f"the first output that is not finite is that of {name}, {layer!r}"
            break
    else:
        found = "the output of every layer is finite, so it is the loss that overflows"
    cause = "is alpha too large? Try a tenth of it"
    if no_step_yet:  # then alpha cannot be the cause
        cause = "no step was made yet, so look at the weights you start with and the size of X"
    return DivergedError(f"{start}; {found}: {cause}")


def _epochs(epochs: Any) -> int:
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)):
        raise TypeError(f"fit: got epochs={epochs!r}, wanted a whole number")
    if epochs < 0:
        raise ValueError(f"fit: got epochs={epochs}, wanted 0 or more")
    return int(epochs)
