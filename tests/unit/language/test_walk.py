"""Where steps stand in a document, whatever JSON it is."""

from __future__ import annotations

from workflow_engine.language.walk import map_steps, walk_steps


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


def test_steps_that_run_when_the_run_fails_are_walked_too() -> None:
    undone = {"step_id": "a", "compensate": [{"step_id": "u", "config": {"steps": [{"step_id": "i"}]}}]}
    document = {
        "steps": [undone, {"compensate": 3}],
        "on_failure": [{"step_id": "t", "compensate": [{"step_id": "v"}]}],
    }
    assert [place for place, _ in walk_steps(document)] == [
        "/steps/0",
        "/steps/0/compensate/0",
        "/steps/0/compensate/0/config/steps/0",
        "/steps/1",
        "/on_failure/0",
        "/on_failure/0/compensate/0",
    ]


def test_what_is_made_of_steps_stands_where_they_stood() -> None:
    undone = {"step_id": "a", "compensate": [{"step_id": "u", "config": {"steps": [{"step_id": "i"}]}}]}
    document = {"name": "n", "steps": [undone], "on_failure": [{"step_id": "t"}]}
    made = map_steps(document, lambda step, place: {**step, "place": place})
    assert [step["step_id"] for _, step in walk_steps(made)] == [step["step_id"] for _, step in walk_steps(document)]
    assert all("place" in step for _, step in walk_steps(made))
