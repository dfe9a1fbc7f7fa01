"""What an Op says about itself: its formulas, for pages and derivation cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rule:
    r"""What an Op computes, in LaTeX, for formula pages and derivation cards.

    In the formulas ``\v{x}`` is the value of the input called x in ``forward``, ``\v{out}`` the output, ``\g{x}`` and
    ``\g{out}`` their gradients, ``\k{name}`` a setting.

    Attributes:
        forward: the output in terms of the inputs.
        backward: for each input, its gradient.
        broadcasts: whether inputs are stretched to a common shape (gradients are then summed over what was stretched).
        page: the page of the course that derives it.
        each: of an op that takes any number of inputs, the name that stands for every one of them; ``\k{i}`` is its
            place. There is one formula in ``backward`` then.
        where: formulas that hold instead where an entry of the context is true, by the name of that entry.
    """

    forward: str
    backward: tuple[str, ...]
    broadcasts: bool = False
    page: str = ""
    each: str = ""
    where: Mapping[str, str] = field(default_factory=dict, hash=False)
