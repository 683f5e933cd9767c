"""A request in the wire format of OpenAI's Chat Completions API (API reference, "Create chat completion").

What a model refuses is left out, renamed or said in the prompt instead, each with a sentence for the answer's warnings.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from llm_gateway.providers.openai.schema import is_strict, root_is_object
from llm_gateway.request import GenerationRequest, Image, Message, Text, Tool, ToolCall, ToolResult

SYSTEM_ROLE: Final = "system"
JSON_SCHEMA: Final = "response_format.json_schema"
STRICT: Final = "response_format.json_schema.strict"
THIS_SCHEMA: Final = "response_format.json_schema.schema"
"""What a model may refuse beside whole parameters: system prompts; schemas; that a schema is strict; this very schema."""

OF_ONE_REQUEST: Final = frozenset({STRICT, THIS_SCHEMA})
"""Refusals that say nothing of the model's next request."""

MAX_CALL_ID_CHARACTERS: Final = 40
"""OpenAI refuses longer ids of tool calls (`string_above_max_length`); another vendor's may be longer."""

_MAX_TOKENS_NAMES: Final = ("max_completion_tokens", "max_tokens")
_REASONING: Final = re.compile(r"(?:ft:)?(?:o[134]|gpt-5)(?!.*-chat)")
_REFUSED_BY_REASONING_MODELS: Final = frozenset({"temperature", "top_p", "stop"})
_SCHEMA_NAME: Final = "answer"

Parameters = dict[str, Any]
"""Arguments of the SDK's `chat.completions.create`, but for `stream`."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How OpenAI itself and the servers that speak its format differ. `server` is how sentences call it."""

    server: str
    max_tokens_name: str
    is_openai: bool

    def known_refusals(self, model: str) -> frozenset[str]:
        """What a model is known to refuse: OpenAI's guide "Reasoning models" names the parameters. The chat variants of
        gpt-5 (`gpt-5-chat-latest`) do not reason.
        """
        reasons = self.is_openai and _REASONING.match(model) is not None
        return _REFUSED_BY_REASONING_MODELS if reasons else frozenset()


OPENAI: Final = Dialect("OpenAI", "max_completion_tokens", is_openai=True)
ON_PREM: Final = Dialect("The on-prem server", "max_tokens", is_openai=False)


@dataclass(frozen=True, slots=True)
class ChatCall:
    """What is sent, and what had to be changed for it."""

    parameters: Parameters
    warnings: tuple[str, ...]


