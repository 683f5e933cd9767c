"""Descriptions, defaults and examples in the form that editors show."""

from __future__ import annotations

import json
from typing import Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.language.fields import EXAMPLES, FIELDS, TEXTS, Words

Schema = dict[str, Json]

_LONGEST: Final = 160
"""Characters of a default or an example that is shown beside a description."""
_ANNOTATIONS: Final = ("title", "description", "default", "examples", "$comment")
BY_NAME: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords that hold schemas by names, which are no keywords."""
NO_SCHEMAS: Final = ("const", "enum", "default", "examples", "required", "dependentRequired", "defaultSnippets")
"""Keywords whose values are no schemas, and hold none."""


def annotated(description: str, default: Json = None, examples: tuple[Json, ...] = ()) -> Schema:
    """The annotations of a field. Editors show `markdownDescription` where they know it, with default and example below it."""
    shown = [f"Default: {_code(default)}"] if default is not None and len(_text(default)) <= _LONGEST else []
    shown += [f"Example: {_code(e)}" for e in examples[:1] if len(_text(e)) <= _LONGEST]
    made: Schema = {"description": description}
    if shown or "`" in description:
        made["markdownDescription"] = "\n\n".join([description.replace("<", "&lt;"), *shown])
    if default is not None:
        made["default"] = default
    if examples:
        made["examples"] = list(examples)
    return made


def of_words(words: Words) -> Schema:
    """The annotations of a field of the language."""
    return annotated(words.description, words.default, words.examples)


def of_values(words: Words, values: list[Json]) -> Schema:
    """What editors show of each of the words that a field may be, where that is said."""
    return {"markdownEnumDescriptions": [words.values[v] for v in values if v is not None]} if words.values else {}


def of_field(model: str, name: str) -> Schema:
    """The annotations of a field of `language.fields`."""
    return of_words(FIELDS[model][name])


def of_part(name: str) -> Schema:
    """The annotations of a part of the language: a source, a condition."""
    return annotated(TEXTS[name], examples=EXAMPLES.get(name, ()))


def published(schema: Any) -> Any:
    """A JSON Schema of the catalogue, or of a client, as editors read it: titles are left out, since editors propose them as
    values; descriptions get what `annotated` adds.
    """
    if isinstance(schema, list | tuple):
        return [published(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    made: Schema = {}
    for keyword, value in schema.items():
        if keyword in BY_NAME and isinstance(value, dict):
            made[keyword] = {name: published(inner) for name, inner in value.items()}
        elif keyword in _ANNOTATIONS:
            continue
        elif keyword in NO_SCHEMAS:
            made[keyword] = value
        else:
            made[keyword] = published(value)
    examples = schema.get("examples")
    words = annotated(
        str(schema.get("description", "")), schema.get("default"), tuple(examples) if isinstance(examples, list) else ()
    )
    return {**(words if words["description"] else {k: v for k, v in words.items() if k != "description"}), **made}


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _code(value: Json) -> str:
    return f"`{value if isinstance(value, str) and value and '`' not in value else _text(value)}`"
