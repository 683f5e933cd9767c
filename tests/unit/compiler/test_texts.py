"""Upper and lower case of what is sure to be a text needs no call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiled import Step, compiled, data, states, work
from tests.support.jsonata_node import Case, evaluate_all
from workflow_engine.steps.data_processing import CASE_GROWTH, TASKS

TEMPLATE = {"template": "Hi {{ a.data }}"}


def case(source: Any, name: str = "input", how: str = "uppercase", **fields: Any) -> Step:
    config = {"processing_type": how}
    return {"step_id": "c", "step_type": "data_processing", "input_mapping": {name: source}, "config": config, **fields}


def kind(step: Step) -> str:
    found = states(compiled(data("a", "x"), step))
    return str((found.get("c") or found["a"])["Type"])


@pytest.mark.parametrize("source", [TEMPLATE, {"value": "text"}, "a.status"])
@pytest.mark.parametrize("name", ["input", "data"])
@pytest.mark.parametrize("how", ["uppercase", "lowercase"])
def test_a_text_changes_its_case_in_a_pass(source: Any, name: str, how: str) -> None:
    assert kind(case(source, name, how)) == "Pass"


@pytest.mark.parametrize(
    "step",
    [
        case("a.data"),
        case({"value": ["x"]}),
        case({"value": 1}),
        case({"expression": "'x'"}),
        case(TEMPLATE, name="text"),
        case(TEMPLATE, critical=False),
        {**case(TEMPLATE), "input_mapping": {"input": TEMPLATE, "data": TEMPLATE}},
        case(TEMPLATE, how="word_count"),
    ],
)
def test_what_may_be_no_text_and_what_may_fail_stays_a_call(step: Step) -> None:
    assert kind(step) == "Task"


def test_for_each_over_texts_needs_no_call_either() -> None:
    machine = compiled(case({"template": "{{ item }}"}, for_each="input.rows"), work("z", "c"))
    assert states(machine)["c.each"]["Type"] == "Pass"


LETTERS = "".join(
    map(chr, (*range(0x20, 0x250), *range(0x370, 0x530), *range(0x1E00, 0x2000), 0xFB00, 0xFB03, 0x10400, 0x1F600))
)
TEXTS = [LETTERS, "straße", "ΟΔΥΣΣΕΥΣ ΑΣ ΑΣ. Σ", "İstanbul ıi", "ŉ ǰ ΐ ﬃ", "a\u0301\u200d👩‍👧 \x00\u2028"]
NEWER = "\u019b\u0264"
"""Letters whose upper case came with Unicode 16: there the two may differ."""


@pytest.mark.parametrize("how", ["uppercase", "lowercase"])
def test_the_call_and_the_expression_give_the_same_letters(how: str) -> None:
    texts = [text.translate(dict.fromkeys(map(ord, NEWER))) for text in TEXTS]
    answers = evaluate_all([Case(f"${how}($v)", {"v": text}) for text in texts])
    assert [answer.value for answer in answers] == [TASKS[how](text, {}) for text in texts]


def test_no_letter_grows_more_in_bytes_than_a_bound_reckons_with() -> None:
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    assert max(len(f(c).encode()) / len(c.encode()) for c in every for f in (str.upper, str.lower)) <= CASE_GROWTH
