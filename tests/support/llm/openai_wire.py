"""Answers in OpenAI's wire format, field for field as its API reference shows them: "The chat completion object", "The chat
completion chunk object", "Create embeddings", and the error object of the guide "Error codes".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.support.llm.vendor_server import Reply, json_reply, sse_event, sse_reply

MODEL: Final = "gpt-4o-mini-2024-07-18"
DONE: Final = sse_event("[DONE]")

_ID: Final = "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"
_CREATED: Final = 1741569952
_FINGERPRINT: Final = "fp_44709d6fcb"

LLAMA_CONTEXT: Final = {
    "error": {
        "code": 400,
        "message": "the request exceeds the available context size. try increasing the context size",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 14429,
        "n_ctx": 8192,
    }
}
"""llama.cpp's error for a conversation that is too long."""


def usage(prompt: int = 19, completion: int = 10, cached: int = 0) -> dict[str, Any]:
    """The usage object."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def tool_call(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    """A function tool call; a text is sent as the arguments as it is, anything else as its JSON."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def completion(
    content: Any = "Hello! How can I assist you today?",
    *,
    tool_calls: Sequence[Mapping[str, Any]] = (),
    finish_reason: str | None = None,
    refusal: str | None = None,
    model: str = MODEL,
    **fields: Any,
) -> dict[str, Any]:
    """A `chat.completion`; `fields` replace those of the whole object."""
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": refusal, "annotations": []}
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    reason = finish_reason or ("tool_calls" if tool_calls else "stop")
    return {
        "id": _ID,
        "object": "chat.completion",
        "created": _CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": usage(),
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
        **fields,
    }


def chunk(delta: Mapping[str, Any] | None, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """A `chat.completion.chunk`; without a delta it has no choices, as the last one with the usage."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": _ID,
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
        "choices": [] if delta is None else [choice],
        "usage": None,
        **fields,
    }


def text_chunks(
    *texts: str, finish_reason: str = "stop", counted: Mapping[str, Any] | None = None
) -> tuple[bytes, ...]:
    """The events of a streamed text, with `[DONE]`; `counted` is the usage, in a chunk of its own."""
    chunks = [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        *(chunk({"content": text}) for text in texts),
        chunk({}, finish_reason),
        *([chunk(None, usage=dict(counted))] if counted is not None else []),
    ]
    return (*map(sse_event, chunks), DONE)


def stream_reply(*chunks: Mapping[str, Any]) -> Reply:
    """A stream of these chunks that ends as it should."""
    return sse_reply(*map(sse_event, chunks), DONE)


def error(
    message: str, *, type: str = "invalid_request_error", param: str | None = None, code: Any = None
) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


def error_reply(
    status: int,
    message: str,
    *,
    type: str = "invalid_request_error",
    param: str | None = None,
    code: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """An error's answer."""
    return Reply(status, headers or {}, error(message, type=type, param=param, code=code))


def vllm_error(status: int, message: str, kind: str = "BadRequestError") -> Reply:
    """vLLM's error body before it took over OpenAI's."""
    return Reply(status, body={"object": "error", "message": message, "type": kind, "param": None, "code": status})


def unsupported_parameter(name: str, instead: str | None = None) -> Reply:
    """What OpenAI answers to a parameter that the model does not take."""
    hint = f" Use '{instead}' instead." if instead else ""
    message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
    return error_reply(400, message, param=name, code="unsupported_parameter")


def embeddings(*vectors: Sequence[float], model: str = "text-embedding-3-small", tokens: int = 8) -> Reply:
    """A list of embeddings."""
    data = [{"object": "embedding", "index": place, "embedding": list(vector)} for place, vector in enumerate(vectors)]
    counted = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_reply({"object": "list", "data": data, "model": model, "usage": counted})
