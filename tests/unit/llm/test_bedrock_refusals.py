"""Models on Bedrock that refuse a part of a request, in Bedrock's own words."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.errors import LlmInvalidRequestError, LlmUnsupportedError
from llm_gateway.request import Image, Message, ResponseFormat, Text, Tool, ToolCall, ToolResult
from llm_gateway.response import ProviderAnswer, TextDelta
from tests.support.llm.bedrock_provider import CLAUDE, ask, bedrock
from tests.support.llm.bedrock_wire import converse, refusal, text, text_stream, tool_use
from tests.support.llm.vendor_server import VendorServer

WEATHER = Tool("weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
SAID = "The model returned the following errors: "

NO_SYSTEM = (
    "This model doesn't support system messages. Try again without a system message or use a model that supports system"
    " messages."
)
NO_SCHEMA = SAID + "output_config.format: Extra inputs are not permitted"


def asked_twice(message: str, **options: Any) -> tuple[ProviderAnswer, Any]:
    """The answer of a model that first refuses, and what it was sent the second time; it is asked a third time, and must
    not be asked in vain again.
    """
    with VendorServer(refusal(message), converse(text("Fine.")), converse(text("Fine."))) as server:
        provider = bedrock(server)
        answer = provider.generate(CLAUDE, ask(**options))
        assert provider.generate(CLAUDE, ask(**options)) == answer
    assert server.requests[1].body == server.requests[2].body
    return answer, server.requests[1].body


def test_a_system_prompt_can_go_before_an_assistants_message_too() -> None:
    turns = (Message("assistant", (Text("Hi."),)), Message("user", (Text("Who are you?"),)))

    _, body = asked_twice(NO_SYSTEM, system="Be short.", messages=turns)

    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"] == [{"text": "Be short."}]


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        (
            "The maximum tokens you requested exceeds the model limit of 2048. Try again with a maximum tokens value that is"
            " lower than 2048.",
            2047,
        ),
        (SAID + "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for x", 63999),
    ],
)
def test_a_limit_of_tokens_beyond_the_models_is_lowered(message: str, limit: int) -> None:
    answer, body = asked_twice(message, max_tokens=100_000)

    assert body["inferenceConfig"] == {"maxTokens": limit}
    assert str(limit) in answer.warnings[0]


@pytest.mark.parametrize(
    "message",
    [
        "This model doesn't support the toolConfig.toolChoice.any field. Remove toolConfig.toolChoice.any and try again.",
        SAID + 'tool_choice: type "tool" and "any" are not supported for this model.',
    ],
)
def test_a_model_that_cannot_be_made_to_call_a_tool_is_asked_to(message: str) -> None:
    answer, body = asked_twice(message, tools=(WEATHER,), tool_choice="required")

    assert "toolChoice" not in body["toolConfig"]
    assert body["system"] == [{"text": "Call at least one of the tools now. Do not answer with text alone."}]
    assert "cannot be made to call a tool" in answer.warnings[0]


def test_a_result_whose_status_is_refused_says_it_in_its_text() -> None:
    turns = (
        Message("assistant", (ToolCall("c", "weather", {}),)),
        Message("user", (ToolResult("c", "weather", "No.", True),)),
    )

    answer, body = asked_twice(
        "This model doesn't support the status field. Remove status and try again.",
        messages=(*ask().messages, *turns),
        tools=(WEATHER,),
    )

    assert body["messages"][2]["content"] == [{"toolResult": {"toolUseId": "c", "content": [{"text": "Error: No."}]}}]
    assert answer.warnings == ()


@pytest.mark.parametrize(
    "message",
    [NO_SCHEMA, "This model doesn't support the outputConfig field. Remove outputConfig and try again."],
)
def test_a_schema_that_a_model_refuses_is_asked_for_in_the_system_prompt(message: str) -> None:
    answer, body = asked_twice(message, response_format=ResponseFormat(PERSON))

    assert "outputConfig" not in body
    assert '"required":["name"]' in body["system"][0]["text"]
    assert answer.warnings == ("The model takes no JSON Schema, so it was asked for in the system prompt.",)


@pytest.mark.parametrize(
    "complaint",
    [
        "For 'array' type, property 'maxItems' is not supported",
        "For 'object' type, 'additionalProperties' must be explicitly set to false",
    ],
)
def test_a_refusal_of_one_schema_says_nothing_of_the_next(complaint: str) -> None:
    message = f"{SAID}output_config.format.schema: {complaint}"

    with VendorServer(refusal(message), converse(text("{}")), converse(text("{}"))) as server:
        provider = bedrock(server)
        answer = provider.generate(CLAUDE, ask(response_format=ResponseFormat(PERSON)))
        provider.generate(CLAUDE, ask(response_format=ResponseFormat(PERSON)))

    assert "outputConfig" not in server.requests[1].body
    assert "outputConfig" in server.requests[2].body
    assert len(answer.warnings) == 1


def test_a_schema_goes_before_the_first_message_if_there_is_no_system_prompt() -> None:
    with VendorServer(refusal(NO_SCHEMA), refusal(NO_SYSTEM), converse(text("{}"))) as server:
        bedrock(server).generate(CLAUDE, ask(response_format=ResponseFormat(PERSON)))

    assert "JSON Schema" in server.requests[2].body["messages"][0]["content"][0]["text"]


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("This model doesn't support tool use.", {"tools": (WEATHER,)}),
        ("This model doesn't support the toolConfig field. Remove toolConfig and try again.", {"tools": (WEATHER,)}),
        (
            "This model doesn't support the image field for user messages. Remove image and try again.",
            {"messages": (Message("user", (Image("image/png", b"x"),)),)},
        ),
        ("This action doesn't support the model that you provided. Try again with a supported text or chat model.", {}),
    ],
)
def test_what_a_model_cannot_do_without_is_not_supported(message: str, options: Any) -> None:
    with VendorServer(refusal(message)) as server, pytest.raises(LlmUnsupportedError, match="support"):
        bedrock(server).generate(CLAUDE, ask(**options))


@pytest.mark.parametrize(
    "message",
    [
        "Invocation of model ID anthropic.claude-sonnet-4-6 with on-demand throughput isn’t supported. Retry your request"
        " with the ID or ARN of an inference profile that contains this model.",
        "The provided model doesn't support on-demand throughput.",
    ],
)
def test_a_model_that_needs_an_inference_profile_says_so(message: str) -> None:
    with VendorServer(refusal(message)) as server, pytest.raises(LlmInvalidRequestError) as caught:
        bedrock(server).generate("anthropic.claude-sonnet-4-6", ask())

    assert "us.anthropic.claude-sonnet-4-6" in str(caught.value)


def test_a_model_that_does_not_stream_answers_in_one_piece() -> None:
    with VendorServer(
        refusal("The model is unsupported for streaming."), converse(text("Fine.")), converse(text("Fine."))
    ) as server:
        provider = bedrock(server)
        items = [list(provider.stream(CLAUDE, ask())) for _ in range(2)]

    assert items[0] == items[1]
    assert items[0][0] == TextDelta("Fine.")
    answer = items[0][1]
    assert isinstance(answer, ProviderAnswer)
    assert answer.warnings == ("The model does not stream, so the answer came in one piece.",)
    assert [request.path.rpartition("/")[2] for request in server.requests] == [
        "converse-stream",
        "converse",
        "converse",
    ]


def test_a_model_that_does_not_stream_with_tools_still_streams_without() -> None:
    called = converse(tool_use("t", "weather", {}), stop_reason="tool_use")

    with VendorServer(
        refusal("This model doesn't support tool use in streaming mode."), called, text_stream("Fine.")
    ) as server:
        provider = bedrock(server)
        with_tools = list(provider.stream(CLAUDE, ask(tools=(WEATHER,))))
        without = list(provider.stream(CLAUDE, ask()))

    (answer,) = with_tools
    assert isinstance(answer, ProviderAnswer)
    assert answer.tool_calls == (ToolCall("t", "weather", {}),)
    assert answer.warnings == ("The model does not stream with tools, so the answer came in one piece.",)
    assert without[0] == TextDelta("Fine.")
