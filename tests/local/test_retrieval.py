"""From a file to an agent that answers by it, on a laptop: read, cut, embed, keep, find, ask. Models are simulated."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.data import DataFolder
from tests.support.files import pdf

INGEST: dict[str, Any] = {
    "name": "Ingest",
    "execution_pattern": "dependency",
    "steps": [
        {"step_id": "read", "step_type": "file_reader", "input_mapping": {"file": "input.file"}},
        {
            "step_id": "cut",
            "step_type": "text_chunking",
            "dependencies": ["read"],
            "config": {"strategy": "sentence", "chunk_size": 40, "overlap": 0},
        },
        {"step_id": "embed", "step_type": "embedding_generation", "dependencies": ["cut"]},
        {
            "step_id": "keep",
            "step_type": "vector_storage",
            "dependencies": ["embed"],
            "config": {"collection_name": "zoo", "metadata": {"kind": "guide"}},
        },
    ],
}
ASK: dict[str, Any] = {
    "name": "Ask",
    "execution_pattern": "dependency",
    "steps": [
        {
            "step_id": "find",
            "step_type": "vector_search",
            "config": {
                "query": "{{ input.question }}",
                "collection_name": "zoo",
                "top_k": 1,
                "filter": {"kind": "guide"},
            },
        },
        {
            "step_id": "answer",
            "step_type": "agent_execution",
            "dependencies": ["find"],
            "config": {
                "query": "By this: {{ find.retrieved_chunks[0].text }} Answer: {{ input.question }}",
                "provider_type": "openai_textgen",
                "mode": "simulation",
            },
        },
    ],
}
QUESTION = "When do penguins get their fish?"


@pytest.fixture
def in_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "LLM_SECRET_ARN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "zoo.pdf").write_bytes(
        pdf("Lions sleep all day long.", "Penguins get fish at noon.", "Bears like honey.")
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(cloud: LocalCloud, workflow: dict[str, Any], **given: Any) -> dict[str, Any]:
    status, results = cloud.call("POST", "/workflows/execute?wait=25", {"workflow": workflow, "input": given})
    assert status == 200, results
    found: dict[str, Any] = results
    return found


def test_an_agent_answers_by_what_was_read_from_a_pdf_also_after_a_restart(in_zoo: Path) -> None:
    data = DataFolder(in_zoo / "data")
    with LocalCloud(data=data) as cloud:
        ingested = run(cloud, INGEST, file="zoo.pdf")
        assert ingested["error"] is None
        assert ingested["output"]["keep"]["storage_type"] == "sqlite"
        assert ingested["output"]["keep"]["stored_count"] == 3
        again = run(cloud, INGEST, file="zoo.pdf")
        assert again["output"]["keep"]["ids"] == ingested["output"]["keep"]["ids"]
    with LocalCloud(data=data) as cloud:
        answered = run(cloud, ASK, question=QUESTION)
    (found,) = answered["step_results"]["find"]["output_data"]["retrieved_chunks"]
    assert (found["text"].strip(), found["filename"]) == ("Penguins get fish at noon.", "zoo.pdf")
    assert f"Penguins get fish at noon.\n\n Answer: {QUESTION}" in answered["output"]["answer"]["query"]


def test_what_was_embedded_with_fewer_dimensions_is_found_by_as_many(in_zoo: Path) -> None:
    ingest, ask = deepcopy(INGEST), deepcopy(ASK)
    for step in (ingest["steps"][2], ask["steps"][0]):
        step["config"] = {**step.get("config", {}), "dimensions": 64}
    with LocalCloud() as cloud:
        assert run(cloud, ingest, file="zoo.pdf")["output"]["keep"]["stored_count"] == 3
        answered = run(cloud, ask, question=QUESTION)
        refused = run(cloud, ASK, question=QUESTION)
    assert "Penguins" in answered["step_results"]["find"]["output_data"]["retrieved_chunks"][0]["text"]
    assert refused["error"]["type"] == "DimensionMismatchError"


@pytest.mark.parametrize(
    ("workflow", "given", "error"),
    [
        (INGEST, {"file": "nowhere.pdf"}, ("read", "FileMissingError")),
        (INGEST, {"file": "../secret.txt"}, ("read", "FileAccessError")),
        (INGEST, {"file": "https://127.0.0.1/a.pdf"}, ("read", "AddressRefusedError")),
        (INGEST, {"file": "s3://a-bucket/a.pdf"}, ("read", "FileAccessError")),
        (ASK, {"question": QUESTION}, ("find", "CollectionMissingError")),
        (ASK, {}, ("find", "InvalidStepInput")),
    ],
)
def test_what_goes_wrong_has_its_name(in_zoo: Path, workflow: dict[str, Any], given: Any, error: Any) -> None:
    with LocalCloud() as cloud:
        results = run(cloud, workflow, **given)
    assert (results["error"]["step_id"], results["error"]["type"]) == error


def test_what_is_too_large_for_a_state_goes_by_reference_from_step_to_step(in_zoo: Path) -> None:
    (in_zoo / "long.txt").write_text(
        "\n\n".join(f"Animal number {i} lives in house {i}." for i in range(8000))
        + "\n\nZebras paint stripes on Sundays."
    )
    with LocalCloud() as cloud:
        results = run(cloud, INGEST, file="long.txt")
        read, cut, embedded = (results["step_results"][name]["output_data"] for name in ("read", "cut", "embed"))
        assert read["truncated"]
        assert read["content_length"] > 256 * 1024
        assert (cut["chunks"], embedded["embeddings"]) == ([], [])
        assert cut["chunk_count"] == embedded["embedding_count"] == 8001
        assert results["output"]["keep"]["stored_count"] == 8001
        answered = run(cloud, ASK, question="Who paints stripes on Sundays?")
    assert "Zebras" in answered["step_results"]["find"]["output_data"]["retrieved_chunks"][0]["text"]
