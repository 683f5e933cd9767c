"""Whatever a step returned, its text in a history is read as a value that can be kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.backend_history import History
from tests.support.run_report import report
from workflow_engine.machines.history_text import MAX_NESTING, TOO_DEEP, parsed
from workflow_engine.store.items import dump

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_ordinary_values_are_read_as_they_are(value: Any) -> None:
    assert parsed(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a \ud83d b"', "a \N{REPLACEMENT CHARACTER} b"),
        ('"\ud800"', "\N{REPLACEMENT CHARACTER}"),
        (r'{"\uDC00": 1}', {"\N{REPLACEMENT CHARACTER}": 1}),
        (r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        ("[NaN, Infinity, -Infinity, 1e400, 12]", [None, None, None, None, 12]),
        ("9" * 400 + ".5", None),
        ('"1e999"', "1e999"),
        ('{"cut": ', None),
        ("9" * 5000, None),
        (None, None),
    ],
)
def test_what_cannot_be_kept_is_replaced(text: str | None, value: Any) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize("before", [0, 1, 150, 199, 200, 777])
def test_a_number_of_many_digits_is_found_wherever_it_stands(before: int) -> None:
    text = f'["{"x" * before}", 1{"0" * 308}.5, 1{"0" * 309}.5]'
    assert parsed(text) == ["x" * before, float(f"1{'0' * 308}.5"), None]


def nested(levels: int, inside: str = "1") -> str:
    return "[" * levels + inside + "]" * levels


@pytest.mark.parametrize("levels", [MAX_NESTING + 1, 900, 100_000])
def test_what_is_nested_too_deeply_is_cut(levels: int) -> None:
    value = parsed('{"a": ' + nested(levels) + ', "b": "[[", "c": [2]}')
    assert (value["b"], value["c"]) == ("[[", [2])
    inner, depth = value["a"], 1
    while isinstance(inner, list):
        (inner,), depth = inner, depth + 1
    assert (inner, depth) == (TOO_DEEP, MAX_NESTING)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    rows = [{"a": [n, "[{"]} for n in range(1000)]
    assert parsed(json.dumps(rows)) == rows
    assert parsed(nested(MAX_NESTING)) != TOO_DEEP


@pytest.mark.parametrize("payload", ["\ud800", float("nan"), float("inf"), {"\udc00": ["\udfff"]}])
def test_a_run_is_reported_whatever_a_step_returned(payload: Any) -> None:
    history = History()
    history.task("a", payload)
    steps = {"steps": [{"id": "a", "type": "custom"}], "sinks": ["a"]}
    run = report(history.end(payload), steps)
    assert run.status == "completed"
    dump([run.output, run.step_results]).encode()


def test_a_message_without_unicode_meaning_can_be_kept() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail("Bad\ud800", "\ud800 bad")
    cause = history.cause_of_last_failure()
    run = report(history.end_failed("Bad\ud800", cause), {"steps": [{"id": "a", "type": "custom"}], "sinks": ["a"]})
    assert run.error == {
        "step_id": "a",
        "type": "Bad\N{REPLACEMENT CHARACTER}",
        "message": "\N{REPLACEMENT CHARACTER} bad",
    }
    dump([run.error, run.step_results]).encode()
