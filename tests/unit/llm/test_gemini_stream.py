"""Streams of Gemini."""

from __future__ import annotations

import base64

from llm_gateway.request import GenerationRequest, ToolCall
from llm_gateway.response import ProviderAnswer, TextDelta
from tests.support.llm import gemini_wire as wire
from tests.support.llm.gemini_wire import MODEL, ask, gemini_at
from tests.support.llm.vendor_server import Reply, VendorServer

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
