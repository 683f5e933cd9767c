"""When a run does what, as the plan tells it."""

from __future__ import annotations

from typing import Any

from tests.support.compiled import Step, compiled, container, planned, work

DIAMOND = (
    work("a", estimated_seconds=3),
    work("b", estimated_seconds=1),
    work("d", "a", "b", estimated_seconds=5),
    work("e", "b", estimated_seconds=4),
)


def plan(*steps: Step, **workflow: Any) -> dict[str, Any]:
    return dict(compiled(*steps, **workflow).plan)


def test_a_chain_is_a_sequence_of_which_all_is_critical() -> None:
    found = plan(work("a", estimated_seconds=2), work("b", "a", estimated_seconds=0.5))
    steps = [{"step": "a", "start": 0.0, "end": 2.0}, {"step": "b", "start": 2.0, "end": 2.5, "after": ["a"]}]
    assert found["structure"] == {"sequence": steps, "start": 0.0, "end": 2.5}
    assert (found["critical_path"], found["serialised_pairs"]) == (["a", "b"], [])


def test_a_step_of_unknown_duration_takes_a_second() -> None:
    assert plan(work("a"))["structure"] == {"step": "a", "start": 0.0, "end": 1.0}


def test_of_branches_the_slowest_is_critical() -> None:
    steps = (work("a"), work("slow", "a", estimated_seconds=9), work("fast", "a"), work("z", "slow", "fast"))
    assert plan(*steps)["critical_path"] == ["a", "slow", "z"]


def test_what_the_tree_makes_wait_is_told_with_what_it_costs() -> None:
    assert plan(*DIAMOND)["serialised_pairs"] == [{"before": "a", "after": "e", "seconds": 2.0}]


def test_a_container_has_the_plan_of_its_body() -> None:
    body = [work("x", estimated_seconds=1), work("y", "x", estimated_seconds=2)]
    found = plan(work("a"), container("each", "map", "a", config={"steps": body, "items": "a.rows"}))
    [each] = [part for part in planned(found["structure"]) if part["step"] == "each"]
    assert [[step["step"] for step in planned(inner)] for inner in each["bodies"]] == [["x", "y"]]
    assert each["bodies"][0]["end"] == 3.0


def test_a_switch_has_a_body_for_each_case_and_its_default() -> None:
    cases = [{"when": "input.x > 1", "steps": [work("x")]}]
    found = plan(container("which", "switch", config={"cases": cases, "default": [work("y")]}))
    assert [part["step"] for part in found["structure"]["bodies"]] == ["x", "y"]


def test_a_step_names_what_it_waits_for_but_what_follows_anyway() -> None:
    found = plan(work("a"), work("b", "a"), work("c", "a", "b"))
    assert {part["step"]: part.get("after", []) for part in planned(found["structure"])} == {
        "a": [],
        "b": ["a"],
        "c": ["b"],
    }
