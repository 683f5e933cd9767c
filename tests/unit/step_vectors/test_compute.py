"""Texts become vectors, are kept and found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.step_vectors import compute
from functions.step_vectors.compute import World, embed, search, store
from llm_gateway.gateway import Gateway
from workflow_engine.errors import InvalidStepInput
from workflow_engine.sdk import StepContext
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.vectors.sqlite import SqliteVectors
from workflow_engine.vector_errors import (
    CollectionMissingError,
    DimensionMismatchError,
    EmbeddingModelMismatchError,
)

STEP = StepContext(tenant_id="t")
CHUNKS = [
    {"text": "cats purr and sleep", "chunk_index": 0, "filename": "pets.txt", "metadata": {"year": 2020}},
    {"text": "dogs bark at night", "chunk_index": 1, "filename": "pets.txt", "metadata": {"year": 2024}},
]


@pytest.fixture
def world() -> World:
    gateway = Gateway({})
    vectors = SqliteVectors()
    return World(lambda _tenant: gateway, lambda: vectors, PayloadStore(MemoryObjects()))


def embedded(world: World, chunks: Any = CHUNKS, **config: Any) -> dict[str, Any]:
    return embed(config, {"cut": {"chunks": chunks}}, STEP, world, "now")


def stored(world: World, given: Any, **config: Any) -> dict[str, Any]:
    return store(config, {"embed": given}, STEP, world, "now")


def found(world: World, query: str, step: StepContext = STEP, **config: Any) -> list[dict[str, Any]]:
    chunks: list[dict[str, Any]] = search({"query": query, **config}, {}, step, world, "now")["retrieved_chunks"]
    return chunks


def test_texts_are_embedded_in_order_and_keep_what_is_known_of_them(world: World) -> None:
    output = embedded(world)
    assert [e["text"] for e in output["embeddings"]] == [c["text"] for c in CHUNKS]
    assert output["embeddings"][1]["filename"] == "pets.txt"
    assert (output["embedding_count"], output["dimensions"], output["mode"]) == (2, 256, "simulation")
    assert embedded(world)["embeddings"] == output["embeddings"]


def test_texts_go_out_in_batches(world: World) -> None:
    assert embedded(world, [f"text {i}" for i in range(5)], batch_size=2)["usage"]["llm_calls"] == 3


def test_what_is_stored_is_found_by_its_words_with_its_score_file_and_place(world: World) -> None:
    output = stored(world, embedded(world))
    assert (output["storage_type"], output["stored_count"]) == ("sqlite", 2)
    best, other = found(world, "dogs that bark")
    assert (best["text"], best["filename"], best["chunk_index"]) == ("dogs bark at night", "pets.txt", 1)
    assert 1 > best["score"] > other["score"]
    assert best["metadata"] == {"year": 2024}


def test_a_search_may_be_filtered_limited_and_cut_by_score(world: World) -> None:
    stored(world, embedded(world), metadata={"source": "book"})
    assert [c["chunk_index"] for c in found(world, "dogs", filter={"year": {"$lt": 2022}})] == [0]
    assert found(world, "dogs", filter={"source": "web"}) == []
    assert len(found(world, "dogs", top_k=1)) == 1
    assert [c["chunk_index"] for c in found(world, "dogs bark at night", min_score=0.9)] == [1]


def test_storing_the_same_texts_again_stores_nothing_twice(world: World) -> None:
    first = stored(world, embedded(world))
    assert stored(world, embedded(world))["ids"] == first["ids"]
    assert len(found(world, "dogs")) == 2


def test_large_embeddings_go_by_reference_and_are_stored_from_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = embedded(world)
    monkeypatch.setattr(compute, "INLINE_BYTES", 100)
    large = embedded(world)
    assert large["embeddings"] == []
    assert large["embedding_count"] == 2
    assert len(json.dumps(large)) < 1000
    assert stored(world, large)["ids"] == stored(world, small)["ids"]


def test_a_reference_opens_documents_of_its_tenant_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "INLINE_BYTES", 100)
    theirs = embed({}, {"cut": {"chunks": CHUNKS}}, StepContext(tenant_id="other"), world, "now")
    for reference in (theirs["embeddings_ref"], "s3:payloads/x.json", "[]"):
        with pytest.raises(InvalidStepInput, match="not a reference"):
            stored(world, {"embeddings_ref": reference})


def test_collections_are_a_tenants_own(world: World) -> None:
    stored(world, embedded(world))
    with pytest.raises(CollectionMissingError):
        found(world, "dogs", StepContext(tenant_id="other"))


def test_another_dimension_has_an_error_of_its_own(world: World) -> None:
    stored(world, embedded(world))
    with pytest.raises(DimensionMismatchError):
        stored(world, embedded(world, dimensions=64))


def test_another_model_of_equal_dimension_has_an_error_of_its_own(world: World) -> None:
    stored(world, {**embedded(world), "mode": "llm", "model": "text-embedding-3-small"})
    with pytest.raises(
        EmbeddingModelMismatchError, match=r"embedded by text-embedding-3-small, and the query was by sim"
    ):
        found(world, "dogs")


def test_embeddings_are_deleted_by_id_and_a_collection_with_all_it_has(world: World) -> None:
    ids = stored(world, embedded(world))["ids"]
    assert stored(world, {}, operation="delete", ids=ids[:1])["stored_count"] == 0
    assert len(found(world, "dogs")) == 1
    stored(world, {}, operation="drop")
    with pytest.raises(CollectionMissingError):
        found(world, "dogs")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"embeddings": [{"embedding": [1.0]}]}, "not an object with 'text'"),
        ({"embeddings": [{"text": "a", "embedding": []}]}, "no list of 1 to 4096 numbers"),
        ({"embeddings": [{"text": "a", "embedding": [float("nan")]}]}, "no number"),
        ({"embeddings": [{"text": "a", "embedding": [True]}]}, "no number"),
        ({"embeddings": [{"text": "a", "embedding": [0, 0.0]}]}, "zeros only"),
        ({"embeddings": [{"text": "a", "embedding": [1], "metadata": {"x": {}}}]}, "'x', which is neither"),
        ({"embeddings": [{"text": "a", "embedding": [1], "metadata": {"text": "b"}}]}, "meaning of its own"),
        ({"embeddings": [{"text": "a", "embedding": [1], "metadata": {"x": "y" * 3000}}]}, "at most 2,048"),
        ({"embeddings": [{"text": "a" * 50_000, "embedding": [1]}]}, "at most 40,960"),
        ({"embeddings": [{"text": "a", "embedding": [1], "id": "i" * 1025}]}, "more than 1024 characters"),
        ({"embeddings": [{"text": "a", "embedding": [1], "metadata": {str(i): 1 for i in range(50)}}]}, "more than 50"),
        ({}, "has no embeddings"),
    ],
)
def test_what_cannot_be_kept_is_told(world: World, given: Any, said: str) -> None:
    with pytest.raises(InvalidStepInput, match=said):
        stored(world, given)


@pytest.mark.parametrize("chunks", [["a", ""], [1], [{"x": 1}]])
def test_what_cannot_be_embedded_is_told(world: World, chunks: Any) -> None:
    with pytest.raises(InvalidStepInput, match="Text"):
        embedded(world, chunks)


@pytest.mark.parametrize("input_data", [{}, {"a": 1}, {"a": "x", "b": "y"}])
def test_an_input_without_texts_is_refused_with_advice(world: World, input_data: Any) -> None:
    with pytest.raises(InvalidStepInput, match="text_chunking"):
        embed({}, input_data, STEP, world, "now")


def test_nothing_to_embed_gives_nothing(world: World) -> None:
    output = embedded(world, [])
    assert (output["embeddings"], output["embedding_count"], output["dimensions"]) == ([], 0, None)


@pytest.mark.parametrize("input_data", [{"query": "dogs"}, {"chat": {"current_message": "dogs"}}, {"anything": "dogs"}])
def test_the_query_is_found_in_the_input(world: World, input_data: Any) -> None:
    stored(world, embedded(world))
    assert search({}, input_data, STEP, world, "now")["query"] == "dogs"


@pytest.mark.parametrize(
    ("config", "input_data"), [({}, {}), ({"query": " "}, {}), ({"query": "x"}, {"filter": {"a": {"$like": 1}}})]
)
def test_a_search_for_nothing_or_by_a_wrong_filter_is_refused(world: World, config: Any, input_data: Any) -> None:
    stored(world, embedded(world))
    with pytest.raises(InvalidStepInput):
        search(config, input_data, STEP, world, "now")