def chat_call(
    model: str, request: GenerationRequest, refused: frozenset[str], dialect: Dialect, *, stream: bool
) -> ChatCall:
    """The parameters of a call without what is `refused`: names of parameters, or of the constants above."""
    warnings: list[str] = []
    response_format, instruction = _response_format(request, refused, dialect, warnings)
    system = "\n\n".join(text for text in (request.system, instruction) if text)
    parameters: Parameters = {"model": model, "messages": _messages(request, system, refused, warnings)}
    wanted = {"temperature": request.temperature, "top_p": request.top_p, "stop": list(request.stop) or None}
    for name, value in wanted.items():
        if value is not None:
            _add(parameters, name, value, refused, warnings)
    if request.max_tokens is not None:
        parameters.update(_max_tokens(request.max_tokens, refused, dialect, warnings))
    if response_format is not None:
        parameters["response_format"] = response_format
    if request.tools:
        parameters["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice != "auto":  # the default; not all servers know the parameter
            _add(parameters, "tool_choice", request.tool_choice, refused, warnings)
    if stream and "stream_options" not in refused:  # without them the usage is estimated, which is warned of then
        parameters["stream_options"] = {"include_usage": True}
    return ChatCall(parameters, tuple(warnings))


def _add(parameters: Parameters, name: str, value: object, refused: frozenset[str], warnings: list[str]) -> None:
    if name in refused:
        warnings.append(f"The model takes no '{name}', so it was left out.")
    else:
        parameters[name] = value


def _max_tokens(value: int, refused: frozenset[str], dialect: Dialect, warnings: list[str]) -> Parameters:
    names = sorted(_MAX_TOKENS_NAMES, key=lambda name: name != dialect.max_tokens_name)
    taken = next((name for name in names if name not in refused), None)
    if taken is None:
        warnings.append("The model takes no limit of tokens, so it was left out.")
        return {}
    if taken != dialect.max_tokens_name:
        warnings.append(f"The model takes no '{dialect.max_tokens_name}', so it was sent '{taken}'.")
    return {taken: value}


def _response_format(
    request: GenerationRequest, refused: frozenset[str], dialect: Dialect, warnings: list[str]
) -> tuple[Parameters | None, str | None]:
    """The parameter, and what must be said in the system prompt beside it or in its place."""
    if request.response_format is None:
        return None, None
    if request.response_format.schema is None:
        return _json_mode(request, refused, warnings)
    # `$schema` says which JSON Schema it is written in, nothing of the answer, and is no keyword that OpenAI knows.
    schema = {keyword: value for keyword, value in request.response_format.schema.items() if keyword != "$schema"}
    instruction = f"Answer only with JSON that fits this JSON Schema:\n{_json(schema)}"
    # JSON mode gives objects only, and so does OpenAI whatever the mode.
    only_objects = dialect.is_openai or JSON_SCHEMA in refused
    if refused & {"response_format", THIS_SCHEMA} or (only_objects and not root_is_object(schema)):
        warnings.append("The model does not take this JSON Schema, so it was asked for in the system prompt.")
        return None, instruction
    if JSON_SCHEMA in refused:
        warnings.append(
            "The model takes no JSON Schema, so it was asked for JSON, with the schema in the system prompt."
        )
        return {"type": "json_object"}, instruction
    if STRICT in refused:
        warnings.append("The model does not take this JSON Schema as strict, so it was sent as not strict.")
    strict = STRICT not in refused and is_strict(schema)
    return {"type": "json_schema", "json_schema": {"name": _SCHEMA_NAME, "schema": schema, "strict": strict}}, None


def _json_mode(
    request: GenerationRequest, refused: frozenset[str], warnings: list[str]
) -> tuple[Parameters | None, str | None]:
    if "response_format" in refused:
        warnings.append("The model takes no 'response_format', so JSON was asked for in the system prompt.")
        return None, "Answer only with JSON."
    # OpenAI refuses JSON mode unless some message says "JSON" (API reference, `response_format`).
    texts = [part.text for message in request.messages for part in message.parts if isinstance(part, Text)]
    said = any("json" in text.lower() for text in (request.system or "", *texts))
    return {"type": "json_object"}, None if said else "Answer only with JSON."


def _messages(
    request: GenerationRequest, system: str, refused: frozenset[str], warnings: list[str]
) -> list[dict[str, Any]]:
    messages = [sent for message in request.messages for sent in _message(message)]
    if not system:
        return messages
    if SYSTEM_ROLE not in refused:
        return [{"role": "system", "content": system}, *messages]
    warnings.append("The model takes no system prompt, so it was put before the first message.")
    if not messages or messages[0]["role"] != "user":
        return [{"role": "user", "content": system}, *messages]
    content = messages[0]["content"]
    joined = f"{system}\n\n{content}" if isinstance(content, str) else [{"type": "text", "text": system}, *content]
    return [{"role": "user", "content": joined}, *messages[1:]]


def _message(message: Message) -> Iterator[dict[str, Any]]:
    """A turn as messages: results of tools are messages of their own, first, since they must follow the calls at once."""
    for part in message.parts:
        if isinstance(part, ToolResult):
            content = f"Error: {part.content}" if part.is_error else part.content
            yield {"role": "tool", "tool_call_id": _call_id(part.call_id), "content": content}
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    if message.role == "assistant":
        calls = [_tool_call(part) for part in message.parts if isinstance(part, ToolCall)]
        yield {"role": "assistant", "content": "\n".join(texts) if texts or not calls else None} | (
            {"tool_calls": calls} if calls else {}
        )
    elif any(isinstance(part, Image) for part in message.parts):
        yield {"role": "user", "content": [_content(part) for part in message.parts if isinstance(part, Text | Image)]}
    elif texts:
        yield {"role": "user", "content": "\n".join(texts)}


def _content(part: Text | Image) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}"}}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": _json(dict(call.arguments))}
    return {"id": _call_id(call.id), "type": "function", "function": function}


def _call_id(call_id: str) -> str:
    if len(call_id) <= MAX_CALL_ID_CHARACTERS:
        return call_id
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
