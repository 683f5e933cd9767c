"""Sources: references, literals, templates and an author's own JSONata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from workflow_engine.compiler.jsonata.fragments import (
    Array,
    Bind,
    Fragment,
    Group,
    Text,
    bind,
    call,
    item,
    object_fragment,
)
from workflow_engine.compiler.jsonata.references import Scope, reference_fragment
from workflow_engine.compiler.jsonata.states import ENTERED, from_input
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.syntax import (
    Expression,
    LiteralValue,
    ScopeReference,
    Source,
    StepReference,
    Template,
    TemplateVariable,
    TemplateVariableName,
)

PlaceLiteral = Callable[[Json], Fragment]
"""Puts a value where the compiler keeps values, and says how to read it there."""

_Part = StepReference | ScopeReference | TemplateVariable

_X: Final = Text("$x")
_TEMPLATE_VARIABLES: Final[Mapping[TemplateVariableName, Fragment]] = {
    "current_timestamp": ENTERED,
    "current_date": call("substring", ENTERED, Text("0"), Text("10")),
    "current_time": call("substring", ENTERED, Text("11"), Text("8")),
    "current_year": call("substring", ENTERED, Text("0"), Text("4")),
    "current_month": call("substring", ENTERED, Text("5"), Text("2")),
    "current_day": call("substring", ENTERED, Text("8"), Text("2")),
    "uuid": Text("$uuid()"),
    "execution_id": from_input("run", "execution_id"),
    # null where the run has none
    "workflow_id": call("s", from_input("run", "workflow_id")),
    "user_id": call("s", from_input("run", "user_id")),
    "session_id": call("s", from_input("run", "session_id")),
}


def source_fragment(source: Source, scope: Scope, literal: PlaceLiteral) -> Fragment:
    """The value of a source. Only that of an `Expression` may raise."""
    match source:
        case StepReference() | ScopeReference():
            return reference_fragment(source, scope)
        case LiteralValue(value):
            return literal(value)
        case Template():
            return template_fragment(source, scope, literal)
        case Expression():
            return _expression(source, scope)


def template_fragment(template: Template, scope: Scope, literal: PlaceLiteral) -> Fragment:
    """The rendered text: strings as they are, null as nothing, anything else as JSON. Own text goes to `literal`."""
    texts, parts = _in_turn(template, scope)
    if not any(parts):
        return literal("".join(texts))
    if len(parts) == 1 and parts[0]:
        return parts[0]
    many = len(texts) > 1
    own = iter([item(_X, i) for i in range(len(texts))] if many else [literal(text) for text in texts])
    joined = call("join", Array(tuple(part or next(own) for part in parts)))
    return Group((bind("x", literal(texts)), joined)) if many else joined


def pieces_fragment(template: Template, scope: Scope, literal: PlaceLiteral) -> Fragment:
    """The text as a list of `{"text": own text}` and `{"data": what a reference brought in}`, for a step that fills its own
    text further and must not look for names in anybody's data.
    """
    texts, parts = _in_turn(template, scope)
    if not any(parts):
        return literal([{"text": "".join(texts)}])
    own = iter([item(_X, i) for i in range(len(texts))])
    pieces = tuple(object_fragment({"data": part} if part else {"text": next(own)}) for part in parts)
    return Group((bind("x", literal(texts)), Array(pieces)))


def values_fragment(template: Template, scope: Scope, literal: PlaceLiteral) -> Fragment:
    """The text as a list of `{"text": own text}` and `{"value": what a reference is}`, for a step that renders values itself."""
    texts, parts = _in_turn(template, scope, _value)
    own = iter([item(_X, i) for i in range(len(texts))])
    pieces = tuple(object_fragment({"value": part} if part else {"text": next(own)}) for part in parts)
    return Group((bind("x", literal(texts)), Array(pieces))) if texts else Array(pieces)


def _in_turn(
    template: Template, scope: Scope, rendered: Callable[[_Part, Scope], Fragment] | None = None
) -> tuple[list[str], list[Fragment | None]]:
    """The template's own texts, and its references rendered, with None for the next of the texts."""
    texts: list[str] = []
    parts: list[Fragment | None] = []
    for part in template.parts:
        if not isinstance(part, str):
            parts.append((rendered or _rendered)(part, scope))
        elif part and parts and parts[-1] is None:
            texts[-1] += part
        elif part:
            texts.append(part)
            parts.append(None)
    return texts, parts


def _value(part: _Part, scope: Scope) -> Fragment:
    return _TEMPLATE_VARIABLES[part.name] if isinstance(part, TemplateVariable) else reference_fragment(part, scope)


def _rendered(part: _Part, scope: Scope) -> Fragment:
    if isinstance(part, TemplateVariable):
        return _TEMPLATE_VARIABLES[part.name]
    return call("s", reference_fragment(part, scope))


def _expression(source: Expression, scope: Scope) -> Fragment:
    """The author's text, references read into variables before it, so that its variables shadow no helper they call."""
    prefix = "ref"
    while any(isinstance(part, str) and f"${prefix}" in part for part in source.parts):
        prefix += "_"
    bindings: list[Bind] = []
    text: list[str] = []
    for part in source.parts:
        if isinstance(part, str):
            text.append(part)
            continue
        bindings.append(bind(f"{prefix}{len(bindings)}", reference_fragment(part, scope)))
        text.append(f"${bindings[-1].name}")
    return call("o", Group((*bindings, Text("".join(text)))))
