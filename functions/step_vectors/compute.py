"""The outputs of the steps about vectors."""

from __future__ import annotations

import json
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final

from functions.step_vectors.entries import MODEL, chunks_of, embeddings_in, query_of, vectors_of
from llm_gateway.gateway import Gateway
from llm_gateway.request import EmbeddingRequest, Target
from llm_gateway.response import EmbeddingResponse, Usage
from workflow_engine.errors import InvalidStepInput
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.sdk import StepContext
from workflow_engine.steps.vectors import (
    DEFAULT_BATCH,
    DEFAULT_COLLECTION,
    DEFAULT_PROVIDER,
    DEFAULT_TOP_K,
    MAX_IDS_TOLD,
)
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.vectors import VectorStore
from workflow_engine.vector_errors import EmbeddingModelMismatchError
from workflow_engine.vector_filters import NOT_FILTERED, problems

Object = Mapping[str, Any]

INLINE_BYTES: Final = 60_000
"""Embeddings beyond this are handed on by reference: several outputs go through one state of 256 KiB."""

MARGIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class World:
    """What the steps work with. `gateway` gives a tenant's; a deployment may be without `vectors`, which raises then."""

    gateway: Callable[[str], Gateway]
    vectors: Callable[[], VectorStore]
    payloads: PayloadStore
    now: Callable[[], float] = time.monotonic


