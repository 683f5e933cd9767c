"""Where boxes and arrows of a drawing stand: Graphviz's `dot`, one call for what lies directly in a box, the innermost first.

No arrow of a workflow crosses the border of a container, so a container is laid out by itself and is then a box of its size in
the picture around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra.local.drawing.text import shown, width
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from workflow_engine.compiler.reports.drawing import Arrow, Box, Drawing

NAME_SIZE: Final = 14
NOTE_SIZE: Final = 11
LINE: Final = 16
PADDING: Final = 12
GAP: Final = 12
_LEAST_WIDTH: Final = 96
_POINTS_AN_INCH: Final = 72

Point = tuple[int, int]


class NoLayoutError(Exception):
    """The layout library is not installed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """A part of a box: its corner inside of that, its size, and what it holds."""

    title: str
    at: Point
    size: Point
    layout: Layout


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box with its upper left corner and its size in pixels."""

    box: Box
    at: Point
    size: Point
    parts: tuple[PlacedPart, ...]


@dataclass(frozen=True, slots=True)
class PlacedArrow:
    """An arrow as the control points of a chain of cubic Bezier curves, from border to border."""

    arrow: Arrow
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing with places; `size` holds all of it. Pixels, from the upper left corner."""

    size: Point
    boxes: tuple[PlacedBox, ...]
    arrows: tuple[PlacedArrow, ...]


def lay_out(drawing: Drawing) -> Layout:
    """A drawing with a place for everything, without what runs after a failure. Raises NoLayoutError."""
    parts = [_parts(box) for box in drawing.boxes]
    sizes = [_size(box, inner) for box, inner in zip(drawing.boxes, parts, strict=True)]
    plain = _dot(sizes, [(arrow.source, arrow.target) for arrow in drawing.arrows])
    return Layout(
        plain.size,
        tuple(PlacedBox(*fields) for fields in zip(drawing.boxes, plain.corners, sizes, parts, strict=True)),
        tuple(PlacedArrow(*fields) for fields in zip(drawing.arrows, plain.curves, strict=True)),
    )


def _head_height(box: Box) -> int:
    return PADDING + LINE * (1 + len(box.notes))


def _parts(box: Box) -> tuple[PlacedPart, ...]:
    """The parts of a box, side by side below its name."""
    placed = []
    left, top = PADDING, _head_height(box) + PADDING // 2
    for part in box.parts:
        layout = lay_out(part.drawing)
        title = shown(part.title)
        size = (
            max(layout.size[0], width(title, NOTE_SIZE)) + 2 * PADDING,
            layout.size[1] + 2 * PADDING + (LINE if title else 0),
        )
        placed.append(PlacedPart(title, (left, top), size, layout))
        left += size[0] + GAP
    return tuple(placed)


def _size(box: Box, parts: tuple[PlacedPart, ...]) -> Point:
    text = max(width(shown(box.name), NAME_SIZE), *(width(shown(note), NOTE_SIZE) for note in box.notes))
    inner = sum(part.size[0] for part in parts) + GAP * (len(parts) - 1) if parts else 0
    below = max((part.size[1] for part in parts), default=0)
    height = _head_height(box) + PADDING + (below if parts else -LINE // 4)
    return max(_LEAST_WIDTH, text + 2 * PADDING, inner + 2 * PADDING), height


@dataclass(frozen=True, slots=True)
class _Places:
    size: Point
    corners: list[Point]
    curves: list[tuple[Point, ...]]


def _dot(sizes: list[Point], edges: list[tuple[int, int]]) -> _Places:
    """What Graphviz makes of boxes of these sizes: its `plain` output (https://graphviz.org/docs/outputs/plain/) in pixels.

    Boxes have no texts there, so that no font has a say in where they stand.
    """
    graph = _graph()
    graph.node_attr.update(shape="box", fixedsize="true", label="")
    graph.edge_attr.update(arrowhead="none")
    for i, (wide, high) in enumerate(sizes):
        graph.add_node(f"n{i}", width=f"{wide / _POINTS_AN_INCH:.4f}", height=f"{high / _POINTS_AN_INCH:.4f}")
    for i, (source, target) in enumerate(edges):
        graph.add_edge(f"n{source}", f"n{target}", key=f"e{i}")
    lines = [line.split() for line in graph.draw(format="plain", prog="dot").decode().replace("\\\n", "").splitlines()]
    height = float(lines[0][3])

    def pixels(x: str, y: str) -> Point:
        return round(float(x) * _POINTS_AN_INCH), round((height - float(y)) * _POINTS_AN_INCH)

    corners = {}
    curves: dict[tuple[int, int], tuple[Point, ...]] = {}
    for line in lines:
        if line[0] == "node":
            place = int(line[1][1:])
            middle, size = pixels(line[2], line[3]), sizes[place]
            corners[place] = (middle[0] - size[0] // 2, middle[1] - size[1] // 2)
        elif line[0] == "edge":
            numbers = line[4 : 4 + 2 * int(line[3])]
            points = tuple(pixels(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True))
            curves[int(line[1][1:]), int(line[2][1:])] = points
    return _Places(pixels(lines[0][2], "0"), [corners[i] for i in range(len(sizes))], [curves[edge] for edge in edges])


def _graph() -> Any:
    try:
        from pygraphviz import AGraph
    except ImportError:
        raise NoLayoutError(
            "Pictures are laid out by Graphviz, which is not installed here. Install it with the extra `graph`: "
            "`pip install 'workflow-engine[graph]'`. `--mermaid` needs nothing."
        ) from None
    return AGraph(directed=True, strict=True, rankdir="TB", nodesep="0.35", ranksep="0.45", margin="0", pad="0")
