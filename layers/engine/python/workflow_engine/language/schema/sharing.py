"""Parts of a schema that stand in it several times, once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

from workflow_engine.language.schema.words import BY_NAME, NO_SCHEMAS

_LEAST: Final = 300
"""Bytes of a part from which on a reference is worth it."""


def shared(schema: dict[str, Any], untouched: set[str]) -> dict[str, Any]:
    """The same schema, in which large parts that are alike are definitions. Those of one name are numbered. The definitions
    `untouched` stay as they are.
    """
    kept = {name: part for name, part in schema["$defs"].items() if name in untouched}
    schema = {**schema, "$defs": {name: part for name, part in schema["$defs"].items() if name not in untouched}}
    counts: Counter[str] = Counter()
    _count(schema, counts)
    repeated = {text for text, number in counts.items() if number > 1 and len(text) >= _LEAST}
    made: dict[str, Any] = {}
    names: dict[str, str] = {}
    result = _replaced(schema, "", repeated, names, made, is_root=True)
    return {**result, "$defs": {**result["$defs"], **made, **kept}}


def _count(node: Any, counts: Counter[str]) -> None:
    for key, inner in _parts(node):
        _count(inner, counts)
        if key is not None and isinstance(inner, dict):
            counts[_text(inner)] += 1


def _parts(node: Any) -> list[tuple[str | None, Any]]:
    """What stands in a schema, each by its key; of properties by their names. A key of None is no schema."""
    if isinstance(node, list):
        return [("", part) for part in node]
    if not isinstance(node, dict):
        return []
    found: list[tuple[str | None, Any]] = []
    for key, inner in node.items():
        if key in BY_NAME and isinstance(inner, dict):
            found += [(None if key == "$defs" else name, part) for name, part in inner.items()]
        elif key not in NO_SCHEMAS:
            found.append((key, inner))
    return found


def _replaced(
    node: Any, name: str, repeated: set[str], names: dict[str, str], made: dict[str, Any], *, is_root: bool = False
) -> Any:
    if isinstance(node, list):
        return [_replaced(part, name, repeated, names, made) for part in node]
    if not isinstance(node, dict):
        return node
    text = _text(node)
    if not is_root and text in repeated:
        if text not in names:
            names[text] = f"shared_{name}_{1 + sum(n.startswith(f'shared_{name}_') for n in names.values())}"
            made[names[text]] = {}  # its place, before those of its parts
            made[names[text]] = _inner(node, name, repeated, names, made)
        return {"$ref": f"#/$defs/{names[text]}"}
    return _inner(node, name, repeated, names, made)


def _inner(node: dict[str, Any], name: str, repeated: set[str], names: dict[str, str], made: dict[str, Any]) -> Any:
    result: dict[str, Any] = {}
    for key, inner in node.items():
        if key in BY_NAME and isinstance(inner, dict):
            is_root = key == "$defs"
            result[key] = {n: _replaced(p, n, repeated, names, made, is_root=is_root) for n, p in inner.items()}
        elif key in NO_SCHEMAS:
            result[key] = inner
        else:
            result[key] = _replaced(inner, name, repeated, names, made)
    return result


def _text(node: Any) -> str:
    return json.dumps(node, sort_keys=True, ensure_ascii=False)
