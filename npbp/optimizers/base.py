"""What every optimizer has in common: it walks the parameters; a rule moves one array.

A rule is given ``d_W``, the gradient of one array, and a dict of arrays that it keeps from
step to step (its state); it returns a direction. Then ``W <- W - alpha * direction``. All
else is here: whose weights these are, the learning rate of the step, clipping, weight decay,
and how the state is saved.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Union

import numpy as np

from npbp.layers.checks import at_least_0, flag, kind, size
from npbp.layers.nesting import Weights
from npbp.layers.speed import aligned_copy
from npbp.optimizers import schedules, trees
from npbp.optimizers.checks import above_0, learning_rate, listed
from npbp.optimizers.clipping import clip_by_norm, clip_by_value

# So many numbers are moved at a time. An Adam step of 4 million takes 16 ms in pieces of 2^14 (each
# call of NumPy takes half a microsecond), 10.8 of 2^16, 10.0 of 2^18, 14.9 of 2^20 (too much for the
# cache) and 16.4 all at once.
PIECE = 1 << 18


class Optimizer:
    """The base of all optimizers: subclass it and write the rule for one array.

    ``rule(d_W, state, t)`` returns the direction of step ``t`` (the first is 1), in the shape
    of ``d_W``; ``start(W)`` returns the arrays, by name, that the rule keeps and changes.

    Parameters
    ----------
    alpha : float or function
        The learning rate, or a function from the number of steps made so far (0 at the first)
        to it: see `npbp.optimizers.schedules`.
    weight_decay : float
        Lambda: ``lambda W`` is added to the gradient, which then is that of ``J + lambda/2 W^2``.
        (A class that is ``decoupled`` does it otherwise: see `AdamW`.)
    decay_biases : bool
        Whether biases decay too. Of a network's parameters, the layers know which rows are none
        (`npbp.Layer.decayed`), also if ``network.parameters`` is all that a step gets. Of another
        dict or a tree, arrays of two axes or more decay.
    clip_norm, clip_value : float, optional
        The most that the length of all gradients together, or the size of each number, may be:
        see `npbp.optimizers.clipping`. First the values are clipped, then the norm; decay and
        rule come after.

    Attributes
    ----------
    steps : int
        How many were made.
    state : dict
        ``{name of parameter: {key: array}}``, from the first step on.
    decayed : dict or None
        ``{name: number of leading rows that decay}``; none of a parameter that is not in it. Set
        by a step of a network and `npbp.fit`; None as long as nobody did.

    A rule computes in the type of the weights, but in float32 for float16, where an epsilon of
    1e-8 and the square of a small gradient would be 0. A gradient that is NaN goes into the
    weights, as the formula says: there `npbp.fit` finds it.

    Raises
    ------
    ValueError, TypeError
        If an option is not as above.

    Examples
    --------
    >>> class Averaged(Optimizer):
    ...     '''Along the mean of this gradient and the one before.'''
    ...     def start(self, W):
    ...         return {"before": np.zeros_like(W)}
    ...     def rule(self, d_W, state, t):
    ...         direction = (d_W + state["before"]) / 2
    ...         state["before"][...] = d_W
    ...         return direction
    >>> optimizer, W = Averaged(alpha=0.5), np.array([1.0, 2.0])
    >>> for step in range(2):
    ...     optimizer.step({"W": W}, {"W": np.array([4.0, 0.0])})
    >>> W
    array([-2.,  2.])
    >>> optimizer, optimizer.steps
    (Averaged(alpha=0.5), 2)
    """

    elementwise = False  # True: a rule treats each number by itself, so it may get a part of them
    decoupled = False  # True: the decay does not go through the rule

    def __init__(
        self,
        alpha: Union[float, Callable[[int], float]],
        weight_decay: float = 0.0,
        decay_biases: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        owner = type(self).__name__
        self.alpha = alpha
        self.weight_decay = at_least_0(owner, "weight_decay", weight_decay)
        self.decay_biases = flag(owner, "decay_biases", decay_biases)
        self.clip_norm = None if clip_norm is None else above_0(owner, "clip_norm", clip_norm)
        self.clip_value = None if clip_value is None else above_0(owner, "clip_value", clip_value)
        self.steps = 0
        self.state: dict[str, dict[str, np.ndarray]] = {}
        self.decayed: dict[str, int] | None = None
        self._served: dict[str, np.ndarray] = {}  # weights that have been checked
        self._small = False  # is each of them one piece, that is computed in its own type?

    # ---- what a subclass writes

    def start(self, W: np.ndarray) -> dict[str, np.ndarray]:
        """The state for an array ``W`` before the first step: arrays by name, none unless written."""
        return {}

    def rule(self, d_W: np.ndarray, state: dict[str, np.ndarray], t: int) -> Any:
        """The direction of step ``t``; changes the arrays of ``state`` in place, not ``d_W``.

        Or ``(direction, factor)``, whose product it is: that saves a pass over the array, which has
        to be a new one, as it is written into.
        """
        raise NotImplementedError(f"{type(self).__name__} has no rule(d_W, state, t)")

    # ---- a step

    def step(self, parameters: Any, gradients: Any = None) -> None:
        """One step, in place, of every array of ``parameters`` along its gradient.

        Parameters
        ----------
        parameters : dict, tree or Network
            Arrays by name; or nested dicts, lists and tuples of arrays; or a network.
        gradients : dict or tree
            In the same form, as `npbp.graph.grad` returns it. Of a network they may be left
            out: then they are those of its last ``evaluate``.

        Raises
        ------
        ValueError, TypeError
            If a gradient is missing, belongs to no parameter or has another shape; if a
            parameter is no array that can be changed; if the state is that of others; if a
            schedule returns no learning rate. Nothing has been changed then.
        """
        if "_served" not in self.__dict__:
            raise TypeError(
                f"{type(self).__name__}.__init__: got no alpha and no other option passed on, wanted a line "
                "super().__init__(alpha)"
            )
        if type(parameters) is not dict or gradients is None:
            parameters, gradients = self._of_network(parameters, gradients)
        weights, gradients = self._checked(parameters, gradients)
        alpha, t = self.current_alpha, self.steps + 1
        if self.clip_value is not None:
            gradients = clip_by_value(gradients, self.clip_value)
        if self.clip_norm is not None:
            gradients = clip_by_norm(gradients, self.clip_norm)
        state, decays, move = self.state, self.weight_decay, self._move
        for name, W in weights.items():
            move(W, gradients[name], state[name], self._rows(name, W) if decays else 0, alpha, t)
        self.steps = t

    def _move(self, W: np.ndarray, d_W: np.ndarray, state: dict, rows: int, alpha: float, t: int
              ) -> None:
        """The step of one array, of which so many rows decay: of a large one piece by piece."""
        if not self.elementwise or W.ndim and W.size <= PIECE or not W.flags.c_contiguous:
            self._move_piece(W, d_W, state, rows, alpha, t)
            return
        rows *= W[0].size if W.ndim > 1 else 1
        W, d_W = W.reshape(-1), np.ascontiguousarray(d_W).reshape(-1)
        flat = {key: array.reshape(-1) for key, array in state.items()}
        for i in range(0, W.size, PIECE):
            piece = slice(i, i + PIECE)
            part = {key: array[piece] for key, array in flat.items()}
            self._move_piece(W[piece], d_W[piece], part, max(rows - i, 0), alpha, t)

    def _move_piece(self, W: np.ndarray, d_W: np.ndarray, state: dict, rows: int, alpha: float,
                    t: int) -> None:
        if d_W.dtype is not W.dtype or W.itemsize < 4:
            d_W = d_W.astype(working(W))
        if rows and not self.decoupled:
            d_W = plus_decay(d_W, W, rows, self.weight_decay)
        held = list(state.items()) if state else ()
        direction, factor = self.rule(d_W, state, t), None
        if len(state) != len(held):
            raise ValueError(
                f"{type(self).__name__}.rule: got a state of {listed(state)}, wanted the arrays that "
                f"start(W) returns, {listed(key for key, _ in held) or 'none'}: make all of them there"
            )
        for key, array in held:
            if state[key] is not array:  # state["m"] = ... is as good as in place
                array[...] = state[key]
                state[key] = array
        if type(direction) is tuple:
            direction, factor = direction
        if direction is not d_W and getattr(direction, "shape", None) != W.shape:
            raise ValueError(
                f"{type(self).__name__}.rule: got {direction!r}, wanted a direction of the shape of "
                f"d_W, {W.shape}: is a `return` missing?"
            )
        if rows and self.decoupled:
            decaying = W[:rows] if W.ndim else W
            decaying *= 1 - alpha * self.weight_decay
        if factor is None:
            W -= alpha * direction
        else:
            direction *= alpha * factor
            W -= direction

    def _rows(self, name: str, W: np.ndarray) -> int:
        """How many leading rows of ``W`` decay. (A single number is one.)"""
        if self.decay_biases:
            return len(W) if W.ndim else 1
        if self.decayed is not None:
            return self.decayed.get(name, 0)
        return len(W) if W.ndim > 1 else 0

    # ---- the learning rate

    @property
    def alpha(self) -> Union[float, Callable[[int], float]]:
        """The learning rate, or its schedule."""
        return self._alpha

    @alpha.setter
    def alpha(self, alpha: Union[float, Callable[[int], float]]) -> None:
        owner = type(self).__name__
        if isinstance(alpha, type) or any(alpha is maker for maker in schedules.MAKERS):
            raise TypeError(
                f"{owner}: got {alpha.__name__} itself as alpha, wanted what it makes, as in "
                "cosine(0.1, steps=1000)"
            )
        self._alpha = alpha if callable(alpha) else learning_rate(owner, alpha)

    @property
    def current_alpha(self) -> float:
        """The learning rate of the next step, as a number.

        Raises
        ------
        ValueError, TypeError
            If a schedule returns what is no finite number of at least 0.

        Examples
        --------
        >>> from npbp.optimizers import SGD, schedules
        >>> SGD(schedules.warm_up(0.4, steps=4)).current_alpha
        0.1
        """
        if type(self._alpha) is float:
            return self._alpha
        who = f"{type(self).__name__}, by {self._alpha!r} after {self.steps} steps"
        return learning_rate(who, self._alpha(self.steps))

    # ---- the state

    def fresh_state(self, parameters: Any) -> dict[str, dict[str, np.ndarray]]:
        """The state before a first step of a dict, tree or network: ``{name: {key: array}}``.

        Examples
        --------
        >>> from npbp.optimizers import Momentum
        >>> Momentum().fresh_state({"W": np.ones(2)})
        {'W': {'v': array([0., 0.])}}
        """
        owner = type(self).__name__
        leaves = trees.named(owner, getattr(parameters, "parameters", parameters))
        return {name: self._fresh(name, trees.weight(owner, name, W)) for name, W in leaves.items()}

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on: ``"steps"``; ``"alpha"``, or None if it is a schedule;
        and a copy of each array of the state, as ``"name of parameter/key"``.

        Examples
        --------
        >>> from npbp.optimizers import Momentum
        >>> optimizer = Momentum(alpha=0.5)
        >>> optimizer.step({"W": np.ones(2)}, {"W": np.array([3.0, 4.0])})
        >>> optimizer.state_dict()
        {'steps': 1, 'alpha': 0.5, 'W/v': array([3., 4.])}
        """
        arrays = {f"{name}/{key}": array.copy()
                  for name, state in self.state.items() for key, array in state.items()}
        return {"steps": self.steps, "alpha": None if callable(self.alpha) else self.alpha, **arrays}

    def load_state_dict(self, d: dict[str, Any], parameters: Any = None) -> None:
        """Go on where another one stood that was made with the same options: the steps to come
        are the same, to the last bit. An ``alpha`` that is a number replaces the one here.

        The arrays are compared with what ``parameters`` need (a dict, tree or network), or with
        the state that is here; if there is neither, the first step compares.

        Raises
        ------
        ValueError, TypeError
            If an array is missing, superfluous, of another shape or type, or not finite. Nothing
            has been changed then.

        Examples
        --------
        >>> from npbp.optimizers import Momentum
        >>> optimizer = Momentum(alpha=0.5)
        >>> optimizer.load_state_dict({"steps": 7, "alpha": 0.1, "W/v": np.array([3.0, 4.0])})
        >>> optimizer, optimizer.steps
        (Momentum(alpha=0.1), 7)
        """
        steps, alpha, state = self._read(d)
        if steps or state:
            self._compare(state, parameters)
        self.steps, self.state, self._served = steps, state, {}
        if alpha is not None:
            self.alpha = alpha

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_served": {}}  # a copy of the optimizer has no copy of the weights

    def __repr__(self) -> str:
        """As it is made: alpha, and the options that differ from their defaults."""
        known = {**inspect.signature(type(self).__init__).parameters}
        known.update({name: option for name, option in OPTIONS.items() if name not in known})
        shown = [f"{name}={getattr(self, name)!r}" for name, option in known.items()
                 if name == "alpha" or hasattr(self, name) and getattr(self, name) != option.default]
        return f"{type(self).__name__}({', '.join(shown)})"

    # ---- checks

    def _of_network(self, parameters: Any, gradients: Any) -> tuple[Any, Any]:
        """The parameters and gradients of a network, and which rows decay; others as they are."""
        is_network = not isinstance(parameters, trees.KINDS) and hasattr(parameters, "parameters")
        if gradients is None:
            if not is_network or not hasattr(parameters, "gradients"):
                raise TypeError(
                    f"{type(self).__name__}: got a {type(parameters).__name__} and no gradients, "
                    "wanted step(parameters, gradients) or step(network)"
                )
            gradients = parameters.gradients()
        if is_network:
            parameters = parameters.parameters
        if isinstance(parameters, Weights):
            if self.weight_decay:  # (a question of 10 us)
                self.decayed = parameters.decayed
            parameters = dict(parameters)
        return parameters, gradients

    def _checked(self, parameters: Any, gradients: Any) -> tuple[dict, dict]:
        """Both as arrays by name, that fit each other and the state."""
        if self._as_before(parameters, gradients):
            return parameters, gradients
        owner = type(self).__name__
        weights, gradients = trees.named(owner, parameters), trees.named(owner, gradients)
        if weights.keys() != gradients.keys():
            raise ValueError(trees.other_names(owner, weights, gradients))
        weights = {name: trees.weight(owner, name, W) for name, W in weights.items()}
        gradients = {name: trees.gradient(owner, name, gradients[name], W.shape)
                     for name, W in weights.items()}
        if any(self._served.get(name) is not W for name, W in weights.items()):
            self._serve(weights)
        return weights, gradients

    def _as_before(self, parameters: Any, gradients: Any) -> bool:
        """Whether these are the arrays of a step before, which have been checked, as they are in
        all steps of a training but the first; and the gradients in their form."""
        if (type(gradients) is not dict or type(parameters) not in (dict, Weights)
                or len(parameters) != len(gradients)):
            return False
        served = self._served
        for name, W in parameters.items():
            d_W = gradients.get(name)
            if (W is not served.get(name) or type(d_W) is not np.ndarray
                    or d_W.shape != W.shape or d_W.dtype is not W.dtype):
                return False
        return True

    def _serve(self, weights: dict[str, np.ndarray]) -> None:
        """A state for each weight, or a check that the one that is there is for such a weight."""
        owner = type(self).__name__
        trees.each_once(owner, weights)
        fresh = {name: self._fresh(name, W) for name, W in weights.items()}
        for name, state in fresh.items():
            held = self.state.get(name, {} if self.steps else state)
            if forms(held) != forms(state):
                raise ValueError(
                    f"{owner}: got the parameter {name} of shape {weights[name].shape} and type "
                    f"{weights[name].dtype}; the state after {self.steps} steps is that of "
                    f"{listed(self.state)}, and has {forms(held) or 'nothing'} for {name}: make a new "
                    f"{owner} for another network"
                )
        for name, state in fresh.items():
            self.state.setdefault(name, state)
        self._served = {**self._served, **weights}
        self._small = all(W.size <= PIECE and W.dtype == working(W) for W in self._served.values())

    def _fresh(self, name: str, W: np.ndarray) -> dict[str, np.ndarray]:
        started = self.start(np.asarray(W, working(W)))
        if not isinstance(started, dict):
            raise TypeError(
                f"{type(self).__name__}.start: got {kind(started)}, wanted a dict of arrays by name, {{}} if "
                "there are none: is a `return` missing?"
            )
        state = {key: aligned_copy(a, np.asarray(a).dtype) for key, a in started.items()}
        for key, array in state.items():
            if self.elementwise and array.shape != W.shape:
                raise ValueError(
                    f"{type(self).__name__}.start: got {key} of shape {array.shape} for {name}, wanted "
                    f"{W.shape}, as its rule is elementwise"
                )
        return state

    def _read(self, d: Any) -> tuple[int, float | None, dict[str, dict[str, np.ndarray]]]:
        """The steps, alpha and arrays that ``load_state_dict`` was given."""
        owner = type(self).__name__
        if not isinstance(d, dict) or not {"steps", "alpha"} <= d.keys():
            raise ValueError(f"{owner}: got no dict with steps and alpha, as state_dict() returns it")
        steps = size(owner, "steps", d["steps"], least=0)
        alpha = None if d["alpha"] is None else learning_rate(owner, d["alpha"])
        if (alpha is None) != callable(self.alpha):
            raise ValueError(
                f"{owner}: got a state with {'a schedule' if alpha is None else f'alpha={alpha}'}, "
                f"wanted one that fits alpha={self.alpha!r}"
            )
        state: dict[str, dict[str, np.ndarray]] = {}
        for path, value in d.items():
            if path not in ("steps", "alpha"):
                array = np.asarray(value)
                if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
                    raise ValueError(f"{owner}: got {path} with what is no finite number")
                name, _, key = path.rpartition("/")
                state.setdefault(name, {})[key] = aligned_copy(array, array.dtype)
        return steps, alpha, state

    def _compare(self, state: dict, parameters: Any) -> None:
        """Is it a state of these parameters; or as the one here; or at least one of this rule?"""
        if parameters is not None:
            right = self.fresh_state(parameters)
        elif self.state:
            right = self.state
        else:  # (an array of an elementwise rule has the shape of its weight)
            right = {name: self._fresh(name, next(iter(arrays.values()))) if self.elementwise else arrays
                     for name, arrays in state.items()}
        got, wanted = ({f"{name}/{key}": form for name, arrays in tree.items()
                        for key, form in forms(arrays).items()} for tree in (state, right))
        for path in [*wanted, *got]:
            if got.get(path) != wanted.get(path):
                raise ValueError(
                    f"{type(self).__name__}: got a state with {got.get(path, 'nothing')} as {path}, "
                    f"wanted {wanted.get(path, 'nothing')}: is it that of another network or optimizer?"
                )


OPTIONS = {name: option for name, option in inspect.signature(Optimizer.__init__).parameters.items()
           if name != "self"}


def working(W: np.ndarray) -> np.dtype:
    """The type in which a step of ``W`` is computed: its own, or float32 if that is wider."""
    return np.promote_types(W.dtype, np.float32)


def plus_decay(d_W: np.ndarray, W: np.ndarray, rows: int, decay: float) -> np.ndarray:
    """``d_W + decay * W``, in the leading rows: a new array."""
    total = np.multiply(W, decay, dtype=d_W.dtype)
    if W.ndim:
        total[rows:] = 0
    total += d_W
    return total


def forms(state: dict[str, np.ndarray]) -> dict[str, str]:
    """What an array of a state must keep: its shape and type, as text for messages."""
    return {key: f"{array.dtype}{list(array.shape)}" for key, array in state.items()}
