"""`trigger` and `input`: where the run's input enters the graph. `data` is the run's input, whole; of an `input` step it is
the entry that has the step's id, where the run's input has one.

A trigger of kind `chat` also has `messages`, `current_message` and `attachments`, from an input `{messages? or history?,
current_message? or message?, attachments?}`, the same as `{"trigger": {"kind": "chat", ...}}`, or a bare text:
`current_message` is the given one, else the text itself, else (the `content` of) the last of the messages, else null;
`messages` are those given, else the history, and end in the current message in any case; `attachments` is a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.aws_quotas import PAYLOAD_BYTES
from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, object_fragment, string_literal
from workflow_engine.language.syntax import ScopeReference
from workflow_engine.schema_parts import object_schema, output_schema, property_schema
from workflow_engine.steps.output import configured_text
from workflow_engine.steps.sources import FIELD, apply
from workflow_engine.steps.step_type import StepType

_CHAT_BODY: Final = (
    f"({FIELD}"
    '$t:=$field($i,"trigger");'
    '$c:=$field($t,"kind")="chat"?$t:$i;'
    '$list:=function($n){($v:=$field($c,$n);$type($v)="array"?$v:[])};'
    "$first:=function($v,$w){$v=null?$w:$v};"
    '$given:=$first($field($c,"current_message"),$first($field($c,"message"),$type($i)="string"?$i:null));'
    '$messages:=$list("messages");'
    '$before:=$count($messages)=0?$list("history"):$messages;'
    "$last:=$count($before)=0?null:$before[-1];"
    # The current message as a turn, unless that is what it is.
    '$turn:=$field($given,"content")=null?{"role":"user","content":$given}:$merge([{"role":"user"},$given]);'
    "$is_there:=$given=null or $last=$given or $last=$turn;"
    '{"kind":$kind,"data":$i,'
    '"messages":$is_there?$before:$append($before,[$turn]),'
    '"current_message":$first($given,$type($last)="object"?$field($last,"content"):$last),'
    '"attachments":$list("attachments")})'
)


_HANDED_ON: Final = {"data": ScopeReference("input")}


def _run_input(context: PureContext) -> Fragment:
    return context.read(ScopeReference("input"))


def _build_input(context: PureContext) -> Fragment:
    return object_fragment({"kind": configured_text(context, "kind", "json"), "data": _own_input(context)})


def _own_input(context: PureContext) -> Fragment:
    name = string_literal(context.step_id)
    return apply(f'$type($i)="object"?{name} in $keys($i)?$lookup($i,{name}):$i:$i', {"i": _run_input(context)})


def _build_trigger(context: PureContext) -> Fragment:
    kind = configured_text(context, "kind", "manual")
    if context.static_config.get("kind") == "chat":
        return apply(_CHAT_BODY, {"i": _run_input(context), "kind": kind})
    return object_fragment({"kind": kind, "data": _run_input(context)})


def _lower_input(_config: Mapping[str, Any]) -> Lowering:
    return PureLowering(_build_input, growth_bytes=PAYLOAD_BYTES)


def _lower_trigger(config: Mapping[str, Any]) -> Lowering:
    # Messages, attachments and the current message stand in `data` and again beside it.
    copies = 3 if config.get("kind") == "chat" else 1
    return PureLowering(_build_trigger, growth_bytes=copies * PAYLOAD_BYTES, handed_on=_HANDED_ON)


_SCHEMA_OF_INPUT: Final = property_schema(
    "Schema",
    "JSON Schema that tells callers what the input looks like. It is kept, not enforced: `input_schema` of the "
    "workflow is.",
    type="object",
    examples=[{"type": "object", "properties": {"text": {"type": "string"}}}],
)
_DATA: Final = property_schema("Data", "The run's input.")
_KIND: Final = property_schema("Kind", "As configured.", type="string")

INPUT: Final = StepType(
    name="input",
    description="Hands on the input of the run, or the entry of it that has the step's id.",
    config_schema=object_schema(
        {
            "kind": property_schema("Kind", "What the input is, for whoever reads it.", type="string", default="json"),
            "schema": _SCHEMA_OF_INPUT,
        }
    ),
    output_schema=output_schema(
        {
            "kind": _KIND,
            "data": property_schema("Data", "The run's input, or the entry of it that has this step's id."),
        }
    ),
    lower=_lower_input,
    takes_input=False,
)

TRIGGER: Final = StepType(
    name="trigger",
    description="Where a run begins; hands on its input, of a chat the messages too.",
    config_schema=object_schema(
        {
            "kind": property_schema(
                "Kind",
                "What starts the run: manual, chat, webhook, schedule or any other word.",
                type="string",
                default="manual",
            ),
            "schema": _SCHEMA_OF_INPUT,
        }
    ),
    output_schema=output_schema(
        {
            "kind": _KIND,
            "data": _DATA,
            "messages": property_schema(
                "Messages", "kind chat: the messages so far, the current one included.", type="array"
            ),
            "current_message": property_schema("Current message", "kind chat: what is to be answered."),
            "attachments": property_schema("Attachments", "kind chat: what came with it.", type="array"),
        },
        optional=["messages", "current_message", "attachments"],
    ),
    lower=_lower_trigger,
    takes_input=False,
)
