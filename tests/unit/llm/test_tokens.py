"""Counting tokens without a tokenizer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.request import GenerationRequest, Image, Message, ResponseFormat, Text, Tool, ToolCall, ToolResult
from llm_gateway.tokens import TOKENS_OF_AN_IMAGE, count_request, count_tokens
from tests.support.speed import assert_linear

README = (Path(__file__).parents[3] / "README.md").read_text()
PROSE = (
    "A workflow is posted as JSON, checked, and compiled to one state machine. Every step that may overlap does; what "
    "follows a failed step is decided by its trigger rule. The results of all steps are read from the history of the run."
)


def request(*parts: Text | Image | ToolCall | ToolResult, **fields: Any) -> GenerationRequest:
    return GenerationRequest((Message("user", parts),), **fields)


def test_english_prose_has_about_four_characters_a_token() -> None:
    assert 3.8 < len(PROSE) / count_tokens(PROSE) < 5.5


def test_markdown_and_code_are_denser_than_prose() -> None:
    assert 2.5 < len(README) / count_tokens(README) < 4


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" ", 0),
        ("hello", 1),
        ("hello world", 2),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("你好，世界！", 6),
        ("これはテスト", 6),
        ("안녕하세요", 5),
        ("Größe", 3),
        ("Привет, мир", 4),
        ("1234567", 3),
        ("...", 2),
        ("😀😀", 2),
        ("a\n\n\nb", 3),
        ("    return x", 3),
    ],
)
def test_each_kind_of_piece_has_its_own_measure(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


@pytest.mark.parametrize("character", ["x", " ", "\n", " \n", "\t ", "é", "字", "1", "-", "word, ", "\u0301", "\ud800"])
def test_long_texts_are_counted_in_linear_time(character: str) -> None:
    assert_linear(lambda size: count_tokens(character * size), 100_000)


def test_a_longer_text_never_has_fewer_tokens() -> None:
    counts = [count_tokens(README[:length]) for length in range(0, 1000, 7)]
    assert counts == sorted(counts)


def test_equal_texts_have_equal_counts_in_every_process() -> None:
    script = "import sys; from llm_gateway.tokens import count_tokens; print(count_tokens(sys.stdin.read()))"
    printed = subprocess.run([sys.executable, "-c", script], input=PROSE, capture_output=True, text=True, check=True)

    assert int(printed.stdout) == count_tokens(PROSE)


def test_a_request_counts_all_that_the_model_reads() -> None:
    plain = count_request(request(Text("hello world")))
    tool = Tool("search", "Search the web", {"type": "object", "properties": {"q": {"type": "string"}}})

    assert plain == 6
    assert count_request(request(Text("hello world"), system="Be brief.")) == plain + 7
    assert count_request(request(Text("hello world"), Image("image/png", b"x"))) == plain + TOKENS_OF_AN_IMAGE
    assert count_request(request(Text("hello world"), tools=(tool,))) > plain + 10
    assert count_request(request(Text("hello world"), response_format=ResponseFormat({"type": "object"}))) > plain
    assert count_request(request(Text("hello world"), response_format=ResponseFormat())) == plain
    assert count_request(request(ToolCall("c", "search", {"q": "x"}))) > 5
    assert count_request(request(ToolResult("c", "search", "hello world"))) > count_tokens("hello world")
