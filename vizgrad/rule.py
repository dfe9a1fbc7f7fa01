"""What an Op says about itself: its formulas, for pages and derivation cards."""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    forward: str
    backward: tuple[str, ...]
    broadcasts: bool = False
    page: str = ""
