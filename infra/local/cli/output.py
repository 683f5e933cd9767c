"""What a client command prints: a table and colours on a terminal, plain lines in a pipe, one JSON document with `--json`.

A pipe gets one row a line, its cells apart by tabs, nothing cut and no heading, so that `cut`, `awk` and `while read` take it.
What is for people beside it (which profile, what to do next, that there is more) goes to stderr. What comes from the API is
data: control characters in it, which could move the cursor or colour the terminal, are shown as escapes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import click

from infra.local.cli.exits import INVALID, CommandError
from infra.local.progress import STYLES as STATUS_STYLES
from workflow_engine.suggestions import suggest

Row = Mapping[str, Any]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_IN_CELLS: Final = {"\t": "\\t", "\n": "\\n"}

STYLES: Final[Mapping[str, str]] = {
    **STATUS_STYLES,
    "created": "green",
    "approved": "green",
    "updated": "cyan",
    "deleted": "red",
    "denied": "yellow",
    "unchanged": "dim",
}
MOST_WHOLE: Final = 40
"""Characters of a cell that stands in one line: an id has 36."""
LEAST_LAST: Final = 16
"""Characters of the last column at least, which is the one that is folded."""
_COLOURS: Final = frozenset({"red", "green", "yellow", "cyan", "bold", "dim"})


class Column(NamedTuple):
    """A column of a table: the path of its value, and how that is told to people (in a pipe it is told as it is)."""

    path: str
    title: str | None = None
    shown: Callable[[Any], str] | None = None
    is_number: bool = False


class Output(NamedTuple):
    """How a command prints: `--json`, `--fields`."""

    as_json: bool = False
    fields: tuple[str, ...] = ()

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads standard output."""
        return not self.as_json and sys.stdout is not None and sys.stdout.isatty()

    def items(self, rows: Sequence[Row], columns: Sequence[Column], next_cursor: str | None = None) -> None:
        """A list: a table, lines, or `{"items", "next_cursor"}`."""
        self._check_fields(rows)
        if self.as_json:
            items = [self._selected(row) for row in rows] if self.fields else list(rows)
            self.document({"items": items, "next_cursor": next_cursor})
            return
        chosen = [Column(path) for path in self.fields] or columns
        if self.is_terminal:
            _table(rows, chosen, has_colours=self.has_colours)
        else:
            for row in rows:
                line("\t".join(_cell(value_at(row, column.path)) for column in chosen))

    def one(self, row: Row, columns: Sequence[Column]) -> None:
        """One record: its fields, a line each, or one JSON object."""
        self._check_fields([row])
        if self.as_json:
            self.document(self._selected(row) if self.fields else row)
        elif self.fields:  # the values alone, for a script
            line("\t".join(_cell(value_at(row, path)) for path in self.fields))
        else:
            self._record(row, columns)

    def document(self, document: Any) -> None:
        """A JSON document, indented; half a surrogate pair, which JSON allows and UTF-8 does not, is escaped."""
        write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def json_line(self, document: Any) -> None:
        """One JSON document in one line, at once: what follows it comes later."""
        write(json.dumps(document, ensure_ascii=False) + "\n")

    def style(self, text: str, style: str | None = None) -> str:
        """A text in the colour of a status (by default its own) or in `red`, `green`, `yellow`, `dim`, where colours are wanted."""
        words = STYLES.get(style or text, style or "").split()
        if not self.has_colours or not words or not _COLOURS.issuperset(words):
            return text
        colour = next((word for word in words if word not in ("bold", "dim")), None)
        return click.style(text, fg=colour, bold="bold" in words or None, dim="dim" in words or None)

    @property
    def has_colours(self) -> bool:
        """Not in a pipe, and not where NO_COLOR says so (no-color.org: set and not empty)."""
        return self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def _record(self, row: Row, columns: Sequence[Column]) -> None:
        told = [(column, value_at(row, column.path)) for column in columns]
        width = max((len(column.title or column.path) for column, _ in told), default=0)
        for column, value in told:
            if value is None:
                continue
            name = column.title or column.path
            if self.is_terminal:
                text = _shown(row, column)
                line(f"{self.style(name.ljust(width), 'dim')}  {self.style(text)}")
            else:
                line(f"{name}\t{_cell(value)}")

    def _selected(self, row: Row) -> dict[str, Any]:
        return {path: value_at(row, path) for path in self.fields}

    def _check_fields(self, rows: Sequence[Row]) -> None:
        """A field that no row has is a mistake: a script would read empty columns."""
        if not rows:
            return
        known = list(dict.fromkeys(name for row in rows for name in row))
        for path in self.fields:
            if not any(_has(row, path) for row in rows):
                first = path.partition(".")[0]
                advice = suggest(first, known) or f" There are {', '.join(known)}."
                raise CommandError(f"--fields: There is no field '{path}'.{advice}", INVALID)


