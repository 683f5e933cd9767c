"""Bedrock's ConverseStream over real boto3, in the frames of AWS's event streams."""

from __future__ import annotations

import base64
from typing import Any

from llm_gateway.request import GenerationRequest, Tool, ToolCall
from llm_gateway.response import ProviderAnswer, TextDelta
from tests.support.llm import bedrock_wire as wire
from tests.support.llm.bedrock_provider import CLAUDE, ask, bedrock
from tests.support.llm.vendor_server import Reply, VendorServer

WEATHER = Tool("weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})


def streamed(reply: Reply, request: GenerationRequest | None = None) -> list[TextDelta | ProviderAnswer]:
    with VendorServer(reply) as server:
        return list(bedrock(server).stream(CLAUDE, request or ask()))


def last(items: list[TextDelta | ProviderAnswer]) -> ProviderAnswer:
    answer = items[-1]
    assert isinstance(answer, ProviderAnswer)
    return answer


def test_an_answer_comes_in_pieces_and_then_whole() -> None:
    with VendorServer(wire.text_stream("It ", "ra", "ins.")) as server:
        items = list(bedrock(server).stream(CLAUDE, ask(system="Be short.", max_tokens=9)))

    assert items == [
        TextDelta("It "),
        TextDelta("ra"),
        TextDelta("ins."),
        ProviderAnswer("It rains.", (), "stop", 11, 7, CLAUDE),
    ]
    assert server.requests[0].path == "/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream"
    assert server.requests[0].body == {
        "system": [{"text": "Be short."}],
        "messages": [{"role": "user", "content": [{"text": "Hello!"}]}],
        "inferenceConfig": {"maxTokens": 9},
    }


def test_frames_may_be_cut_anywhere() -> None:
    frames = b"".join((wire.started(), wire.delta({"text": "Grüße"}), wire.stopped(), wire.metadata()))
    reply = wire.stream(*(frames[at : at + 7] for at in range(0, len(frames), 7)))

    assert [item for item in streamed(reply) if isinstance(item, TextDelta)] == [TextDelta("Grüße")]


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    reply = wire.stream(
        wire.started(),
        wire.delta({"text": "Let me see."}),
        wire.block_stopped(),
        wire.tool_started("tooluse_1", "weather", 1),
        wire.delta({"toolUse": {"input": '{"ci'}}, 1),
        wire.delta({"toolUse": {"input": 'ty": "Oslo"}'}}, 1),
        wire.block_stopped(1),
        wire.tool_started("tooluse_2", "now", 2),
        wire.delta({"toolUse": {"input": ""}}, 2),
        wire.block_stopped(2),
        wire.stopped("tool_use"),
        wire.metadata(),
    )

    items = streamed(reply, ask(tools=(WEATHER,)))

    assert items == [
        TextDelta("Let me see."),
        ProviderAnswer(
            "Let me see.",
            (ToolCall("tooluse_1", "weather", {"city": "Oslo"}), ToolCall("tooluse_2", "now", {})),
            "tool_calls",
            11,
            7,
            CLAUDE,
        ),
    ]


def test_a_call_that_was_cut_off_is_left_out() -> None:
    reply = wire.stream(
        wire.started(),
        wire.tool_started("t", "weather", 0),
        wire.delta({"toolUse": {"input": '{"ci'}}),
        wire.stopped("max_tokens"),
        wire.metadata(),
    )

    answer = last(streamed(reply, ask(tools=(WEATHER,))))

    assert (answer.tool_calls, answer.finish_reason) == ((), "length")


def test_arguments_that_are_no_json_are_a_call_with_a_problem() -> None:
    frames = (wire.tool_started("t", "weather", 0), wire.delta({"toolUse": {"input": "{"}}), wire.stopped("tool_use"))

    *_, answer = streamed(wire.stream(*frames), ask(tools=(WEATHER,)))
    assert isinstance(answer, ProviderAnswer)
    (call,) = answer.tool_calls
    assert call.arguments == {}
    assert call.problem is not None
    assert call.problem.endswith("You sent: {")


def test_reasoning_is_not_text_but_is_kept_with_the_call() -> None:
    redacted = base64.b64encode(b"\x01").decode()
    reasoning: list[Any] = [{"text": "Hm"}, {"text": "."}, {"signature": "Ev"}, {"signature": "YB"}]
    reply = wire.stream(
        wire.started(),
        *(wire.delta({"reasoningContent": piece}) for piece in reasoning),
        wire.delta({"reasoningContent": {"redactedContent": redacted}}, 1),
        wire.tool_started("t", "weather", 2),
        wire.stopped("tool_use"),
        wire.metadata(),
    )
    whole = wire.converse(
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "EvYB"}}},
        {"reasoningContent": {"redactedContent": redacted}},
        wire.tool_use("t", "weather", {}),
        stop_reason="tool_use",
    )

    items = streamed(reply, ask(tools=(WEATHER,)))
    with VendorServer(whole) as server:
        assert items == [bedrock(server).generate(CLAUDE, ask(tools=(WEATHER,)))]
    assert last(items).tool_calls[0].replay is not None


def test_cached_tokens_are_counted() -> None:
    counts = wire.usage(10, 5, cacheReadInputTokens=100)

    answer = last(streamed(wire.stream(wire.delta({"text": "x"}), wire.stopped(), wire.metadata(usage=counts))))

    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached) == (110, 5, 100)


def test_a_refusal_within_a_stream_is_heeded_while_nothing_has_been_said() -> None:
    refusal = wire.exception_event("validationException", "`temperature` is deprecated for this model.")

    with VendorServer(wire.stream(wire.started(), refusal), wire.text_stream("Fine.")) as server:
        items = list(bedrock(server).stream(CLAUDE, ask(temperature=0.1)))

    assert [item for item in items if isinstance(item, TextDelta)] == [TextDelta("Fine.")]
    assert last(items).warnings == ("The model takes no temperature, so it was left out.",)
    assert "inferenceConfig" not in server.requests[1].body
