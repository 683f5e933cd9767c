"""Embeddings of OpenAI."""

from __future__ import annotations

import pytest

from llm_gateway.errors import (
    LlmUnsupportedError,
)
from llm_gateway.request import (
    EmbeddingRequest,
)
from tests.support.llm import openai_wire as wire
from tests.support.llm.openai_calls import openai_at
from tests.support.llm.vendor_server import VendorServer, json_reply


def test_embeddings_come_in_the_order_of_the_texts() -> None:
    data = [
        {"object": "embedding", "index": 1, "embedding": [0.5, -1]},
        {"object": "embedding", "index": 0, "embedding": [0.25, 0.0]},
    ]
    counted = {"prompt_tokens": 5, "total_tokens": 5}
    reply = json_reply({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": counted})
    with VendorServer(reply) as server:
        answer = openai_at(server).embed("text-embedding-3-small", EmbeddingRequest(("a", "b"), dimensions=2))

    assert server.requests[0].path == "/v1/embeddings"
    assert server.requests[0].body == {
        "input": ["a", "b"],
        "model": "text-embedding-3-small",
        "dimensions": 2,
        "encoding_format": "float",
    }
    assert (answer.vectors, answer.tokens_in) == (((0.25, 0.0), (0.5, -1.0)), 5)
    assert answer.model == "text-embedding-3-small"


def test_dimensions_are_the_models_own_unless_asked_for() -> None:
    with VendorServer(wire.embeddings([1, 2, 3])) as server:
        openai_at(server).embed("m", EmbeddingRequest(("a",)))

    assert "dimensions" not in server.requests[0].body


def test_a_model_that_cannot_give_the_dimensions_is_told_of() -> None:
    refusal = wire.error_reply(400, "This model does not support specifying dimensions.")
    with VendorServer(refusal, wire.embeddings([1.0, 2.0])) as server:
        provider = openai_at(server)
        with pytest.raises(LlmUnsupportedError, match="no vectors of 256 numbers"):
            provider.embed("text-embedding-ada-002", EmbeddingRequest(("a",), dimensions=256))
        with pytest.raises(LlmUnsupportedError, match="vectors of 2 numbers with this model, not 256"):
            provider.embed("text-embedding-ada-002", EmbeddingRequest(("a",), dimensions=256))
