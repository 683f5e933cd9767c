"""Embeddings on Bedrock: each family of models has a format of its own, sent by InvokeModel.

Titan: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
Cohere: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html (and -v3)
Nova: https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from llm_gateway.errors import LlmMalformedAnswerError, LlmUnsupportedError
from llm_gateway.request import EmbeddingRequest
from llm_gateway.response import EmbeddingAnswer

COHERE_TEXTS_PER_CALL: Final = 96
MAX_CALLS_AT_ONCE: Final = 8
TITAN_V1_DIMENSIONS: Final = 1536
COHERE_V3_DIMENSIONS: Final = 1024
"""Those two give vectors of this length and no other."""

_TOKENS_HEADER: Final = "x-amzn-bedrock-input-token-count"

Json = dict[str, Any]
Vector = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Invoked:
    """An answer of InvokeModel: its JSON, and its headers with names in lower case."""

    body: Any
    headers: Mapping[str, str]


Invoke = Callable[[Json], Invoked]


def embed(model: str, request: EmbeddingRequest, invoke: Invoke) -> EmbeddingAnswer:
    """One vector a text, from as many calls as the family needs, a few at a time.

    Raises LlmUnsupportedError for a model that embeds no texts or not in these dimensions, LlmMalformedAnswerError for an
    answer without a vector for each text, and what `invoke` raises.
    """
    bodies = list(_bodies(model, request))
    if len(bodies) <= 1:
        answers = [invoke(body) for body in bodies]
    else:
        with ThreadPoolExecutor(min(MAX_CALLS_AT_ONCE, len(bodies)), "bedrock-embed") as pool:
            answers = list(pool.map(invoke, bodies))
    vectors = tuple(chain.from_iterable(_vectors(answer.body) for answer in answers))
    if len(vectors) != len(request.texts):
        raise LlmMalformedAnswerError(f"Bedrock gave {len(vectors)} vectors for {len(request.texts)} texts.")
    return EmbeddingAnswer(vectors, sum(map(_tokens, answers)), model)


def _bodies(model: str, request: EmbeddingRequest) -> Iterator[Json]:
    texts, size = request.texts, request.dimensions
    # The name may stand in an inference profile or an ARN, so it need not be at the beginning.
    if "amazon.titan-embed-image" in model:
        config = {} if size is None else {"embeddingConfig": {"outputEmbeddingLength": size}}
        return ({"inputText": text, **config} for text in texts)
    if "amazon.titan-embed-text-v2" in model:
        options = {"normalize": True} if size is None else {"dimensions": size, "normalize": True}
        return ({"inputText": text, **options} for text in texts)
    if "amazon.titan-embed" in model:
        _require(size, TITAN_V1_DIMENSIONS, model)
        return ({"inputText": text} for text in texts)
    if "cohere.embed" in model:
        return _cohere_bodies(model, texts, size)
    if "amazon.nova" in model and "embed" in model:
        return (_nova_body(text, size) for text in texts)
    raise LlmUnsupportedError(
        f"'{model}' is not a model that embeds texts. On Bedrock, Titan, Cohere Embed and Nova do."
    )


def _cohere_bodies(model: str, texts: Sequence[str], size: int | None) -> Iterator[Json]:
    options: Json = {"input_type": "search_document"}
    if "embed-english-v3" in model or "embed-multilingual-v3" in model:
        _require(size, COHERE_V3_DIMENSIONS, model)
    else:
        options["embedding_types"] = ["float"]
        if size is not None:
            options["output_dimension"] = size
    for start in range(0, len(texts), COHERE_TEXTS_PER_CALL):
        yield {"texts": list(texts[start : start + COHERE_TEXTS_PER_CALL]), **options}


def _nova_body(text: str, size: int | None) -> Json:
    parameters: Json = {
        "embeddingPurpose": "GENERIC_INDEX",
        "text": {"truncationMode": "NONE", "value": text},  # a text that is too long is an error, as with the others
    }
    if size is not None:
        parameters["embeddingDimension"] = size
    return {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": parameters,
    }


def _require(size: int | None, only: int, model: str) -> None:
    if size not in (None, only):
        raise LlmUnsupportedError(f"'{model}' gives vectors of {only} dimensions, not of {size}.")


def _vectors(body: Any) -> list[Vector]:
    match body:
        case {"embedding": [*numbers]}:  # Titan
            return [_vector(numbers)]
        case {"embeddings": {"float": [*vectors]}}:  # Cohere by type
            return [_vector(numbers) for numbers in vectors]
        case {"embeddings": [{"embedding": _}, *_] as vectors}:  # Nova
            return [_vector(item["embedding"]) for item in vectors]
        case {"embeddings": [*vectors]}:  # Cohere
            return [_vector(numbers) for numbers in vectors]
    raise LlmMalformedAnswerError("Bedrock gave an answer without vectors.")


def _vector(numbers: Any) -> Vector:
    try:
        return tuple(float(number) for number in numbers)
    except (TypeError, ValueError):
        raise LlmMalformedAnswerError("Bedrock gave a vector that is not a list of numbers.") from None


def _tokens(answer: Invoked) -> int:
    """Titan and Nova count in the body; for Cohere there is Bedrock's header only. 0 if nothing tells."""
    for name in ("inputTextTokenCount", "inputTokenCount"):
        if isinstance(count := answer.body.get(name), int):
            return count
    header = answer.headers.get(_TOKENS_HEADER, "")
    return int(header) if header.isdecimal() else 0
