"""What the class of a layer can get wrong about its weights, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from npbp.layers.checks import kind

if TYPE_CHECKING:
    from npbp.layers.base import Layer


def hidden(cls: type, name: str) -> str:
    """The message for an attribute with the name of a method of `Layer`."""
    return (
        f"{cls.__name__}: got an attribute called {name}, which hides what every layer has by this "
        f"name (see npbp.Layer.{name}): call it otherwise"
    )


def wrong_number(layer: Layer, gradients: Any) -> str:
    """The message for a ``bp_param`` that has not one gradient for each weight."""
    names = ", ".join(layer.parameter_names)
    inside = ", ".join(name for name, child in layer.children.items() if child.has_parameters)
    got = kind(gradients)
    if isinstance(gradients, dict) and gradients:
        got = f"gradients of {', '.join(map(str, gradients))}"
    if inside:
        return (
            f"{type(layer).__name__}.bp_param: got {got}, wanted a dict of what the bp_param of each "
            f"layer inside returned, by its name: {inside}"
            + (f"; and the gradients of {names}" if names else "")
        )
    return (
        f"{type(layer).__name__}.bp_param: got {got}, wanted a tuple of "
        f"{len(layer.parameter_names)} gradients, one for each of {names}"
    )


def no_bp_param(layer: Layer, inside: list[str]) -> str:
    """The message for layers with weights ``inside`` and nothing that would train them."""
    entries = ", ".join(f'"{name}": ...' for name in inside)
    return (
        f"{type(layer).__name__} has layers with weights inside and no bp_param, so nothing would "
        f"train them: write one that returns {{{entries}}}, what the bp_param of each returns for "
        "the gradient of its output"
    )


def undeclared(layer: Layer) -> str:
    """The message for a ``bp_param`` of weights that the class does not declare."""
    names = [name for name, value in vars(layer).items()
             if isinstance(value, np.ndarray) and name != "cache"]
    lines = ", ".join(f"`{name} = npbp.Parameter()`" for name in names or ["W"])
    return (
        f"{type(layer).__name__} has a bp_param and declares no weight, so nothing would be "
        f"trained: write {lines} in the body of the class, a line for each weight, before __init__"
    )
