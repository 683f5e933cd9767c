"""Streams of any vendor: pieces come as they are sent, and what breaks them is an error."""

from __future__ import annotations

import threading
from typing import Final

import pytest

from llm_gateway.errors import (
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
)
from llm_gateway.response import ProviderAnswer, TextDelta
from tests.support.llm import gemini_wire, openai_wire
from tests.support.llm.bedrock_wire import delta, exception_event, started, stopped, stream
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply, sse_event, sse_reply
from tests.support.llm.vendors import Vendor, ask, cases, each_sdk, grouped


def openai_error(message: str, **fields: str) -> bytes:
    return sse_event(openai_wire.error(message, **fields))


def gemini_error(message: str, code: int) -> bytes:
    return sse_event(gemini_wire.error(message, code))


NOT_JSON: Final = sse_event("{not json")
NOT_UNICODE: Final = b"data: \xff\n\n"
A_LIST: Final = sse_event([1])
MALFORMED_CALL: Final = sse_event(gemini_wire.response(finish_reason="MALFORMED_FUNCTION_CALL"))
NOTHING: Final = b""

AFTER_A_PIECE: Final[dict[str, dict[type[LlmError], list[bytes]]]] = {
    "openai": {
        LlmMalformedAnswerError: [NOT_JSON, A_LIST, NOT_UNICODE],
        LlmUnavailableError: [NOTHING, openai_wire.DONE, openai_error("Overloaded", type="server_error")],
        LlmRateLimitError: [openai_error("Slow down", code="rate_limit_exceeded")],
        LlmContextTooLongError: [openai_error("Too long", code="context_length_exceeded")],
        LlmInvalidRequestError: [openai_error("Bad", type="invalid_request_error")],
    },
    "gemini": {
        LlmMalformedAnswerError: [NOTHING, NOT_JSON, A_LIST, NOT_UNICODE, MALFORMED_CALL, sse_event({"error": "odd"})],
        LlmUnavailableError: [gemini_error("The model is overloaded.", 503)],
        LlmRateLimitError: [gemini_error("Slow down.", 429)],
        LlmContextTooLongError: [gemini_error("The input token count exceeds it.", 400)],
    },
    "bedrock": {
        LlmMalformedAnswerError: [NOTHING],
        LlmUnavailableError: [
            exception_event("modelStreamErrorException", "The model stream failed."),
            exception_event("internalServerException", "The system encountered an unexpected error."),
            exception_event("serviceUnavailableException", "Bedrock is unable to process your request."),
            exception_event("aNewException", "Something went wrong."),
        ],
        LlmRateLimitError: [exception_event("throttlingException", "Too many tokens, please wait.")],
        LlmContextTooLongError: [exception_event("validationException", "Input is too long for requested model.")],
        LlmInvalidRequestError: [exception_event("validationException", "The request is wrong.")],
    },
}
BROKEN_FRAME: Final = bytes(byte ^ (place == 50) for place, byte in enumerate(delta({"text": "It"})))


def ends_in(vendor: Vendor, reply: Reply, kind: type[LlmError], pieces: list[TextDelta]) -> None:
    """The stream gives these pieces, then the error, and is not asked for again."""
    told: list[TextDelta | ProviderAnswer] = []
    with VendorServer(reply) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmError) as raised:
            told.extend(provider.stream(vendor.model, ask(temperature=0.1)))

    assert told == pieces
    assert type(raised.value) is kind
    assert len(server.requests) == 1


@cases("kind, event", grouped(AFTER_A_PIECE))
def test_a_stream_that_breaks_is_an_error_after_its_first_pieces(
    vendor: Vendor, kind: type[LlmError], event: bytes
) -> None:
    ends_in(vendor, vendor.stream(vendor.piece("Hel"), event), kind, [TextDelta("Hel")])


@each_sdk
def test_a_connection_that_breaks_within_a_stream_is_unavailable(vendor: Vendor) -> None:
    ends_in(vendor, vendor.stream(vendor.piece("Hel"), drop=True), LlmUnavailableError, [TextDelta("Hel")])


@cases(
    "reply, kind",
    {
        "openai": [
            (json_reply(openai_wire.completion()), LlmUnavailableError),
            (sse_reply(openai_error("Overloaded", type="server_error")), LlmUnavailableError),
        ],
        "on-prem": [
            (json_reply(openai_wire.completion()), LlmUnavailableError),
            (sse_reply(sse_event(openai_wire.LLAMA_CONTEXT)), LlmContextTooLongError),
            (
                sse_reply(sse_event({"object": "error", "message": "CUDA out of memory", "code": 500})),
                LlmUnavailableError,
            ),
        ],
        "gemini": [
            (sse_reply(sse_event(gemini_wire.blocked())), LlmContentFilterError),
            (sse_reply(), LlmMalformedAnswerError),
            (json_reply([gemini_wire.answer("Hi")]), LlmMalformedAnswerError),
        ],
        "bedrock": [
            (stream(started()), LlmMalformedAnswerError),
            (stream(started(), BROKEN_FRAME, stopped()), LlmMalformedAnswerError),
        ],
    },
)
def test_a_stream_without_any_piece_is_an_error(vendor: Vendor, reply: Reply, kind: type[LlmError]) -> None:
    ends_in(vendor, reply, kind, [])


@each_sdk
def test_pieces_come_as_they_are_sent(vendor: Vendor) -> None:
    more_is_wanted = threading.Event()
    reply = vendor.stream(*map(vendor.piece, ("one ", "two")), *vendor.end, continues=more_is_wanted)
    with VendorServer(reply) as server:
        pieces = vendor.at(server).stream(vendor.model, ask())
        assert next(pieces) == TextDelta("one ")
        more_is_wanted.set()
        assert next(pieces) == TextDelta("two")
        (answer,) = pieces

    assert isinstance(answer, ProviderAnswer)
    assert answer.text == "one two"


@each_sdk
def test_closing_the_iterator_hangs_up(vendor: Vendor) -> None:
    reply = vendor.stream(*(vendor.piece(".") for _ in range(1000)), chunk_delay_seconds=0.05)
    with VendorServer(reply) as server:
        pieces = vendor.at(server).stream(vendor.model, ask())
        assert next(pieces) == TextDelta(".")
        assert not server.client_left.is_set()
        pieces.close()
        assert server.client_left.wait(60)


@each_sdk
def test_two_streams_of_one_thread_do_not_close_each_other(vendor: Vendor) -> None:
    reply = vendor.stream(*map(vendor.piece, ("one", "two")), *vendor.end, chunk_delay_seconds=0.05)
    with VendorServer(reply, reply, reply) as server:
        provider = vendor.at(server)
        first, other = provider.stream(vendor.model, ask()), provider.stream(vendor.model, ask())
        assert next(first) == next(other) == TextDelta("one")
        first.close()
        rest, following = list(other), list(provider.stream(vendor.model, ask()))

    assert rest[0] == TextDelta("two")
    assert following[:2] == [TextDelta("one"), TextDelta("two")]


@each_sdk
@pytest.mark.parametrize("pause", [60, 0.05])
def test_a_stream_that_pauses_or_drips_too_long_times_out(vendor: Vendor, pause: float) -> None:
    reply = vendor.stream(*(vendor.piece(".") for _ in range(100)), chunk_delay_seconds=pause)
    with VendorServer(reply) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmTimeoutError):
            list(provider.stream(vendor.model, ask(timeout_seconds=0.3)))
