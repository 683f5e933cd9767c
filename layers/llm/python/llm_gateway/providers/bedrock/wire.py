"""A request in the format of Bedrock's Converse API
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).

What a model refuses is left out, or said in the prompt instead, with a sentence for the answer's warnings.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llm_gateway.errors import LlmInvalidRequestError, LlmUnsupportedError
from llm_gateway.providers.bedrock.refusals import WARNINGS, Feature, Spared
from llm_gateway.providers.bedrock.schema import enforceable
from llm_gateway.request import GenerationRequest, Image, Message, Part, Text, Tool, ToolCall, ToolResult

MAX_TEMPERATURE: Final = 1.0

_IMAGE_FORMATS: Final = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_CALL_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCHEMA_NAME: Final = "answer"
_NO_CALLS: Final = "Do not call any tool. Answer with text."
_SOME_CALL: Final = "Call at least one of the tools now. Do not answer with text alone."

Json = dict[str, Any]


@dataclass(slots=True)
class ConverseCall:
    """What is sent, which features of the API it uses, and what had to be changed for it."""

    arguments: Json = field(default_factory=dict)
    used: set[Feature] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    _instructions: list[str] = field(default_factory=list)

    def takes(self, feature: Feature, spared: Spared) -> bool:
        """Whether a feature may be used; notes that it is, or that it is missed."""
        if feature not in spared.features:
            self.used.add(feature)
            return True
        if feature in WARNINGS:
            self.warnings.append(WARNINGS[feature])
        return False

    def instruct(self, sentence: str) -> None:
        """Add to the system prompt."""
        self._instructions.append(sentence)

    def system(self, request: GenerationRequest) -> str:
        """All that goes before the conversation."""
        texts = (request.system or "", *self._instructions)
        return "\n\n".join(text for text in texts if text.strip())


def converse_call(
    model: str, request: GenerationRequest, spared: Spared, *, has_output_config: bool, is_streamed: bool
) -> ConverseCall:
    """The arguments of boto3's `converse` and `converse_stream`. `has_output_config`: this boto3 knows structured output.

    Raises LlmUnsupportedError for an image of a format that Bedrock does not take, LlmInvalidRequestError for a
    conversation without content.
    """
    call = ConverseCall()
    messages = _messages(model, request, call, spared)
    if not messages:
        raise LlmInvalidRequestError("There is nothing to ask: the conversation has no content.")
    call.arguments = {"modelId": model, "messages": messages}
    _add_inference(request, call, spared)
    _add_tools(request, call, spared)
    _add_response_format(request, call, spared, has_output_config)
    _add_system(request, call, spared)
    if is_streamed:
        call.used.add("streaming")
        if "toolConfig" in call.arguments:
            call.used.add("streaming_tools")
    return call


def has_tools(request: GenerationRequest) -> bool:
    """Whether tools must be named: to be called, or since they were."""
    return bool(_tools_of(request))


def replay_of(model: str, reasoning: Iterable[Mapping[str, Any]]) -> str | None:
    """What a tool call keeps of the reasoning that led to it: Claude refuses a turn that thought if its thoughts are
    missing or changed, and knows them by their signature. None if nothing is signed.
    """
    kept: list[Json] = []
    for block in reasoning:
        if "redactedContent" in block:
            kept.append({"redactedContent": base64.b64encode(block["redactedContent"]).decode()})
        elif block.get("reasoningText", {}).get("signature"):
            kept.append({"reasoningText": dict(block["reasoningText"])})
    return json.dumps({"bedrock_model": model, "reasoning": kept}) if kept else None


def _add_system(request: GenerationRequest, call: ConverseCall, spared: Spared) -> None:
    system = call.system(request)
    if not system:
        return
    if call.takes("system", spared):
        call.arguments["system"] = [{"text": system}]
        return
    messages = call.arguments["messages"]
    if messages[0]["role"] == "user":
        # Results of tools stay first in their turn; they are never in the first one.
        messages[0]["content"].insert(0, {"text": system})
    else:
        messages.insert(0, {"role": "user", "content": [{"text": system}]})


def _add_inference(request: GenerationRequest, call: ConverseCall, spared: Spared) -> None:
    config: Json = {}
    if request.max_tokens is not None:
        config["maxTokens"] = _max_tokens(request.max_tokens, call, spared)
    if request.temperature is not None and call.takes("temperature", spared):
        config["temperature"] = min(request.temperature, MAX_TEMPERATURE)
        if request.temperature > MAX_TEMPERATURE:
            call.warnings.append("The temperature was lowered to 1, the highest that Bedrock takes.")
    if request.top_p is not None and call.takes("top_p", spared):
        is_alone = "temperature" not in config
        if is_alone or call.takes("both_samplings", spared):
            config["topP"] = request.top_p
    stop = [text for text in request.stop if text]
    if stop and call.takes("stop", spared):
        config["stopSequences"] = stop
    if config:
        call.arguments["inferenceConfig"] = config


def _max_tokens(wanted: int, call: ConverseCall, spared: Spared) -> int:
    call.used.add("max_tokens")
    if spared.max_tokens is None or wanted <= spared.max_tokens:
        return wanted
    call.warnings.append(f"The model answers at most {spared.max_tokens} tokens, so max_tokens was lowered to that.")
    return spared.max_tokens


def _add_tools(request: GenerationRequest, call: ConverseCall, spared: Spared) -> None:
    tools = _tools_of(request)
    if not tools:
        return
    config: Json = {"tools": [{"toolSpec": _tool_spec(tool)} for tool in tools]}
    if not request.tools or request.tool_choice == "none":
        call.instruct(_NO_CALLS)  # Bedrock knows no such choice
    elif request.tool_choice == "required":
        if call.takes("tool_choice", spared):
            config["toolChoice"] = {"any": {}}
        else:
            call.instruct(_SOME_CALL)
    call.arguments["toolConfig"] = config


def _tools_of(request: GenerationRequest) -> tuple[Tool, ...]:
    """The tools to be named. Bedrock demands `toolConfig` when the conversation has calls or results, so it is sent even
    if none may be called; tools that are offered no more are then named without parameters.
    """
    parts = [part for message in request.messages for part in message.parts]
    called = [part.name for part in parts if isinstance(part, ToolCall | ToolResult)]
    if not called:
        return () if request.tool_choice == "none" else request.tools
    return request.tools or tuple(Tool(name, "", {"type": "object"}) for name in dict.fromkeys(called))


def _tool_spec(tool: Tool) -> Json:
    spec: Json = {"name": tool.name, "inputSchema": {"json": _plain(tool.parameters)}}
    if tool.description:  # Bedrock takes no empty one
        spec["description"] = tool.description
    return spec


def _add_response_format(
    request: GenerationRequest, call: ConverseCall, spared: Spared, has_output_config: bool
) -> None:
    if request.response_format is None:
        return
    schema = request.response_format.schema
    if schema is None:
        call.instruct("Answer only with JSON, without any text around it.")
        return
    native = enforceable(schema) if has_output_config else None
    if native is not None and call.takes("native_schema", spared):
        definition = {"name": _SCHEMA_NAME, "schema": native}
        text_format = {"type": "json_schema", "structure": {"jsonSchema": definition}}
        call.arguments["outputConfig"] = {"textFormat": text_format}
        return
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    call.instruct(f"Answer only with JSON that fits this JSON Schema, without any text around it:\n{text}")


def _messages(model: str, request: GenerationRequest, call: ConverseCall, spared: Spared) -> list[Json]:
    """The turns. Those of one role that follow each other are one, since Bedrock demands that roles alternate, and turns
    without content are left out. Results of tools come first in theirs: Claude demands that they follow the calls at once.
    """
    turns: list[Json] = []
    for message in request.messages:
        blocks = _blocks(model, message, call, spared)
        if not blocks:
            continue
        if turns and turns[-1]["role"] == message.role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": message.role, "content": blocks})
    for turn in turns:
        turn["content"].sort(key=lambda block: "toolResult" not in block)
    return turns


def _blocks(model: str, message: Message, call: ConverseCall, spared: Spared) -> list[Json]:
    replays = {part.replay for part in message.parts if isinstance(part, ToolCall) and part.replay}
    reasoning = [block for replay in sorted(replays) for block in _replayed(model, replay)]
    blocks = [_block(part, call, spared) for part in message.parts]
    return reasoning + [block for block in blocks if block is not None]


def _block(part: Part, call: ConverseCall, spared: Spared) -> Json | None:
    match part:
        case Text(text):
            return {"text": text} if text.strip() else None  # Bedrock refuses blank ones
        case Image(media_type, data):
            return {"image": {"format": _image_format(media_type), "source": {"bytes": data}}}
        case ToolCall():
            return {"toolUse": {"toolUseId": _call_id(part.id), "name": part.name, "input": _plain(part.arguments)}}
        case ToolResult():
            return {"toolResult": _tool_result(part, call, spared)}


def _tool_result(result: ToolResult, call: ConverseCall, spared: Spared) -> Json:
    content = result.content if result.content.strip() else "(nothing)"  # a blank text is refused here too
    block: Json = {"toolUseId": _call_id(result.call_id), "content": [{"text": content}]}
    if call.takes("tool_status", spared):
        block["status"] = "error" if result.is_error else "success"
    elif result.is_error:
        block["content"] = [{"text": f"Error: {content}"}]
    return block


def _image_format(media_type: str) -> str:
    try:
        return _IMAGE_FORMATS[media_type.partition(";")[0].strip().lower()]
    except KeyError:
        raise LlmUnsupportedError(f"Bedrock takes images as PNG, JPEG, GIF or WebP, not as {media_type}.") from None


def _replayed(model: str, replay: str) -> list[Json]:
    """The reasoning that `replay_of` kept. Nothing if another vendor or another model wrote it."""
    try:
        kept = json.loads(replay)
        if kept["bedrock_model"] != model:
            return []
        return [{"reasoningContent": _reasoning(block)} for block in kept["reasoning"]]
    except (KeyError, TypeError, ValueError):
        return []


def _reasoning(block: Json) -> Json:
    if "redactedContent" in block:
        return {"redactedContent": base64.b64decode(block["redactedContent"])}
    return {"reasoningText": block["reasoningText"]}


def _call_id(call_id: str) -> str:
    """Bedrock's own ids are such; another vendor's may not be."""
    if _CALL_ID.fullmatch(call_id):
        return call_id
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"


def _plain(value: Mapping[str, Any]) -> Json:
    """Dictionaries and lists only, which is what botocore takes for a JSON document."""
    plain: Json = json.loads(json.dumps(value, default=dict))
    return plain
