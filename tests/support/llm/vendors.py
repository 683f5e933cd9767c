"""The vendors as the contract suite asks them: the same questions, and answers that mean the same, each in its wire format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from llm_gateway.providers import Provider, make_provider
from llm_gateway.request import EmbeddingRequest, GenerationRequest, Message, Text
from tests.support.llm import bedrock_wire, gemini_wire, openai_wire
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply


@dataclass(frozen=True, slots=True)
class Vendor:
    """`server` is how sentences call it, `variables` are its keys, `url_variable` and `url_path` say where it is asked.
    `error` makes its error response of a status, a message and headers, with no code that says more than the status.
    """

    name: str
    server: str
    model: str
    embedding_model: str
    variables: Mapping[str, str]
    url_variable: str
    url_path: str
    error: Callable[..., Reply]
    answer: Reply

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


# The keys have no vendor's shape, as those of a proxy: what is cut out of a text is cut out because it is a key.
OPENAI: Final = Vendor(
    "openai",
    "OpenAI",
    "gpt-4o-mini",
    "text-embedding-3-small",
    {"OPENAI_API_KEY": "a-key-for-openai"},
    "OPENAI_BASE_URL",
    "/v1",
    _openai_error,
    json_reply(openai_wire.completion()),
)
ON_PREM: Final = Vendor(
    "on-prem",
    "The on-prem server",
    "qwen3-8b",
    "bge",
    {"ONPREM_API_KEY": "a-key-of-our-own"},
    "ONPREM_BASE_URL",
    "/v1",
    _openai_error,
    json_reply(openai_wire.completion()),
)
GEMINI: Final = Vendor(
    "gemini",
    "Gemini",
    "gemini-2.5-flash",
    "gemini-embedding-001",
    {"GOOGLE_API_KEY": "a-key-for-gemini"},
    "GOOGLE_GEMINI_BASE_URL",
    "",
    _gemini_error,
    json_reply(gemini_wire.answer("Hi.")),
)
BEDROCK: Final = Vendor(
    "bedrock",
    "Bedrock",
    "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "amazon.titan-embed-text-v2:0",
    {
        "AWS_ACCESS_KEY_ID": "an-access-key",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLETOKEN",
        "AWS_REGION": "eu-west-1",
    },
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "",
    _bedrock_error,
    bedrock_wire.converse(bedrock_wire.text("Hi.")),
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
