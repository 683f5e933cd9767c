"""The vendors as the contract suite asks them: the same questions, and answers that mean the same, each in its wire format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from llm_gateway.providers import Provider, make_provider
from llm_gateway.request import EmbeddingRequest, GenerationRequest, Message, Text
from tests.support.llm import bedrock_wire, gemini_wire, openai_wire
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply, sse_event, sse_reply


@dataclass(frozen=True, slots=True)
class Vendor:
    """`server` is how sentences call it, `variables` are its keys, `url_variable` and `url_path` say where it is asked.

    `error` makes its error response of a status, a message and headers, with no code that says more than the status;
    `no_temperature` and `no_system` refuse a part of a request. `answer` is one of text; `piece` is an event of a streamed
    text, `end` are the events after the last, and `stream` makes a reply of events. `parts` names what of a request is in
    a body, in the gateway's words.
    """

    name: str
    server: str
    model: str
    embedding_model: str
    variables: Mapping[str, str]
    url_variable: str
    url_path: str
    error: Callable[..., Reply]
    no_temperature: Reply
    no_system: Reply
    answer: Reply
    piece: Callable[[str], bytes]
    end: tuple[bytes, ...]
    stream: Callable[..., Reply]
    parts: Callable[[Any], set[str]]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no text."""
        return tuple(value for name, value in self.variables.items() if name != "AWS_REGION")

    def at(self, server: VendorServer | str) -> Provider:
        """The provider, led to a server."""
        url = server if isinstance(server, str) else server.url
        return make_provider(self.name, {**self.variables, self.url_variable: url + self.url_path})

    def calls(self, request: GenerationRequest) -> tuple[Callable[[Provider], object], ...]:
        """All that a provider can be asked."""
        texts = EmbeddingRequest(("a",), timeout_seconds=request.timeout_seconds)
        return (
            lambda provider: provider.generate(self.model, request),
            lambda provider: list(provider.stream(self.model, request)),
            lambda provider: provider.embed(self.embedding_model, texts),
        )


def ask(text: str = "Hello!", **fields: Any) -> GenerationRequest:
    """A conversation of one message; `fields` are the request's other fields."""
    return GenerationRequest(**{"messages": (Message("user", (Text(text),)),), "timeout_seconds": 5.0, **fields})


def _openai_error(status: int, message: str, **headers: str) -> Reply:
    return json_reply(openai_wire.error(message, type="api_error"), status, **headers)


def _gemini_error(status: int, message: str, **headers: str) -> Reply:
    return json_reply(gemini_wire.error(message, status), status, **headers)


def _bedrock_error(status: int, message: str, **headers: str) -> Reply:
    return bedrock_wire.error("AnotherException", message, status, **headers)


def _openai_piece(text: str) -> bytes:
    return sse_event(openai_wire.chunk({"content": text}))


def _gemini_piece(text: str) -> bytes:
    return sse_event(gemini_wire.chunk(gemini_wire.text(text)))


def _bedrock_piece(text: str) -> bytes:
    return bedrock_wire.delta({"text": text})


_NAMES: Final = {
    "topP": "top_p",
    "stopSequences": "stop",
    "maxTokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "systemInstruction": "system",
    "toolConfig": "tool_choice",
    "toolChoice": "tool_choice",
}
_PARTS: Final = {"temperature", "top_p", "stop", "max_tokens", "system", "tool_choice"}


def _named(*bodies: Mapping[str, Any]) -> set[str]:
    return {_NAMES.get(name, name) for body in bodies for name in body} & _PARTS


def _openai_parts(body: Any) -> set[str]:
    return _named(body, {message["role"]: message for message in body["messages"]})


def _gemini_parts(body: Any) -> set[str]:
    return _named(body, body.get("generationConfig", {}))


def _bedrock_parts(body: Any) -> set[str]:
    tools = body.get("toolConfig", {})
    return _named({"system": body["system"]} if "system" in body else {}, body.get("inferenceConfig", {}), tools)


