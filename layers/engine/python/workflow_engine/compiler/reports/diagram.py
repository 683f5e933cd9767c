"""A picture as Mermaid text, for people and for what draws Mermaid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from workflow_engine.compiler.reports.drawing import AFTER_FAILURE, Box, Drawing

LONGEST_NOTE: Final = 60


def mermaid(drawing: Drawing) -> str:
    """A `flowchart`: a node for each box, a subgraph for one that holds others, and one for what runs when the run fails."""
    lines = ["flowchart TD", *_drawn(drawing, "n", "  ")]
    if drawing.after_failure is not None:
        lines += [
            f'  subgraph failure["{AFTER_FAILURE}"]',
            *_drawn(drawing.after_failure, "f", "    "),
            "  end",
        ]
    return "\n".join(lines) + "\n"


def _drawn(drawing: Drawing, prefix: str, indent: str) -> Iterator[str]:
    for i, box in enumerate(drawing.boxes):
        yield from _box(box, f"{prefix}{i}", indent)
    for arrow in drawing.arrows:
        line = "-.->" if arrow.is_dashed else "-->"
        yield f"{indent}{prefix}{arrow.source} {line} {prefix}{arrow.target}"


def _box(box: Box, node: str, indent: str) -> Iterator[str]:
    label = "<br/>".join([_escaped(box.name), *(f"<small>{_escaped(_short(note))}</small>" for note in box.notes)])
    if not box.parts:
        yield f'{indent}{node}["{label}"]'
        return
    yield f'{indent}subgraph {node}["{label}"]'
    for i, part in enumerate(box.parts):
        inner = f"{node}_{i}_"
        if part.title:
            yield f'{indent}  subgraph {node}_{i}["{_escaped(_short(part.title))}"]'
            yield from _drawn(part.drawing, inner, f"{indent}    ")
            yield f"{indent}  end"
        else:
            yield from _drawn(part.drawing, inner, f"{indent}  ")
    yield f"{indent}end"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NOTE else text[: LONGEST_NOTE - 1] + "…"


def _escaped(text: str) -> str:
    """Mermaid writes characters that mean something to it as `#` and their number."""
    return re.sub(r'["#&<>`\\\x00-\x1f]', lambda found: f"#{ord(found[0])};", text)
