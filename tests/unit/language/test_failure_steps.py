"""`on_failure`, `compensate` and `fail` as an author writes them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiled import CATALOGUE, Step, container, work
from workflow_engine.language import parse_workflow
from workflow_engine.language.reads import failure_steps
from workflow_engine.language.syntax import StepReference, Workflow


def parse(*steps: Step, **workflow: Any) -> Workflow:
    found = parse_workflow({"name": "test", "steps": list(steps), **workflow}, CATALOGUE)
    assert found.workflow is not None, found.diagnostics
    return found.workflow


def findings(*steps: Step, **workflow: Any) -> list[tuple[str, str]]:
    found = parse_workflow({"name": "test", "steps": list(steps), **workflow}, CATALOGUE)
    return [(d.code, d.pointer) for d in found.diagnostics]


def test_failure_steps_are_never_critical() -> None:
    workflow = parse(work("a", compensate=[work("u")]), on_failure=[work("t")])
    assert [workflow.steps[0].critical, workflow.steps[0].compensate[0].critical] == [True, False]
    assert workflow.on_failure[0].critical is False


def test_that_a_failure_step_is_critical_is_warned_of() -> None:
    found = findings(work("a"), on_failure=[work("t", critical=True), work("u", on_error="fail")])
    assert found == [("WFE-W405", "/on_failure/0/critical"), ("WFE-W405", "/on_failure/1/on_error")]


def test_a_compensation_takes_what_its_step_gave_where_nothing_says_otherwise() -> None:
    undoing = [work("u"), work("v", "u"), work("w", input_mapping={"x": "input.x"})]
    _, second, third = parse(work("a", compensate=undoing)).steps[0].compensate
    assert parse(work("a", compensate=[work("u")])).steps[0].compensate[0].input_mapping == {
        "a": StepReference("a", "output")
    }
    assert second.input_mapping is None
    assert third.input_mapping is not None
    assert set(third.input_mapping) == {"x"}


def test_failure_steps_read_the_failure_and_every_step() -> None:
    read = {
        "why": "failure.message",
        "first": "failure.others[0].step_id",
        "a": "a.x",
        "how": "b.status",
        "undone": "u.status",
    }
    parse(work("a", compensate=[work("u", input_mapping={"a": "a.x", "b": "b.status"})]), work("b"), on_failure=[
        work("t", input_mapping=read)
    ])  # fmt: skip


def test_the_steps_of_a_container_that_runs_after_a_failure_read_it_too() -> None:
    config = {"items": "input.people", "steps": [work("p", input_mapping={"why": "failure.message", "who": "item"})]}
    parse(work("a"), on_failure=[container("each", "map", config=config)])


@pytest.mark.parametrize("place", ["input_mapping", "conditions"])
def test_the_failure_is_known_to_failure_steps_only(place: str) -> None:
    value = {"x": "failure.message"} if place == "input_mapping" else "failure.message == 'x'"
    pointer = f"/steps/0/{place}" + ("/x" if place == "input_mapping" else "")
    assert findings(work("a", **{place: value})) == [("WFE-E217", pointer)]


def test_a_path_that_a_failure_cannot_have_is_told() -> None:
    assert findings(work("a"), on_failure=[work("t", input_mapping={"x": "failure.error"})]) == [
        ("WFE-E210", "/on_failure/0/input_mapping/x")
    ]


def test_no_other_step_reads_failure_steps_or_waits_for_them() -> None:
    steps = [work("a", compensate=[work("u")]), work("b", "t", input_mapping={"x": "u.x"})]
    assert findings(*steps, on_failure=[work("t")]) == [
        ("WFE-E202", "/steps/1/dependencies/0"),
        ("WFE-E216", "/steps/1/input_mapping/x"),
    ]


def test_a_compensation_does_not_read_that_of_another_step() -> None:
    steps = [work("a", compensate=[work("u")]), work("b", compensate=[work("v", input_mapping={"x": "u.x"})])]
    assert findings(*steps) == [("WFE-E216", "/steps/1/compensate/0/input_mapping/x")]


def test_failure_steps_wait_for_each_other_only() -> None:
    assert findings(work("a"), on_failure=[work("t", "a"), work("z", "t")]) == [
        ("WFE-E202", "/on_failure/0/dependencies/0")
    ]


def test_what_a_step_inside_of_a_container_did_is_not_undone_by_itself() -> None:
    config = {"items": "input.list", "steps": [work("p", compensate=[work("u")])]}
    assert findings(container("m", "map", config=config)) == [("WFE-E406", "/steps/0/config/steps/0/compensate")]


def test_what_a_step_of_a_critical_switch_did_is_undone_by_itself() -> None:
    def switch(*steps: Step, **fields: Any) -> Step:
        return container("s", "switch", config={"cases": [{"when": "input.x", "steps": list(steps)}]}, **fields)

    undone = work("p", compensate=[work("u", input_mapping={"p": "p.x", "a": "a.x", "beside": "q.status"})])
    workflow = parse(work("a"), switch(undone, work("q")), on_failure=[work("t", input_mapping={"u": "u.status"})])
    assert [step.step_id for step in failure_steps(workflow)] == ["u", "t"]
    pointer = "/steps/1/config/cases/0/steps/0/compensate"
    assert findings(work("a"), switch(undone, work("q"), critical=False)) == [("WFE-E406", pointer)]
    assert findings(work("a"), switch(undone, work("q"), on_error="continue")) == [("WFE-E406", pointer)]
    loop = container(
        "l", "loop", config={"until": "index > 1", "max_iterations": 3, "steps": [work("p", compensate=[work("u")])]}
    )
    assert findings(switch(loop)) == [("WFE-E406", "/steps/0/config/cases/0/steps/0/config/steps/0/compensate")]


def test_a_compensation_is_not_undone() -> None:
    undoing = [work("u", compensate=[work("v")])]
    assert findings(work("a", compensate=undoing), on_failure=[work("t", compensate=[work("w")])]) == [
        ("WFE-E406", "/steps/0/compensate/0/compensate"),
        ("WFE-E406", "/on_failure/0/compensate"),
    ]


def test_ids_are_unique_among_failure_steps_too() -> None:
    assert findings(work("a", compensate=[work("a")]), on_failure=[work("a")]) == [
        ("WFE-E200", "/steps/0/compensate/0/step_id"),
        ("WFE-E200", "/on_failure/0/step_id"),
    ]


def test_failure_steps_without_ids_are_given_some() -> None:
    workflow = parse(work("a", compensate=[{"step_type": "work"}]), on_failure=[{"step_type": "work"}])
    assert workflow.steps[0].compensate[0].step_id == "step_1"
    assert workflow.on_failure[0].step_id == "step_2"


def test_failure_is_no_step_id() -> None:
    assert findings(work("failure")) == [("WFE-E201", "/steps/0/step_id")]


def test_a_type_that_is_not_there_is_found_among_failure_steps() -> None:
    found = findings(work("a", compensate=[{"step_type": "wrok"}]), on_failure=[{"step_type": "emial"}])
    assert found == [("WFE-E400", "/steps/0/compensate/0/step_type"), ("WFE-E400", "/on_failure/0/step_type")]


@pytest.mark.parametrize("error", ["States.ALL", "States.{{ input.kind }}"])
def test_an_error_of_aws_is_nobody_elses(error: str) -> None:
    step = {"step_id": "stop", "step_type": "fail", "config": {"error": error}}
    assert findings(step) == [("WFE-E402", "/steps/0/config/error")]


def test_a_step_that_fails_takes_no_input() -> None:
    step = {"step_id": "stop", "step_type": "fail", "input_mapping": {"x": "input.x"}}
    assert findings(step) == [("WFE-E404", "/steps/0/input_mapping")]
