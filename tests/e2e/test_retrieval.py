"""From a PDF to an agent that answers by it, by packaged functions with their own roles. S3 Vectors, which the emulator has not, is
played on loopback; `step_vectors` is sent there by the setting that every client of AWS has.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.harness.emulator import Emulator
from tests.support.files import pdf
from tests.support.http_client import ApiClient
from tests.support.vector_server import VectorBucket, vector_server

pytestmark = pytest.mark.e2e

FUNCTION = "workflow-dev-step-vectors"
TEXT = "Lions sleep all day long. Penguins get fish at noon. Bears like honey."


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> Iterator[VectorBucket]:
    """The bucket of vectors that the deployment has for as long as these tests."""
    made, server = vector_server()
    client = emulator.client("lambda")
    before = client.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    with server:
        there = {"VECTOR_BUCKET_NAME": "vectors", "AWS_ENDPOINT_URL_S3VECTORS": server.url}
        client.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": before | there})
        yield made
        client.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": before})


def step(step_id: str, step_type: str, *needs: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": step_type, "dependencies": list(needs), **fields}


def run(api: ApiClient, steps: list[dict[str, Any]], given: Any) -> dict[str, Any]:
    return api.execute({"name": "RAG", "execution_pattern": "dependency", "steps": steps, "input": given}, seconds=120)


def ingest(collection: str) -> list[dict[str, Any]]:
    return [
        step("read", "file_reader", input_mapping={"file": "input.report"}),
        step("cut", "text_chunking", "read", config={"strategy": "sentence", "chunk_size": 40, "overlap": 0}),
        step("embed", "embedding_generation", "cut"),
        step("keep", "vector_storage", "embed", config={"collection_name": collection}),
    ]


def search(collection: str, **config: Any) -> dict[str, Any]:
    config = {"collection_name": collection, "top_k": 1, **config}
    return step("find", "vector_search", input_mapping={"query": "input.question"}, config=config)


def test_a_pdf_is_read_cut_embedded_kept_found_and_answered_by(
    emulator: Emulator, api: ApiClient, bucket: VectorBucket
) -> None:
    collection = f"zoo-{uuid.uuid4().hex[:8]}"
    content = base64.b64encode(pdf(TEXT)).decode()
    stored = api.post("/files", {"file_name": "zoo.pdf", "content": content})
    assert stored.status == 201, stored.body
    kept = run(api, ingest(collection), {"report": stored.body["reference"]})
    assert kept["status"] == "completed", kept["error"]
    output = {name: result["output_data"] for name, result in kept["step_results"].items()}
    assert (output["read"]["file_name"], output["cut"]["chunk_count"]) == ("zoo.pdf", 3)
    assert (output["keep"]["storage_type"], output["keep"]["stored_count"]) == ("s3_vectors", 3)
    (index,) = bucket.indexes.values()
    assert len(index["vectors"]) == 3

    answer = step(
        "answer",
        "agent_execution",
        "find",
        config={"mode": "simulation", "query": "{{ find.retrieved_chunks[0].text }} Answer: {{ input.question }}"},
    )
    question = "When do penguins get fish?"
    asked = run(api, [search(collection), answer], {"question": question})
    assert asked["status"] == "completed", asked["error"]
    assert "Penguins get fish at noon." in asked["step_results"]["answer"]["output_data"]["query"]


def test_what_goes_wrong_with_vectors_has_its_name(api: ApiClient, bucket: VectorBucket) -> None:
    missing = run(api, [search("nothing-is-here")], {"question": "Well?"})
    assert missing["error"]["type"] == "CollectionMissingError", missing["error"]
    collection = f"dims-{uuid.uuid4().hex[:8]}"
    steps = [step("embed", "embedding_generation", input_mapping={"chunks": "input.texts"}, config={"dimensions": 8})]
    steps += [step("keep", "vector_storage", "embed", config={"collection_name": collection})]
    assert run(api, steps, {"texts": ["a"]})["status"] == "completed"
    wrong = run(api, [search(collection)], {"question": "a"})
    assert wrong["error"]["type"] == "DimensionMismatchError", wrong["error"]
