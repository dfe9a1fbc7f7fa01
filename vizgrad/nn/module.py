"""What a module is: a piece of a network that owns its parameters, finds them, and can save them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np

from vizgrad import _state, core, errors
from vizgrad.core import Array, TensorNode

running: list[Module] = []  # the modules whose forward is running, outermost first; drawings group ops by it


class Module:
    """A piece of a network. Derive from it, set parameters and other modules as attributes, and define ``forward``.

    Its parameters are found where they are: in its attributes, in the modules among them, and in lists, tuples and
    dicts of either. A tensor that something computed is no parameter, nor is one with ``requires_grad=False``; such a
    leaf is saved like a parameter, but not trained.

    Attributes:
        training: whether the module is being trained. Some modules, such as `Dropout`, then do something else.
        buffers: the names of the attributes that hold plain arrays to be saved along, such as running means.

    Examples:
        >>> import numpy as np, vizgrad as vg
        >>> class Scale(vg.Module):
        ...     def __init__(self):
        ...         self.factor = vg.TensorNode(2.0)
        ...     def forward(self, x):
        ...         return x * self.factor
        >>> scale = Scale()
        >>> scale(vg.TensorNode(3.0)).item()
        6.0
        >>> len(scale.parameters())
        1
    """

    # Set on the class, so that a module works whether or not, and whenever, its __init__ calls this one's.
    training: bool = True
    buffers: ClassVar[tuple[str, ...]] = ()

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        """Compute the output from the inputs; every module says how."""
        raise errors.unfinished_module(type(self).__name__)

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        running.append(self)
        try:
            return self.forward(*inputs, **settings)
        finally:
            running.pop()

    # --- what is in it -----------------------------------------------------------------------------------------------

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and the modules in it, each once, with their paths; its own path is ``prefix``."""
        return ((path, item) for path, item in _walk(self, prefix, set()) if isinstance(item, Module))

    def named_tensors(self, prefix: str = "") -> Iterator[tuple[str, TensorNode]]:
        """All leaves in this module and the modules in it, each once: the parameters, and what is not trained."""
        for path, item in _walk(self, prefix, set()):
            if isinstance(item, TensorNode) and item._source is None:
                yield path, item

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, TensorNode]]:
        """The parameters of this module and of the modules in it, each once, with paths such as ``layers.0.w``."""
        return ((path, node) for path, node in self.named_tensors(prefix) if node.requires_grad)

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, Array]]:
        """The arrays that are saved along with the parameters, with their paths."""
        for path, module in self.named_modules(prefix):
            for name in module.buffers:
                yield _join(path, name), getattr(module, name)

    def parameters(self) -> list[TensorNode]:
        """The tensors that training changes, in the order in which they were set."""
        return [node for _, node in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for node in self.parameters():
            core.forget_grad(node)

    # --- training or not ---------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Say that this module and the modules in it are being trained, as they are from the start.

        Examples:
            >>> import vizgrad as vg
            >>> net = vg.Sequential(vg.Linear(2, 8), vg.Dropout(0.5), vg.Linear(8, 2))
            >>> net.eval()[1].training
            False
        """
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Say that this module and the modules in it are being used: no dropout, and running statistics."""
        return self.train(False)

    # --- saving ------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters, other leaves and buffers, by their paths.

        Raises:
            StateError: two of them have the same path.

        Examples:
            >>> import vizgrad as vg
            >>> {path: array.shape for path, array in vg.Linear(3, 2).state_dict().items()}
            {'w': (2, 3), 'b': (2,)}
        """
        state: dict[str, Array] = {}
        for path, array in [*((path, node.value) for path, node in self.named_tensors()), *self.named_buffers()]:
            if path in state:
                raise errors.same_path(type(self).__name__, path)
            state[path] = np.array(array)
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Take over the values that another module of the same kind had. If they do not fit, nothing changes.

        Args:
            state: arrays by their paths, as `state_dict` gives them.
            strict: whether every path must be there, and no other.

        Raises:
            StateError: something is missing, unexpected, or of another shape. The message lists all of it.

        Examples:
            >>> import vizgrad as vg
            >>> one, other = vg.Linear(3, 2), vg.Linear(3, 2)
            >>> other.load_state_dict(one.state_dict())
            >>> bool((one.w.value == other.w.value).all())
            True
        """
        new = _state.fitted(type(self).__name__, self.state_dict(), state, strict)
        for path, node in self.named_tensors():
            if path in new:
                core.update(node, new[path])
        for path, module in self.named_modules():
            for name in module.buffers:
                if _join(path, name) in new:
                    setattr(module, name, new[_join(path, name)])

    def save(self, path: str | PathLike[str]) -> None:
        """Write `state_dict` to a NumPy archive (``.npz``), whole or not at all.

        Examples:
            >>> import tempfile, pathlib, vizgrad as vg
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = pathlib.Path(folder) / "layer.npz"
            ...     vg.Linear(3, 2).save(path)
            ...     vg.Linear(3, 2).load(path)
        """
        _state.write(path, self.state_dict())

    def load(self, path: str | PathLike[str], strict: bool = True) -> None:
        """Read what `save` has written. Nothing in the file is run, whoever it comes from.

        Raises:
            StateError: the file holds no saved parameters, or those of another kind of module.
            OSError: there is no such file, or it cannot be read.
        """
        self.load_state_dict(_state.read(path), strict)

    # --- text --------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        seen: dict[int, str] = {}
        return "\n".join(_tree(self, "", seen, 0))


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _parts(holder: Any, path: str = "") -> Iterator[tuple[str, TensorNode | Module]]:
    """The tensors and modules that a module holds, directly or in lists, tuples and dicts."""
    if isinstance(holder, (Module, dict)):
        items: Any = list((holder if isinstance(holder, dict) else vars(holder)).items())
    else:
        items = enumerate(holder)
    for name, item in items:
        if isinstance(item, (TensorNode, Module)):
            yield _join(path, name), item
        elif isinstance(item, (list, tuple, dict)):
            yield from _parts(item, _join(path, name))


def _walk(module: Module, path: str, seen: set[int]) -> Iterator[tuple[str, TensorNode | Module]]:
    """A module and everything in it, each once, in the order in which it was set."""
    seen.add(id(module))
    yield path, module
    for name, item in _parts(module, path):
        if id(item) in seen:
            continue
        if isinstance(item, Module):
            yield from _walk(item, name, seen)
        else:
            seen.add(id(item))
            yield name, item


def _tree(module: Module, name: str, seen: dict[int, str], depth: int) -> Iterator[str]:
    """One line for a module and each module in it: settings, number of parameters, and what it owns itself."""
    label = "  " * depth + (f"{name} " if name else "") + type(module).__name__
    if id(module) in seen:
        yield f"{label}, the same as {seen[id(module)]}"
        return
    seen[id(module)] = name or "the whole"
    settings = ", ".join(f"{key}={value!r}" for key, value in vars(module).items() if _is_setting(key, value))
    count = sum(node.value.size for _, node in module.named_parameters())
    own = [f"{path} {item.shape}" for path, item in _parts(module) if isinstance(item, TensorNode)]
    yield (
        label
        + (f"({settings})" if settings else "")
        + (f", {count:,} parameter{'s' * (count != 1)}" if count else "")
        + (": " + ", ".join(own) if own else "")
    )
    for path, item in _parts(module):
        if isinstance(item, Module):
            yield from _tree(item, path, seen, depth + 1)


def _is_setting(key: str, value: Any) -> bool:
    if isinstance(value, tuple) and value:
        return all(isinstance(item, int) for item in value)
    return key != "training" and isinstance(value, (bool, int, float, str))
