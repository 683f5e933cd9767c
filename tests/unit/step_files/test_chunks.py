"""Texts cut into pieces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.step_files.chunks import chunk, text_of
from functions.step_files.documents import Documents
from workflow_engine.errors import InvalidStepInput
from workflow_engine.steps.text_chunking import STRATEGIES, examine
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects

DOCUMENTS = Documents(PayloadStore(MemoryObjects()), "t")
TEXT = "Dr. Smith went home. He slept well! Did he dream?\n\nNobody knows. The end."


def chunks(text: str, **config: Any) -> list[str]:
    return [one["text"] for one in chunk(config, {"text": text}, DOCUMENTS, "now")["chunks"]]


def test_a_window_slides_by_its_size_less_the_overlap() -> None:
    assert chunks("abcdefghij", strategy="sliding_window", chunk_size=4, overlap=1) == ["abcd", "defg", "ghij"]


def test_sentences_stay_whole_and_the_overlap_is_of_whole_sentences() -> None:
    assert [c.strip() for c in chunks(TEXT, strategy="sentence", chunk_size=40, overlap=0)] == [
        "Dr. Smith went home. He slept well!",
        "Did he dream?\n\nNobody knows. The end.",
    ]
    pieces = [c.strip() for c in chunks(TEXT, strategy="sentence", chunk_size=40, overlap=20)]
    assert pieces[:2] == ["Dr. Smith went home. He slept well!", "He slept well! Did he dream?"]


def test_paragraphs_come_before_sentences_and_these_before_words() -> None:
    pieces = chunks(TEXT, strategy="recursive", chunk_size=50, overlap=0)
    assert pieces == ["Dr. Smith went home. He slept well! Did he dream?", "Nobody knows. The end."]


def test_tokens_are_counted_without_a_network() -> None:
    pieces = chunks("word " * 100, strategy="tokens", chunk_size=10, overlap=0)
    assert len(pieces) == 10


def test_a_model_whose_tokens_are_unknown_is_named() -> None:
    with pytest.raises(InvalidStepInput, match="tokens of model 'nobody'"):
        chunks("x", strategy="tokens", model="nobody")


@given(
    text=st.text(st.characters(codec="utf-8"), max_size=300) | st.text("ab. \n!é", max_size=300),
    strategy=st.sampled_from(STRATEGIES),
    size=st.integers(1, 60),
    data=st.data(),
)
def test_pieces_are_parts_of_the_text_that_leave_out_nothing_but_blanks(
    text: str, strategy: str, size: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    output = chunk({"strategy": strategy, "chunk_size": size, "overlap": overlap}, {"text": text}, DOCUMENTS, "now")
    covered = [False] * len(text)
    for index, one in enumerate(output["chunks"]):
        assert one["chunk_index"] == index
        assert one["text"] == text[one["start"] : one["end"]]
        assert strategy == "tokens" or len(one["text"]) <= size
        covered[one["start"] : one["end"]] = [True] * (one["end"] - one["start"])
    assert all(seen or not character.strip() for seen, character in zip(covered, text, strict=True))


@pytest.mark.parametrize(
    ("input_data", "found"),
    [
        ({"text": "a"}, ("a", None)),
        ({"content": "a", "file_name": "f.pdf"}, ("a", "f.pdf")),
        ({"read": {"content": "a", "file_name": "f.pdf", "success": True}}, ("a", "f.pdf")),
        ({"agent": {"response": "a"}}, ("a", None)),
        ({"anything": "a"}, ("a", None)),
        ({"text": "", "other": "b"}, ("", None)),
    ],
)
def test_the_text_is_found_where_steps_put_it(input_data: Any, found: Any) -> None:
    assert text_of(input_data, DOCUMENTS) == found


@pytest.mark.parametrize("input_data", [{}, {"a": 1}, {"a": "x", "b": "y"}, {"a": {"content": 1}}, {"text": None}])
def test_an_input_without_one_text_is_refused_with_advice(input_data: Any) -> None:
    with pytest.raises(InvalidStepInput, match="Name the one that is meant"):
        text_of(input_data, DOCUMENTS)


def test_chunks_know_their_file() -> None:
    output = chunk({}, {"read": {"content": "a", "file_name": "f.pdf"}}, DOCUMENTS, "now")
    assert output["chunks"] == [{"text": "a", "chunk_index": 0, "start": 0, "end": 1, "filename": "f.pdf"}]


def test_an_overlap_that_is_no_less_than_the_size_is_told_before_the_run() -> None:
    assert [path for path, _ in examine({"chunk_size": 10, "overlap": 10})] == [("overlap",)]
    assert list(examine({"chunk_size": 10})) == []


def test_many_chunks_and_long_texts_go_by_reference() -> None:
    text = "A sentence of some words. " * 10_000
    reference = DOCUMENTS.inline(text, "")[1]
    output = chunk(
        {}, {"read": {"content": text[:100], "content_ref": reference, "file_name": "f.txt"}}, DOCUMENTS, "now"
    )
    assert (output["chunks"], output["original_content_length"]) == ([], len(text))
    chunks = DOCUMENTS.fetch(output["chunks_ref"])
    assert len(chunks) == output["chunk_count"] > 200
    assert chunks[-1]["end"] >= len(text) - 2


def test_a_reference_opens_documents_of_its_tenant_only() -> None:
    reference = Documents(DOCUMENTS.payloads, "other").inline("x" * 200_000, "")[1]
    for wrong in (reference, "s3:payloads/../x.json", "[1]"):
        with pytest.raises(InvalidStepInput, match="not a reference"):
            text_of({"content_ref": wrong}, DOCUMENTS)
