"""What a path reads in a value at hand, by the rules that `language.syntax` states; the machine reads by generated JSONata."""

from __future__ import annotations

from workflow_engine.language.diagnostics import Json
from workflow_engine.language.syntax import MAX_LIST_NESTING, Segment, Wildcard


def value_at(value: Json, path: tuple[Segment, ...]) -> Json:
    """What is at the path; None for what is missing."""
    for position, segment in enumerate(path):
        if isinstance(segment, Wildcard):
            rest = path[position + 1 :]
            return [value_at(element, rest) for element in value] if isinstance(value, list) else None
        if isinstance(segment, str):
            value = _member(value, segment, MAX_LIST_NESTING)
        else:
            inside = isinstance(value, list) and -len(value) <= segment < len(value)
            value = value[segment] if inside else None
    return value


def _member(value: Json, name: str, lists_left: int) -> Json:
    """The member of an object; of a list, that of each element, down to so many lists in lists."""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and lists_left:
        return [_member(element, name, lists_left - 1) for element in value]
    return None
