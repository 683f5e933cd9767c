"""`data_merge`: several pieces of data become one.

The sources are the entries of `input_mapping`, else the outputs of the dependencies that completed, in declared order.

* `combine` (the default): one object. An object gives its fields, the later source wins; any other value stands under
  the name of its source. null is left out.
* `override`: a later source replaces what came before it: of two objects field by field, else whole. What is left at the
  end and is no object stands under the name of its source. null is left out.
* `list`: `{merged_data}`, the sources as a list, null included.
* `concatenate`: `{concatenated_text}`, texts alone joined to one text; else `{merged_data}`, one list of the elements of
  lists and of all other values. null is left out.
* `sum`: `{sum}` of the numbers among the sources, in lists and in the fields of objects, one level deep; anything else
  is ignored, text that looks like a number too. null if a number is over 1e290 in size, where a sum may leave a double.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, string_literal
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, Schema, object_schema, output_schema, property_schema
from workflow_engine.steps.sources import apply, named_sources
from workflow_engine.steps.step_type import StepType

DEFAULT_STRATEGY: Final = "combine"

_WITHOUT_NULL: Final = "$c:=$append([],$filter($values,function($v){$v!=null})[]);"

# Bodies over $sources (list of {"name", "value"}) and $values (their values).
_RESULTS: Final[Mapping[str, str]] = {
    "combine": (
        '$merge($append([{}],$map($sources,function($s){($v:=$lookup($s,"value");'
        '$type($v)="object"?$v:$v=null?{}:{$lookup($s,"name"):$v})})[]))'
    ),
    "override": (
        '($given:=$append([],$filter($sources,function($s){$lookup($s,"value")!=null})[]);'
        '$r:=$reduce($values,function($a,$v){$v=null?$a:$type($a)="object" and $type($v)="object"?$merge([$a,$v]):$v},null);'
        '$r=null?{}:$type($r)="object"?$r:{$lookup($given[-1],"name"):$r})'
    ),
    "list": '{"merged_data":$values}',
    "concatenate": (
        f'({_WITHOUT_NULL}$texts:=$count($filter($c,function($v){{$type($v)="string"}})[]);'
        '$count($c)>0 and $texts=$count($c)?{"concatenated_text":$join($c,"")}:'
        '{"merged_data":$reduce($c,function($a,$v){$append($a,$v)},[])})'
    ),
    "sum": (
        "($all:=$reduce($values,function($a,$v){"
        '$append($a,$type($v)="object"?$each($v,function($x){$x})[]:$v)},[]);'
        '$n:=$append([],$filter($all,function($x){$type($x)="number"})[]);'
        '{"sum":$count($filter($n,function($x){$x>1e290 or $x<-1e290})[])=0?$sum($n):null})'
    ),
}


def _build(context: PureContext) -> Fragment:
    strategy = context.static_config.get("merge_strategy", DEFAULT_STRATEGY)
    body = (
        '($values:=$append([],$map($sources,function($s){$lookup($s,"value")})[]);'
        f'{{"result":{_RESULTS[strategy]},"merge_strategy":{string_literal(strategy)},'
        '"sources":$append([],$map($sources,function($s){$lookup($s,"name")})[]),'
        '"merged_at":$at,"success":true})'
    )
    return apply(body, {"sources": named_sources(context.inputs), "at": context.entered})


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return PureLowering(_build)


_MERGED: Final = property_schema("Merged data", "A list.", type="array")
RESULTS: Final[Mapping[str, Schema]] = {
    "list": output_schema({"merged_data": _MERGED}),
    "sum": output_schema({"sum": property_schema("Sum", "null where it is too large.", type=["number", "null"])}),
    "concatenate": output_schema(
        {
            "concatenated_text": property_schema("Text", "Where all sources are texts.", type="string"),
            "merged_data": _MERGED,
        },
        optional=["concatenated_text", "merged_data"],
        minProperties=1,
        maxProperties=1,
    ),
}
"""Of strategies whose result has fields of its own, these."""

DATA_MERGE: Final = StepType(
    name="data_merge",
    description="Makes one value of several: the entries of input_mapping, else the outputs of the dependencies.",
    config_schema=object_schema(
        {
            "merge_strategy": property_schema(
                "Merge strategy",
                "combine: one object, later fields win, a value that is not an object stands under its "
                "source's name. "
                "override: the later source replaces the earlier, objects field by field. list: {merged_data}, all sources "
                "as a list. concatenate: {concatenated_text} of texts, else {merged_data}, lists appended. sum: {sum} of "
                "all numbers, anything else ignored.",
                default="combine",
                enum=list(_RESULTS),
            )
        }
    ),
    output_schema=output_schema(
        {
            "result": property_schema(
                "Result",
                "An object: the merged fields; {merged_data} of list, {sum} of sum, {concatenated_text} or {merged_data} of "
                "concatenate.",
                type="object",
            ),
            "merge_strategy": property_schema("Merge strategy", "As configured.", enum=list(_RESULTS)),
            "sources": property_schema(
                "Sources", "Names of the sources, in order.", type="array", items={"type": "string"}
            ),
            "merged_at": TIMESTAMP,
            "success": SUCCESS,
        },
        allOf=[
            {
                "if": {"properties": {"merge_strategy": {"const": name}}},
                "then": {"properties": {"result": result}},
            }
            for name, result in RESULTS.items()
        ],
    ),
    lower=_lower,
    needs_input=True,
)
