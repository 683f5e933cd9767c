"""What a Pass state computes: one pure step, or several fused into it, each read by the later ones.

ASL evaluates all of a state's fields on the values at its entry. So a step that reads another step of the same state reads
it from a local variable of the expression.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from workflow_engine.compiler.ir import Template, Value
from workflow_engine.compiler.jsonata import expression
from workflow_engine.compiler.jsonata.fragments import Fragment, object_fragment
from workflow_engine.compiler.lower.scope import variables_read

_TOKENS: Final = re.compile(r"""\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|\$(?P<name>[A-Za-z0-9_]+)""")


def _needed(values: tuple[Value, ...], last: int) -> list[int]:
    """Indexes of the values that `values[last]` reads, directly or through others, in order."""
    producer = {v.variable: i for i, v in enumerate(values[:last])}
    found: set[int] = set()
    stack = [last]
    while stack:
        for variable, _ in variables_read(values[stack.pop()].output.code):
            i = producer.get(variable)
            if i is not None and i not in found:
                found.add(i)
                stack.append(i)
    return sorted(found)


def _localised(code: str, variables: Collection[str]) -> str:
    """The code with these variables read under their local names, `$now_<variable>`. Text in quotes stays as it is."""

    def renamed(token: re.Match[str]) -> str:
        name = token["name"]
        return f"$now_{name}" if name in variables else token[0]

    return _TOKENS.sub(renamed, code)


def _with_locals(values: tuple[Value, ...], needed: list[int], fragment: Fragment) -> Fragment:
    """The fragment after the values that it needs, each bound to a local variable that stands for the step's record."""
    if not needed:
        return fragment
    helpers = fragment.helpers.union(*(values[i].output.helpers for i in needed))
    variables = {values[i].variable for i in needed}
    bound = "".join(
        f'$now_{values[i].variable}:={{"status":"completed","output":{_localised(values[i].output.code, variables)}}};'
        for i in needed
    )
    return Fragment(f"({bound}{_localised(fragment.code, variables)})", helpers)


def output_of(values: tuple[Value, ...], i: int) -> str:
    """The expression of one step's output, as it is at the state's entry."""
    return expression(_with_locals(values, _needed(values, i), values[i].output))


def record_of(values: tuple[Value, ...], i: int) -> Template:
    """The record that is kept of one step."""
    if not values[i].keeps_output:
        return {"status": "completed"}
    return {"status": "completed", "output": output_of(values, i)}


def outputs_of(values: tuple[Value, ...], others: Mapping[str, Fragment], extra: Mapping[str, Fragment]) -> Template:
    """`{step_id: output}` of all values, each computed once, and `_vars` for what the branch gives back besides."""
    if len(values) == 1:
        records = {name: expression(fragment) for name, fragment in others.items()}
        return {values[0].step_id: output_of(values, 0), **({"_vars": records} if records else {})}
    read = sorted(set[int]().union(*(_needed(values, i) for i in range(len(values)))))
    fields = {v.step_id: Fragment(f"${v.variable}.output") if i in read else v.output for i, v in enumerate(values)}
    if others:
        fields["_vars"] = object_fragment(others)
    fields.update(extra)
    return expression(_with_locals(values, read, object_fragment(fields)))
