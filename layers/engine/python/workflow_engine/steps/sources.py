"""JSONata that reads the input of a pure step.

JSONata's sequences set the style of everything generated here. A function such as `$map` that yields one value gives
that value bare, and gives nothing at all when it yields none; an array constructor flattens the lists in it. So a list
is kept with `$append([],$map(...)[])`: the `[]` keeps a single element in its list, `$append` turns nothing into an
empty list. Keys are read by `$lookup` after a test with `in $keys(...)`, because a path would map over a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from workflow_engine.compiler.catalogue import MappedInput, PureContext
from workflow_engine.compiler.jsonata.fragments import (
    Array,
    Call,
    Conditional,
    Fragment,
    Group,
    json_literal,
    object_fragment,
    string_literal,
)

UNWRAPPED_NAMES: Final = ("input", "data")
"""An `input_data` whose only key is one of these stands for the value of that key."""

FIELD: Final = '$field:=function($v,$n){$type($v)="object"?$n in $keys($v)?$lookup($v,$n):null:null};'
"""Declares `$field(value, name)`: the field, or null when it is missing, the value no object or the name no text."""


def apply(body: str, arguments: Mapping[str, Fragment]) -> Fragment:
    """`body` with `$name` bound to each argument.

    The arguments are evaluated outside the function, so the names of the body cannot capture those that they use.
    """
    parameters = ",".join(f"${name}" for name in arguments)
    return Call(f"function({parameters}){{{body}}}", tuple(arguments.values()))


def working_data(context: PureContext) -> Fragment:
    """What the step works on: the value of `input` or `data` if `input_data` has that key alone, else all of it."""
    candidates = [entry for entry in context.inputs if entry.name in UNWRAPPED_NAMES]
    if not candidates:
        return context.input_data
    if all(entry.present is None for entry in context.inputs):
        return candidates[0].value if len(context.inputs) == 1 else context.input_data
    # Which keys there are shows only at run time. $keys gives a bare name for a single key, a list for several.
    choice = "$d"
    for name in reversed([entry.name for entry in candidates]):
        text = string_literal(name)
        choice = f"$keys($d)={text}?$lookup($d,{text}):{choice}"
    return apply(choice, {"d": context.input_data})


def named_sources(inputs: Sequence[MappedInput]) -> Fragment:
    """A list of `{"name", "value"}`, in declared order: the keys of the mapping, or the dependencies that completed."""
    entries: list[Fragment] = []
    for entry in inputs:
        pair = object_fragment({"name": json_literal(entry.name), "value": entry.value})
        # An empty list in an array constructor adds nothing.
        entries.append(pair if entry.present is None else Conditional((Group((entry.present,)), pair, Array(()))))
    return Array(tuple(entries))
