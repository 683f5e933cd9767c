"""One package a vendor, each on the vendor's own SDK, imported when first used; `simulated` needs none.

In each package `provider` is the vendor's `Provider`, `wire` writes a request as the vendor takes it, `answer` reads what
comes back, and `errors` says what went wrong in the names of `llm_gateway.errors`.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Mapping
from typing import Final, Protocol

from llm_gateway.request import EmbeddingRequest, GenerationRequest
from llm_gateway.response import EmbeddingAnswer, ProviderAnswer, TextDelta


class Provider(Protocol):
    """A vendor. One instance serves many calls; every method raises errors of `llm_gateway.errors` only.

    No method tries again: the gateway does, for all vendors alike.
    """

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        """Continue the conversation."""

    def stream(self, model: str, request: GenerationRequest) -> Generator[TextDelta | ProviderAnswer, None, None]:
        """The same piece by piece; the whole answer comes last. Closing it ends the vendor's stream."""

    def embed(self, model: str, request: EmbeddingRequest) -> EmbeddingAnswer:
        """One vector a text."""


_CLASSES: Final[Mapping[str, str]] = {
    "openai": "llm_gateway.providers.openai.provider:OpenAiProvider",
    "gemini": "llm_gateway.providers.gemini.provider:GeminiProvider",
    "bedrock": "llm_gateway.providers.bedrock.provider:BedrockProvider",
    "on-prem": "llm_gateway.providers.openai.provider:OnPremProvider",
    "simulated": "llm_gateway.providers.simulated:SimulatedProvider",
}


def make_provider(vendor: str, variables: Mapping[str, str]) -> Provider:
    """The provider of a vendor, set up from configuration variables such as `OPENAI_API_KEY`. KeyError for an unknown one."""
    module, _, name = _CLASSES[vendor].partition(":")
    made: Provider = getattr(importlib.import_module(module), name)(variables)
    return made
