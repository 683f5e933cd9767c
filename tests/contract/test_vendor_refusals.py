"""What any vendor's model refuses of a request is left out, said, and remembered for the model."""

from __future__ import annotations

from typing import Any, Final

import pytest

from llm_gateway.errors import LlmInvalidRequestError
from llm_gateway.request import GenerationRequest, ResponseFormat, Tool
from llm_gateway.response import ProviderAnswer
from tests.support.llm.bedrock_wire import refusal as bedrock
from tests.support.llm.gemini_wire import error_reply as gemini
from tests.support.llm.openai_wire import error_reply as openai
from tests.support.llm.openai_wire import unsupported_parameter
from tests.support.llm.openai_wire import vllm_error as vllm
from tests.support.llm.vendor_server import Reply, VendorServer
from tests.support.llm.vendors import Vendor, ask, cases, each_vendor

SAID: Final = "The model returned the following errors: "
ALL: Final = {"system", "temperature", "top_p", "stop", "max_tokens", "tool_choice"}
WHOLE: Final = ask(
    system="Be brief.",
    temperature=0.5,
    top_p=0.5,
    stop=("END",),
    max_tokens=9,
    tools=(Tool("search", "Search", {"type": "object", "properties": {}}),),
    tool_choice="required",
)
NO_SYSTEM: Final = "The model takes no system prompt, so it was put before the first message."


def left_out(name: str) -> str:
    return f"The model takes no '{name}', so it was left out."


