"""The line of a key in a TOML file: no reader of TOML tells it."""

from __future__ import annotations

import re
import tomllib
from typing import Final

_TABLE: Final = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*(?P<name>(?:[\w.\s-]|"[^"]*"|'[^']*')+?)\s*=""")


def line_of(text: str, place: tuple[str, ...]) -> int:
    """The line, counted from 1, where the key at a place is said: the key itself, else the nearest table around it; 1 where
    neither is found (in an inline table over several lines, say).
    """
    table: tuple[str, ...] = ()
    best, line = 0, 1
    for number, content in enumerate(text.splitlines(), 1):
        if heading := _TABLE.fullmatch(content):
            table = _parts(heading["name"])
            said = table
        elif key := _KEY.match(content):
            said = (*table, *_parts(key["name"]))
        else:
            continue
        if said == place[: len(said)] and len(said) > best:
            best, line = len(said), number
    return line


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a dotted key, read as TOML reads it."""
    parts: list[str] = []
    try:
        document = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    while isinstance(document, dict):
        [(part, document)] = document.items()
        parts.append(part)
    return tuple(parts)
