"""Where steps stand in a document, whatever JSON it is."""

from __future__ import annotations

from workflow_engine.language.walk import walk_steps


def test_nested_steps_are_walked_with_their_pointers_a_container_before_its_steps() -> None:
    inner = {"step_id": "i"}
    steps = [
        {"step_id": "m", "config": {"steps": [inner, "no step"]}},
        {"step_id": "s", "parameters": {"cases": [{"steps": [inner]}, 3], "default": [inner]}},
        {"step_id": "l", "config": 7},
    ]
    assert [place for place, _ in walk_steps({"steps": steps})] == [
        "/steps/0",
        "/steps/0/config/steps/0",
        "/steps/1",
        "/steps/1/parameters/default/0",
        "/steps/1/parameters/cases/0/steps/0",
        "/steps/2",
    ]
    assert list(walk_steps({"steps": "x"})) == []
    assert list(walk_steps([])) == []


def test_steps_nested_deeper_than_python_recurses_are_walked() -> None:
    step: dict[str, object] = {"step_id": "innermost"}
    for _ in range(3000):
        step = {"config": {"steps": [step]}}
    assert sum(1 for _ in walk_steps({"steps": [step]})) == 3001
