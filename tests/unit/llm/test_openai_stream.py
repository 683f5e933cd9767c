"""Streams of OpenAI."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from llm_gateway.errors import (
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmRateLimitError,
    LlmUnavailableError,
)
from llm_gateway.request import (
    GenerationRequest,
    ToolCall,
)
from llm_gateway.response import ProviderAnswer, TextDelta
from tests.support.llm import openai_wire as wire
from tests.support.llm.openai_calls import MODEL, ask, openai_at
from tests.support.llm.vendor_server import Reply, VendorServer, sse_event, sse_reply


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


def test_pieces_come_as_they_are_sent() -> None:
    chunks = wire.text_chunks("a", "b", counted=wire.usage())
    more_is_wanted = threading.Event()
    with VendorServer(sse_reply(b"".join(chunks[:2]), *chunks[2:], continues=more_is_wanted)) as server:
        iterator = iter(openai_at(server).stream(MODEL, ask()))
        assert next(iterator) == TextDelta("a")
        more_is_wanted.set()
        assert next(iterator) == TextDelta("b")
        assert len(list(iterator)) == 1


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


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (sse_reply(sse_event(wire.chunk({"content": "Hel"}))), LlmUnavailableError),
        (sse_reply(sse_event(wire.chunk({"content": "Hel"})), wire.DONE), LlmUnavailableError),
        (sse_reply(sse_event(wire.chunk({"content": "Hel"})), drop=True), LlmUnavailableError),
        (sse_reply(sse_event(wire.chunk({"content": "Hel"})), sse_event("{not json")), LlmMalformedAnswerError),
        (sse_reply(sse_event(wire.chunk({"content": "Hel"})), sse_event([1])), LlmMalformedAnswerError),
        (sse_reply(sse_event(wire.chunk({"content": "Hel"})), b"data: \xff\n\n"), LlmMalformedAnswerError),
        (
            wire.stream_reply(wire.chunk({"content": "Hel"}), wire.error("Overloaded", type="server_error")),
            LlmUnavailableError,
        ),
        (
            wire.stream_reply(wire.chunk({"content": "Hel"}), wire.error("Slow down", code="rate_limit_exceeded")),
            LlmRateLimitError,
        ),
        (
            wire.stream_reply(wire.chunk({"content": "Hel"}), wire.error("Too long", code="context_length_exceeded")),
            LlmContextTooLongError,
        ),
        (
            wire.stream_reply(wire.chunk({"content": "Hel"}), wire.error("Bad", type="invalid_request_error")),
            LlmInvalidRequestError,
        ),
    ],
)
def test_a_stream_that_breaks_is_an_error_after_its_first_pieces(reply: Reply, kind: type[LlmError]) -> None:
    pieces: list[TextDelta | ProviderAnswer] = []
    with VendorServer(reply) as server:
        iterator = iter(openai_at(server).stream(MODEL, ask(temperature=0.1)))
        with pytest.raises(LlmError) as raised:
            pieces.extend(iterator)

    assert pieces == [TextDelta("Hel")]
    assert type(raised.value) is kind
    assert len(server.requests) == 1


def test_a_refused_parameter_is_dropped_from_a_stream_too() -> None:
    chunks = wire.text_chunks("Hi", counted=wire.usage())
    with VendorServer(wire.unsupported_parameter("temperature"), sse_reply(*chunks), sse_reply(*chunks)) as server:
        provider = openai_at(server)
        *_, answer = provider.stream("gpt-9", ask(temperature=0.1))
        list(provider.stream("gpt-9", ask(temperature=0.1)))

    assert ["temperature" in received.body for received in server.requests] == [True, False, False]
    assert isinstance(answer, ProviderAnswer)
    assert answer.warnings == ("The model takes no 'temperature', so it was left out.",)


def test_closing_the_iterator_hangs_up() -> None:
    chunks = wire.text_chunks("one", "two")
    reply = Reply(headers={"content-type": "text/event-stream"}, chunks=(chunks[1], chunks[2]), chunk_delay_seconds=30)
    with VendorServer(reply) as server:
        pieces = openai_at(server).stream(MODEL, ask())
        assert next(pieces) == TextDelta("one")
        assert not server.client_left.is_set()
        pieces.close()
        assert server.client_left.wait(60)
