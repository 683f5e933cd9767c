"""Embeddings on Bedrock over real boto3, in the format of each family of models."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.errors import (
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnsupportedError,
)
from llm_gateway.request import EmbeddingRequest
from llm_gateway.response import EmbeddingAnswer
from tests.support.llm import bedrock_wire as wire
from tests.support.llm.bedrock_provider import bedrock
from tests.support.llm.vendor_server import Received, Reply, VendorServer

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-multilingual-v3"
COHERE_V4 = "eu.cohere.embed-v4:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"


def test_titan_embeds_one_text_a_call_and_keeps_their_order() -> None:
    def answer(received: Received) -> Reply:
        length = len(received.body["inputText"])
        return wire.titan_embedding([float(length), 0.5], tokens=length)

    texts = tuple("x" * length for length in range(1, 21))
    with VendorServer(answer=answer) as server:
        embedded = bedrock(server).embed(TITAN, EmbeddingRequest(texts, dimensions=256))

    assert embedded == EmbeddingAnswer(tuple((float(n), 0.5) for n in range(1, 21)), sum(range(1, 21)), TITAN)
    assert len(server.requests) == 20
    assert {request.path for request in server.requests} == {"/model/amazon.titan-embed-text-v2%3A0/invoke"}
    sent = next(request.body for request in server.requests if request.body["inputText"] == "x")
    assert sent == {"inputText": "x", "dimensions": 256, "normalize": True}


@pytest.mark.parametrize(
    ("model", "dimensions", "body"),
    [
        (TITAN, None, {"inputText": "a", "normalize": True}),
        ("amazon.titan-embed-text-v1", None, {"inputText": "a"}),
        ("amazon.titan-embed-image-v1", 384, {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 384}}),
        (COHERE, None, {"texts": ["a"], "input_type": "search_document"}),
        (
            COHERE_V4,
            512,
            {"texts": ["a"], "input_type": "search_document", "embedding_types": ["float"], "output_dimension": 512},
        ),
        (
            NOVA,
            1024,
            {
                "schemaVersion": "nova-multimodal-embed-v1",
                "taskType": "SINGLE_EMBEDDING",
                "singleEmbeddingParams": {
                    "embeddingPurpose": "GENERIC_INDEX",
                    "embeddingDimension": 1024,
                    "text": {"truncationMode": "NONE", "value": "a"},
                },
            },
        ),
    ],
)
def test_each_family_is_asked_in_its_own_format(model: str, dimensions: int | None, body: Any) -> None:
    with VendorServer(wire.titan_embedding([1.0], 1)) as server:
        bedrock(server).embed(model, EmbeddingRequest(("a",), dimensions=dimensions))

    assert server.requests[0].body == body


@pytest.mark.parametrize(
    ("model", "reply"),
    [
        (TITAN, wire.titan_embedding([0.25, -1], 9)),
        (COHERE, wire.cohere_embeddings([[0.25, -1]], 9)),
        (COHERE_V4, wire.cohere_embeddings_by_type([[0.25, -1]], 9)),
        (NOVA, wire.nova_embedding([0.25, -1], 9)),
    ],
)
def test_each_family_is_understood(model: str, reply: Reply) -> None:
    with VendorServer(reply) as server:
        answer = bedrock(server).embed(model, EmbeddingRequest(("a",)))

    assert answer == EmbeddingAnswer(((0.25, -1.0),), 9, model)


def test_cohere_embeds_up_to_96_texts_a_call() -> None:
    def answer(received: Received) -> Reply:
        return wire.cohere_embeddings([[float(text)] for text in received.body["texts"]], tokens=10)

    with VendorServer(answer=answer) as server:
        embedded = bedrock(server).embed(COHERE, EmbeddingRequest(tuple(map(str, range(200)))))

    assert embedded.vectors == tuple((float(n),) for n in range(200))
    assert embedded.tokens_in == 30
    assert sorted(len(request.body["texts"]) for request in server.requests) == [8, 96, 96]


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [("anthropic.claude-instant-v1", None), ("amazon.titan-embed-text-v1", 256), (COHERE, 256)],
)
def test_what_a_model_cannot_embed_is_not_asked(model: str, dimensions: int | None) -> None:
    with VendorServer() as server, pytest.raises(LlmUnsupportedError):
        bedrock(server).embed(model, EmbeddingRequest(("a",), dimensions=dimensions))


def test_one_failed_call_fails_them_all_and_stops_the_rest() -> None:
    throttled = wire.error("ThrottlingException", "Too many requests", 429, retry_after="1")

    with VendorServer(answer=lambda _: throttled) as server, pytest.raises(LlmRateLimitError) as caught:
        bedrock(server).embed(TITAN, EmbeddingRequest(("a",) * 500))

    assert caught.value.retry_after_seconds == 1
    assert len(server.requests) < 100


def test_all_calls_together_have_the_time_of_one() -> None:
    slow = Reply(body={"embedding": [1.0], "inputTextTokenCount": 1}, delay_seconds=0.1)

    with VendorServer(answer=lambda _: slow) as server, pytest.raises(LlmTimeoutError):
        bedrock(server).embed(TITAN, EmbeddingRequest(("a",) * 100, timeout_seconds=0.3))
