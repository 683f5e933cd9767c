"""JSON Schemas as tables for people: a row a field, what is below it with its path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
}
_DEFINED: Final = {
    "Condition": "[condition](language.md#conditions)",
    "ConditionPart": "[condition](language.md#conditions)",
    "Reference": "[reference](language.md#references)",
    "Source": "[source](language.md#sources)",
    "Sources": "names with [sources](language.md#sources)",
    "OutputSources": "names with [sources](language.md#sources)",
    "Step": "list of [steps](language.md#a-step)",
    "CaseDocument": "list of [cases](language.md#switch)",
}
_NOUN: Final = re.compile(r"\b(text|number|object|list)\b")
_LONGEST_EXAMPLE: Final = 160


class Row(NamedTuple):
    """A field: its path, what may stand in it, its default as JSON or "", what it means."""

    name: str
    kind: str
    default: str
    meaning: str


def rows(schema: Mapping[str, Any], prefix: str = "", shown: dict[str, str] | None = None) -> Iterator[Row]:
    """The fields of a schema of an object, those of objects and lists in it after them. What stands in several places is shown in
    the first one, and named in the others; `shown` has the paths of such objects by their JSON.
    """
    shown = {} if shown is None else shown
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        default = code(field["default"]) if "default" in field else "required" if name in required else ""
        below = [(inner, f"{prefix}{name}{path}") for inner, path in _below(field)]
        known = [
            shown[text] for inner, _ in below if (text := json.dumps(inner["properties"], sort_keys=True)) in shown
        ]
        meaning = " ".join([_meaning(field), *(f"Its fields are those of {code(path)}." for path in known)])
        yield Row(prefix + name, kind(field), default, meaning)
        for inner, path in [] if known else below:
            shown[json.dumps(inner["properties"], sort_keys=True)] = path
            yield from rows(inner, f"{path}.", shown)


def table(found: Iterator[Row]) -> str:
    """The rows as Markdown."""
    lines = [f"| `{r.name}` | {r.kind} | {r.default or ' '} | {r.meaning} |" for r in found]
    return "\n".join(["| field | type | default | meaning |", "|---|---|---|---|", *lines])


def kind(schema: Mapping[str, Any]) -> str:
    """What a schema takes, in a few words of Markdown."""
    definition = str(schema.get("$ref") or schema.get("then", {}).get("$ref", "")).rpartition("/")[2]
    if definition in _DEFINED:
        return _DEFINED[definition]
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"] if value is not None)
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(dict.fromkeys(kind(branch) for branch in schema["anyOf"]))
    types = schema.get("type", ())
    named = [_TYPES[t] for t in ([types] if isinstance(types, str) else types) if t != "null"]
    if named == ["list"]:
        return _list(schema.get("items"))
    return f"{' or '.join(named) or 'any value'}{_range(schema)}"


def code(value: Any) -> str:
    """A JSON value as code in a table."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}".replace("|", "\\|")


def prose(text: str) -> str:
    """A description, which is Markdown but for what a table or HTML would take for their own."""
    return text.replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


def _list(items: Any) -> str:
    if not isinstance(items, Mapping) or not items:
        return "list"
    of = kind(items)
    if of.startswith("list of ["):
        return of
    return "list" if of == "any value" else "list of " + _NOUN.sub(r"\1s", of)


def _range(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f", {least:,} to {most:,}"
    parts = [(least, "at least"), (most, "at most"), (above, "more than"), (below, "less than")]
    return "".join(f", {words} {bound:,}" for bound, words in parts if bound is not None)


def _meaning(field: Mapping[str, Any]) -> str:
    words = prose(str(field.get("description", "")))
    shown = [value for value in field.get("examples", ()) if len(json.dumps(value)) <= _LONGEST_EXAMPLE][:1]
    return " ".join([words, *(f"Example: {code(value)}." for value in shown)]) or " "


def _below(field: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The objects with fields of their own that a field holds, with what stands behind its name."""
    for schema, path in ((field, ""), (field.get("items"), "[]")):
        for branch in (schema, *schema.get("anyOf", ())) if isinstance(schema, Mapping) else ():
            if isinstance(branch, Mapping) and branch.get("properties"):
                yield branch, path
