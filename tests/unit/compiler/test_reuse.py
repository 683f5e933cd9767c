"""Variants of a workflow that leave out what an earlier run has done: which steps those are, and what becomes of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.compiled import CATALOGUE, Step, container, data, parsed, states, work
from workflow_engine.compiler import Compilation, compile_workflow, execution_input
from workflow_engine.compiler.reuse import reusable
from workflow_engine.language import parse_workflow
from workflow_engine.statuses import StepEnd
from workflow_engine.steps import builtin_catalogue

DIAMOND = (work("a"), work("b", "a"), work("c", "a"), work("d", "b", "c"))


def results(retries: int, statuses: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {s: {"status": told, "retry_count": retries, "error_type": "Broken"} for s, told in statuses.items()}


def chosen(*steps: Step, from_step: str, retries: int = 0, **statuses: Any) -> dict[str, StepEnd]:
    return reusable(parsed(*steps), CATALOGUE, results(retries, statuses), from_step)


def variant(*steps: Step, reused: dict[str, StepEnd], **workflow: Any) -> Compilation:
    return compile_workflow(parsed(*steps, **workflow), CATALOGUE, reused=reused)


def test_a_step_and_what_follows_from_it_run_again() -> None:
    assert chosen(*DIAMOND, from_step="b", a="completed", b="completed", c="completed", d="completed") == {
        "a": "completed",
        "c": "completed",
    }


@pytest.mark.parametrize("status", ["pending", "running", "aborted", "failed"])
def test_what_did_not_end_well_runs_again(status: str) -> None:
    assert chosen(*DIAMOND, from_step="b", a="completed", b="failed", c=status, d="pending") == {"a": "completed"}


def test_what_waits_for_what_runs_again_does_too() -> None:
    steps = (work("a"), work("b"), work("c", "a"))
    assert chosen(*steps, from_step="b", a="aborted", b="failed", c="skipped") == {}


def test_a_tolerated_failure_is_kept_unless_it_might_have_been_tried_again() -> None:
    steps = (work("a", critical=False, max_retries=2), work("b"))
    assert chosen(*steps, from_step="b", retries=2, a="failed", b="failed") == {"a": "failed"}
    assert chosen(*steps, from_step="b", retries=1, a="failed", b="failed") == {}
    followed = (*steps, work("c", "a", trigger_rule="all_done"))
    assert chosen(*followed, from_step="b", retries=1, a="failed", b="failed", c="completed") == {
        "a": "failed",
        "c": "completed",
    }


@pytest.mark.parametrize(
    ("step_type", "fields", "error", "kept"),
    [
        ("lasting", {}, "Broken", False),
        ("lasting", {"max_retries": 0}, "Broken", True),
        ("lasting", {}, "Refused", True),
        ("lasting", {"for_each": "input.list"}, "Broken", True),
        ("work", {}, "Lambda.Unknown", True),
        ("work", {}, "Lambda.ServiceException", False),
        ("work", {"max_retries": 2}, "States.DataLimitExceeded", True),
        ("subflow", {"config": {"workflow_id": "child"}}, "StepFunctions.ThrottlingException", False),
        ("subflow", {"config": {"workflow_id": "child"}}, "Broken", True),
        ("merge", {"input_mapping": {"x": {"$expression": "$number(input.x)"}}, "max_retries": 2}, "Broken", True),
    ],
)
def test_whether_a_failure_is_final_is_what_its_machine_says(
    step_type: str, fields: dict[str, Any], error: str, kept: bool
) -> None:
    retry = {"max_retries": 2, "strategy": "fixed_delay", "delay_seconds": 1, "max_delay_seconds": 1}
    lasting = {"step_type": "lasting", "retry": retry, "final_errors": ["Refused"]}
    catalogue = builtin_catalogue().with_registered([{"step_type": "work"}, lasting])
    steps = [{"step_id": "a", "step_type": step_type, "critical": False, "dependencies": [], **fields}, work("b")]
    workflow = parse_workflow({"name": "t", "execution_pattern": "parallel", "steps": steps}, catalogue).workflow
    assert workflow is not None
    ended = results(0, {"a": "failed", "b": "failed"})
    ended["a"]["error_type"] = error
    assert reusable(workflow, catalogue, ended, "b") == ({"a": "failed"} if kept else {})


def test_what_a_run_has_come_past_was_skipped() -> None:
    steps = (work("a"), work("b", conditions="a.x"), work("c", "b", trigger_rule="all_done"), work("d", "c"))
    told: dict[str, Any] = {"a": "completed", "b": "pending", "c": "completed", "d": "failed"}
    assert chosen(*steps, from_step="d", **told) == {"a": "completed", "b": "skipped", "c": "completed"}


def test_a_loop_without_a_trace_may_have_completed_and_runs_again() -> None:
    loop = container("l", "loop", "a", config={"until": "true", "max_iterations": 2, "steps": [data("inner", 1)]})
    told: dict[str, Any] = {"a": "completed", "l": "pending", "c": "completed", "d": "failed"}
    steps = (work("a"), loop, work("c", "l", trigger_rule="all_done"), work("d", "c"))
    assert chosen(*steps, from_step="d", **told) == {"a": "completed"}


def test_what_was_undone_is_done_again() -> None:
    steps = (work("a", compensate=[work("undo_a")]), work("b", compensate=[work("undo_b")]), work("c", "a", "b"))
    told: dict[str, Any] = {
        "a": "completed",
        "b": "completed",
        "c": "failed",
        "undo_a": "completed",
        "undo_b": "skipped",
    }
    assert chosen(*steps, from_step="c", **told) == {"b": "completed"}


def test_the_steps_that_are_left_out_have_no_states_and_what_is_read_of_them_is_told() -> None:
    ends: dict[str, StepEnd] = {"a": "completed", "b": "completed", "c": "completed"}
    made = variant(*DIAMOND[:3], work("d", input_mapping={"b": "b.x", "how": "c.status"}), reused=ends)
    assert set(states(made)) == {"d"}
    assert made.bindings["reused"] == [["b", "output"]]
    assert made.bindings["functions"] == ["work"]
    assert [(s["id"], s.get("reused")) for s in made.outline["steps"]] == [
        ("a", "completed"),
        ("b", "completed"),
        ("c", "completed"),
        ("d", None),
    ]


def test_a_guard_over_known_ends_is_decided_before_the_run() -> None:
    steps = (work("a", critical=False), work("b"), work("c", "a", "b"), work("d", "a", trigger_rule="one_failed"))
    made = variant(*steps, reused={"a": "failed", "b": "completed"})
    assert set(states(made)) == {"d"}


def test_the_error_of_a_tolerated_failure_can_be_read() -> None:
    steps = (work("a-1", critical=False), work("b", input_mapping={"why": "a-1.error.message", "how": "a-1.status"}))
    made = variant(*steps, reused={"a-1": "failed"})
    assert set(states(made)) == {"b"}
    assert made.bindings["reused"] == [["a-1", "error"]]


def test_a_variant_is_shared_by_all_that_left_out_the_same_whatever_they_gave() -> None:
    made = variant(*DIAMOND, reused={"a": "completed", "c": "completed"})
    run = dict.fromkeys(("execution_id", "workflow_id", "workflow_version"), "x")
    given: dict[str, dict[str, Any]] = {"a": {"output": {"n": 1}}, "c": {"output": [1]}}
    value = execution_input(made.bindings, input={}, functions={"work": "arn"}, run=run, reused=given)
    assert value["reused"] == given
    assert "reused" not in execution_input(made.bindings, input={}, functions={"work": "arn"}, run=run)
    assert made.definition == variant(*DIAMOND, reused={"c": "completed", "a": "completed"}).definition


def test_failure_steps_undo_nothing_that_the_run_has_not_done() -> None:
    steps = (
        work("a", compensate=[work("undo_a")]),
        work("b", "a", compensate=[work("undo_b")]),
        work("c", "b"),
    )
    made = variant(*steps, reused={"a": "completed"}, on_failure=[work("tell", input_mapping={"a": "a.x"})])
    assert {"undo_b", "tell"} <= set(states(made))
    assert "undo_a" not in states(made)
    assert [s["id"] for s in made.outline["after_failure"]] == ["undo_b", "tell"]
    assert made.bindings["reused"] == [["a", "output"]]


def test_what_would_undo_a_step_that_was_left_out_is_told_as_skipped() -> None:
    steps = (work("a", compensate=[work("undo_a")]), work("b", "a"))
    tell = work("tell", input_mapping={"undone": "undo_a.status"})
    made = variant(*steps, reused={"a": "completed"}, on_failure=[tell])
    assert '"undone":"skipped"' in states(made)["tell"]["Arguments"]["Payload"]


def test_without_anything_left_to_undo_nothing_is_caught() -> None:
    steps = (work("a", compensate=[work("undo_a")]), work("b", "a"))
    made = variant(*steps, reused={"a": "completed"})
    assert set(states(made)) == {"b"}


def test_a_container_that_is_left_out_is_read_as_a_whole() -> None:
    loop = container("l", "loop", config={"until": "index == 1", "max_iterations": 2, "steps": [work("inner")]})
    made = variant(loop, work("z", input_mapping={"l": "l"}), reused={"l": "completed"}, on_failure=[work("t")])
    assert set(states(made)) == {"z", "t", "workflow.failed"}
    assert made.outline["steps"][0] == {"id": "l", "type": "loop", "reused": "completed"}
    assert "body" not in json.dumps(made.outline)


def test_sinks_that_are_left_out_stay_outputs_of_the_run() -> None:
    made = variant(work("a"), work("b"), reused={"a": "completed"})
    assert made.outline["sinks"] == ["a", "b"]


def test_a_step_that_can_never_run_after_what_was_left_out_leaves_a_machine_that_ends_at_once() -> None:
    made = variant(work("a", critical=False), work("b", "a"), reused={"a": "failed"})
    assert [state["Type"] for state in states(made).values()] in (["Pass"], ["Succeed"])
