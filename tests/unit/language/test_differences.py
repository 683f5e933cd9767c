"""Two documents compared: what changed, and where."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from tests.support.json_strategies import JSON
from workflow_engine.documents.limits import MAX_DEPTH
from workflow_engine.language.differences import differences


def changes(before: Any, after: Any) -> list[tuple[str, str, Any, Any]]:
    return [tuple(change) for change in differences(before, after)]


def flow(*steps: tuple[str, Any]) -> dict[str, Any]:
    return {"steps": [{"step_id": step_id, "config": config} for step_id, config in steps]}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("changed", "/a", 1, 2)]),
        ({"a": 1}, {"a": True}, [("changed", "/a", 1, True)]),
        ({"a": 1}, {"a": 1.0}, [("changed", "/a", 1, 1.0)]),
        ({"a/b": 1}, {"c~d": 1}, [("removed", "/a~1b", 1, None), ("added", "/c~0d", None, 1)]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, [("reordered", "", ["a", "b"], ["b", "a"])]),
        ([1, 2, 3], [1, 3], [("removed", "/1", 2, None)]),
        ([1, 3], [1, 2, 3], [("added", "/1", None, 2)]),
        ([1, 2, 3], [1, 9, 3], [("changed", "/1", 2, 9)]),
        ({"a": [1]}, {"a": {"b": 1}}, [("changed", "/a", [1], {"b": 1})]),
    ],
)
def test_a_change_is_told_where_it_is(before: Any, after: Any, told: list[Any]) -> None:
    assert changes(before, after) == told


def test_steps_are_compared_by_their_ids() -> None:
    before, after = flow(("a", 1), ("b", 2), ("c", 3)), flow(("new", 0), ("b", 2), ("c", 4))
    assert changes(before, after) == [
        ("removed", "/steps/0", {"step_id": "a", "config": 1}, None),
        ("added", "/steps/0", None, {"step_id": "new", "config": 0}),
        ("changed", "/steps/2/config", 3, 4),
    ]


def test_steps_in_another_order_are_told_once() -> None:
    before, after = flow(("a", 1), ("b", 2)), flow(("b", 2), ("a", 1))
    assert changes(before, after) == [("reordered", "/steps", ["a", "b"], ["b", "a"])]


def test_what_was_removed_is_told_where_it_was() -> None:
    before, after = flow(("x", 0), ("a", {"k": 1})), flow(("a", {}))
    assert changes(before, after) == [
        ("removed", "/steps/0", {"step_id": "x", "config": 0}, None),
        ("removed", "/steps/1/config/k", 1, None),
    ]


@settings(max_examples=300, deadline=None)
@given(before=JSON, after=JSON)
def test_nothing_is_told_of_values_with_the_same_text_and_something_of_others(before: Any, after: Any) -> None:
    assert changes(before, json.loads(json.dumps(before))) == []
    assert bool(changes(before, after)) == (json.dumps(before) != json.dumps(after))
    assert bool(changes({"a": [before, 1]}, {"a": [after, 1]})) == (json.dumps(before) != json.dumps(after))


def test_lists_are_read_a_few_times_a_level_however_deep_they_are() -> None:
    before: Any = 1
    after: Any = 2
    for _ in range(MAX_DEPTH):
        before, after = [before], [after]
    assert changes(before, after) == [("changed", "/0" * MAX_DEPTH, 1, 2)]
