"""How answers are read: reasoning taken off, JSON read strictly, tool arguments in all their forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.json_reader import UnreadableJsonError, read_arguments, read_json, tool_arguments, whole_text
from llm_gateway.reading import read_answer
from llm_gateway.reasoning import split_reasoning
from llm_gateway.request import ResponseFormat
from llm_gateway.response import Remark
from llm_gateway.structured import NotAsAskedError, parsed
from tests.unit.llm.scripted import said
from tests.unit.steps.json_values import JSON

X = ResponseFormat({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]})


@pytest.mark.parametrize(
    ("text", "answer", "thoughts"),
    [
        ('<think>maybe {"x": 9}</think>\n{"x": 2}', '{"x": 2}', ('maybe {"x": 9}',)),
        ("<thinking>\na\n</thinking>\n\n<reasoning>b</reasoning>Paris.", "Paris.", ("a", "b")),
        ("<think>a</think><think>b</think>Paris.", "Paris.", ("a", "b")),
        ("<think>\n\n</think>\n\nParis.", "Paris.", ()),
        ("It was in the template.\n</think>\n\nParis.", "Paris.", ("It was in the template.",)),
        ("Let me see.\n<Thinking>hm</Thinking>\nParis.", "Let me see.\n\nParis.", ("hm",)),
        ("<think>never ended", "<think>never ended", ()),
        ("Use <think>so</think> in a line.", "Use <think>so</think> in a line.", ()),
        ("```xml\n<think>code</think>\n```\nDone.", "```xml\n<think>code</think>\n```\nDone.", ()),
        ('{"html": "<think>a</think>"}', '{"html": "<think>a</think>"}', ()),
        ("Nothing\n\nof the kind. ", "Nothing\n\nof the kind. ", ()),
    ],
)
def test_reasoning_is_taken_off_an_answer(text: str, answer: str, thoughts: tuple[str, ...]) -> None:
    assert split_reasoning(text, is_whole=True) == (answer, thoughts)


def test_reasoning_that_was_cut_off_takes_the_rest() -> None:
    assert split_reasoning("<think>and then", is_whole=False) == ("", ("and then",))
    read = read_answer(said("<think>and then", finish="length"))
    assert (read.answer.text, read.remarks) == ("", (Remark("reasoning", "and then"),))
    assert read.answer.warnings == ("The model gave its reasoning and no answer.",)


@given(st.text(st.sampled_from('<>/think \n`a{"}'), max_size=60))
def test_any_text_is_split_and_nothing_is_made_up(text: str) -> None:
    answer, thoughts = split_reasoning(text, is_whole=False)
    assert len(answer) + sum(map(len, thoughts)) <= len(text)


@pytest.mark.parametrize(
    ("text", "value", "drafts"),
    [
        ('First {"x": 9}, no: {"x": 2}', {"x": 2}, ({"x": 9},)),
        ('{"x": 2} and again {"x": 2}', {"x": 2}, ()),
        ('{"x": 2} with notes {"y": [1]}', {"x": 2}, ()),
        ('Hm <think>{"x": 9}</think> {"x": 2} <think>or {"x": 8}</think>', {"x": 2}, ()),
        ('In [0, 1) we have {"x": 2}.', {"x": 2}, ()),
        ('Not {x: 1} but\n```json\n{"x": 2}\n```', {"x": 2}, ()),
    ],
)
def test_the_last_value_that_fits_counts_and_others_are_told(text: str, value: Any, drafts: tuple[Any, ...]) -> None:
    found = parsed(text, X)
    assert (found.value, found.drafts) == (value, drafts)


def test_the_number_of_a_citation_is_not_the_answer() -> None:
    assert parsed('As in [1]: {"a": 1} [2]', ResponseFormat()).value == {"a": 1}


def test_a_part_of_an_answer_that_was_cut_off_is_not_the_answer() -> None:
    text = '{"items": [{"x": 1}, {"x": 2}'
    with pytest.raises(NotAsAskedError):
        parsed(text, X, is_whole=False)
    with pytest.raises(NotAsAskedError):
        parsed('{"a": 1e400, "b": [1]}', ResponseFormat())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "NaN is not JSON"),
        ("[Infinity]", "Infinity is not JSON"),
        ('{"a": -1e400}', "too large or not finite"),
        ("1" + "0" * 400, "too large or not finite"),
        ("9" * 5000, "4300 digits"),
        (r'["\ud83d"]', "half a surrogate pair"),
        (r'{"\ude00": 1}', "half a surrogate pair"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": 1,}', "at line 1, column"),
        ("", "at line 1, column 1"),
    ],
)
def test_what_cannot_be_handed_on_is_not_read(text: str, why: str) -> None:
    with pytest.raises(UnreadableJsonError, match=why):
        read_json(text)


@given(JSON)
def test_all_json_is_read(value: Any) -> None:
    assert read_json(json.dumps(value)) == value


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert read_json(r'"\ud83d\ude00"') == "😀"
    assert whole_text("a\ud83d b \ud83d\ude00") == "a\ufffd b 😀"


@pytest.mark.parametrize(
    ("given_", "arguments"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("  ", {}),
        ("null", {}),
        (None, {}),
        ('"null"', {}),
        ('""', {}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ("```{}```", {}),
        (json.dumps('{"a": 1}'), {"a": 1}),
        (json.dumps(json.dumps('{"a": 1}')), {"a": 1}),
    ],
)
def test_arguments_are_read_in_all_their_forms(given_: object, arguments: dict[str, Any]) -> None:
    assert tool_arguments(given_) == arguments


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        ("[1]", "they are a list, not a JSON object"),
        ("7", "they are a number"),
        ("true", "they are a boolean"),
        ("{'a': 1}", "at line 1, column 2"),
        ({"a": float("nan")}, "not finite"),
        ({"a": ["\ud800"]}, "half a surrogate pair"),
    ],
)
def test_arguments_that_cannot_be_read_are_told_to_the_model(given_: object, why: str) -> None:
    arguments, problem = read_arguments(given_)
    assert arguments == {}
    assert problem is not None
    assert why in problem
    assert "Call the tool again" in problem
    problem.encode()
