"""A training that is killed and goes on: the script, and the parts of its network.

Arguments: the folder of the checkpoints or "none", the file for the result, and how to die:
"never", seconds after which the process kills itself, or the name of a moment in the writing
of a checkpoint and which time it is.
"""
import os
import signal
import sys
import threading
import time

import numpy as np

import npbp
from npbp import BatchNorm1d, Buffer, Dropout, Layer, Linear, Network, ReLU, SoftmaxCrossEntropyLoss, fit
from npbp.optimizers.schedules import cosine, one_after_another, warm_up


class Noise(Layer):
    """A dropout of a student's own."""

    def __init__(self, rng):
        self.rng = rng

    def forward(self, x):
        self.cache = (self.rng.random(x.shape) > 0.3) / 0.7 if self.is_training() else np.ones(x.shape)
        return (x * self.cache).astype(x.dtype)

    def bp_input(self, grad):
        return (grad * self.cached()).astype(grad.dtype)


class Centred(Layer):
    """x - m, with a running mean m that the training moves."""

    mean = Buffer()

    def __init__(self, features):
        self.mean = np.zeros(features)

    def forward(self, x):
        if self.is_training():
            self.mean = (0.9 * self.mean + 0.1 * x.mean(axis=0)).astype(np.float32)
        return x - self.mean

    def bp_input(self, grad):
        return grad


class Adam:
    """An optimizer of a student's own: two arrays for each weight, and a rate that falls."""

    def __init__(self, alpha=0.01, pause=0.0):
        self.alpha, self.pause, self.steps, self.m, self.v = alpha, pause, 0, {}, {}

    def step(self, parameters, gradients):
        self.steps += 1
        alpha = self.alpha / (1 + 0.01 * self.steps)
        for name, W in parameters.items():
            g = gradients[name]
            self.m[name] = 0.9 * self.m.get(name, 0) + 0.1 * g
            self.v[name] = 0.99 * self.v.get(name, 0) + 0.01 * g * g
            W -= alpha * self.m[name] / (np.sqrt(self.v[name]) + 1e-6)
        time.sleep(self.pause)

    def state_dict(self):
        return {"steps": self.steps, **{f"m.{name}": m for name, m in self.m.items()},
                **{f"v.{name}": v for name, v in self.v.items()}}

    def load_state_dict(self, state):
        self.steps = state["steps"]
        self.m = {key[2:]: value for key, value in state.items() if key.startswith("m.")}
        self.v = {key[2:]: value for key, value in state.items() if key.startswith("v.")}


class SlowAdam(npbp.Adam):
    """The library's own, with a schedule; and time to be killed in, if ``pause`` is set."""

    pause = 0.0

    def __init__(self):
        super().__init__(one_after_another((warm_up(0.01, steps=30), 30), cosine(0.01, steps=300)))

    def step(self, parameters, gradients=None):
        super().step(parameters, gradients)
        time.sleep(self.pause)


class Count:
    """A callback with a state: of the steps, and of the best loss."""

    def __init__(self):
        self.batches, self.best = 0, float("inf")

    def __call__(self, network, history):
        self.best = min(self.best, history.loss[-1])

    def on_batch(self, epoch, batch, batches):
        self.batches += 1

    def state_dict(self):
        return {"batches": self.batches, "best": self.best}

    def load_state_dict(self, state):
        self.batches, self.best = state["batches"], state["best"]


def data(n, seed):
    X = np.random.default_rng(seed).integers(0, 256, (n, 4, 4), dtype=np.uint8)
    return X, (X[:, 0, 0] > X[:, 1, 1]).astype(int)


def network(rng):
    """Its generator is also in one of its two layers that draw, and in the shuffling."""
    layers = [Linear(16, 12, rng), BatchNorm1d(12), Centred(12), ReLU(), Dropout(0.3, rng), Linear(12, 8, rng),
              Noise(np.random.Generator(np.random.MT19937(4))), Linear(8, 2, rng)]
    return Network(layers, SoftmaxCrossEntropyLoss())


def training(pause=0.0, **arguments):
    """(network, history, callback) of a training with all of it."""
    rng, count = np.random.default_rng(7), Count()
    model = network(rng)
    # 1010 examples: more than one block of gathered ones, and the last batch is smaller.
    history = fit(model, data(1010, 1), data(100, 2), **{
        "epochs": 16, "batch_size": 48, "optimizer": Adam(pause=pause), "rng": rng, "callbacks": [count],
        **arguments})
    return model, history, count


def result(model, history, count):
    """All that has to be the same in the end, to the last bit."""
    lists = {name: np.array(getattr(history, name))
             for name in ("loss", "correct", "validation_loss", "validation_correct")}
    return {**model.parameters, **model.buffers, **lists, "batches": np.array(count.batches),
            "best": np.array(count.best)}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(moment, times):
    """Make a function of ``os`` kill the process when it is called that often; "after" it is done."""
    name, _, after = moment.partition(" ")
    function, calls = getattr(os, name), []

    def deadly(*arguments, **options):
        calls.append(arguments)
        if len(calls) == times and not after:
            die()
        returned = function(*arguments, **options)
        if len(calls) == times:
            die()
        return returned

    setattr(os, name, deadly)


def main(folder, file, how, times="1"):
    optimizer = SlowAdam()
    if how[0].isdigit():
        optimizer.pause = 0.005
        timer = threading.Timer(float(how), die)
        timer.daemon = True
        timer.start()
    elif how != "never":
        die_at(how, int(times))
    options = {} if folder == "none" else dict(checkpoint=folder, resume=True, checkpoint_seconds=0.004)
    np.savez(file, **result(*training(optimizer=optimizer, **options)))


if __name__ == "__main__":
    main(*sys.argv[1:])