def value_at(row: Any, path: str) -> Any:
    """The value at a dotted path, None where there is none. A key with dots in it is found as a whole."""
    if isinstance(row, Mapping) and path in row:
        return row[path]
    name, _, rest = path.partition(".")
    if not rest or not isinstance(row, Mapping):
        return None
    return value_at(row.get(name), rest)


def _has(row: Any, path: str) -> bool:
    if not isinstance(row, Mapping):
        return row is None  # an object that is not there in this row
    if path in row:
        return True
    name, _, rest = path.partition(".")
    return bool(rest) and name in row and _has(row[name], rest)


def plain(text: str) -> str:
    """A text of somebody else's without what steers a terminal; newlines and tabs stay."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _cell(value: Any) -> str:
    """A value in one cell: no line breaks, no tabs."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        value = json.dumps(value, ensure_ascii=False)
    text = plain(str(value))
    for character, escape in _IN_CELLS.items():
        text = text.replace(character, escape)
    return text


def line(text: str) -> None:
    """A line on standard output."""
    write(text + "\n")


def write(text: str) -> None:
    """UTF-8 whatever the terminal says, at once. Raises BrokenPipeError when nobody reads any more, CommandError when a disk is
    full, say.
    """
    try:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"Standard output cannot be written to: {error.strerror}.") from None


def note(text: str) -> None:
    """A line for people, on stderr."""
    click.echo(plain(text).encode("utf-8", "backslashreplace"), err=True)


def _table(rows: Iterable[Row], columns: Sequence[Column], *, has_colours: bool) -> None:
    """A table as wide as the terminal. Cells that are too long are folded, never cut: an id that lost its end is no id. Columns
    that would be slivers are left out, which is said; where not even two have room, each row is a block of lines.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns_wide, lines_high = shutil.get_terminal_size()  # rich takes any terminal that is called dumb for 80 columns
    console = Console(
        highlight=False, color_system="auto" if has_colours else None, width=columns_wide, height=lines_high
    )
    cells = [[_shown(row, column) for column in columns] for row in rows]
    titles = [column.title or column.path for column in columns]
    fitting = _fitting(titles, cells, console.width)
    if fitting < min(2, len(columns)):
        for row in cells:
            for title, cell in zip(titles, row, strict=True):
                console.print(Text.assemble((f"{title}: ", "dim"), (cell, STYLES.get(cell, ""))), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns[:fitting]):
        is_whole = number < fitting - 1 and max((len(row[number]) for row in cells), default=0) <= MOST_WHOLE
        side: Any = "right" if column.is_number else "left"
        table.add_column(titles[number], header_style="dim", overflow="fold", justify=side, no_wrap=is_whole)
    for row in cells:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row[:fitting]))
    console.print(table)
    if fitting < len(columns):
        note(f"Too narrow for {', '.join(titles[fitting:])}: see --fields and --json.")


def _fitting(titles: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> int:
    """How many columns have room, each with its cells whole, unless they are very long, the last one folded."""
    widths = [min(max(map(len, column)), MOST_WHOLE) for column in zip(titles, *cells, strict=True)]
    for count in range(len(widths), 0, -1):
        if sum(widths[: count - 1]) + min(widths[count - 1], LEAST_LAST) + 2 * (count - 1) <= width:
            return count
    return 0


def _shown(row: Row, column: Column) -> str:
    value = value_at(row, column.path)
    return plain(column.shown(value)) if column.shown and value is not None else _cell(value)


def moment(timestamp: str) -> str:
    """A moment for people: `2026-11-28 23:50`, UTC."""
    return f"{timestamp[:10]} {timestamp[11:16]}"
