"""A view -> positions, without Graphviz: for graphs with modules, and for those that it would take minutes over.

Each unit is a sheet of its own: its nodes, and the units in it as closed boxes, in columns along the computation. What
comes into a sheet or leaves it passes a port on its edge, so that each sheet is laid out once, whatever is open. Where
a unit is opened, the columns and rows of the sheet around it are stretched to make room, and everything else only moves
aside: whatever was left of something, or above it, still is. That is arithmetic: `vizgrad/player/modules.js` does it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vizgrad.draw.layout import Layout, Point, Route

SPACE = 16.0  # between nodes of a column
GAP = 36.0  # between columns
LANE = 10.0  # for an edge that passes a column
TITLE = 26.0  # above the inside of a unit
BORDER = 12.0
ARROW = 9.0
_SWEEPS = 8
_LARGE = 300  # nodes of a sheet, which is not settled to the last pixel then
_LONG = 6  # columns
_PAIR = re.compile(r"(-?[\d.]+),(-?[\d.]+)")


@dataclass
class Item:
    """Something that takes up room: a node, a closed unit, an edge that passes a column, or a port."""

    id: str
    width: float
    height: float
    rank: int = -1
    x: float = 0.0
    y: float = 0.0
    weight: float = 1.0
    across: float = 0.0  # how wide the column is, for an edge that passes it
    before: list[tuple[Item, float]] = field(default_factory=list)  # neighbour, and where the edge is on this one
    after: list[tuple[Item, float]] = field(default_factory=list)


@dataclass
class Link:
    """The part of an edge that lies in one sheet: between nodes, closed units and ports."""

    key: str
    start: str
    end: str
    tensor: str
    op: str = ""
    port: int | None = None  # of the op, where it enters one
    offset: float = 0.0  # where it enters, from the middle of the node
    inset: float = 0.0  # how far the outline is from the edge of the box there
    room: float = 0.0  # for a chip
    way: list[Item] = field(default_factory=list)
    path: str = ""
    tip: Point = (0.0, 0.0)
    label: Point = (0.0, 0.0)


class Sheet:
    """The inside of one unit, or everything that is in none; the units in it are closed."""

    def __init__(self, title: float = 0.0) -> None:
        self.items: dict[str, Item] = {}
        self.links: dict[str, Link] = {}
        self.title = title  # how wide it is; 0 for the outermost sheet, which has no frame
        self.width = self.height = 0.0

    def link(self, link: Link) -> None:
        """Enter a part of an edge; several edges of a tensor into one unit are one."""
        for id in (link.start, link.end):
            if ":" in id and id not in self.items:
                self.items[id] = Item(id, 0.0, LANE, weight=2.0)
        there = self.links.setdefault(link.key, link)
        there.room = max(there.room, link.room)

    def place(self, turn: bool = False) -> None:
        """Lay it out, from left to right or, turned, from top to bottom."""
        nodes = [item for item in self.items.values() if item.width] if turn else []
        for item in nodes:
            item.width, item.height = item.height, item.width
        self._rank()
        columns = self._columns()
        self._order(columns)
        self._settle(columns)
        self._spread(columns)
        self._frame(columns, turn)
        drawn: set[int] = set()
        for link in self.links.values():
            _route(link, self.width, drawn, (lambda x, y: (y, x)) if turn else (lambda x, y: (x, y)))
        if turn:
            for item in self.items.values():
                item.x, item.y = item.y, item.x
            for item in nodes:
                item.width, item.height = item.height, item.width
            self.width, self.height = self.height, self.width

    def _rank(self) -> None:
        """Everything as far left as what it needs allows, but leaves and ports next to their users."""
        needs: dict[str, list[str]] = {id: [] for id in self.items}
        users: dict[str, list[str]] = {id: [] for id in self.items}
        for link in self.links.values():
            needs[link.end].append(link.start)
            users[link.start].append(link.end)
        missing = {id: len(starts) for id, starts in needs.items()}
        ready = [id for id in self.items if not missing[id]]
        for id in ready:
            item = self.items[id]
            item.rank = max((self.items[start].rank + 1 for start in needs[id]), default=1)
            for end in users[id]:
                missing[end] -= 1
                if not missing[end]:
                    ready.append(end)
        for id, item in self.items.items():
            if item.rank >= 0 and not needs[id]:
                item.rank = max(min((self.items[end].rank for end in users[id]), default=1) - 1, 0)
        last = max((item.rank for item in self.items.values()), default=0)
        for id, item in self.items.items():
            if id.startswith("in:"):
                item.rank = 0
            elif id.startswith("out:"):
                item.rank = last
            item.rank = max(item.rank, 0)

    def _columns(self) -> list[list[Item]]:
        columns: list[list[Item]] = [[] for _ in range(max((i.rank for i in self.items.values()), default=0) + 1)]
        for item in self.items.values():
            columns[item.rank].append(item)
        lanes: dict[tuple[str, str, int], Item] = {}
        for link in self.links.values():
            start, end = self.items[link.start], self.items[link.end]
            link.way = [start]
            for rank in range(start.rank + 1, end.rank):
                key = (link.start, link.tensor, rank)
                if key not in lanes:
                    lanes[key] = Item(f"{link.start}>{link.tensor}>{rank}", 0.0, LANE, rank=rank, weight=4.0)
                    columns[rank].append(lanes[key])
                    _join(link.way[-1], lanes[key], 0.0)
                link.way.append(lanes[key])
            _join(link.way[-1], end, link.offset)
            link.way.append(end)
        return columns

    def _order(self, columns: list[list[Item]]) -> None:
        """Each column in the order of the middle of its neighbours, back and forth."""
        for column in columns:
            _number(column)
        for sweep in range(_SWEEPS):
            forth = sweep % 2 == 0
            for column in columns[1:] if forth else columns[-2::-1]:
                wished = {id(i): _middle(i.before if forth else i.after, i.y) for i in column}
                column.sort(key=lambda item: wished[id(item)])
                _number(column)

    def _settle(self, columns: list[list[Item]]) -> None:
        """Each node as near to the middle of its neighbours as the others of its column allow."""
        for column in columns:
            y = 0.0
            for item in column:
                item.y = y + item.height / 2
                y += item.height + SPACE
        sweeps = _SWEEPS if len(self.items) > _LARGE else 3 * _SWEEPS
        for sweep in range(sweeps):
            for column in columns if sweep % 2 == 0 else columns[::-1]:
                _relax(column, both=sweep > 1, forth=sweep % 2 == 0)
        top = min((item.y - item.height / 2 for column in columns for item in column), default=0.0)
        for column in columns:
            for item in column:
                item.y -= top
        self.height = max((item.y + item.height / 2 for column in columns for item in column), default=0.0)

    def _spread(self, columns: list[list[Item]]) -> None:
        room = [GAP] * len(columns)
        for link in self.links.values():
            if link.room and link.way[-1].rank > 0:
                room[link.way[-1].rank] = max(room[link.way[-1].rank], link.room + 2 * ARROW + 8)
        x = 0.0
        for rank, column in enumerate(columns):
            width = max((item.width for item in column), default=0.0)
            x += room[rank] if rank else 0.0
            for item in column:
                item.x = x + width / 2
                item.across = width
            x += width
        self.width = x

    def _frame(self, columns: list[list[Item]], turn: bool) -> None:
        """Make room for the frame and its title around everything."""
        if not self.title:
            return
        left, top = (BORDER + TITLE, BORDER) if turn else (BORDER, BORDER + TITLE)
        for column in columns:
            for item in column:
                item.x += left
                item.y += top
        self.width = max(self.width + left + BORDER, 0.0 if turn else self.title)
        self.height = max(self.height + top + BORDER, self.title if turn else 0.0)


def _join(start: Item, end: Item, offset: float) -> None:
    start.after.append((end, -offset))
    end.before.append((start, offset))


def _number(column: list[Item]) -> None:
    for index, item in enumerate(column):
        item.y = (index + 0.5) / len(column)


def _middle(neighbours: list[tuple[Item, float]], otherwise: float) -> float:
    if not neighbours:
        return otherwise
    # Ports are a hint that decides between equals.
    return sum(item.y - 0.001 * offset for item, offset in neighbours) / len(neighbours)


def _relax(column: list[Item], both: bool, forth: bool) -> None:
    """The places nearest to the wished ones that keep order and distances: blocks of what would overlap move as one."""
    blocks: list[list[float]] = []  # sum of weighted wishes, weight, number of items
    offset = 0.0
    offsets = []
    for index, item in enumerate(column):
        if index:
            offset += (column[index - 1].height + item.height) / 2 + _space(column[index - 1], item)
        offsets.append(offset)
        neighbours = item.before + item.after if both else item.before if forth else item.after
        weights = [_pull(item, other) for other, _ in neighbours]
        total = sum(weights)
        wish = item.y
        if total:
            wish = sum(w * (other.y - at) for w, (other, at) in zip(weights, neighbours, strict=True)) / total
        blocks.append([(wish - offset) * item.weight, item.weight, 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    index = 0
    for wishes, weight, count in blocks:
        for _ in range(int(count)):
            column[index].y = wishes / weight + offsets[index]
            index += 1


def _space(above: Item, below: Item) -> float:
    return LANE / 2 if not above.width and not below.width else SPACE


def _pull(item: Item, other: Item) -> float:
    """Long edges should be straight, above all."""
    return 8.0 if not item.width and not other.width else 0.5 if not item.width or not other.width else 1.0


def _route(link: Link, width: float, drawn: set[int], point: Callable[[float, float], Point]) -> None:
    """A curve that runs along the computation wherever it passes a column, and turns only between columns.

    Its first three points are at the height of its start, the last three at that of its end: so that either can move.
    """
    stops: list[tuple[float, float, float]] = []  # from where to where it runs straight, and at which height
    shared = 0  # stops on the way that another edge of the tensor has gone already
    for item in link.way:
        left, right, y = item.x - item.across / 2, item.x + item.across / 2, item.y
        if item is link.way[0]:
            right = item.x + item.width / 2 if item.width else right
            left = right if item.width else 0.0
        elif item is link.way[-1]:
            left = item.x - item.width / 2 if item.width else left
            right, y = left if item.width else width, y + link.offset
        else:
            if id(item) in drawn:
                shared = len(stops)
            drawn.add(id(item))
        stops.append((left, right, y))
    arrow = ARROW if link.way[-1].width else 0.0
    left, right, last = stops.pop()
    tip = (left if arrow else right) + link.inset
    if shared <= _LONG:  # else the tensor's trunk is there, and this is only the branch: files would grow without end
        shared = 0
    start, at, y = stops[shared]
    path = f"M{_at(point(start, y))} L{_at(point(at, y))}"
    hops = [*stops[shared + 1 :], (tip - arrow if arrow else left, tip - arrow, last)]
    for index, (left, right, height) in enumerate(hops):
        if abs(height - y) > 0.05 or index in (0, len(hops) - 1):
            bend = (left - at) / 2 if left > at else 20.0
            path += f" C{_at(point(at + bend, y))} {_at(point(left - bend, height))} {_at(point(left, height))}"
        if right > left or index == len(hops) - 1:
            path += f" L{_at(point(right, height))}"
        at, y = right, height
    link.path, link.tip = path, point(tip, last)
    link.label = point(tip - ARROW - link.room / 2 - 4, last)


def _at(place: Point) -> str:
    return ",".join(f"{x:.1f}".removesuffix(".0") for x in place)


# --- opening ---------------------------------------------------------------------------------------------------------


@dataclass
class Opened:
    """A sheet as it is drawn: where its frame is in the sheet around it, and how it is stretched."""

    sheet: Sheet
    x: float = 0.0
    y: float = 0.0
    across: Callable[[float], float] = float
    down: Callable[[float], float] = float
    inside: dict[str, Opened] = field(default_factory=dict)  # by the id of the unit

    @property
    def size(self) -> Point:
        return self.across(self.sheet.width), self.down(self.sheet.height)

    def pivot(self, turn: bool) -> Point:
        """What comes to lie where the middle of the closed box is: so that the way into it stays straight."""
        width, height = self.size
        first = next((item for id, item in self.sheet.items.items() if id.startswith("in:")), None)
        if not first:
            return width / 2, height / 2
        return (self.across(first.x), height / 2) if turn else (width / 2, self.down(first.y))

    def place(self, x: float, y: float) -> Point:
        """Where a place of the sheet comes to lie."""
        return self.across(x), self.down(y)

    def route(self, link: Link, turn: bool) -> tuple[str, Point]:
        """The path of an edge and its tip. Where it meets an open unit, it meets the port that leads on inside."""
        ends = [self._meets(link.start, f"out:{link.tensor}", turn), self._meets(link.end, f"in:{link.tensor}", turn)]
        count, number = link.path.count(","), iter(range(link.path.count(",")))

        def moved(pair: re.Match[str]) -> str:
            x, y = self.place(float(pair[1]), float(pair[2]))
            index = next(number)
            end = ends[0] if index < 3 else ends[1] if index >= count - 3 else None
            return _at((x, y) if end is None else (end, y) if turn else (x, end))

        tip = self.place(*link.tip)
        if ends[1] is None:
            return _PAIR.sub(moved, link.path), tip
        tip = (ends[1], tip[1]) if turn else (tip[0], ends[1])
        return _PAIR.sub(moved, link.path), tip

    def _meets(self, id: str, port: str, turn: bool) -> float | None:
        inner = self.inside.get(id)
        if not inner or port not in inner.sheet.items:
            return None
        item = inner.sheet.items[port]
        return inner.x + inner.across(item.x) if turn else inner.y + inner.down(item.y)


def opened(
    sheets: dict[str, Sheet], path: str, children: Callable[[str], Iterable[tuple[str, str]]], turn: bool
) -> Opened:
    """A sheet with units in it opened.

    Args:
        sheets: all of them, by the path of their unit.
        path: which.
        children: gives the id and path of each open unit in one.
        turn: whether it runs from top to bottom.
    """
    inside = {id: opened(sheets, child, children, turn) for id, child in children(path)}
    whole = Opened(sheets[path], inside=inside)
    across, down = [], []
    for id, inner in inside.items():
        box, (width, height), (x, y) = sheets[path].items[id], inner.size, inner.pivot(turn)
        across += [(box.x - box.width / 2, box.x, x), (box.x, box.x + box.width / 2, width - x)]
        down += [(box.y - box.height / 2, box.y, y), (box.y, box.y + box.height / 2, height - y)]
    whole.across, whole.down = _stretch(across), _stretch(down)
    for id, inner in inside.items():
        box, (x, y) = sheets[path].items[id], inner.pivot(turn)
        inner.x, inner.y = whole.across(box.x) - x, whole.down(box.y) - y
    return whole


def _stretch(spans: list[tuple[float, float, float]]) -> Callable[[float], float]:
    """Makes room along an axis: each span (from, to) becomes at least so long, and what is after it moves on."""
    cuts = sorted({end for start, stop, _ in spans for end in (start, stop)})
    extra = []
    for cut, after in itertools.pairwise([*cuts, math.inf]):
        longer = [length / (stop - start) - 1 for start, stop, length in spans if start <= cut < stop]
        extra.append((cut, after, max(0.0, *longer) if longer else 0.0))

    def moved(x: float) -> float:
        return x + sum((min(x, after) - cut) * more for cut, after, more in extra if more and x > cut)

    return moved


# --- one sheet for everything ----------------------------------------------------------------------------------------


def flat(sheet: Sheet) -> Layout:
    """A sheet without units as a layout, as Graphviz gives it."""
    layout = Layout(sheet.width, sheet.height)
    layout.nodes = {id: (item.x, item.y) for id, item in sheet.items.items()}
    layout.routes = {key: Route([], link.tip, link.label, link.path) for key, link in sheet.links.items()}
    return layout
