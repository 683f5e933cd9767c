"""A value that fits a JSON Schema, the same for the same schema and seed: what a simulated model answers.

Examples, defaults and constants of the schema come first, since they mean something. The value is checked before it is
given, so a schema that asks for more than is understood here (a pattern, say) is an error, not a wrong answer.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from llm_gateway.request import ResponseFormat, Schema
from llm_gateway.structured import NotAsAskedError, parsed

MAX_DEPTH: Final = 24
MAX_VALUES: Final = 5_000
MAX_CHARACTERS: Final = 100_000

_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "simulated@example.com",
    "uri": "https://example.com/simulated",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "duration": "P1D",
    "idn-email": "simulated@example.com",
    "uri-reference": "/simulated",
    "iri": "https://example.com/simulated",
    "iri-reference": "/simulated",
    "json-pointer": "/simulated",
    "relative-json-pointer": "0",
    "regex": "^simulated$",
}


class CannotSampleError(ValueError):
    """No value that fits was found. The message says what would help."""


def sample(schema: Schema, seed: str) -> Any:
    """A value that fits. Raises CannotSampleError."""
    try:
        value = _Sampler(schema, seed).value(schema, "", 0)
    except CannotSampleError:
        raise
    except Exception as error:  # keywords of the wrong type, numbers beyond all bounds, references without end
        raise CannotSampleError(
            f"The simulation finds no value for this schema ({type(error).__name__}). Give it a 'default' or 'examples'."
        ) from None
    try:
        return parsed(json.dumps(value), ResponseFormat(schema)).value
    except NotAsAskedError as problem:
        raise CannotSampleError(
            f"The simulation finds no value for this schema. {problem} Give the schema a 'default' or 'examples'."
        ) from None


class _Sampler:
    def __init__(self, root: Schema, seed: str) -> None:
        self._root = root
        self._seed = seed
        self._made = 0

    def value(self, schema: Any, path: str, depth: int) -> Any:
        self._made += 1
        if self._made > MAX_VALUES:
            raise CannotSampleError(
                f"The simulation makes at most {MAX_VALUES:,} values. Give the schema a 'default' or 'examples'."
            )
        if schema is True or not isinstance(schema, Mapping):
            return "simulated"
        if depth > MAX_DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        if "default" in schema:
            return schema["default"]
        for key in ("examples", "enum"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][self._number(path, len(schema[key]))]
        merged = self._merged(schema, depth)
        for key in ("anyOf", "oneOf"):
            if merged.get(key):
                rest = {k: v for k, v in merged.items() if k != key}
                return self.value({**rest, **self._resolved(merged[key][0])}, path, depth + 1)
        return self._typed(merged, path, depth)

    def _typed(self, schema: Schema, path: str, depth: int) -> Any:
        match self._type(schema):
            case "object":
                return self._object(schema, path, depth)
            case "array":
                return self._array(schema, path, depth)
            case "integer":
                return self._bounded(schema, path, whole=True)
            case "number":
                return self._bounded(schema, path, whole=False)
            case "boolean":
                return bool(self._number(path, 2))
            case "null":
                return None
            case _:
                return self._text(schema, path)

    def _type(self, schema: Schema) -> str:
        named = schema.get("type")
        if isinstance(named, list):
            named = next((t for t in named if t != "null"), "null")
        if isinstance(named, str):
            return named
        hints = {
            "properties": "object",
            "required": "object",
            "items": "array",
            "prefixItems": "array",
            "minimum": "number",
            "maximum": "number",
        }
        return next((kind for keyword, kind in hints.items() if keyword in schema), "string")

    def _merged(self, schema: Schema, depth: int) -> dict[str, Any]:
        """The schema with what it refers to and what it must fit as well (`$ref`, `allOf`) laid into it."""
        merged = self._resolved(schema)
        for part in merged.pop("allOf", ()):
            other = self._merged(part, depth + 1) if isinstance(part, Mapping) and depth < MAX_DEPTH else {}
            properties = {**merged.get("properties", {}), **other.get("properties", {})}
            required = [*merged.get("required", ()), *other.get("required", ())]
            merged = {**merged, **other}
            if properties:
                merged["properties"] = properties
            if required:
                merged["required"] = list(dict.fromkeys(required))
        return merged

    def _resolved(self, schema: Any) -> dict[str, Any]:
        seen = 0
        while isinstance(schema, Mapping) and "$ref" in schema and seen < MAX_DEPTH:
            seen += 1
            rest = {k: v for k, v in schema.items() if k != "$ref"}
            schema = {**_at(self._root, str(schema["$ref"])), **rest}
        return dict(schema) if isinstance(schema, Mapping) else {}

    def _object(self, schema: Schema, path: str, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        # Optional fields are filled in as a model would, but where the schema may go on for ever only what must be there is.
        names = dict.fromkeys([*(properties if depth < 4 else ()), *required])
        return {name: self.value(properties.get(name, True), f"{path}/{name}", depth + 1) for name in names}

    def _array(self, schema: Schema, path: str, depth: int) -> list[Any]:
        fixed = [self.value(s, f"{path}/{i}", depth + 1) for i, s in enumerate(schema.get("prefixItems", ()))]
        wanted = max(schema.get("minItems", 0), len(fixed) or 1)
        wanted = min(wanted, schema.get("maxItems", wanted), 1000)
        more = [self.value(schema.get("items", True), f"{path}/{i}", depth + 1) for i in range(len(fixed), wanted)]
        values = [*fixed, *more]
        if schema.get("uniqueItems"):
            values = [f"{v} {i}" if isinstance(v, str) and i else v for i, v in enumerate(values)]
        return values

    def _bounded(self, schema: Schema, path: str, *, whole: bool) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", max(low, 0) + 10))
        if "minimum" not in schema and "exclusiveMinimum" not in schema:
            low = min(low, high)
        step = schema.get("multipleOf", 1 if whole else None)
        if step:
            first = math.floor(low / step) + 1 if "exclusiveMinimum" in schema else math.ceil(low / step)
            last = math.ceil(high / step) - 1 if "exclusiveMaximum" in schema else math.floor(high / step)
            value = step * (first + self._number(path, max(1, last - first + 1)))
            return int(value) if whole else float(value)
        share = (self._number(path, 98) + 1) / 100
        return float(round(low + (high - low) * share, 6))

    def _text(self, schema: Schema, path: str) -> str:
        named = _FORMATS.get(str(schema.get("format")))
        if named is not None:
            return named
        name = path.rsplit("/", 1)[-1]
        text = f"simulated {name}".strip() if not name.isdigit() else "simulated"
        least, most = schema.get("minLength", 0), schema.get("maxLength", 10_000)
        return str(text + "." * min(least - len(text), MAX_CHARACTERS))[: max(most, 0)]

    def _number(self, path: str, below: int) -> int:
        digest = hashlib.sha256(f"{self._seed}\0{path}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % below


def _at(root: Schema, reference: str) -> Mapping[str, Any]:
    """What a reference within the schema points to; nothing for one that leads elsewhere."""
    if not reference.startswith("#"):
        return {}
    found: Any = root
    for part in reference.removeprefix("#").removeprefix("/").split("/") if reference != "#" else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(found, Sequence) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
    return found if isinstance(found, Mapping) else {}
