"""A request as arguments of Google's SDK (Gemini API reference, "Generating content", `models.generateContent`).

What a model refuses is left out or said in the prompt instead, each with a sentence for the answer's warnings. The module
imports the SDK; see `client`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.genai import types

from llm_gateway.errors import LlmInvalidRequestError
from llm_gateway.request import GenerationRequest, Image, Message, Part, Schema, Text, Tool, ToolCall, ToolResult

SYSTEM_INSTRUCTION: Final = "system_instruction"
JSON_MODE: Final = "response_mime_type"
JSON_WITH_TOOLS: Final = "response_mime_type with tools"
JSON_SCHEMA: Final = "response_json_schema"
THIS_SCHEMA: Final = "this response_json_schema"
UNSIGNED_CALLS: Final = "function calls without thought_signature"
SIGNATURES: Final = "thought_signature"
TOOL_CONFIG: Final = "tool_config"
"""What a model may refuse beside the parameters of `SAMPLING`."""

SAMPLING: Final = ("temperature", "top_p", "max_output_tokens", "stop_sequences")
"""Parameters that are numbers or texts, without which an answer is still one."""

OF_ONE_REQUEST: Final = frozenset({THIS_SCHEMA, SIGNATURES})
"""Refusals that say nothing of the model's next request."""

_NO_SIGNATURE: Final = base64.urlsafe_b64decode("skip_thought_signature_validator")
"""What Gemini 3 takes for the signature of calls that it did not make (Gemini API guide "Thought signatures", "FAQs"); in
JSON, where bytes are base64, it is that text.
"""

_MODES: Final[Mapping[str, types.FunctionCallingConfigMode]] = {
    "none": types.FunctionCallingConfigMode.NONE,
    "required": types.FunctionCallingConfigMode.ANY,
}
"""AUTO is the default and not sent."""


@dataclass(frozen=True, slots=True)
class GeminiCall:
    """What is sent, and what had to be changed for it. `sent` names what of the above is in it."""

    contents: list[types.Content]
    config: types.GenerateContentConfig
    sent: frozenset[str]
    warnings: tuple[str, ...]


def gemini_call(request: GenerationRequest, refused: frozenset[str], options: types.HttpOptions) -> GeminiCall:
    """The arguments of a call without what is `refused`. Raises LlmInvalidRequestError for what cannot be written, such as
    half a surrogate pair.
    """
    warnings: list[str] = []
    output, instruction = _output(request, refused, warnings)
    system = "\n\n".join(text for text in (request.system, instruction) if text)
    arguments = _sampling(request, refused, warnings) | output | _tools(request, refused, warnings)
    try:
        contents = [content for message in request.messages if (content := _content(message, refused)).parts]
        if system and (SYSTEM_INSTRUCTION in refused or not contents):
            if SYSTEM_INSTRUCTION in refused:
                warnings.append("The model takes no system prompt, so it was put before the first message.")
            contents = _with_system(contents, system)
        elif system:
            arguments[SYSTEM_INSTRUCTION] = types.Content(parts=[types.Part(text=_unicode(system))])
        config = types.GenerateContentConfig(
            **arguments,
            http_options=options,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            automatic_continuation=False,
        )
    except ValueError as error:  # pydantic's ValidationError is one; it would quote the value
        raise LlmInvalidRequestError(f"The request cannot be written for Gemini ({type(error).__name__}).") from None
    if not contents:
        raise LlmInvalidRequestError("There is nothing in the request that a model could answer.")
    _warn_of_signatures(contents, warnings)
    return GeminiCall(contents, config, frozenset(arguments) | _signing(contents), tuple(warnings))


def _sampling(request: GenerationRequest, refused: frozenset[str], warnings: list[str]) -> dict[str, Any]:
    values = (request.temperature, request.top_p, request.max_tokens, list(request.stop) or None)
    wanted = {name: value for name, value in zip(SAMPLING, values, strict=True) if value is not None}
    warnings.extend(f"The model takes no '{name}', so it was left out." for name in wanted if name in refused)
    return {name: value for name, value in wanted.items() if name not in refused}


def _output(
    request: GenerationRequest, refused: frozenset[str], warnings: list[str]
) -> tuple[dict[str, Any], str | None]:
    """The parameters that ask for JSON, and what must be said in the system prompt in their place."""
    if request.response_format is None:
        return {}, None
    schema = _without_dialect(request.response_format.schema or {})
    instruction = "Answer only with JSON."
    if schema:
        instruction = f"Answer only with JSON that fits this JSON Schema:\n{_json(schema)}"
    if JSON_MODE in refused:
        warnings.append("The model has no JSON mode, so JSON was asked for in the system prompt.")
        return {}, instruction
    if request.tools and JSON_WITH_TOOLS in refused:
        warnings.append("The model has no JSON mode beside tools, so JSON was asked for in the system prompt.")
        return {}, f"{instruction} This is about your final answer, not about calls of tools."
    mode = {JSON_MODE: "application/json"}
    if not schema:
        return mode, None
    if refused & {JSON_SCHEMA, THIS_SCHEMA}:
        warnings.append("The model does not take this JSON Schema, so it was asked for in the system prompt.")
        return mode, instruction
    return {**mode, JSON_SCHEMA: schema}, None


