"""Answers as Bedrock gives them: Converse, ConverseStream, InvokeModel for embeddings, and errors.

Formats: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and _ConverseStream.html; the
frames of a stream: https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import json
from binascii import crc32
from collections.abc import Mapping
from struct import pack
from typing import Any, Final

from tests.support.llm.vendor_server import Reply, json_reply

_STRING_HEADER: Final = 7
_PADDING: Final = "abcdefghijklmnop"
"""Bedrock pads every event, so that its length tells nothing of the text."""


def usage(tokens_in: int = 11, tokens_out: int = 7, **more: int) -> dict[str, int]:
    """`cacheReadInputTokens` and `cacheWriteInputTokens` may be among `more`."""
    return {
        "inputTokens": tokens_in,
        "outputTokens": tokens_out,
        "totalTokens": tokens_in + tokens_out + sum(more.values()),
        **more,
    }


def converse(*blocks: Mapping[str, Any], stop_reason: str = "end_turn", **more: Any) -> Reply:
    """A response of Converse with these content blocks."""
    message = {"role": "assistant", "content": list(blocks)}
    body = {"metrics": {"latencyMs": 318}, "output": {"message": message}, "stopReason": stop_reason, "usage": usage()}
    return json_reply({**body, **more})


def text(words: str) -> dict[str, Any]:
    """A block of text."""
    return {"text": words}


def tool_use(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    """A block that calls a tool; Bedrock says its type too."""
    return {"toolUse": {"toolUseId": call_id, "name": name, "input": arguments, "type": "tool_use"}}


def error(code: str, message: str, status: int = 400, **headers: str) -> Reply:
    """An error, its code in the header as Bedrock's front end writes it."""
    error_type = f"{code}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    return json_reply({"message": message}, status, x_amzn_ErrorType=error_type, x_amzn_RequestId="7c6d", **headers)


def refusal(message: str) -> Reply:
    """A ValidationException."""
    return error("ValidationException", message)


def stream(*frames: bytes, **timing: Any) -> Reply:
    """A response of ConverseStream."""
    headers = {"content-type": "application/vnd.amazon.eventstream", "x-amzn-RequestId": "7c6d"}
    return Reply(200, headers, chunks=frames, **timing)


def event(name: str, payload: Mapping[str, Any]) -> bytes:
    """A frame with an event, such as `contentBlockDelta`."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps({**payload, "p": _PADDING}).encode())


def exception_event(name: str, message: str, **more: Any) -> bytes:
    """A frame with an exception, such as `throttlingException`."""
    headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
    return frame(headers, json.dumps({"message": message, **more}).encode())


def started() -> bytes:
    """The first event."""
    return event("messageStart", {"role": "assistant"})


def delta(value: Mapping[str, Any], index: int = 0) -> bytes:
    """A piece of a content block."""
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": value})


def tool_started(call_id: str, name: str, index: int) -> bytes:
    """The start of a call; blocks of text have none."""
    return event(
        "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": call_id, "name": name}}}
    )


def block_stopped(index: int = 0) -> bytes:
    """The end of a content block."""
    return event("contentBlockStop", {"contentBlockIndex": index})


def stopped(reason: str = "end_turn") -> bytes:
    """The end of the message, after which only `metadata` comes."""
    return event("messageStop", {"stopReason": reason})


def metadata(**more: Any) -> bytes:
    """The last event."""
    return event("metadata", {"usage": usage(), "metrics": {"latencyMs": 802}, **more})


def text_stream(*pieces: str, stop_reason: str = "end_turn") -> Reply:
    """A whole stream of text."""
    deltas = [delta({"text": piece}) for piece in pieces]
    return stream(started(), *deltas, block_stopped(), stopped(stop_reason), metadata())


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message of an event stream: lengths of all and of the headers, their CRC32, headers, payload, CRC32 of it all."""
    encoded = b"".join(map(_header, headers, headers.values()))
    prelude = pack("!II", 4 + 4 + 4 + len(encoded) + len(payload) + 4, len(encoded))
    checked = prelude + pack("!I", crc32(prelude)) + encoded + payload
    return checked + pack("!I", crc32(checked))


def _header(name: str, value: str) -> bytes:
    data = value.encode()
    return pack("!B", len(name)) + name.encode() + pack("!BH", _STRING_HEADER, len(data)) + data


def titan_embedding(vector: list[float], tokens: int) -> Reply:
    """Titan Text Embeddings V2."""
    body = {"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": tokens}
    return json_reply(body, x_amzn_bedrock_input_token_count=str(tokens))


def cohere_embeddings(vectors: list[list[float]], tokens: int) -> Reply:
    """Cohere Embed v3: the body counts no tokens."""
    body = {"id": "53bf59b8", "texts": [], "embeddings": vectors, "response_type": "embeddings_floats"}
    return json_reply(body, x_amzn_bedrock_input_token_count=str(tokens))


def cohere_embeddings_by_type(vectors: list[list[float]], tokens: int) -> Reply:
    """Cohere Embed v4."""
    body = {"id": "53bf59b8", "texts": [], "embeddings": {"float": vectors}, "response_type": "embeddings_by_type"}
    return json_reply(body, x_amzn_bedrock_input_token_count=str(tokens))


def nova_embedding(vector: list[float], tokens: int) -> Reply:
    """Nova Multimodal Embeddings."""
    return json_reply(
        {"embeddings": [{"embeddingType": "TEXT", "embedding": vector}]}, x_amzn_bedrock_input_token_count=str(tokens)
    )
