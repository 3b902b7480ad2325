"""JAX: a whole epoch compiled into one program, a ``lax.scan`` over the steps."""

from __future__ import annotations

from typing import Any, Callable

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import mnist
from benchmarks.programs import ALPHA
from benchmarks.programs.with_numpy import weights


def scores(parameters: list, x: jax.Array) -> jax.Array:
    for i, (W, b) in enumerate(parameters):
        x = x @ W + b
        if i < len(parameters) - 1:
            x = jax.nn.relu(x)
    return x


def loss_and_correct(parameters: list, x: jax.Array, y: jax.Array) -> tuple:
    s = scores(parameters, x)
    log_p = jax.nn.log_softmax(s)
    loss = -jnp.take_along_axis(log_p, y[:, None], 1).mean()
    return loss, (s.argmax(1) == y).mean()


def fit(sizes: list[int], batch: int, examples: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    images, labels, _ = mnist.images_and_labels()
    U = jnp.asarray(images[:examples].reshape(examples, -1))            # bytes, on the device
    Y = jnp.asarray(labels[:examples].astype(np.int32))
    parameters = [(jnp.asarray(W[:-1]), jnp.asarray(W[-1])) for W in weights(sizes, rng)]

    @jax.jit
    def epoch(parameters: list, U: jax.Array, Y: jax.Array, order: jax.Array) -> tuple:
        def step(parameters: list, rows: jax.Array) -> tuple:
            x, y = U[rows].astype(jnp.float32) / 255, Y[rows]
            found, gradients = jax.value_and_grad(loss_and_correct, has_aux=True)(parameters, x, y)
            descend = lambda W, d_W: W - ALPHA * d_W  # noqa: E731
            return jax.tree_util.tree_map(descend, parameters, gradients), found

        return jax.lax.scan(step, parameters, order)

    def run() -> tuple[float, float]:
        nonlocal parameters
        order = rng.permutation(examples)[:examples // batch * batch].reshape(-1, batch)
        parameters, (loss, correct) = epoch(parameters, U, Y, order)
        return float(loss.mean()), float(correct.mean())  # waits until all is computed

    return run
