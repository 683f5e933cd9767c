"""Streams of OpenAI."""

from __future__ import annotations

from typing import Any

from llm_gateway.request import (
    GenerationRequest,
    ToolCall,
)
from llm_gateway.response import ProviderAnswer, TextDelta
from tests.support.llm import openai_wire as wire
from tests.support.llm.openai_calls import MODEL, ask, openai_at
from tests.support.llm.vendor_server import Reply, VendorServer, sse_reply


def stream(reply: Reply, request: GenerationRequest | None = None) -> tuple[list[str], ProviderAnswer]:
    """The texts of a stream, and the answer at its end."""
    with VendorServer(reply) as server:
        *pieces, answer = openai_at(server).stream(MODEL, request or ask())
    assert isinstance(answer, ProviderAnswer)
    return [piece.text for piece in pieces if isinstance(piece, TextDelta)], answer


def test_a_text_is_streamed_piece_by_piece_and_comes_whole_at_the_end() -> None:
    with VendorServer(sse_reply(*wire.text_chunks("Hel", "lo", "!", counted=wire.usage(9, 3, cached=2)))) as server:
        pieces = list(openai_at(server).stream(MODEL, ask(max_tokens=5)))

    assert server.requests[0].body == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hello!"}],
        "max_completion_tokens": 5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert pieces == [
        TextDelta("Hel"),
        TextDelta("lo"),
        TextDelta("!"),
        ProviderAnswer("Hello!", (), "stop", 9, 3, wire.MODEL, tokens_cached=2),
    ]


def test_tool_calls_are_put_together_from_their_deltas() -> None:
    def delta(index: int, **call: Any) -> dict[str, Any]:
        return wire.chunk({"tool_calls": [{"index": index, **call}]})

    texts, answer = stream(
        wire.stream_reply(
            wire.chunk({"role": "assistant", "content": None}),
            delta(0, id="call_a", type="function", function={"name": "get_weather", "arguments": ""}),
            delta(0, function={"arguments": '{"city":'}),
            delta(1, id="call_b", type="function", function={"name": "get_weather", "arguments": ""}),
            delta(0, function={"arguments": ' "Bern"}'}),
            delta(1, function={"arguments": "{}"}),
            wire.chunk({}, "tool_calls"),
            wire.chunk(None, usage=wire.usage()),
        )
    )

    assert texts == []
    assert answer.finish_reason == "tool_calls"
    assert answer.tool_calls == (
        ToolCall("call_a", "get_weather", {"city": "Bern"}),
        ToolCall("call_b", "get_weather", {}),
    )


def test_a_refusal_is_streamed_as_the_text() -> None:
    texts, answer = stream(
        wire.stream_reply(wire.chunk({"refusal": "I can't"}), wire.chunk({"refusal": "."}), wire.chunk({}, "stop"))
    )

    assert texts == ["I can't", "."]
    assert (answer.text, answer.finish_reason) == ("I can't.", "content_filter")
