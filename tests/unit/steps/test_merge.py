"""The `merge` step over dependencies of which some completed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tests.unit.steps.evaluation import StepCase
from tests.unit.steps.json_values import DEPENDENCIES

SOME = {"a": None, "b": ([1],), "c": ({"x": 1},)}


@pytest.mark.parametrize(
    ("mode", "combine_mode", "data", "sources"),
    [
        ("wait_all", "object", {"b": [1], "c": {"x": 1}}, ["b", "c"]),
        ("wait_all", "array", [[1], {"x": 1}], ["b", "c"]),
        ("wait_all", "first", [1], ["b", "c"]),
        ("first_available", "object", {"b": [1]}, ["b"]),
        ("first_available", "array", [[1]], ["b"]),
        ("first_available", "first", [1], ["b"]),
    ],
)
def test_each_mode_shapes_the_outputs_of_the_completed(
    mode: str, combine_mode: str, data: object, sources: list[str]
) -> None:
    assert StepCase("merge", {"mode": mode, "combine_mode": combine_mode}, dependencies=SOME).output() == {
        "mode": mode,
        "data": data,
        "sources": sources,
        "completed_count": 2,
        "total_dependencies": 3,
    }


def test_wait_all_gives_an_object_and_first_available_a_bare_output_by_default() -> None:
    assert StepCase("merge", dependencies=SOME).output()["data"] == {"b": [1], "c": {"x": 1}}
    assert StepCase("merge", {"mode": "first_available"}, dependencies=SOME).output()["data"] == [1]


@pytest.mark.parametrize(("combine_mode", "data"), [("object", {}), ("array", []), ("first", None)])
@pytest.mark.parametrize("mode", ["wait_all", "first_available"])
def test_nothing_completed_gives_an_empty_merge(mode: str, combine_mode: str, data: object) -> None:
    config = {"mode": mode, "combine_mode": combine_mode}

    assert StepCase("merge", config, dependencies={"a": None}).output() == {
        "mode": mode,
        "data": data,
        "sources": [],
        "completed_count": 0,
        "total_dependencies": 1,
    }


def test_null_does_not_count_as_completed() -> None:
    assert StepCase("merge", dependencies={"a": (None,), "b": (0,)}).output()["sources"] == ["b"]
    assert StepCase("merge", mapping={"a": None, "b": False}).output()["sources"] == ["b"]


def test_an_entry_of_a_mapping_keeps_its_place_whatever_its_name() -> None:
    mapping = {"10": None, "9": "nine", "1": "one"}

    assert StepCase("merge", {"mode": "first_available"}, mapping=mapping).output()["data"] == "nine"


@given(dependencies=DEPENDENCIES)
def test_every_completed_dependency_is_merged_in_declared_order(dependencies: dict[str, Any]) -> None:
    output = StepCase("merge", {"combine_mode": "array"}, dependencies=dependencies).output()

    completed = {name: entry[0] for name, entry in dependencies.items() if entry not in (None, (None,))}
    assert output["data"] == list(completed.values())
    assert output["sources"] == list(completed)
    assert (output["completed_count"], output["total_dependencies"]) == (len(completed), len(dependencies))
