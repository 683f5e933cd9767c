"""The steps of a document of which nothing is known to be right."""

from __future__ import annotations

from workflow_engine.language.walk import walk_steps


def test_nested_steps_are_walked_with_their_pointers() -> None:
    inner = {"step_id": "i"}
    steps = [
        {"step_id": "m", "config": {"steps": [inner, "no step"]}},
        {"step_id": "s", "parameters": {"cases": [{"steps": [inner]}, 3], "default": [inner]}},
        {"step_id": "l", "config": 7},
    ]
    assert sorted(place for place, _ in walk_steps({"steps": steps})) == [
        "/steps/0",
        "/steps/0/config/steps/0",
        "/steps/1",
        "/steps/1/parameters/cases/0/steps/0",
        "/steps/1/parameters/default/0",
        "/steps/2",
    ]
    assert list(walk_steps({"steps": "x"})) == []
    assert list(walk_steps([])) == []
