"""`transform`: what an author computes in JSONata over the step's input. Pure: a Pass, so it costs no call.

The expression is evaluated as JSONata is elsewhere: the entries of the input are its names (`$sum(orders.total)`), `$` and
`$$` are the whole input. It is a part of the machine's definition, since Step Functions has no `$eval`. A result that is
nothing (no match) is null. What raises fails the step with `States.QueryEvaluationError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering
from workflow_engine.compiler.jsonata.fragments import Fragment
from workflow_engine.language.expressions import MAX_EXPRESSION_CHARACTERS
from workflow_engine.schema_parts import object_schema, property_schema
from workflow_engine.steps.step_type import StepType

_EXPRESSION: Final = "expression"


def _build(context: PureContext) -> Fragment:
    return context.expressions[_EXPRESSION]


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return PureLowering(_build)


TRANSFORM: Final = StepType(
    name="transform",
    description="Computes a value from its inputs in JSONata: filters, sums, groups, sorts, joins.",
    config_schema=object_schema(
        {
            _EXPRESSION: property_schema(
                "Expression",
                "JSONata over the step's input: the names of its entries are names in it, $ is all of them.",
                examples=["$sum(orders[status = 'paid'].total)"],
                type="string",
                minLength=1,
                maxLength=MAX_EXPRESSION_CHARACTERS,
            ),
        },
        required=[_EXPRESSION],
    ),
    output_schema={},
    lower=_lower,
    expression_fields=(_EXPRESSION,),
    needs_input=True,
)
