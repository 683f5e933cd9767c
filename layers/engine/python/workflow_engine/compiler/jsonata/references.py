"""References: where a value starts, and how its path is followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from workflow_engine.compiler.jsonata.fragments import (
    EXECUTION_INPUT,
    Fragment,
    name_step,
    object_fragment,
    string_literal,
)
from workflow_engine.language.syntax import Reference, ScopeReference, Segment, Wildcard

MAX_LIST_LENGTH: Final = 10**9
"""No list is longer, so greater indexes need not be written (a JSONata number of over 308 digits does not parse)."""

_EXECUTION_FIELDS: Final[Mapping[str, Fragment]] = {
    "id": Fragment(f"{EXECUTION_INPUT}.run.execution_id"),
    "started_at": Fragment("$states.context.Execution.StartTime"),
    "workflow_id": Fragment(f"{EXECUTION_INPUT}.run.workflow_id"),
}


@dataclass(frozen=True, slots=True)
class Root:
    """JSONata source of a value, without operators at its top. If not `defined` it may be undefined, meaning null.

    `fields` are keys that the value, if there is one, is sure to have as an object; they are read without a helper.
    """

    code: str
    defined: bool
    fields: frozenset[str] = frozenset()


class Scope(Protocol):
    """Where the values of references are to be found in the state that an expression stands in."""

    def locate(self, reference: Reference) -> Root:
        """Where the value starts, before `reference.path`. Not asked for `execution`, which is the same everywhere."""


def reference_fragment(reference: Reference, scope: Scope) -> Fragment:
    """The value of a reference; null for what is missing. With no operators at its top, it may stand beside any."""
    if isinstance(reference, ScopeReference) and reference.word == "execution":
        return _execution(reference.path)
    root = scope.locate(reference)
    if root.code == "null":
        return Fragment("null")
    code, path = root.code, reference.path
    if path and isinstance(path[0], str) and path[0] in root.fields:
        code, path = code + name_step(path[0]), path[1:]
    if not path and not root.defined:
        return Fragment(f"$o({code})", frozenset("o"))
    return path_fragment(code, path)


def path_fragment(code: str, path: tuple[Segment, ...]) -> Fragment:
    """What is at `path` in the value of `code` (rules: `language.syntax`). With a path, `code` may be undefined."""
    helpers: set[str] = set()
    for position, segment in enumerate(path):
        match segment:
            case str():
                code = f"$n({code},{string_literal(segment)})"
                helpers.add("n")
            case int():
                index = max(-MAX_LIST_LENGTH, min(segment, MAX_LIST_LENGTH))
                code = f"$o($a({code})[{index}])"
                helpers.update("oa")
            case Wildcard() if position == len(path) - 1:
                code = f"$l({code})"
                helpers.add("l")
            case Wildcard():
                rest = path_fragment("$x", path[position + 1 :])
                return Fragment(f"$w({code},function($x){{{rest.code}}})", rest.helpers | helpers | {"w"})
    return Fragment(code, frozenset(helpers))


def _execution(path: tuple[Segment, ...]) -> Fragment:
    match path:
        case ():
            return object_fragment(_EXECUTION_FIELDS)
        case (str(name), *rest) if name in _EXECUTION_FIELDS:
            return path_fragment(_EXECUTION_FIELDS[name].code, tuple(rest))
        case _:
            return Fragment("null")