REFUSALS: Final[dict[str, list[tuple[Reply, str, str]]]] = {
    "openai": [
        (
            openai(
                400,
                "Unsupported value: 'temperature' does not support 0.1 with this model. Only the default (1) value is "
                "supported.",
                param="temperature",
                code="unsupported_value",
            ),
            "temperature",
            left_out("temperature"),
        ),
        (unsupported_parameter("top_p"), "top_p", left_out("top_p")),
    ],
    "on-prem": [
        (Reply(400, body={"error": {"message": "property 'top_p' is unsupported"}}), "top_p", left_out("top_p")),
        (
            Reply(400, body={"error": "Unrecognized request argument supplied: temperature"}),
            "temperature",
            left_out("temperature"),
        ),
        (
            vllm(400, "[{'type': 'extra_forbidden', 'loc': ('body', 'stop'), 'msg': 'Extra inputs'}]"),
            "stop",
            left_out("stop"),
        ),
        (
            Reply(422, body={"detail": [{"type": "extra_forbidden", "loc": ["body", "top_p"], "msg": "no"}]}),
            "top_p",
            left_out("top_p"),
        ),
        (
            vllm(400, "invalid temperature: only 1 is allowed for this model"),
            "temperature",
            left_out("temperature"),
        ),
        (openai(400, "Unknown parameter: 'stop'.", param="stop", code="unknown_parameter"), "stop", left_out("stop")),
        (
            Reply(400, body={"error": {"message": "tool_choice is not supported", "code": 400}}),
            "tool_choice",
            left_out("tool_choice"),
        ),
    ],
    "gemini": [
        (gemini("temperature is not supported for this model"), "temperature", left_out("temperature")),
        (gemini("topP cannot be set for this model."), "top_p", left_out("top_p")),
        (
            gemini("Invalid JSON payload received. Unknown name \"stopSequences\" at 'x'"),
            "stop",
            left_out("stop_sequences"),
        ),
        (gemini("max_output_tokens is unsupported"), "max_tokens", left_out("max_output_tokens")),
        (
            gemini("Function calling mode `ANY` is not enabled for api version v1beta"),
            "tool_choice",
            left_out("tool_choice"),
        ),
    ],
    "bedrock": [
        (
            bedrock(SAID + "`temperature` is deprecated for this model."),
            "temperature",
            "The model takes no temperature, so it was left out.",
        ),
        (
            bedrock("This model doesn't support the temperature field. Remove temperature and try again."),
            "temperature",
            "The model takes no temperature, so it was left out.",
        ),
        (
            bedrock(SAID + "`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
            "top_p",
            "The model does not take temperature and top_p together, so top_p was left out.",
        ),
        (
            bedrock(SAID + "`top_p` is deprecated for this model."),
            "top_p",
            "The model takes no top_p, so it was left out.",
        ),
        (
            bedrock("This model doesn't support the stopSequences field. Remove stopSequences and try again."),
            "stop",
            "The model takes no stop sequences, so they were left out.",
        ),
    ],
}


def asked(vendor: Vendor, request: GenerationRequest, *refusals: Reply) -> tuple[list[Any], ProviderAnswer]:
    """The bodies that a request sends to a model that first refuses, and its answer. The model is asked once more, which it
    does not refuse, and then another model.
    """
    with VendorServer(*refusals, *[vendor.answer] * 3) as server:
        provider = vendor.at(server)
        answer = provider.generate(vendor.model, request)
        provider.generate(vendor.model, request)
        provider.generate("another-model", request)
    return [received.body for received in server.requests], answer


@cases("refusal, name, warning", REFUSALS)
def test_a_refused_part_is_left_out_said_and_remembered(
    vendor: Vendor, refusal: Reply, name: str, warning: str
) -> None:
    bodies, answer = asked(vendor, WHOLE, refusal)

    assert list(map(vendor.parts, bodies)) == [ALL, ALL - {name}, ALL - {name}, ALL]
    assert answer.warnings == (warning,)


def openai_message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@cases(
    "refusal, first",
    {
        "openai": [
            (
                openai(
                    400,
                    "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                    param="messages[0].role",
                    code="unsupported_value",
                ),
                openai_message("Be brief.\n\nHello!"),
            )
        ],
        "on-prem": [
            (vllm(400, "System role not supported"), openai_message("Be brief.\n\nHello!")),
            (
                openai(500, "Jinja Exception: System role not supported", type="server_error"),
                openai_message("Be brief.\n\nHello!"),
            ),
        ],
        "gemini": [
            (
                gemini("Developer instruction is not enabled for models/gemma-3-27b-it"),
                {"role": "user", "parts": [{"text": "Be brief."}, {"text": "Hello!"}]},
            )
        ],
        "bedrock": [
            (
                bedrock("This model doesn't support system messages. Try again without a system message."),
                {"role": "user", "content": [{"text": "Be brief."}, {"text": "Hello!"}]},
            )
        ],
    },
)
def test_a_refused_system_prompt_goes_before_the_first_message(vendor: Vendor, refusal: Reply, first: Any) -> None:
    bodies, answer = asked(vendor, ask(system="Be brief."), refusal)

    assert [vendor.parts(body) for body in bodies] == [{"system"}, set(), set(), {"system"}]
    assert [body.get("messages", body.get("contents")) for body in bodies[1:3]] == [[first], [first]]
    assert answer.warnings == (NO_SYSTEM,)


@each_vendor
def test_several_refusals_are_met_one_after_the_other(vendor: Vendor) -> None:
    bodies, answer = asked(vendor, WHOLE, vendor.no_temperature, vendor.no_system)

    assert vendor.parts(bodies[2]) == vendor.parts(bodies[3]) == ALL - {"temperature", "system"}
    assert len(answer.warnings) == 2


@each_vendor
def test_what_is_refused_is_left_out_of_a_stream_too(vendor: Vendor) -> None:
    reply = vendor.stream(vendor.piece("Hi."), *vendor.end)
    with VendorServer(vendor.no_temperature, reply, reply) as server:
        provider = vendor.at(server)
        *_, answer = provider.stream(vendor.model, ask(temperature=0.1))
        list(provider.stream(vendor.model, ask(temperature=0.1)))

    assert [vendor.parts(received.body) for received in server.requests] == [{"temperature"}, set(), set()]
    assert isinstance(answer, ProviderAnswer)
    assert len(answer.warnings) == 1


@each_vendor
@pytest.mark.parametrize(("request_", "calls"), [(ask(temperature=0.1), 2), (ask(max_tokens=9), 1)])
def test_a_refusal_of_what_was_not_sent_is_an_error(vendor: Vendor, request_: GenerationRequest, calls: int) -> None:
    with VendorServer(answer=lambda _: vendor.no_temperature) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmInvalidRequestError):
            provider.generate(vendor.model, request_)

    assert len(server.requests) == calls


@cases(
    "reply, request_",
    {
        "openai": [
            (
                openai(
                    400,
                    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
                    param="temperature",
                    code="decimal_above_max_value",
                ),
                ask(temperature=3),
            )
        ],
        "on-prem": [(vllm(400, "Unexpected token: stop here"), ask(stop=("END",)))],
        "gemini": [
            (
                gemini("It has a maxOutputTokens value of 9 but the supported range is from 1 to 8."),
                ask(max_tokens=9),
            ),
            (gemini("Unsupported MIME type: image/bmp"), ask(response_format=ResponseFormat())),
        ],
    },
)
def test_what_is_wrong_is_not_taken_for_refused(vendor: Vendor, reply: Reply, request_: GenerationRequest) -> None:
    with VendorServer(reply) as server:
        provider = vendor.at(server)
        with pytest.raises(LlmInvalidRequestError):
            provider.generate(vendor.model, request_)

    assert len(server.requests) == 1
