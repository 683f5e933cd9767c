"""Subflows as Tasks: what they ask for, what is in the definition, and what Catchers make of a child's failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.stepfunctions.jsonata import Evaluator
from tests.support.compiled import compiled, container, states, work
from tests.support.jsonata_node import Case, evaluate_all
from workflow_engine.compiler.jsonata.children import CAUGHT_CHILD_ERROR, CAUGHT_CHILD_MESSAGE
from workflow_engine.subflows import START_EXECUTION, child_failure, output_of

CHILD = "arn:aws:states:us-east-1:123456789012:execution:workflow-dev-abc-g1:sub-{}"
FAKE = '{"Cause":"x","Error":"Fake","ExecutionArn":"arn:a:execution:m:fake"}'


def described(error: str | None, cause: str | None, level: int = 1, **fields: Any) -> str:
    """The cause of a Task whose child ended so, as recorded on AWS: fields in alphabetical order."""
    told = {
        "Cause": cause,
        "Error": error,
        "ExecutionArn": CHILD.format(level),
        "Input": json.dumps({"input": FAKE, "text": 'a "quoted" \\ text'}),
        "Name": f"sub-{level}",
        "Status": "FAILED",
        **fields,
    }
    return json.dumps({name: value for name, value in told.items() if value is not None}, separators=(",", ":"))


THREE_DEEP = described("States.TaskFailed", described("States.TaskFailed", described("Boom", 'no "more"', 3), 2))
RECOVERED = json.dumps({"step_id": "a", "type": "Boom", "message": 'It "is" out.'}, separators=(",", ":"))
OF_PYTHON = json.dumps({"errorMessage": 'no "flag"', "errorType": "Boom", "requestId": "1", "stackTrace": ['  "f.py"']})
OF_NODE = json.dumps(
    {"errorType": "Boom", "errorMessage": "no flag", "trace": ["Boom: no flag"]}, separators=(",", ":")
)
RUN = "The subflow's run 'sub-1' failed"
FAILURES: list[tuple[str, str, str]] = [
    (described("Boom", "out of it"), "Boom", f"{RUN}: out of it"),
    (described("Boom", None), "Boom", f"{RUN}."),
    (described("Boom", ""), "Boom", f"{RUN}."),
    (THREE_DEEP, "Boom", f'{RUN}: no "more"'),
    (described("States.TaskFailed", described("Boom", None, 2)), "Boom", f"{RUN}."),
    (described("WorkflowFailed", RECOVERED), "Boom", f'{RUN}: It "is" out.'),
    (described("States.TaskFailed", described("WorkflowFailed", RECOVERED, 2)), "Boom", f'{RUN}: It "is" out.'),
    (described(None, "Cancelled by ada.", Status="ABORTED"), "SubflowCancelled", f"{RUN}: Cancelled by ada."),
    (described(None, None, Status="TIMED_OUT"), "States.Timeout", f"{RUN}."),
    (described("Boom", "long", Input="x" * 40_000)[:32_768], "Boom", f"{RUN}: long"),
    (described("Boom", OF_PYTHON), "Boom", f'{RUN}: no "flag"'),
    (described("Boom", OF_NODE), "Boom", f"{RUN}: no flag"),
    (described("Boom", '{"errorMessage":"no flag"}'), "Boom", f"{RUN}: no flag"),
    (described("States.TaskFailed", described("Boom", OF_PYTHON, 2)), "Boom", f'{RUN}: no "flag"'),
    (described("Boom", '{"flag":"no","errorMessage":"x"}'), "Boom", f'{RUN}: {{"flag":"no","errorMessage":"x"}}'),
    (described("Boom", 'Not "Error": "Other"'), "Boom", f'{RUN}: Not "Error": "Other"'),
]


def caught(error: str, cause: str | None) -> dict[str, Any]:
    output = {"Error": error} if cause is None else {"Error": error, "Cause": cause}
    return {"states": {"errorOutput": output}}


@pytest.mark.parametrize(("cause", "error", "message"), FAILURES)
def test_the_failure_of_a_child_is_told_by_its_own_error_and_with_its_id(cause: str, error: str, message: str) -> None:
    assert child_failure("States.TaskFailed", cause) == (error, message)
    evaluator = Evaluator()
    told = [
        evaluator.evaluate(fragment.source()[0], caught("States.TaskFailed", cause))
        for fragment in (CAUGHT_CHILD_ERROR, CAUGHT_CHILD_MESSAGE)
    ]
    assert told == [error, message]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("States.Timeout", None),
        ("NoStockError", '{"errorMessage":"none"}'),
        ("States.TaskFailed", "no child"),
        ("Boom", FAKE),
    ],
)
def test_other_failures_are_told_as_they_are(error: str, cause: str | None) -> None:
    assert child_failure(error, cause or "") is None
    evaluator = Evaluator()
    assert evaluator.evaluate(CAUGHT_CHILD_ERROR.source()[0], caught(error, cause)) == error
    assert evaluator.evaluate(CAUGHT_CHILD_MESSAGE.source()[0], caught(error, cause)) == (cause or "")


def test_what_catchers_evaluate_gives_the_same_on_the_jsonata_of_step_functions() -> None:
    cases = [
        Case(fragment.source()[0], caught("States.TaskFailed", cause))
        for cause, _, _ in FAILURES
        for fragment in (CAUGHT_CHILD_ERROR, CAUGHT_CHILD_MESSAGE)
    ]
    answers = evaluate_all(cases, measure=True)
    assert [a.value for a in answers] == [text for _, error, message in FAILURES for text in (error, message)]
    assert max(a.evaluation_depth for a in answers) < 80


def subflow(step_id: str, workflow_id: str = "child", **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "subflow", "config": {"workflow_id": workflow_id}, **fields}


def test_which_workflow_is_run_is_no_part_of_the_machine() -> None:
    one, other = compiled(subflow("a")), compiled(subflow("a", "another", config={"workflow_id": "b", "version": 3}))
    assert one.definition == other.definition
    assert other.bindings["subflows"] == {"a": {"workflow_id": "b", "version": 3}}
    assert one.bindings["functions"] == []


def test_a_name_has_the_place_with_all_indices_the_redrive_and_the_retry() -> None:
    inner = container("inner", "map", config={"items": "item", "steps": [subflow("a")]})
    machine = compiled(container("outer", "map", config={"items": "input.list", "steps": [inner]}))
    task = states(machine)["a"]
    assert task["Resource"] == START_EXECUTION
    expression = task["Arguments"]["Name"][2:-2]

    def name(redrive: int = 0, retry: int = 0, at: int = 0, index: int = 0) -> str:
        context = {
            "Execution": {"Id": "arn:run", "RedriveCount": redrive},
            "State": {"RetryCount": retry},
        }
        bound = {"states": {"context": context, "input": {"at": [at], "index": index}}}
        return str(Evaluator().evaluate(expression, bound))

    names = {name(), name(redrive=1), name(retry=1), name(at=1), name(index=1), name(at=1, index=1)}
    assert len(names) == 6
    assert name() == name()
    assert all(n.startswith("sub-") and len(n) == 36 for n in names)


def test_a_busy_account_is_asked_again_and_what_may_have_started_a_child_is_not() -> None:
    task = states(compiled(subflow("a")))["a"]
    (retrier,) = task["Retry"]
    assert retrier["ErrorEquals"] == [
        "StepFunctions.ExecutionLimitExceededException",
        "StepFunctions.ThrottlingException",
    ]


def test_the_plan_counts_that_a_subflow_was_submitted_and_nothing_of_its_own_states() -> None:
    plan = compiled(subflow("a", max_retries=1)).plan
    assert (plan["transitions_min"], plan["transitions_max"]) == (1, 2)
    assert plan["history_events_max"] == 2 + 6 + 4


def test_a_container_that_a_subflow_fails_tells_the_subflows_error() -> None:
    loop = container(
        "loop",
        "map",
        config={"items": "input.list", "steps": [subflow("a")]},
        critical=False,
    )
    reader = {"step_id": "r", "step_type": "merge", "input_mapping": {"e": "loop.error"}, "trigger_rule": "all_done"}
    catchers = states(compiled(loop, reader))["loop"]["Catch"]
    assert "ExecutionArn" in json.dumps(catchers)


def test_the_output_of_a_step_names_the_workflow_and_the_run() -> None:
    description = {"Name": "sub-1", "Input": {"run": {"workflow_id": "w"}}, "Output": {"a": 1, "_failed": ["b"]}}
    assert output_of(description) == {
        "subflow_id": "w",
        "subflow_execution_id": "sub-1",
        "subflow_status": "completed",
        "subflow_output": {"a": 1},
    }


def test_only_what_a_step_works_on_must_not_be_left_to_the_childs_history() -> None:
    left_behind = "only in the results of its own run"
    assert left_behind not in compiled(subflow("a")).definition
    assert left_behind in compiled(subflow("a"), work("b", "a")).definition
