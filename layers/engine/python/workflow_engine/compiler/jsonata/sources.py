"""Sources: references, literals, templates and an author's own JSONata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from workflow_engine.compiler.jsonata.fragments import EXECUTION_INPUT, Fragment
from workflow_engine.compiler.jsonata.references import Scope, reference_fragment
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.syntax import (
    Expression,
    Literal_,
    ScopeReference,
    Source,
    StepReference,
    Template,
    TemplateVariable,
    TemplateVariableName,
)

PlaceLiteral = Callable[[Json], Fragment]
"""Puts a value where the compiler keeps values, and says how to read it there."""

# The time of entry, not $now(): two expressions of one state then give the same text.
_ENTERED: Final = "$states.context.State.EnteredTime"

_TEXT: Final = frozenset("s")
_TEMPLATE_VARIABLES: Final[Mapping[TemplateVariableName, Fragment]] = {
    "current_timestamp": Fragment(_ENTERED),
    "current_date": Fragment(f"$substring({_ENTERED},0,10)"),
    "current_time": Fragment(f"$substring({_ENTERED},11,8)"),
    "current_year": Fragment(f"$substring({_ENTERED},0,4)"),
    "current_month": Fragment(f"$substring({_ENTERED},5,2)"),
    "current_day": Fragment(f"$substring({_ENTERED},8,2)"),
    "uuid": Fragment("$uuid()"),
    "execution_id": Fragment(f"{EXECUTION_INPUT}.run.execution_id"),
    # null where the run has none
    "workflow_id": Fragment(f"$s({EXECUTION_INPUT}.run.workflow_id)", _TEXT),
    "user_id": Fragment(f"$s({EXECUTION_INPUT}.run.user_id)", _TEXT),
    "session_id": Fragment(f"$s({EXECUTION_INPUT}.run.session_id)", _TEXT),
}


def source_fragment(source: Source, scope: Scope, literal: PlaceLiteral) -> Fragment:
    """The value of a source. Only that of an `Expression` may raise."""
    match source:
        case StepReference() | ScopeReference():
            return reference_fragment(source, scope)
        case Literal_(value):
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
    text = literal(texts if many else texts[0]) if texts else Fragment("")
    positions = iter(range(len(texts)))
    codes = [part.code if part else f"$x[{next(positions)}]" if many else text.code for part in parts]
    joined = f"$join([{','.join(codes)}])"
    helpers = text.helpers.union(*(part.helpers for part in parts if part))
    return Fragment(f"($x:={text.code};{joined})" if many else joined, helpers)


def pieces_fragment(template: Template, scope: Scope, literal: PlaceLiteral) -> Fragment:
    """The text as a list of `{"text": own text}` and `{"data": what a reference brought in}`, for a step that fills its own
    text further and must not look for names in anybody's data.
    """
    texts, parts = _in_turn(template, scope)
    if not any(parts):
        return literal([{"text": "".join(texts)}])
    text = literal(texts)
    positions = iter(range(len(texts)))
    pieces = [f'{{"data":{part.code}}}' if part else f'{{"text":$x[{next(positions)}]}}' for part in parts]
    helpers = text.helpers.union(*(part.helpers for part in parts if part))
    return Fragment(f"($x:={text.code};[{','.join(pieces)}])", helpers)


def _in_turn(template: Template, scope: Scope) -> tuple[list[str], list[Fragment | None]]:
    """The template's own texts, and its references rendered, with None for the next of the texts."""
    texts: list[str] = []
    parts: list[Fragment | None] = []
    for part in template.parts:
        if not isinstance(part, str):
            parts.append(_rendered(part, scope))
        elif part and parts and parts[-1] is None:
            texts[-1] += part
        elif part:
            texts.append(part)
            parts.append(None)
    return texts, parts


def _rendered(part: StepReference | ScopeReference | TemplateVariable, scope: Scope) -> Fragment:
    if isinstance(part, TemplateVariable):
        return _TEMPLATE_VARIABLES[part.name]
    value = reference_fragment(part, scope)
    return Fragment(f"$s({value.code})", value.helpers | {"s"})


def _expression(source: Expression, scope: Scope) -> Fragment:
    """The author's text, references read into variables before it, so that its variables shadow no helper they call."""
    prefix = "$ref"
    while any(isinstance(part, str) and prefix in part for part in source.parts):
        prefix += "_"
    bindings: list[str] = []
    text: list[str] = []
    helpers: frozenset[str] = frozenset("o")
    for part in source.parts:
        if isinstance(part, str):
            text.append(part)
            continue
        value = reference_fragment(part, scope)
        helpers |= value.helpers
        name = f"{prefix}{len(bindings)}"
        bindings.append(f"{name}:={value.code};")
        text.append(name)
    return Fragment(f"$o(({''.join(bindings)}{''.join(text)}))", helpers)
