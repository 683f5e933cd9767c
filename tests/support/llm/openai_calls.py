"""Calls of the OpenAI provider at a loopback server, in few words."""

from __future__ import annotations

from typing import Any, Final

from llm_gateway.providers import Provider, make_provider
from llm_gateway.request import GenerationRequest, Image, Message, Text
from llm_gateway.response import ProviderAnswer
from tests.support.llm.openai_wire import completion
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply

KEY: Final = "sk-proj-Abcdefghijklmnopqrstuvwxyz0123456789"
MODEL: Final = "gpt-4o-mini"


def openai_at(server: VendorServer, **variables: str) -> Provider:
    """OpenAI's provider, led to a server."""
    return make_provider("openai", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{server.url}/v1", **variables})


def ask(*parts: Text | Image, **fields: Any) -> GenerationRequest:
    """A conversation of one message, "Hello!" unless parts are given; `fields` are the request's other fields."""
    return GenerationRequest((Message("user", parts or (Text("Hello!"),)),), **fields)


def generate(reply: Reply, request: GenerationRequest | None = None, model: str = MODEL) -> ProviderAnswer:
    """What the provider makes of a reply."""
    with VendorServer(reply) as server:
        return openai_at(server).generate(model, request or ask())


def sent(*replies: Reply, request: GenerationRequest, model: str = MODEL) -> tuple[list[Any], ProviderAnswer]:
    """The bodies that a request sends, and its answer; after the replies comes a plain completion."""
    with VendorServer(*replies, json_reply(completion())) as server:
        answer = openai_at(server).generate(model, request)
    return [received.body for received in server.requests], answer