def embed(config: Object, input_data: Object, step: StepContext, world: World, at: str) -> dict[str, Any]:
    """`embedding_generation`. Raises LlmError, InvalidStepInput."""
    chunks = chunks_of(input_data, lambda reference: world.payloads.handed_on(step.tenant_id or "", reference))
    batch: int = config.get("batch_size", DEFAULT_BATCH)
    embedded: list[dict[str, Any]] = []
    usage, last = Usage(), None
    for start in range(0, len(chunks), batch):
        part = chunks[start : start + batch]
        last = _embedded([c["text"] for c in part], config, step, world)
        usage = _sum(usage, last.usage)
        embedded += [{**c, "embedding": _short(v)} for c, v in zip(part, last.vectors, strict=True)]
    text = json.dumps(embedded, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    is_large = len(text) > INLINE_BYTES
    return {
        "embeddings": [] if is_large else embedded,
        "embeddings_ref": world.payloads.keep(step.tenant_id or "", (text,)) if is_large else None,
        "embedding_count": len(embedded),
        "dimensions": len(embedded[0]["embedding"]) if embedded else None,
        "provider": last.model.provider if last else config.get("provider", DEFAULT_PROVIDER),
        "model": last.model.name if last else config.get("model") or "",
        "mode": last.mode if last else "llm",
        "batch_size": batch,
        "usage": {
            "tokens_in": usage.tokens_in,
            "llm_calls": usage.llm_calls,
            "cost_usd": usage.cost_usd,
        },
        "processed_at": at,
        "success": True,
    }


def store(config: Object, input_data: Object, step: StepContext, world: World, at: str) -> dict[str, Any]:
    """`vector_storage`. Raises DimensionMismatchError, CollectionMissingError, InvalidStepInput."""
    tenant, collection = step.tenant_id or "", config.get("collection_name", DEFAULT_COLLECTION)
    operation, ids = config.get("operation", "upsert"), []
    match operation:
        case "upsert":
            given = embeddings_in(input_data)
            vectors = vectors_of(_entries(given, tenant, world), _model_of(given), config.get("metadata") or {})
            ids = [vector.key for vector in vectors]
            world.vectors().upsert(tenant, collection, vectors)
        case "delete":
            ids = _ids(config.get("ids", input_data.get("ids")))
            world.vectors().delete(tenant, collection, ids)
        case "drop":
            world.vectors().drop(tenant, collection)
    return {
        "storage_type": world.vectors().name,
        "collection_name": collection,
        "operation": operation,
        "stored_count": len(ids) if operation == "upsert" else 0,
        "ids": ids if len(ids) <= MAX_IDS_TOLD else [],
        "processed_at": at,
        "success": True,
    }


def search(config: Object, input_data: Object, step: StepContext, world: World, at: str) -> dict[str, Any]:
    """`vector_search`. Raises LlmError, DimensionMismatchError, EmbeddingModelMismatchError, CollectionMissingError,
    InvalidStepInput.
    """
    tenant, collection = step.tenant_id or "", config.get("collection_name", DEFAULT_COLLECTION)
    query = query_of(config, input_data)
    filter_ = config.get("filter", input_data.get("filter"))
    if filter_ is not None:
        for path, sentence in problems(filter_, ("filter",)):
            raise InvalidStepInput(f"{'.'.join(map(str, path))}: {sentence}")
    asked = _embedded([query], config, step, world)
    found = world.vectors().query(
        tenant, collection, _short(asked.vectors[0]), config.get("top_k", DEFAULT_TOP_K), filter_
    )
    model = _model_name(asked.model.name, asked.mode)
    for match in found:
        if match.metadata.get(MODEL, model) != model:
            raise EmbeddingModelMismatchError(
                f"The collection '{collection}' has texts embedded by {match.metadata[MODEL]}, and the query was by {model}. "
                "Name the same provider and model, or store the texts again."
            )
    least = config.get("min_score", -1)
    chunks = [_chunk(m.key, m.score, m.metadata) for m in found if m.score >= least]
    return {
        "retrieved_chunks": chunks,
        "retrieved_count": len(chunks),
        "collection_name": collection,
        "query": query,
        "mode": asked.mode,
        "processed_at": at,
        "success": True,
    }


def _chunk(key: str, score: float, metadata: Object) -> dict[str, Any]:
    own = (NOT_FILTERED, "chunk_index", "filename", MODEL)
    return {
        "text": metadata.get(NOT_FILTERED, ""),
        "score": round(max(-1.0, min(1.0, score)), 6),
        "chunk_index": metadata.get("chunk_index"),
        "filename": metadata.get("filename"),
        "id": key,
        "metadata": {name: value for name, value in metadata.items() if name not in own},
    }


def _embedded(texts: list[str], config: Object, step: StepContext, world: World) -> EmbeddingResponse:
    for number, text in enumerate(texts):
        if not text.strip():
            raise InvalidStepInput(f"Text {number} is empty, and no model embeds nothing.")
    allowed = [s for s in (step.seconds_left, step.timeout_seconds) if s is not None]
    return world.gateway(step.tenant_id or "").embed(
        EmbeddingRequest(tuple(texts), config.get("dimensions")),
        Target(config.get("provider", DEFAULT_PROVIDER), config.get("model")),
        deadline=world.now() + max(1.0, min(allowed) - MARGIN_SECONDS) if allowed else None,
    )


def _entries(given: Object, tenant_id: str, world: World) -> list[Any]:
    """The embeddings themselves. A reference opens documents of its own tenant only."""
    reference = given.get("embeddings_ref")
    if not isinstance(reference, str):
        return list(given["embeddings"])
    entries = world.payloads.handed_on(tenant_id, reference)
    if not isinstance(entries, list):
        raise InvalidStepInput("'embeddings_ref' leads to something that is no list of embeddings.")
    return entries


def _model_of(given: Object) -> str | None:
    model = given.get("model")
    return _model_name(model, given.get("mode", "llm")) if isinstance(model, str) and model else None


def _model_name(model: str, mode: str) -> str:
    """A simulated vector is nobody's, whatever model it stands for."""
    return "simulation" if mode == "simulation" else model


def _ids(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
        raise InvalidStepInput("Name what is to be removed: 'ids', a list of texts, in the configuration or the input.")
    return value


def _short(values: tuple[float, ...]) -> list[float]:
    """As exact as stores keep them, and in as few digits: eight of them tell all numbers of 32 bits apart in practice."""
    return [float(f"{value:.8g}") for value in array("f", values)]


def _sum(one: Usage, other: Usage) -> Usage:
    costs = (one.cost_usd, other.cost_usd)
    return Usage(
        tokens_in=one.tokens_in + other.tokens_in,
        llm_calls=one.llm_calls + other.llm_calls,
        cost_usd=None if None in costs else sum(c for c in costs if c is not None),
    )
