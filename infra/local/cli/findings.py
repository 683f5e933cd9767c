"""Findings where they stand: file, line and column, the line itself, and what to look at in it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import click

from infra.local.cli.output import plain

if TYPE_CHECKING:
    from infra.local.cli.texts import Text
    from workflow_engine.documents.places import Span

TAB_WIDTH: Final = 4
MAX_LINE: Final = 120
"""Columns of a line that are shown; of a longer one those around the place."""
_BEFORE: Final = 40
_KEY_CODES: Final = ("WFE-E101",)
"""Findings about a key, not about its value."""
_NO_FIELD: Final = re.compile(r"\bno (?:configuration )?field '(.*?)'")
"""What findings of other codes say of a key that nobody knows: in a step's configuration, an agent, a condition."""
_COLOURS: Final = {"error": "red", "warning": "yellow"}


class Finding(NamedTuple):
    """A finding with its place: offsets in a text and, from 1, lines and columns, the end not included. All None where the
    finding is about nothing that was written.
    """

    code: str
    pointer: str
    detail: str
    fix: Mapping[str, Any] | None
    text: Text | None
    span: Span | None
    start: tuple[int, int] | None
    end: tuple[int, int] | None

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return "warning" if self.code.startswith("WFE-W") else "error"

    @property
    def where(self) -> str:
        """`flow.yaml:3:7`; the pointer where no text is known."""
        name = "" if self.text is None else self.text.name
        if self.start is None:
            return name or self.pointer or "/"
        return f"{name}:{self.start[0]}:{self.start[1]}"

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        line, column = self.start or (None, None)
        end_line, end_column = self.end or (None, None)
        told: dict[str, Any] = {} if self.text is None else {"file": self.text.name}
        told |= {"code": self.code, "severity": self.severity, "pointer": self.pointer, "detail": self.detail}
        told |= {"line": line, "column": column, "end_line": end_line, "end_column": end_column}
        return told if self.fix is None else {**told, "fix": dict(self.fix)}


def placed(findings: Iterable[Mapping[str, Any]], texts: Mapping[str, Text]) -> list[Finding]:
    """Findings of the API with their places. `texts` has what was sent, by the pointer that it stands at: `""`, `/input`."""
    return [_placed(finding, texts) for finding in findings]


def _placed(finding: Mapping[str, Any], texts: Mapping[str, Text]) -> Finding:
    pointer = finding["pointer"]
    at = max((p for p in texts if pointer == p or pointer.startswith(p + "/") or not p), key=len, default=None)
    text, fix = (None if at is None else texts[at]), finding.get("fix")
    bare = Finding(finding["code"], pointer, finding["detail"], fix, text, None, None, None)
    if text is None:
        return bare
    assert at is not None
    if "place" in finding:  # of a text without a value
        return bare if finding["place"] is None else bare._replace(start=finding["place"], end=finding["place"])
    span = _span(text, pointer.removeprefix(at), _is_about_key(finding))
    if fix is not None:
        span = word_in(text, span, fix["replace"]) or span
    start, end = (text.lines.position(offset) for offset in span)
    return bare._replace(span=span, start=start, end=end)


def _is_about_key(finding: Mapping[str, Any]) -> bool:
    fix, unknown = finding.get("fix"), _NO_FIELD.search(finding["detail"])
    if finding["code"] in _KEY_CODES or (fix is not None and fix["target"] == "key"):
        return True
    return unknown is not None and bool(finding["pointer"].endswith(f"/{unknown[1]}"))


def word_in(text: Text, span: Span, word: str) -> Span | None:
    """Where a word stands within a span; None where that is nowhere, or in more than one place."""
    found = list(words(word).finditer(text.text[slice(*span)]))
    if len(found) != 1:
        return None
    return span._replace(start=span.start + found[0].start(), end=span.start + found[0].end())


def words(word: str) -> re.Pattern[str]:
    """Finds a word where it is no part of another one."""
    return re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(word)}(?![A-Za-z0-9_-])")


def _span(text: Text, pointer: str, is_about_key: bool) -> Span:
    """What to look at: the key where the finding is about that, or where the value is long, or is not there at all."""
    from workflow_engine.documents.places import Span, find

    found = find(text.root, pointer)
    written = text.text[slice(*found.value)]
    is_short = found.is_exact and written and "\n" not in written and written[0] not in "{["
    if found.key is not None and (is_about_key or not is_short):
        return found.key
    if is_short:
        return found.value
    first_line = written.partition("\n")[0].rstrip("\r")
    return Span(found.value.start, found.value.start + max(1 if written else 0, len(first_line)))


def has_colours(stream: IO[Any]) -> bool:
    """Whether a person reads the stream at a terminal, and NO_COLOR (no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def shown(finding: Finding, in_colour: bool = False) -> str:
    """A finding for people: its place, code and sentence in one line, then the line of the text with what to look at."""

    def style(text: str, **styles: Any) -> str:
        return click.style(text, **styles) if in_colour else text

    colour = _COLOURS[finding.severity]
    head = f"{style(plain(finding.where), bold=True)}: {style(finding.severity, fg=colour, bold=True)} {finding.code}:"
    lines = [f"{head} {plain(finding.detail)}"]
    if finding.text is not None and finding.start is not None:
        number = str(finding.start[0])
        line, before, width = _line(finding)
        margin = " " * len(number)
        lines.append(style(f"  {number} |", fg="blue") + f" {line}".rstrip())
        lines.append(style(f"  {margin} |", fg="blue") + " " * (before + 1) + style("^" * width, fg=colour, bold=True))
    return "\n".join(lines)


def _line(finding: Finding) -> tuple[str, int, int]:
    """The line as it is shown, the columns before what to look at, and how many that takes."""
    assert finding.text is not None
    assert finding.start is not None
    text = finding.text.lines.text_of(finding.start[0])
    first = finding.start[1] - 1
    last = first + 1
    if finding.end is not None:
        last = finding.end[1] - 1 if finding.end[0] == finding.start[0] else len(text)
    begin = max(0, first - 2 * MAX_LINE)  # of a line of megabytes no more is looked at than may be shown
    text, first, last = text[begin : first + 2 * MAX_LINE], first - begin, last - begin
    cells = _cells(text)
    before, width = sum(w for _, w in cells[:first]), sum(w for _, w in cells[first:last])
    left = 0
    if begin or sum(w for _, w in cells) > MAX_LINE:
        while before > _BEFORE and left < first:
            before -= cells[left][1]
            left += 1
    cut = "…" if begin or left else ""
    kept, total = [], len(cut)
    for cell, cell_width in cells[left:]:
        if total + cell_width > MAX_LINE:
            kept.append("…")
            break
        kept.append(cell)
        total += cell_width
    before += len(cut)
    return cut + "".join(kept), before, max(1, min(width, total - before))


def _cells(text: str) -> Sequence[tuple[str, int]]:
    """Each character as it is shown, and how many columns of a terminal that takes: a tab goes to the next stop, characters of East
    Asia are wide (Unicode Standard Annex 11), marks stand on the one before them.
    """
    cells, column = [], 0
    for character in text:
        if character == "\t":
            width = TAB_WIDTH - column % TAB_WIDTH
            cell = " " * width
        else:
            cell = plain(character)
            width = len(cell) if cell != character else _width(character)
        cells.append((cell, width))
        column += width
    return cells


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
