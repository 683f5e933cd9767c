"""An SVG as PNG, by resvg."""

from __future__ import annotations

from typing import Final

_ZOOM: Final = 2
_FAMILIES: Final = ("Arial", "Helvetica", "DejaVu Sans", "Liberation Sans", "Noto Sans", "Roboto", "Ubuntu", "FreeSans")
_LETTER: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
    '<text y="15" font-family="sans-serif">{}</text></svg>'
)


class NoPngError(Exception):
    """No PNG can be made here; the message says what to do."""


def png(document: str) -> bytes:
    """The picture at twice its size. Raises NoPngError."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise NoPngError(
            "PNG is made by resvg, which is not installed here. Install it with the extra `graph`: "
            "`pip install 'workflow-engine[graph]'`. `--svg` and `--mermaid` need no resvg."
        ) from None
    nothing = svg_to_bytes(svg_string=_LETTER.format(""))
    for family in _FAMILIES:
        # resvg leaves a text out whose font it does not find.
        if svg_to_bytes(svg_string=_LETTER.format("A"), sans_serif_family=family) != nothing:
            return bytes(svg_to_bytes(svg_string=document, zoom=_ZOOM, sans_serif_family=family))
    raise NoPngError(
        "A PNG would have no text, since this machine has no usual font. Install DejaVu Sans, or use --svg."
    )
