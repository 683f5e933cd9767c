"""A laid out drawing as SVG that reads on light and on dark pages, without scripts, fonts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from infra.local.drawing.layout import (
    LINE,
    NAME_SIZE,
    NOTE_SIZE,
    PADDING,
    Layout,
    PlacedBox,
    PlacedPart,
    Point,
    lay_out,
)
from infra.local.drawing.text import shown, whole, width
from workflow_engine.compiler.reports.drawing import AFTER_FAILURE

if TYPE_CHECKING:
    from workflow_engine.compiler.reports.drawing import Box, Drawing

MARGIN: Final = 16
_ROUND: Final = 6

_COLOURS: Final = {
    # name: (light, dark), of which Primer's palette (https://primer.style/foundations/color) is the model.
    ".page{fill:%s}": ("#ffffff", "#0d1117"),
    "text{fill:%s}": ("#1f2328", "#e6edf3"),
    "text.note{fill:%s}": ("#59636e", "#9198a1"),
    ".box{fill:%s}": ("#ffffff", "#151b23"),
    ".box,.part{stroke:%s}": ("#818b98", "#656c76"),
    ".holder,.part{fill:%s}": ("#f6f8fa", "#0d1117"),
    ".arrow{stroke:%s}": ("#59636e", "#9198a1"),
    ".tip{fill:%s}": ("#59636e", "#9198a1"),
    ".completed{stroke:%s}": ("#1a7f37", "#3fb950"),
    ".failed{stroke:%s}": ("#d1242f", "#f85149"),
    ".running,.waiting{stroke:%s}": ("#0969da", "#4493f8"),
    ".aborted{stroke:%s}": ("#9a6700", "#d29922"),
}
_SHAPES: Final = (
    f"text{{font:600 {NAME_SIZE}px system-ui,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;text-anchor:middle}}"
    f"text.note{{font-size:{NOTE_SIZE}px;font-weight:400}}"
    ".arrow{fill:none;stroke-width:1.5}.dashed{stroke-dasharray:5 4}.part{stroke-dasharray:2 3}"
    ".completed,.failed,.running,.waiting,.aborted{stroke-width:2.5}.skipped,.pending{stroke-dasharray:5 4;opacity:.6}"
)


def svg(drawing: Drawing, title: str, statuses: Mapping[str, str] | None = None, *, is_dark_too: bool = True) -> str:
    """The picture as an SVG document. `statuses` are those of a run by step id; they are written as well as coloured.

    With `is_dark_too` it has the colours of dark pages where the reader's system asks for these. Raises NoLayoutError.
    """
    drawing = with_statuses(drawing, statuses or {})
    main = lay_out(drawing)
    after = None if drawing.after_failure is None else _framed(lay_out(drawing.after_failure))
    wide = max(main.size[0], 0 if after is None else after.size[0])
    high = main.size[1]
    drawn = _Drawing(statuses or {})
    body = [*drawn.layout(main, (MARGIN + (wide - main.size[0]) // 2, MARGIN))]
    if after is not None:
        body += drawn.part(after, (MARGIN + (wide - after.size[0]) // 2, MARGIN + high + MARGIN))
        high += MARGIN + after.size[1]
    size = (wide + 2 * MARGIN, high + 2 * MARGIN)
    return "\n".join([*_head(size, title, is_dark_too=is_dark_too), *body, "</svg>", ""])


def with_statuses(drawing: Drawing, statuses: Mapping[str, str]) -> Drawing:
    """The drawing with each step's status beside its type."""

    def box(one: Box) -> Box:
        status = statuses.get(one.name)
        notes = (f"{one.notes[0]} · {status}", *one.notes[1:]) if status else one.notes
        return replace(one, notes=notes, parts=tuple(replace(p, drawing=whole_of(p.drawing)) for p in one.parts))

    def whole_of(one: Drawing) -> Drawing:
        after = None if one.after_failure is None else whole_of(one.after_failure)
        return replace(one, boxes=tuple(box(b) for b in one.boxes), after_failure=after)

    return whole_of(drawing) if statuses else drawing


def _framed(layout: Layout) -> PlacedPart:
    size = (max(layout.size[0], width(AFTER_FAILURE, NOTE_SIZE)) + 2 * PADDING, layout.size[1] + 2 * PADDING + LINE)
    return PlacedPart(AFTER_FAILURE, (0, 0), size, layout)


def _head(size: Point, title: str, *, is_dark_too: bool) -> Iterator[str]:
    wide, high = size
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}">'
    )
    yield f"<title>{escape(whole(title))}</title>"
    rules = [_SHAPES, *(rule % light for rule, (light, _) in _COLOURS.items())]
    if is_dark_too:
        rules.append(
            f"@media (prefers-color-scheme:dark){{{''.join(rule % dark for rule, (_, dark) in _COLOURS.items())}}}"
        )
    yield f"<style>{''.join(rules)}</style>"
    yield (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    yield f'<rect class="page" width="{wide}" height="{high}"/>'


class _Drawing:
    """Elements of a picture; the statuses of a run are known everywhere in it."""

    def __init__(self, statuses: Mapping[str, str]) -> None:
        self.statuses = statuses

    def layout(self, layout: Layout, corner: Point) -> Iterator[str]:
        for arrow in layout.arrows:
            points = [f"{x + corner[0]} {y + corner[1]}" for x, y in arrow.points]
            dashed = " dashed" if arrow.arrow.is_dashed else ""
            path = f"M{points[0]}C{' '.join(points[1:])}"
            yield f'<path class="arrow{dashed}" marker-end="url(#tip)" d="{path}"/>'
        for box in layout.boxes:
            yield from self.box(box, (corner[0] + box.at[0], corner[1] + box.at[1]))

    def box(self, placed: PlacedBox, corner: Point) -> Iterator[str]:
        box, status = placed.box, self.statuses.get(placed.box.name)
        kind = " ".join(filter(None, ("box", "holder" if placed.parts else "", status)))
        yield f"<g><title>{escape(whole(chr(10).join([box.name, *box.notes])))}</title>"
        yield _rectangle(kind, corner, placed.size)
        middle, line = corner[0] + placed.size[0] // 2, corner[1] + PADDING + LINE * 3 // 4
        yield f'<text x="{middle}" y="{line}">{escape(shown(box.name))}</text>'
        for i, note in enumerate(box.notes, 1):
            yield f'<text class="note" x="{middle}" y="{line + LINE * i}">{escape(shown(note))}</text>'
        for part in placed.parts:
            yield from self.part(part, (corner[0] + part.at[0], corner[1] + part.at[1]))
        yield "</g>"

    def part(self, part: PlacedPart, corner: Point) -> Iterator[str]:
        yield _rectangle("part", corner, part.size)
        top = PADDING
        if part.title:
            x, y = corner[0] + part.size[0] // 2, corner[1] + LINE
            yield f'<text class="note" x="{x}" y="{y}">{escape(part.title)}</text>'
            top += LINE
        left = (part.size[0] - part.layout.size[0]) // 2
        yield from self.layout(part.layout, (corner[0] + left, corner[1] + top))


def _rectangle(kind: str, corner: Point, size: Point) -> str:
    x, y = corner
    return f'<rect class={quoteattr(kind)} x="{x}" y="{y}" width="{size[0]}" height="{size[1]}" rx="{_ROUND}"/>'
