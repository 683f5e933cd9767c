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
from tests.support.llm.vendors import BEDROCK, GEMINI, ON_PREM, OPENAI, Vendor, ask, cases, each_vendor, grouped

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


REFUSALS: Final[dict[str, dict[str, list[Reply]]]] = {
    "openai": {
        "temperature": [
            openai(400, "'temperature' does not support 0.1.", param="temperature", code="unsupported_value"),
        ],
        "top_p": [unsupported_parameter("top_p")],
    },
    "on-prem": {
        "top_p": [
            Reply(400, body={"error": {"message": "property 'top_p' is unsupported"}}),
            Reply(422, body={"detail": [{"type": "extra_forbidden", "loc": ["body", "top_p"], "msg": "no"}]}),
        ],
        "temperature": [
            Reply(400, body={"error": "Unrecognized request argument supplied: temperature"}),
            vllm(400, "invalid temperature: only 1 is allowed for this model"),
        ],
        "stop": [
            vllm(400, "[{'type': 'extra_forbidden', 'loc': ('body', 'stop'), 'msg': 'Extra inputs'}]"),
            openai(400, "Unknown parameter: 'stop'.", param="stop", code="unknown_parameter"),
        ],
        "tool_choice": [Reply(400, body={"error": {"message": "tool_choice is not supported", "code": 400}})],
    },
    "gemini": {
        "temperature": [gemini("temperature is not supported for this model")],
        "top_p": [gemini("topP cannot be set for this model.")],
        "stop": [gemini("Invalid JSON payload received. Unknown name \"stopSequences\" at 'x'")],
        "max_tokens": [gemini("max_output_tokens is unsupported")],
        "tool_choice": [gemini("Function calling mode `ANY` is not enabled for api version v1beta")],
    },
    "bedrock": {
        "temperature": [
            bedrock(SAID + "`temperature` is deprecated for this model."),
            bedrock("This model doesn't support the temperature field. Remove temperature and try again."),
        ],
        "top_p": [bedrock(SAID + "`top_p` is deprecated for this model.")],
        "top_p beside temperature": [
            bedrock(SAID + "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
        ],
        "stop": [bedrock("This model doesn't support the stopSequences field. Remove stopSequences and try again.")],
    },
}
WARNINGS: Final = {
    "gemini": {
        "stop": "The model takes no 'stop_sequences', so it was left out.",
        "max_tokens": "The model takes no 'max_output_tokens', so it was left out.",
    },
    "bedrock": {
        "temperature": "The model takes no temperature, so it was left out.",
        "top_p": "The model takes no top_p, so it was left out.",
        "top_p beside temperature": "The model does not take temperature and top_p together, so top_p was left out.",
        "stop": "The model takes no stop sequences, so they were left out.",
    },
}
"""Where a vendor calls a part by another name than the gateway."""


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


@cases("refused, refusal", grouped(REFUSALS))
def test_a_refused_part_is_left_out_said_and_remembered(vendor: Vendor, refused: str, refusal: Reply) -> None:
    bodies, answer = asked(vendor, WHOLE, refusal)

    less = ALL - {refused.removesuffix(" beside temperature")}
    assert list(map(vendor.parts, bodies)) == [ALL, less, less, ALL]
    sentence = f"The model takes no '{refused}', so it was left out."
    assert answer.warnings == (WARNINGS.get(vendor.name, {}).get(refused, sentence),)


FOLDED: Final = {"role": "user", "content": "Be brief.\n\nHello!"}


@cases(
    "refusal, first",
    {
        "openai": [(OPENAI.no_system, FOLDED)],
        "on-prem": [
            (ON_PREM.no_system, FOLDED),
            (openai(500, "Jinja Exception: System role not supported", type="server_error"), FOLDED),
        ],
        "gemini": [(GEMINI.no_system, {"role": "user", "parts": [{"text": "Be brief."}, {"text": "Hello!"}]})],
        "bedrock": [(BEDROCK.no_system, {"role": "user", "content": [{"text": "Be brief."}, {"text": "Hello!"}]})],
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
                openai(400, "Invalid 'temperature': decimal above maximum value.", param="temperature"),
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
