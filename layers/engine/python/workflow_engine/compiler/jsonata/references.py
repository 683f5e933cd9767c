"""References: where a value starts, and how its path is followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from workflow_engine.compiler.jsonata.fragments import (
    NULL,
    Fragment,
    Read,
    Text,
    call,
    function,
    item,
    json_literal,
    object_fragment,
)
from workflow_engine.compiler.jsonata.states import from_input
from workflow_engine.language.syntax import Reference, ScopeReference, Segment, Wildcard
from workflow_engine.lazy_dataclass import dataclass

MAX_LIST_LENGTH: Final = 10**9
"""No list is longer, so greater indexes need not be written (a JSONata number of over 308 digits does not parse)."""

_EXECUTION_FIELDS: Final[Mapping[str, Fragment]] = {
    "id": from_input("run", "execution_id"),
    "started_at": Text("$states.context.Execution.StartTime"),
    "workflow_id": from_input("run", "workflow_id"),
}


@dataclass(frozen=True, slots=True)
class Root:
    """Where a value is read, without operators at its top. If not `defined` it may be undefined, meaning null.

    `fields` are keys that the value, if there is one, is sure to have as an object; they are read of a variable without a helper.
    """

    code: Fragment
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
    if root.code == NULL:
        return NULL
    code, path = root.code, reference.path
    if isinstance(code, Read) and path and isinstance(path[0], str) and path[0] in root.fields:
        code, path = Read(code.variable, (*code.path, path[0])), path[1:]
    if not path and not root.defined:
        return call("o", code)
    return path_fragment(code, path)


def path_fragment(code: Fragment, path: tuple[Segment, ...]) -> Fragment:
    """What is at `path` in the value of `code` (rules: `language.syntax`). With a path, `code` may be undefined."""
    for position, segment in enumerate(path):
        match segment:
            case str():
                code = call("n", code, json_literal(segment))
            case int():
                index = max(-MAX_LIST_LENGTH, min(segment, MAX_LIST_LENGTH))
                code = call("o", item(call("a", code), index))
            case Wildcard() if position == len(path) - 1:
                code = call("l", code)
            case Wildcard():
                rest = path_fragment(Text("$x"), path[position + 1 :])
                return call("w", code, function("x", rest))
    return code


def _execution(path: tuple[Segment, ...]) -> Fragment:
    match path:
        case ():
            return object_fragment(_EXECUTION_FIELDS)
        case (str(name), *rest) if name in _EXECUTION_FIELDS:
            return path_fragment(_EXECUTION_FIELDS[name], tuple(rest))
        case _:
            return NULL