def _tools(request: GenerationRequest, refused: frozenset[str], warnings: list[str]) -> dict[str, Any]:
    if not request.tools:
        return {}
    tools = [types.Tool(function_declarations=[_declaration(tool) for tool in request.tools])]
    mode = _MODES.get(request.tool_choice)
    if mode is None:
        return {"tools": tools}
    if TOOL_CONFIG in refused:
        warnings.append("The model takes no 'tool_choice', so it was left out.")
        return {"tools": tools}
    config = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode=mode))
    return {"tools": tools, TOOL_CONFIG: config}


def _declaration(tool: Tool) -> types.FunctionDeclaration:
    schema = _without_dialect(tool.parameters)
    return types.FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=schema)


def _without_dialect(schema: Schema) -> dict[str, Any]:
    """A schema without `$schema`, which says what it is written in, nothing of the values."""
    return {keyword: value for keyword, value in schema.items() if keyword != "$schema"}


def _with_system(contents: Sequence[types.Content], system: str) -> list[types.Content]:
    part = types.Part(text=_unicode(system))
    if not contents or contents[0].role != "user":
        return [types.Content(role="user", parts=[part]), *contents]
    first = types.Content(role="user", parts=[part, *(contents[0].parts or ())])
    return [first, *contents[1:]]


def _content(message: Message, refused: frozenset[str]) -> types.Content:
    """A turn. Its empty texts are left out: Gemini refuses them."""
    parts = [_part(part) for part in message.parts if not (isinstance(part, Text) and not part.text)]
    calls = [part for part in parts if part.function_call is not None]
    if SIGNATURES in refused:
        for call in calls:
            call.thought_signature = None
    # Of calls that are made at once, Gemini signs the first only, and misses no other's signature.
    if refused & {UNSIGNED_CALLS, SIGNATURES} and calls and calls[0].thought_signature is None:
        calls[0].thought_signature = _NO_SIGNATURE
    return types.Content(role="model" if message.role == "assistant" else "user", parts=parts)


def _part(part: Part) -> types.Part:
    match part:
        case Text(text):
            return types.Part(text=_unicode(text))
        case Image(media_type, data):
            return types.Part(inline_data=types.Blob(mime_type=media_type, data=data))
        case ToolCall(call_id, name, arguments, replay):
            call = types.FunctionCall(id=call_id, name=name, args=dict(arguments))
            return types.Part(function_call=call, thought_signature=_signature(replay))
        case ToolResult(call_id, name, content, is_error):
            response = {"error" if is_error else "output": _unicode(content)}
            return types.Part(function_response=types.FunctionResponse(id=call_id, name=name, response=response))


def _signature(replay: str | None) -> bytes | None:
    """A call's thought signature. What is no base64 is another vendor's."""
    try:
        return base64.b64decode(replay, validate=True) if replay else None
    except (binascii.Error, ValueError):
        return None


def _signing(contents: Sequence[types.Content]) -> frozenset[str]:
    """Whether calls without a signature are sent, and whether signatures of Gemini's own are."""
    calls = [part for content in contents for part in content.parts or () if part.function_call is not None]
    has_unsigned = any(part.thought_signature is None for part in calls)
    has_signed = any(part.thought_signature not in (None, _NO_SIGNATURE) for part in calls)
    return frozenset([UNSIGNED_CALLS] * has_unsigned + [SIGNATURES] * has_signed)


def _warn_of_signatures(contents: Sequence[types.Content], warnings: list[str]) -> None:
    if any(part.thought_signature == _NO_SIGNATURE for content in contents for part in content.parts or ()):
        warnings.append("The model wants its signature on tool calls; those without were marked as made by another.")


def _unicode(text: str) -> str:
    """A text that can be sent. ValueError for half a surrogate pair, which the SDK would send as an escape of JSON."""
    text.encode()
    return text


def call_id_for(request: GenerationRequest, position: int, name: str, arguments: Mapping[str, Any]) -> str:
    """An id for a call that Gemini gave none: the same for the same call at the same place of the same conversation, and
    no other call's of that conversation.
    """
    text = _json([len(request.messages), position, name, dict(arguments)])
    return f"call_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