# The keys have no vendor's shape, as those of a proxy: what is cut out of a text is cut out because it is a key.
OPENAI: Final = Vendor(
    name="openai",
    server="OpenAI",
    model="gpt-4o-mini",
    embedding_model="text-embedding-3-small",
    variables={"OPENAI_API_KEY": "a-key-for-openai"},
    url_variable="OPENAI_BASE_URL",
    url_path="/v1",
    error=_openai_error,
    no_temperature=openai_wire.unsupported_parameter("temperature"),
    no_system=openai_wire.error_reply(
        400,
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        param="messages[0].role",
        code="unsupported_value",
    ),
    answer=json_reply(openai_wire.completion()),
    piece=_openai_piece,
    end=(sse_event(openai_wire.chunk({}, "stop", usage=openai_wire.usage())), openai_wire.DONE),
    stream=sse_reply,
    parts=_openai_parts,
)
ON_PREM: Final = replace(
    OPENAI,
    name="on-prem",
    server="The on-prem server",
    model="qwen3-8b",
    embedding_model="bge",
    variables={"ONPREM_API_KEY": "a-key-of-our-own"},
    url_variable="ONPREM_BASE_URL",
    no_temperature=Reply(400, body={"error": "Unrecognized request argument supplied: temperature"}),
    no_system=openai_wire.vllm_error(400, "System role not supported"),
)
GEMINI: Final = Vendor(
    name="gemini",
    server="Gemini",
    model="gemini-2.5-flash",
    embedding_model="gemini-embedding-001",
    variables={"GOOGLE_API_KEY": "a-key-for-gemini"},
    url_variable="GOOGLE_GEMINI_BASE_URL",
    url_path="",
    error=_gemini_error,
    no_temperature=gemini_wire.error_reply("temperature is not supported for this model"),
    no_system=gemini_wire.error_reply("Developer instruction is not enabled for models/gemma-3-27b-it"),
    answer=json_reply(gemini_wire.answer("Hi.")),
    piece=_gemini_piece,
    end=(sse_event(gemini_wire.response(gemini_wire.text(""))),),
    stream=sse_reply,
    parts=_gemini_parts,
)
BEDROCK: Final = Vendor(
    name="bedrock",
    server="Bedrock",
    model="eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    embedding_model="amazon.titan-embed-text-v2:0",
    variables={
        "AWS_ACCESS_KEY_ID": "an-access-key",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLETOKEN",
        "AWS_REGION": "eu-west-1",
    },
    url_variable="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    url_path="",
    error=_bedrock_error,
    no_temperature=bedrock_wire.refusal("`temperature` is deprecated for this model."),
    no_system=bedrock_wire.refusal("This model doesn't support system messages. Try again without a system message."),
    answer=bedrock_wire.converse(bedrock_wire.text("Hi.")),
    piece=_bedrock_piece,
    end=(bedrock_wire.stopped(), bedrock_wire.metadata()),
    stream=bedrock_wire.stream,
    parts=_bedrock_parts,
)
VENDORS: Final = (OPENAI, ON_PREM, GEMINI, BEDROCK)

each_vendor: Final = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
each_sdk: Final = pytest.mark.parametrize("vendor", [OPENAI, GEMINI, BEDROCK], ids=lambda vendor: vendor.name)
"""For what does not depend on the server: the one on one's own premises is asked over OpenAI's SDK."""


def cases(names: str, by_vendor: Mapping[str, Iterable[Any]]) -> pytest.MarkDecorator:
    """A mark that runs a test for each vendor's cases: `vendor` and what `names` says, such as `reply, kind`."""
    vendors = {vendor.name: vendor for vendor in VENDORS}
    listed = [
        pytest.param(vendors[name], *(case if isinstance(case, tuple) else (case,)), id=f"{name}-{number}")
        for name, given in by_vendor.items()
        for number, case in enumerate(given)
    ]
    return pytest.mark.parametrize(f"vendor, {names}", listed)


def grouped(by_vendor: Mapping[str, Mapping[Any, Iterable[Any]]]) -> dict[str, list[tuple[Any, Any]]]:
    """Cases of pairs, written down once for each first half."""
    return {
        name: [(first, second) for first, seconds in by_first.items() for second in seconds]
        for name, by_first in by_vendor.items()
    }
