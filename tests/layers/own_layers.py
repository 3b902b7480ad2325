"""Layers as a student writes them: with others inside, at random, other in training than in inference."""

import numpy as np

from npbp import Buffer, Layer, Linear, Parameter, ReLU


class Pair(Layer):
    """y = relu(x W1) W2, with the layers as attributes."""

    def __init__(self, features, hidden, rng=None):
        self.first, self.relu = Linear(features, hidden, rng), ReLU()
        self.second = Linear(hidden, features, rng)

    def forward(self, x):
        return self.second(self.relu(self.first(x)))

    def bp_input(self, grad):
        return self.first.bp_input(self.relu.bp_input(self.second.bp_input(grad)))

    def bp_param(self, grad):
        grad_of_first = self.relu.bp_input(self.second.bp_input(grad))
        return {"first": self.first.bp_param(grad_of_first), "second": self.second.bp_param(grad)}

    def config(self):
        return {"features": self.first.in_features, "hidden": self.first.out_features}


class Shared(Pair):
    """The same, with the work of both gradients done once: `backward` alone."""

    def bp_input(self, grad):
        return self.backward(grad)[0]

    def bp_param(self, grad):
        return self.backward(grad)[1]

    def backward(self, grad):
        grad, d_second = self.second.backward(grad)
        grad, d_first = self.first.backward(self.relu.bp_input(grad))
        return grad, {"second": d_second, "first": d_first}


class Sum(Layer):
    """y = scale * sum_k f_k(x) + g(x): layers in a list, in a dict of tuples, and a weight of its own."""

    scale = Parameter()

    def __init__(self, branches, others):
        self.branches, self.others = list(branches), {"g": tuple(others)}
        self.scale = 0.5

    def forward(self, x):
        f = sum(branch(x) for branch in self.branches)
        self.cache = f
        return self.scale * f + sum(g(x) for g in self.others["g"])

    def backward(self, grad):
        found = {"scale": np.sum(grad * self.cached(), dtype=self.dtype)[...]}
        d_x = 0
        for k, branch in enumerate(self.branches, start=1):
            part, found[f"branches{k}"] = branch.backward(self.scale * grad)
            d_x = d_x + part
        for k, g in enumerate(self.others["g"], start=1):
            part, found[f"others.g{k}"] = g.backward(grad)
            d_x = d_x + part
        return d_x, found

    def config(self):
        return {"branches": self.branches, "others": self.others["g"]}


class Centre(Layer):
    """y = x - m + shift: m is the mean of the batch, and in inference what was seen of it."""

    shift, mean = Parameter(), Buffer()

    def __init__(self, features):
        self.features = features
        self.shift, self.mean = np.zeros(features), np.zeros(features)

    def forward(self, x):
        self.cache = x.shape, self.is_training()
        if not self.is_training():
            return x - self.mean + self.shift
        m = x.mean(axis=0)
        self.mean = 0.9 * self.mean + 0.1 * m
        return x - m + self.shift

    def bp_input(self, grad):
        shape, training = self.cached()
        grad = self.upstream(grad, shape)
        return grad - grad.mean(axis=0) if training else grad

    def bp_param(self, grad):
        return grad.sum(axis=0)

    def config(self):
        return {"features": self.features}


class Noise(Layer):
    """y = x mask, in training; in inference x."""

    def __init__(self, seed):
        self.seed, self.rng = seed, np.random.default_rng(seed)

    def forward(self, x):
        mask = self.rng.random(x.shape) < 0.7 if self.is_training() else np.ones(x.shape, bool)
        self.cache = mask
        return x * mask

    def bp_input(self, grad):
        return grad * self.cached()

    def config(self):
        return {"seed": self.seed}


OWN = (Pair, Shared, Sum, Centre, Noise)


def filled(layer, rng):
    """The layer, with weights of which none is 0."""
    for W in layer.parameters.values():
        W[...] = rng.standard_normal(W.shape)
    return layer


def counted(layer, calls, name=""):
    """Notes each call of a method of the layer and of those inside: (name, method)."""
    for place, inner in layer.walk(name):
        for method in ("forward", "bp_input", "bp_param", "backward"):
            def call(*arguments, own=getattr(inner, method), note=(place, method)):
                calls.append(note)
                return own(*arguments)
            setattr(inner, method, call)
    return layer
