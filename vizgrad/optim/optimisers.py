r"""Optimisers: how a gradient becomes a change of the parameters.

Each carries its ``rule`` in LaTeX, with ``\v{p}`` for the parameter, ``\g{p}`` for its gradient and ``\k{...}`` for a
setting, or for what the optimiser remembers from the step before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from vizgrad import _state, core, errors
from vizgrad.core import Array, TensorNode

Memory: TypeAlias = dict[str, Any]


class Optimiser:
    """What all optimisers share. One of your own defines ``moved``, and says what it ``remembers``.

    Args:
        parameters: the tensors to change.
        lr: the learning rate, how far a step goes.
        **settings: other numbers that are 0 or more; each becomes an attribute.

    Attributes:
        parameters: the tensors to change, each once.
        memory: what is remembered from step to step, for each parameter: ``t``, the number of its steps, and arrays.
        remembers: the names of these arrays.
        rule: the new value in LaTeX.

    Raises:
        SettingError: there are no parameters, or a setting is out of its range.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> class SignDescent(vg.optim.Optimiser):
        ...     def moved(self, value, gradient, memory):
        ...         return value - self.lr * np.sign(gradient)
        >>> w = vg.TensorNode([3.0, -4.0])
        >>> (w * w).sum().backward()
        >>> SignDescent([w], lr=0.5).step()
        >>> w.value
        array([ 2.5, -3.5])
    """

    rule: str = ""
    remembers: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[TensorNode], lr: float, **settings: float) -> None:
        self.parameters = _distinct(type(self).__name__, parameters)
        self.memory: list[Memory] = [{"t": 0} for _ in self.parameters]
        self.lr = lr
        self.settings = tuple(settings)
        for name, value in settings.items():
            setattr(self, name, self._number(name, value))

    @property
    def lr(self) -> float:
        """The learning rate, which schedules change."""
        return self._lr

    @lr.setter
    def lr(self, new: float) -> None:
        self._lr = self._number("lr", new)

    def moved(self, value: Array, gradient: Array, memory: Memory) -> Array:
        """The new value of a parameter; what the next step needs goes into ``memory``.

        Both are new arrays: what forward saved in a graph still alive must not change under it, and recordings show
        what was remembered before.
        """
        raise errors.unfinished_optimiser(type(self).__name__)

    def step(self) -> None:
        """Move every parameter that has a gradient, once. The others stay where they are, and remember nothing."""
        failed: list[str] = []
        with np.errstate(over="call", invalid="call", divide="call", call=lambda kind, _: failed.append(kind)):
            for node, memory in zip(self.parameters, self.memory, strict=True):
                if node._grad is None:
                    continue
                memory["t"] += 1
                shown = self.shown(memory) if core.observers else {}
                new = self.moved(node._value, node._grad, memory)
                core.update(node, np.asarray(new, dtype=node.dtype), rule=self.rule, **shown)
        if failed:
            errors.update_failed(type(self).__name__, self.lr)

    def shown(self, memory: Memory) -> dict[str, Any]:
        """The numbers that the rule speaks of, before a parameter is moved."""
        settings = {name: getattr(self, name) for name in ("lr", *self.settings)}
        return {**settings, "t": memory["t"], **{name: memory.get(name, 0.0) for name in self.remembers}}

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for node in self.parameters:
            core.forget_grad(node)

    def state_dict(self) -> dict[str, Array]:
        """Copies of the learning rate and of what is remembered, by names such as ``lr`` and ``0.velocity``.

        ``np.savez(path, **optimiser.state_dict())`` keeps them in a file.

        Examples:
            >>> import vizgrad as vg
            >>> w = vg.TensorNode(3.0)
            >>> optimiser = vg.SGD([w], lr=0.1, momentum=0.9)
            >>> (w * w).backward()
            >>> optimiser.step()
            >>> {name: float(value) for name, value in optimiser.state_dict().items()}
            {'lr': 0.1, '0.t': 1.0, '0.velocity': 6.0}
        """
        state = {"lr": np.array(self.lr)}
        for place, memory in enumerate(self.memory):
            state |= {f"{place}.{name}": np.array(value) for name, value in memory.items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another optimiser of the same kind has stopped. If the values do not fit, nothing changes.

        Raises:
            StateError: something is missing, unexpected, or of another shape. The message lists all of it.
        """
        held = {"lr": np.array(self.lr)}
        for place, node in enumerate(self.parameters):
            held[f"{place}.t"] = np.array(0)
            if np.any(state.get(f"{place}.t", 0) != 0):  # it has had a step, so there are arrays
                held |= {f"{place}.{name}": node._value for name in self.remembers}
        new = _state.fitted(type(self).__name__, held, state, strict=True)
        self.lr = float(new.pop("lr"))
        self.memory = [{} for _ in self.parameters]
        for name, value in new.items():
            index, key = name.split(".")
            self.memory[int(index)][key] = int(value) if key == "t" else value

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name):g}" for name in ("lr", *self.settings))
        return f"{type(self).__name__}({settings}) of {len(self.parameters)} tensors"

    def _number(self, name: str, value: Any) -> float:
        """A setting as a Python number, beside which a float32 array stays float32."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number < math.inf:
            raise errors.bad_setting(type(self).__name__, name, value, "a number that is 0 or more")
        return number

    def _check_below_one(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) >= 1:
                raise errors.bad_setting(type(self).__name__, name, getattr(self, name), "0 or more, and below 1")


class SGD(Optimiser):
    """Gradient descent: each parameter moves against its gradient g, ``p <- p - lr * g``.

    With momentum, the gradients of earlier steps still have a part in the change: a velocity is kept,
    ``v <- momentum * v + g``, and ``p <- p - lr * v``. That is PyTorch's form. In the ``classical`` form the learning
    rate is inside, ``v <- momentum * v - lr * g`` and ``p <- p + v``. Both go the same way while the learning rate
    stays the same; when it changes, the classical form keeps the speed that it has.

    (Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; for Nesterov's form Sutskever,
    Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", 2013.)

    Args:
        parameters: the tensors to change.
        lr: the learning rate, the length of a step relative to the gradient.
        momentum: which part of the velocity is kept.
        dampening: which part of a gradient is left out of the velocity; as in PyTorch, the first goes in whole.
        weight_decay: this times p is added to the gradient, which pulls p towards 0.
        nesterov: look one step ahead: p moves by what the *next* velocity would be if g stayed the same.
        classical: keep the velocity in the classical form.

    Raises:
        SettingError: there are no parameters, or a setting is out of its range.

    Examples:
        >>> import vizgrad as vg
        >>> w = vg.TensorNode(3.0)
        >>> (w * w).backward()
        >>> vg.SGD([w], lr=0.1).step()
        >>> float(w.value)  # 3 - 0.1 * 6
        2.4
    """

    rule = r"\v{p} \leftarrow \v{p} - \k{lr} \cdot \g{p}"
    momentum: float
    dampening: float
    weight_decay: float

    def __init__(
        self,
        parameters: Iterable[TensorNode],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        classical: bool = False,
    ) -> None:
        super().__init__(parameters, lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay)
        if nesterov and not momentum:
            raise errors.bad_setting("SGD", "momentum", momentum, "above 0 where nesterov is wanted")
        if dampening and (nesterov or classical):
            raise errors.bad_setting("SGD", "dampening", dampening, "0 in the nesterov and the classical form")
        self.nesterov = nesterov
        self.classical = classical
        if momentum:
            self.remembers = ("velocity",)
        self.rule = self._rule()

    def moved(self, value: Array, gradient: Array, memory: Memory) -> Array:
        gradient = _decayed(gradient, value, self.weight_decay)
        if not self.momentum:
            return _sum(-self.lr * gradient, value)
        velocity = self.momentum * memory.get("velocity", 0.0)
        if self.classical:
            velocity -= self.lr * gradient
        else:
            velocity += (1 - self._dampening(memory)) * gradient
        memory["velocity"] = velocity
        if self.classical:
            return value + (self.momentum * velocity - self.lr * gradient if self.nesterov else velocity)
        return _sum(-self.lr * (gradient + self.momentum * velocity if self.nesterov else velocity), value)

    def shown(self, memory: Memory) -> dict[str, Any]:
        return {**super().shown(memory), "dampening": self._dampening(memory)}

    def _dampening(self, memory: Memory) -> float:
        return self.dampening if memory["t"] > 1 else 0.0

    def _rule(self) -> str:
        gradient = _decayed_symbol(self.weight_decay)
        if not self.momentum:
            return _rule(r"- \k{lr} \cdot GRADIENT", gradient)
        if self.classical:
            velocity = r"\k{momentum} \cdot \k{velocity} - \k{lr} \cdot GRADIENT"
            ahead = rf"+ \k{{momentum}} \cdot ({velocity}) - \k{{lr}} \cdot GRADIENT"
            return _rule(ahead if self.nesterov else f"+ {velocity}", gradient)
        damped = r"(1 - \k{dampening}) \cdot GRADIENT" if self.dampening else "GRADIENT"
        velocity = rf"(\k{{momentum}} \cdot \k{{velocity}} + {damped})"
        ahead = rf"(GRADIENT + \k{{momentum}} \cdot {velocity})"
        return _rule(r"- \k{lr} \cdot " + (ahead if self.nesterov else velocity), gradient)


class RMSprop(Optimiser):
    """Steps of about the same length for every entry: the gradient is divided by its running root mean square.

    ``v <- alpha * v + (1 - alpha) * g ** 2`` and ``p <- p - lr * g / (sqrt(v) + eps)``. As v begins with 0, the first
    step is lr / sqrt(1 - alpha) long: with alpha 0.99 ten times the learning rate. (Hinton, "Neural networks for
    machine learning", lecture 6e, 2012; for the centered form Graves, "Generating sequences with recurrent neural
    networks", 2013, equations 38 to 41.)

    Args:
        parameters: the tensors to change.
        lr: the learning rate.
        alpha: which part of v is kept at each step, below 1.
        eps: keeps the step small where the gradients are almost 0.
        weight_decay: this times p is added to the gradient.
        momentum: with it, a velocity is kept: ``b <- momentum * b + g / (sqrt(v) + eps)`` and ``p <- p - lr * b``.
        centered: divide by the standard deviation of the gradient, for which its running mean is kept, too.

    Raises:
        SettingError: there are no parameters, or a setting is out of its range.

    Examples:
        >>> import vizgrad as vg
        >>> w = vg.TensorNode([3.0, 100.0])
        >>> (w * w).sum().backward()
        >>> vg.RMSprop([w], lr=0.01).step()
        >>> w.value
        array([ 2.9, 99.9])
    """

    alpha: float
    eps: float
    weight_decay: float
    momentum: float

    def __init__(
        self,
        parameters: Iterable[TensorNode],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(parameters, lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)
        self._check_below_one("alpha")
        self.centered = centered
        self.remembers = ("v",) + ("mean",) * centered + ("velocity",) * bool(momentum)
        square = r"\k{alpha} \cdot \k{v} + (1 - \k{alpha}) \cdot GRADIENT^2"
        if centered:
            square += r" - (\k{alpha} \cdot \k{mean} + (1 - \k{alpha}) \cdot GRADIENT)^2"
        step = rf"GRADIENT \oslash (\sqrt{{{square}}} + \k{{eps}})"
        if momentum:
            step = rf"(\k{{momentum}} \cdot \k{{velocity}} + {step})"
        self.rule = _rule(rf"- \k{{lr}} \cdot {step}", _decayed_symbol(self.weight_decay))

    def moved(self, value: Array, gradient: Array, memory: Memory) -> Array:
        gradient = _decayed(gradient, value, self.weight_decay)
        v = memory["v"] = _running(memory.get("v", 0.0), gradient**2, self.alpha)
        if self.centered:
            mean = memory["mean"] = _running(memory.get("mean", 0.0), gradient, self.alpha)
            v = np.maximum(v - mean**2, 0)  # rounding takes a variance of 0 below 0
        spread = np.sqrt(v)
        spread += self.eps
        step = gradient / spread
        if self.momentum:
            step += self.momentum * memory.get("velocity", 0.0)
            memory["velocity"] = step
        return _sum(-self.lr * step, value)


class Adam(Optimiser):
    """RMSprop with momentum, both without the false start: steps of about the same length for every entry.

    Two running means are kept, of the gradient and of its square: ``m <- beta1 * m + (1 - beta1) * g`` and
    ``v <- beta2 * v + (1 - beta2) * g ** 2``. Both begin with 0, and so are too small at first, after t steps by the
    factors ``1 - beta1 ** t`` and ``1 - beta2 ** t``. Divided by these, they make the step:
    ``p <- p - lr * m / (sqrt(v) + eps)``. (Kingma and Ba, "Adam: a method for stochastic optimization", 2015,
    algorithm 1.)

    Args:
        parameters: the tensors to change.
        lr: the learning rate; the first step is as long as this.
        betas: which part of m, and of v, is kept at each step, below 1.
        eps: keeps the step small where the gradients are almost 0.
        weight_decay: this times p is added to the gradient.

    Raises:
        SettingError: there are no parameters, or a setting is out of its range.

    Examples:
        >>> import vizgrad as vg
        >>> w = vg.TensorNode([3.0, 100.0])
        >>> (w * w).sum().backward()
        >>> vg.Adam([w], lr=0.1).step()
        >>> w.value
        array([ 2.9, 99.9])
    """

    remembers = ("m", "v")
    beta1: float
    beta2: float
    eps: float
    weight_decay: float

    def __init__(
        self,
        parameters: Iterable[TensorNode],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=weight_decay)
        self._check_below_one("beta1", "beta2")
        self.rule = _rule(rf"- \k{{lr}} \cdot {_ADAM}", _decayed_symbol(self.weight_decay))

    def moved(self, value: Array, gradient: Array, memory: Memory) -> Array:
        return _sum(self.step_by(_decayed(gradient, value, self.weight_decay), memory), value)

    def step_by(self, gradient: Array, memory: Memory) -> Array:
        """What a gradient adds to its parameter."""
        m = memory["m"] = _running(memory.get("m", 0.0), gradient, self.beta1)
        v = memory["v"] = _running(memory.get("v", 0.0), gradient**2, self.beta2)
        spread = np.sqrt(v)
        spread /= math.sqrt(1 - self.beta2 ** memory["t"])
        spread += self.eps
        step: Array = m / spread
        step *= -self.lr / (1 - self.beta1 ** memory["t"])
        return step


class AdamW(Adam):
    """Adam whose weight decay does not go through the running means: ``p <- p - lr * weight_decay * p``, then Adam.

    In Adam the pull towards 0 is divided by the gradient's size like all of the gradient, and is weakest where the
    gradients are large; here it is the same for all entries. (Loshchilov and Hutter, "Decoupled weight decay
    regularization", 2019, algorithm 2.)

    Args:
        parameters: the tensors to change.
        lr: the learning rate.
        betas: which part of m, and of v, is kept at each step, below 1.
        eps: keeps the step small where the gradients are almost 0.
        weight_decay: which part of p is taken away at each step, in units of the learning rate.

    Raises:
        SettingError: there are no parameters, or a setting is out of its range.

    Examples:
        >>> import vizgrad as vg
        >>> w = vg.TensorNode([3.0, 100.0])
        >>> (w * w).sum().backward()
        >>> vg.AdamW([w], lr=0.1, weight_decay=0.1).step()
        >>> w.value  # 0.99 * 3 - 0.1, 0.99 * 100 - 0.1
        array([ 2.87, 98.9 ])
    """

    def __init__(
        self,
        parameters: Iterable[TensorNode],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)
        decay = r"- \k{lr} \cdot \k{weight_decay} \cdot \v{p} " if self.weight_decay else ""
        self.rule = _rule(rf"{decay}- \k{{lr}} \cdot {_ADAM}", r"\g{p}")

    def moved(self, value: Array, gradient: Array, memory: Memory) -> Array:
        step = self.step_by(gradient, memory)
        return _sum(step, value * (1 - self.lr * self.weight_decay) if self.weight_decay else value)


class Adamax(Adam):
    """Adam with the largest gradient of late in the place of the root mean square.

    ``m <- beta1 * m + (1 - beta1) * g``, ``u <- max(beta2 * u, |g| + eps)`` and, as m is too small at first,
    ``p <- p - lr / (1 - beta1 ** t) * m / u``. (Kingma and Ba, "Adam: a method for stochastic optimization", 2015,
    algorithm 2, with PyTorch's eps.)

    Args:
        parameters: the tensors to change.
        lr: the learning rate; the first step is as long as this.
        betas: which part of m, and of u, is kept at each step, below 1.
        eps: keeps the step small where the gradients are almost 0.
        weight_decay: this times p is added to the gradient.

    Raises:
        SettingError: there are no parameters, or a setting is out of its range.

    Examples:
        >>> import vizgrad as vg
        >>> w = vg.TensorNode([3.0, 100.0])
        >>> (w * w).sum().backward()
        >>> vg.Adamax([w], lr=0.1).step()
        >>> w.value
        array([ 2.9, 99.9])
    """

    remembers = ("m", "u")

    def __init__(
        self,
        parameters: Iterable[TensorNode],
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)
        mean = r"(\k{beta1} \cdot \k{m} + (1 - \k{beta1}) \cdot GRADIENT)"
        largest = r"\max(\k{beta2} \cdot \k{u}, |GRADIENT| + \k{eps})"
        step = rf"\frac{{\k{{lr}}}}{{1 - \k{{beta1}}^{{\k{{t}}}}}} \cdot {mean} \oslash {largest}"
        self.rule = _rule(f"- {step}", _decayed_symbol(self.weight_decay))

    def step_by(self, gradient: Array, memory: Memory) -> Array:
        m = memory["m"] = _running(memory.get("m", 0.0), gradient, self.beta1)
        u = memory["u"] = np.maximum(self.beta2 * memory.get("u", 0.0), np.abs(gradient) + self.eps)
        step: Array = m / u
        step *= -self.lr / (1 - self.beta1 ** memory["t"])
        return step


# --- what they share ---------------------------------------------------------------------------------------------

# `+=` below is on an array that the line before has made: making arrays costs most where they are large.

_ADAM = (
    r"\frac{\k{beta1} \cdot \k{m} + (1 - \k{beta1}) \cdot GRADIENT}{1 - \k{beta1}^{\k{t}}} \oslash "
    r"(\sqrt{\frac{\k{beta2} \cdot \k{v} + (1 - \k{beta2}) \cdot GRADIENT^2}{1 - \k{beta2}^{\k{t}}}} + \k{eps})"
)


def _sum(step: Array, value: Array) -> Array:
    step += value
    return step


def _running(mean: Array | float, new: Array, kept: float) -> Array:
    """A running mean after one more array."""
    result: Any = kept * mean
    result += (1 - kept) * new
    return result


def _decayed(gradient: Array, value: Array, decay: float) -> Array:
    """The gradient with that of the penalty decay / 2 * (sum of squares of the value) added."""
    return gradient + decay * value if decay else gradient


def _decayed_symbol(decay: float) -> str:
    return r"(\g{p} + \k{weight_decay} \cdot \v{p})" if decay else r"\g{p}"


def _rule(change: str, gradient: str) -> str:
    return rf"\v{{p}} \leftarrow \v{{p}} {change.replace('GRADIENT', gradient)}"


def _distinct(optimiser: str, parameters: Iterable[TensorNode]) -> list[TensorNode]:
    """The parameters, each once, if they are tensors that an optimiser can change."""
    if isinstance(parameters, TensorNode) or not isinstance(parameters, Iterable):
        raise errors.not_parameters(optimiser, parameters)
    distinct: dict[int, TensorNode] = {}
    for node in parameters:
        if not isinstance(node, TensorNode):
            raise errors.not_parameters(optimiser, node)
        if node._source is not None:
            raise errors.computed_parameter(optimiser, node)
        distinct[id(node)] = node
    if not distinct:
        raise errors.no_parameters(optimiser)
    return list(distinct.values())
