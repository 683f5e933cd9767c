"""Streams of Gemini."""

from __future__ import annotations

import base64
import threading

import pytest

from llm_gateway.errors import (
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmMalformedAnswerError,
    LlmRateLimitError,
    LlmUnavailableError,
)
from llm_gateway.request import GenerationRequest, ToolCall
from llm_gateway.response import ProviderAnswer, TextDelta
from tests.support.llm import gemini_wire as wire
from tests.support.llm.gemini_wire import MODEL, ask, gemini_at
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply, sse_event, sse_reply

HEL = wire.chunk(wire.text("Hel"))
LAST = wire.response(wire.text("lo"), usageMetadata=wire.usage(9, 3, thoughtsTokenCount=4, cachedContentTokenCount=2))


def stream(reply: Reply, request: GenerationRequest | None = None) -> tuple[list[str], ProviderAnswer]:
    """The texts of a stream, and the answer at its end."""
    with VendorServer(reply) as server:
        *pieces, answer = gemini_at(server).stream(MODEL, request or ask())
    assert isinstance(answer, ProviderAnswer)
    return [piece.text for piece in pieces if isinstance(piece, TextDelta)], answer


def test_a_text_is_streamed_piece_by_piece_and_comes_whole_at_the_end() -> None:
    with VendorServer(wire.stream_reply(wire.chunk(wire.thought("Hm.")), HEL, LAST)) as server:
        pieces = list(gemini_at(server).stream(MODEL, ask(max_tokens=5)))

    received = server.requests[0]
    assert received.path == "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    assert received.query == "alt=sse"
    assert received.body == {
        "contents": [{"role": "user", "parts": [{"text": "Hello!"}]}],
        "generationConfig": {"maxOutputTokens": 5},
    }
    assert pieces == [
        TextDelta("Hel"),
        TextDelta("lo"),
        ProviderAnswer("Hello", (), "stop", 9, 7, MODEL, tokens_cached=2),
    ]


def test_pieces_come_as_they_are_sent() -> None:
    more_is_wanted = threading.Event()
    with VendorServer(wire.stream_reply(HEL, HEL, LAST, continues=more_is_wanted)) as server:
        iterator = gemini_at(server).stream(MODEL, ask())
        assert next(iterator) == TextDelta("Hel")
        more_is_wanted.set()
        assert [piece for piece in iterator if isinstance(piece, TextDelta)] == [TextDelta("Hel"), TextDelta("lo")]


def test_tool_calls_come_from_any_chunk_with_their_signatures() -> None:
    signature = base64.b64encode(b"thought").decode()
    texts, answer = stream(
        wire.stream_reply(
            wire.chunk(wire.function_call("get_weather", {"city": "Bern"}, "fc_1", signature)),
            wire.chunk(wire.function_call("get_weather", {"city": "Chur"}, "fc_2")),
            wire.response(wire.text("")),
        )
    )

    assert texts == []
    assert answer.finish_reason == "tool_calls"
    assert answer.tool_calls == (
        ToolCall("fc_1", "get_weather", {"city": "Bern"}, signature),
        ToolCall("fc_2", "get_weather", {"city": "Chur"}),
    )


def test_a_finish_reason_may_come_in_a_chunk_of_its_own() -> None:
    texts, answer = stream(wire.stream_reply(HEL, wire.response(finish_reason="SAFETY")))

    assert (texts, answer.text, answer.finish_reason) == (["Hel"], "Hel", "content_filter")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (wire.stream_reply(HEL), LlmMalformedAnswerError),
        (wire.stream_reply(HEL, drop=True), LlmUnavailableError),
        (sse_reply(sse_event(HEL), sse_event("{not json")), LlmMalformedAnswerError),
        (wire.stream_reply(HEL, [1]), LlmMalformedAnswerError),
        (sse_reply(sse_event(HEL), b"data: \xff\n\n"), LlmMalformedAnswerError),
        (wire.stream_reply(HEL, wire.response(finish_reason="MALFORMED_FUNCTION_CALL")), LlmMalformedAnswerError),
        (wire.stream_reply(HEL, wire.error("The model is overloaded.", 503)), LlmUnavailableError),
        (wire.stream_reply(HEL, wire.error("Slow down.", 429)), LlmRateLimitError),
        (wire.stream_reply(HEL, wire.error("The input token count exceeds it.", 400)), LlmContextTooLongError),
        (wire.stream_reply(HEL, {"error": "odd"}), LlmMalformedAnswerError),
    ],
)
def test_a_stream_that_breaks_is_an_error_after_its_first_pieces(reply: Reply, kind: type[LlmError]) -> None:
    pieces: list[TextDelta | ProviderAnswer] = []
    with VendorServer(reply) as server:
        iterator = gemini_at(server).stream(MODEL, ask(temperature=0.1))
        with pytest.raises(LlmError) as raised:
            pieces.extend(iterator)

    assert pieces == [TextDelta("Hel")]
    assert type(raised.value) is kind
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (wire.stream_reply(wire.blocked()), LlmContentFilterError),
        (sse_reply(), LlmMalformedAnswerError),
        (json_reply([wire.response(wire.text("Hi"))]), LlmMalformedAnswerError),
    ],
)
def test_a_stream_without_any_piece_is_an_error(reply: Reply, kind: type[LlmError]) -> None:
    with pytest.raises(kind):
        stream(reply)


def test_what_a_model_refuses_is_dropped_from_a_stream_too() -> None:
    refusal = wire.error_reply("Developer instruction is not enabled for models/gemma-3-27b-it")
    replies = (refusal, wire.stream_reply(HEL, LAST), wire.stream_reply(HEL, LAST))
    with VendorServer(*replies) as server:
        provider = gemini_at(server)
        *_, answer = provider.stream("gemma-3-27b-it", ask(system="Be terse."))
        list(provider.stream("gemma-3-27b-it", ask(system="Be terse.")))

    assert ["systemInstruction" in received.body for received in server.requests] == [True, False, False]
    assert isinstance(answer, ProviderAnswer)
    assert answer.warnings == ("The model takes no system prompt, so it was put before the first message.",)


def test_closing_the_iterator_hangs_up() -> None:
    with VendorServer(wire.stream_reply(HEL, LAST, chunk_delay_seconds=30)) as server:
        pieces = gemini_at(server).stream(MODEL, ask())
        assert next(pieces) == TextDelta("Hel")
        assert not server.client_left.is_set()
        pieces.close()
        assert server.client_left.wait(60)


def test_two_streams_of_one_thread_do_not_close_each_other() -> None:
    reply = wire.stream_reply(HEL, LAST, chunk_delay_seconds=0.05)
    with VendorServer(reply, reply) as server:
        provider = gemini_at(server)
        one, other = provider.stream(MODEL, ask()), provider.stream(MODEL, ask())
        assert next(one) == next(other) == TextDelta("Hel")
        one.close()
        rest = list(other)

    assert rest[0] == TextDelta("lo")
