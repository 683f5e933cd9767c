"""`merge`: joins branches. Says which dependencies completed and hands on their outputs.

With an `input_mapping` its entries take the place of the dependencies. An entry of a mapping is there whatever became of
the step that it reads, so what counts as completed is, with and without a mapping, what is not null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal, string_literal
from workflow_engine.schema_parts import object_schema, output_schema, property_schema
from workflow_engine.steps.sources import apply, named_sources
from workflow_engine.steps.step_type import StepType

_MODES: Final = ["wait_all", "first_available"]

# Over $taken, the list of {"name", "value"} that take part.
_DATA: Final[Mapping[str, str]] = {
    "object": '$merge($append([{}],$map($taken,function($s){{$lookup($s,"name"):$lookup($s,"value")}})[]))',
    "array": '$append([],$map($taken,function($s){$lookup($s,"value")})[])',
    "first": '$count($taken)=0?null:$lookup($taken[0],"value")',
}


def default_combine_mode(mode: str) -> str:
    """With one source taking part, its value is meant; with all, an object that tells them apart."""
    return "first" if mode == "first_available" else "object"


def _build(context: PureContext) -> Fragment:
    mode = context.static_config.get("mode", "wait_all")
    combine_mode = context.static_config.get("combine_mode", default_combine_mode(mode))
    taken = "$count($completed)=0?[]:[$completed[0]]" if mode == "first_available" else "$completed"
    body = (
        '($completed:=$append([],$filter($sources,function($s){$lookup($s,"value")!=null})[]);'
        f'$taken:={taken};{{"mode":{string_literal(mode)},"data":{_DATA[combine_mode]},'
        '"sources":$append([],$map($taken,function($s){$lookup($s,"name")})[]),'
        '"completed_count":$count($completed),"total_dependencies":$total})'
    )
    total = json_literal(context.declared)
    return apply(body, {"sources": named_sources(context.inputs), "total": total})


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return PureLowering(_build)


MERGE: Final = StepType(
    name="merge",
    description="Joins branches: the outputs of all dependencies that completed, or of the first of them.",
    config_schema=object_schema(
        {
            "mode": property_schema(
                "Mode",
                "wait_all: every dependency that completed takes part. first_available: only the first "
                "completed one, "
                "in declared order, after all have ended.",
                default="wait_all",
                enum=_MODES,
            ),
            "combine_mode": property_schema(
                "Combine mode",
                "Shape of `data`: object (outputs by dependency), array (outputs in order), first (the first "
                "output alone). "
                "Without it: object, and first in mode first_available.",
                enum=list(_DATA),
            ),
        }
    ),
    output_schema=output_schema(
        {
            "mode": property_schema("Mode", "As configured.", enum=_MODES),
            "data": property_schema("Data", "The outputs, in the shape that combine_mode asks for."),
            "sources": property_schema(
                "Sources", "Those that take part, in order.", type="array", items={"type": "string"}
            ),
            "completed_count": property_schema(
                "Completed", "How many dependencies completed.", type="integer", minimum=0
            ),
            "total_dependencies": property_schema("Dependencies", "How many there are.", type="integer", minimum=0),
        }
    ),
    lower=_lower,
    needs_input=True,
)
