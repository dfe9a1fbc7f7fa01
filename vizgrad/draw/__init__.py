"""Drawing: a Trace as the bipartite graph of tensors and ops."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vizgrad.core import TensorNode
from vizgrad.draw.dot import dot
from vizgrad.draw.modules import view
from vizgrad.draw.needs import DrawingError
from vizgrad.draw.svg import needs_graphviz, style, svg
from vizgrad.trace.model import Trace
from vizgrad.trace.recorder import snapshot

__all__ = ["Drawing", "DrawingError", "dot", "draw", "needs_graphviz", "style", "svg"]


class Drawing:
    """A drawn graph: shows itself in a notebook, and saves itself to a file."""

    def __init__(self, trace: Trace, **options: Any) -> None:
        self.trace = trace
        self._options = options

    @property
    def svg(self) -> str:
        """The drawing as SVG."""
        return svg(self.trace, **self._options)

    @property
    def dot(self) -> str:
        """The graph in the DOT language, for other Graphviz tools."""
        chosen = {key: self._options[key] for key in ("modules", "around", "steps") if key in self._options}
        return dot(self.trace, self._options.get("direction", "LR"), seen=view(self.trace, **chosen))

    def save(self, path: str | Path) -> Path:
        """Write the drawing as ``.svg`` or the graph as ``.dot``.

        Raises:
            DrawingError: another ending.
        """
        path = Path(path)
        if path.suffix not in (".svg", ".dot"):
            raise DrawingError(f"{path.name}: a drawing can be saved as .svg or .dot.")
        path.write_text(self.svg if path.suffix == ".svg" else self.dot, encoding="utf-8")
        return path

    def _repr_html_(self) -> str:
        return self.svg


def draw(
    what: TensorNode | Trace,
    *,
    direction: str = "LR",
    title: str = "",
    modules: str | Iterable[str] = "auto",
    around: str = "",
    steps: int = 3,
) -> Drawing:
    """Draw a computation graph: everything a tensor was made of, or a whole recording.

    Of a graph of more than 1,500 nodes only the part around its end is drawn.

    Args:
        what: a tensor, usually the loss, or a Trace.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom.
        title: what a screen reader calls the picture.
        modules: which modules are open: ``"open"`` all, ``"closed"`` none, or the paths of some, such as
            ``["net.layer1"]``; ``"auto"`` opens them, outermost first, while there are no more than 60 nodes.
        around: the name or id of a tensor or op; then only what is near it is drawn.
        steps: how many ops away from it.

    Raises:
        DrawingError: it is neither; there is no such node or module; or a package that drawing needs is missing.

    Returns:
        A drawing that a notebook shows, and that saves itself: ``vg.draw(loss).save("graph.svg")``.

    Examples:
        >>> import vizgrad as vg
        >>> a = vg.TensorNode(2.0, name="a")
        >>> "<svg" in vg.draw(a * a).svg
        True
    """
    if not isinstance(what, (TensorNode, Trace)):
        raise DrawingError(
            f"vg.draw was given a {type(what).__name__}. It draws what a tensor was made of, vg.draw(loss), "
            "or a recording, vg.draw(trace)."
        )
    trace = snapshot(what) if isinstance(what, TensorNode) else what
    drawing = Drawing(trace, direction=direction, title=title, modules=modules, around=around, steps=steps)
    view(trace, modules, around, steps)  # says at once what cannot be drawn
    return drawing
