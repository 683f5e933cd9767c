"""Pieces of JSONata source, and how they become one ASL expression.

A fragment is source text that always evaluates to a value (null for missing, never undefined: Step Functions fails a
state whose expression is undefined) and the names of the helper functions it calls. `expression` joins text and helpers
to the `{% ... %}` string that stands in a machine. Fragments can be put together freely, since helpers are named, not
inlined.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflow_engine.language.diagnostics import Json

EXECUTION_INPUT: Final = "$states.context.Execution.Input"
"""Where all states read what the run was started with (design: config, literals and ARNs travel in the input)."""


_WORDS: Final = frozenset({"and", "or", "in", "true", "false", "null", "function"})


@dataclass(frozen=True, slots=True)
class Fragment:
    """JSONata source that never raises and never is undefined, and the helpers (keys of `helpers.HELPERS`) it needs."""

    code: str
    helpers: frozenset[str] = frozenset()


def name_step(name: str) -> str:
    """A path step that reads `name`: `.name`, or with backticks where it is no plain identifier."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name not in _WORDS:
        return "." + name
    if "`" in name:
        raise ValueError(f"JSONata cannot quote the name {name!r}")
    return f".`{name}`"


def string_literal(text: str) -> str:
    """A JSONata string literal, without `%}`. JSON's escapes are JSONata's; non-ASCII characters stay as they are."""
    return json_literal(text).code


def json_literal(value: Json) -> Fragment:
    """Any JSON value as JSONata source: JSON itself, but without `%}`, which ends an ASL expression."""
    return Fragment(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("%}", "%\\u007d"))


def object_fragment(fields: Mapping[str, Fragment]) -> Fragment:
    """An object constructor with these keys in this order."""
    code = ",".join(f"{string_literal(k)}:{f.code}" for k, f in fields.items())
    return Fragment("{" + code + "}", frozenset[str]().union(*(f.helpers for f in fields.values())))
