"""`output`: marks a result of the workflow and gives it a label.

Without an `input_mapping` and with one dependency, `data` is what that gave (null if it did not complete). Else it is
`input_data.input` (or `.data`) when that is the only key, or all of `input_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal, object_fragment
from workflow_engine.schema_parts import SUCCESS, object_schema, output_schema, property_schema
from workflow_engine.steps.sources import working_data
from workflow_engine.steps.step_type import StepType

DEFAULTS: Final[Mapping[str, str]] = {"label": "Output", "format": "json"}


def configured_text(context: PureContext, key: str, default: str) -> Fragment:
    """The configured text, read at run time; a literal default when the client gave none."""
    return context.config(key) if key in context.static_config else json_literal(default)


def _build(context: PureContext) -> Fragment:
    fields = {key: configured_text(context, key, default) for key, default in DEFAULTS.items()}
    return object_fragment(
        {
            "step_id": json_literal(context.step_id),
            **fields,
            "data": _data(context),
            "success": json_literal(True),
        }
    )


def _data(context: PureContext) -> Fragment:
    if context.mapped or context.declared != 1:
        return working_data(context)
    return context.inputs[0].value if context.inputs else json_literal(None)


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return PureLowering(_build)


OUTPUT: Final = StepType(
    name="output",
    description="Marks a result of the workflow, with a label and a hint how to show it.",
    config_schema=object_schema(
        {
            "label": property_schema("Label", "What the result is called.", type="string", default="Output"),
            "format": property_schema(
                "Format", "A hint for whoever shows it, such as json, text or markdown.", type="string", default="json"
            ),
        }
    ),
    output_schema=output_schema(
        {
            "step_id": property_schema("Step", "The id of this step.", type="string"),
            "label": property_schema("Label", "As configured.", type="string"),
            "format": property_schema("Format", "As configured.", type="string"),
            "data": property_schema("Data", "The result: with one dependency and no mapping what that gave."),
            "success": SUCCESS,
        }
    ),
    lower=_lower,
    needs_input=True,
)
