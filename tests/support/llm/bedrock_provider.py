"""The gateway's Bedrock provider, pointed at a server on loopback."""

from __future__ import annotations

from typing import Any, Final

from llm_gateway.providers import make_provider
from llm_gateway.providers.bedrock.provider import BedrockProvider
from llm_gateway.request import GenerationRequest, Message, Text
from tests.support.llm.vendor_server import VendorServer

ACCESS_KEY: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEYS: Final = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_REGION": "eu-west-1",
}
CLAUDE: Final = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"


def bedrock(server: VendorServer | str, **variables: str) -> BedrockProvider:
    """A provider with keys, or with these variables and none of the keys."""
    url = server if isinstance(server, str) else server.url
    made = make_provider("bedrock", {**(variables or KEYS), "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url})
    assert isinstance(made, BedrockProvider)
    return made


def ask(*words: str, **options: Any) -> GenerationRequest:
    """A request of one user's turn."""
    turn = Message("user", tuple(Text(word) for word in words or ("Hello!",)))
    return GenerationRequest(**{"messages": (turn,), "timeout_seconds": 5.0, **options})
