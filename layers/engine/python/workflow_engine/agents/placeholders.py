"""Texts with placeholders: `{name}` and `{{ name }}`, filled in where a value is known.

Prompts are full of braces that mean themselves (JSON, code), so a placeholder is a plain identifier and nothing else,
and one without a value stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


def places_in(text: str, *, doubled: bool = True) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each placeholder. Without `doubled`, `{{ name }}` means itself."""
    for match in _PLACEHOLDER.finditer(text):
        if match[2] is not None or doubled:
            yield match[1] or match[2], match.start(), match.end()


def names_in(text: str) -> list[str]:
    """The names of the placeholders, each once, in order."""
    return list(dict.fromkeys(name for name, _, _ in places_in(text)))


def render(text: str, values: Mapping[str, Any]) -> str:
    """The text with its placeholders filled in. A value that holds braces itself is not looked into again."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return as_text(values[name]) if name in values else match[0]

    return _PLACEHOLDER.sub(value_of, text)


def as_text(value: Any) -> str:
    """A value within a text, as the workflow's own templates write it: text as it is, null as nothing, else JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
