"""PyTorch: its nn with autograd and SGD, and the walk-through's code with torch's products."""

from __future__ import annotations

import functools
from typing import Any, Callable

import torch

from benchmarks import mnist
from benchmarks.programs import ALPHA, DROPPED

set_threads = torch.set_num_threads


def data(examples: int) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels, _ = mnist.images_and_labels()
    return (torch.tensor(images[:examples].reshape(examples, -1)),
            torch.tensor(labels[:examples]).long())


def network(sizes: list[int], course: bool = False) -> torch.nn.Sequential:
    torch.manual_seed(0)
    layers: list = []
    for m, n in zip(sizes[:-1], sizes[1:-1]):
        layers.append(torch.nn.Linear(m, n))
        layers += [torch.nn.BatchNorm1d(n)] * course + [torch.nn.ReLU()]
        layers += [torch.nn.Dropout(DROPPED)] * course
    return torch.nn.Sequential(*layers, torch.nn.Linear(*sizes[-2:]))


def fit(sizes: list[int], batch: int, examples: int, course: bool = False) -> Callable[[], Any]:
    """nn, autograd and SGD, on tensors in memory: a DataLoader would be far slower."""
    U, Y = data(examples)
    model, loss_of = network(sizes, course), torch.nn.CrossEntropyLoss()
    if course:
        optimizer = torch.optim.Adam(model.parameters())
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=ALPHA)

    def run() -> tuple[float, float]:
        losses, right = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for rows in torch.randperm(examples).split(batch):
            X, y = U[rows].float() / 255, Y[rows]
            scores = model(X)
            loss = loss_of(scores, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses += loss.detach()  # tensors: a number is taken out once an epoch
            right += (scores.argmax(1) == y).sum()
        return losses.item() / (examples // batch), right.item() / examples

    return run


class Linear:
    """The walk-through's linear layer: the bias is the last row of W."""

    def __init__(self, m: int, n: int) -> None:
        self.W = (torch.rand(m + 1, n) * 2 - 1) * (6 / (m + 1 + n)) ** 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
        return self.x @ self.W

    def bp_input(self, grad: torch.Tensor) -> torch.Tensor:
        return grad @ self.W[:-1].T

    def bp_param(self, grad: torch.Tensor) -> torch.Tensor:
        return self.x.T @ grad


class ReLU:
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.positive = x > 0
        return x * self.positive

    def bp_input(self, grad: torch.Tensor) -> torch.Tensor:
        return grad * self.positive


class SoftmaxCrossEntropy:
    def forward(self, scores: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, float]:
        self.p, self.y = torch.softmax(scores, dim=1), y
        return self.p, -torch.log(self.p[torch.arange(len(y)), y]).mean().item()

    def bp_input(self) -> torch.Tensor:
        grad = self.p.clone()
        grad[torch.arange(len(grad)), self.y] -= 1
        return grad


def loop(sizes: list[int], batch: int, examples: int) -> Callable[[], Any]:
    """The walk-through's own code: layers by hand, without autograd."""
    torch.manual_seed(0)
    U, Y = data(examples)
    linear1, relu, linear2 = Linear(*sizes[:2]), ReLU(), Linear(*sizes[1:])
    loss_layer = SoftmaxCrossEntropy()

    def run() -> None:
        for rows in torch.randperm(examples).split(batch):
            X, y = U[rows].float() / 255, Y[rows]
            scores = linear2.forward(relu.forward(linear1.forward(X)))
            y_prob, loss = loss_layer.forward(scores, y)
            correct = (y_prob.argmax(1) == y).float().mean().item()  # noqa: F841
            grad = loss_layer.bp_input()
            d_w2 = linear2.bp_param(grad)
            d_w1 = linear1.bp_param(relu.bp_input(linear2.bp_input(grad)))
            linear1.W -= ALPHA / batch * d_w1
            linear2.W -= ALPHA / batch * d_w2

    return run


def predict(sizes: list[int], batch: int, examples: int) -> Callable[[], None]:
    model, X = network(sizes), torch.from_numpy(mnist.rows(examples))

    def run() -> None:
        with torch.inference_mode():
            for start in range(0, examples, batch):
                torch.softmax(model(X[start:start + batch]), dim=1)

    return run


def optimizer(kind: str, shapes: list[list[int]], options: dict, foreach: bool | None = None
              ) -> Callable[[], Any]:
    """A step of ``torch.optim.kind`` over arrays of these shapes."""
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(*shape)) for shape in shapes]
    for W in weights:
        W.grad = torch.randn_like(W) / 100
    return getattr(torch.optim, kind)(weights, foreach=foreach, **options).step


foreach = functools.partial(optimizer, foreach=True)


def chain(length: int) -> Callable[[], None]:
    """``length`` operations on single numbers, forward and backward, as they come (eager)."""

    def run() -> None:
        x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        y = torch.tensor(0.5, dtype=torch.float64)
        for _ in range(length // 2):
            y = y * 0.999 + x
        y.backward()

    return run
