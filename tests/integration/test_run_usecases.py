"""Use cases of runs on the local runtime: started, stopped, recorded, read; what is refused and what fails."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.support import HELLO, ME, nothing_written, run
from tests.support.backend_cloud import counted
from workflow_engine.errors import ConflictError, InvalidRequestError, ThrottledError
from workflow_engine.machines.port import MachineGoneError
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.usecases.answers import ExecutionSummary
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import cancel_run, find_runs, read_results, record_execution, start_run
from workflow_engine.usecases.runs.read_progress import read_progress
from workflow_engine.usecases.workflows import save_workflow, validate_workflow

WAITING: dict[str, Any] = {
    "name": "Waiting",
    "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 60}}],
}


def executions_of(engine: Engine, workflow_id: str) -> list[ExecutionSummary]:
    return find_runs.list_executions(engine, ME, RunFilter(workflow_id), limit=10)["items"]


@pytest.mark.parametrize("code", ["ThrottlingException", "ExecutionLimitExceeded", "InvalidArn"])
def test_a_refused_start_leaves_no_record(engine: Engine, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "StartExecution")

    monkeypatch.setattr(engine.stepfunctions, "start_execution", refuse)
    with pytest.raises((ThrottledError, ClientError)):
        start_run.start_stored(engine, ME, workflow_id, {})
    assert executions_of(engine, workflow_id) == []


def test_a_deleted_machine_is_replaced_by_its_next_generation(engine: Engine) -> None:
    body = {**HELLO, "timeout_seconds": 12_345}
    workflow_id = save_workflow.create(engine, ME, body)["workflow_id"]
    arn = engine.workflows.newest("default", workflow_id).compiled.machine_arn
    engine.stepfunctions.delete_state_machine(stateMachineArn=arn)
    started = start_run.start_stored(engine, ME, workflow_id, {})
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    renewed = engine.workflows.newest("default", workflow_id).compiled.machine_arn
    assert (arn[-3:], renewed[-3:]) == ("-g1", "-g2")
    with counted(engine.dynamodb, engine.stepfunctions) as calls:
        start_run.start_stored(engine, ME, workflow_id, {})
    assert calls == ["GetItem", "PutItem", "StartExecution"]


def test_a_machine_that_stays_gone_is_an_answer_to_try_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id = save_workflow.create(engine, ME, {**HELLO, "timeout_seconds": 777})["workflow_id"]

    def gone(*_: Any) -> Any:
        raise MachineGoneError

    monkeypatch.setattr(type(engine.runs), "start", gone)
    with pytest.raises(ThrottledError):
        start_run.start_stored(engine, ME, workflow_id, {})
    assert executions_of(engine, workflow_id) == []


def test_an_idempotency_key_starts_one_run(engine: Engine) -> None:
    first = start_run.start(engine, ME, HELLO, "key-1")
    assert start_run.start(engine, ME, HELLO, "key-1") == first
    with pytest.raises(ConflictError):
        start_run.start(engine, ME, {**HELLO, "name": "other"}, "key-1")
    saved = save_workflow.create(engine, ME, HELLO, "key-1")
    assert save_workflow.create(engine, ME, HELLO, "key-1") == saved


def until_entered(engine: Engine, execution_id: str, step_id: str) -> None:
    """Wait, for a bounded time, until the run has come to the step."""
    for _ in range(400):
        if read_results.results(engine, ME, execution_id)["step_results"][step_id]["status"] == "running":
            return
        time.sleep(0.05)
    raise AssertionError(f"{step_id} was never entered")


def test_a_run_is_cancelled_once(engine: Engine) -> None:
    started = start_run.start(engine, ME, WAITING)
    until_entered(engine, started["execution_id"], "pause")
    found = cancel_run.cancel(engine, ME, started["execution_id"])
    assert found["status"] == "cancelled"
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 20)
    results = read_results.results(engine, ME, started["execution_id"])
    assert (results["status"], results["step_results"]["pause"]["status"]) == ("cancelled", "aborted")
    assert cancel_run.cancel(engine, ME, started["execution_id"])["status"] == "cancelled"


def test_a_run_that_has_ended_cannot_be_cancelled(engine: Engine) -> None:
    results = run(engine, HELLO)
    with pytest.raises(ConflictError, match="completed"):
        cancel_run.cancel(engine, ME, results["execution_id"])


def test_waiting_for_a_long_run_gives_up(engine: Engine) -> None:
    started = start_run.start(engine, ME, WAITING)
    with counted(engine.stepfunctions) as calls:
        assert not read_results.wait_for_end(engine, ME, started["execution_id"], 0.2)
    assert calls == ["DescribeExecution"]  # one look, and no more
    live = read_results.results(engine, ME, started["execution_id"])
    assert (live["status"], live["completed_at"]) == ("running", None)
    cancel_run.cancel(engine, ME, started["execution_id"])


def test_a_lost_event_is_made_good_when_results_are_read(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as lost:
        lost.setattr(record_execution, "record", lambda *_: None)
        started = start_run.start(engine, ME, {**HELLO, "name": "Lost"})
        while read_results.results(engine, ME, started["execution_id"])["status"] == "running":
            engine.sleep(0.05)
    assert read_results.get_execution(engine, ME, started["execution_id"])["status"] == "completed"
    assert engine.results.find("default", started["execution_id"]) is not None


def test_a_lost_event_is_made_good_by_one_look_before_a_wait_gives_up(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as lost:
        lost.setattr(record_execution, "record", lambda *_: None)
        started = start_run.start(engine, ME, {**HELLO, "name": "Lost too"})
        until_ended_unheard(engine, started["execution_id"])
        with counted(engine.stepfunctions) as calls:
            assert read_results.wait_for_end(engine, ME, started["execution_id"], 0.2)
    assert calls == ["DescribeExecution"]
    assert read_results.get_execution(engine, ME, started["execution_id"])["status"] == "completed"


def test_an_end_costs_one_write_and_no_call_of_step_functions(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as lost:
        lost.setattr(record_execution, "record", lambda *_: None)
        execution_id = start_run.start(engine, ME, {**HELLO, "name": "Counted"})["execution_id"]
        until_ended_unheard(engine, execution_id)
    end = engine.runs.end(engine.executions.get("default", execution_id).execution_arn)
    assert end is not None
    with counted(engine.dynamodb, engine.stepfunctions, engine.s3) as calls:
        record_execution.record(engine, end)
    assert calls == ["UpdateItem"]
    with counted(engine.stepfunctions) as calls:
        read_progress(engine, ME, execution_id)
        output = json.loads(read_results.output_of_run(engine, ME, execution_id).text or "")
    assert calls == []
    assert "HELLO, WORLD!" in json.dumps(output["loud"])
    assert read_results.results(engine, ME, execution_id)["output"] == output


def until_ended_unheard(engine: Engine, execution_id: str) -> None:
    """Wait for the end of a run whose event is lost."""
    arn = engine.executions.get("default", execution_id).execution_arn
    while engine.runs.end(arn) is None:
        engine.sleep(0.02)
    engine.sleep(0.1)


def test_events_hide_parameters_and_name_their_step(engine: Engine) -> None:
    results = run(engine, {**HELLO, "input": {"n": 1}})
    page = read_results.events(engine, ME, results["execution_id"], 100)
    assert page["items"][0]["details"]["input"] == {"n": 1}
    scheduled = next(e for e in page["items"] if e["type"] == "TaskScheduled")
    assert scheduled["step_id"] == "loud"
    assert "parameters" not in json.dumps(page)
    assert "arn:aws:lambda" not in json.dumps([e["details"] for e in page["items"]])


def test_executions_are_listed_with_their_filters(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, HELLO)["workflow_id"]
    started = [start_run.start_stored(engine, ME, workflow_id, {})["execution_id"] for _ in range(3)]
    for execution_id in started:
        assert read_results.wait_for_end(engine, ME, execution_id, 20)
    completed = RunFilter(workflow_id, "completed")
    page = find_runs.list_executions(engine, ME, completed, limit=2)
    rest = find_runs.list_executions(engine, ME, completed, limit=2, cursor=page["next_cursor"])
    assert sorted(e["execution_id"] for e in page["items"] + rest["items"]) == sorted(started)
    with pytest.raises(InvalidRequestError, match="Did you mean 'completed'"):
        find_runs.list_executions(engine, ME, RunFilter(status="complete"), limit=2)


def test_an_expression_that_fails_is_told_with_its_step_and_its_entry(engine: Engine) -> None:
    step: dict[str, Any] = {
        "step_id": "total",
        "step_type": "merge",
        "input_mapping": {"n": "input.n", "sum": {"expression": '$ref("input.n") + 1'}, "x.$": {"value": 1}},
    }
    named = {**step, "input_mapping": {k: v for k, v in step["input_mapping"].items() if k != "x.$"}}
    good = run(engine, {"workflow": {"name": "Sum", "steps": [named]}, "input": {"n": 2}})
    assert good["output"]["total"]["data"] == {"n": 2, "sum": 3}
    failed = run(engine, {"workflow": {"name": "Sum", "steps": [named]}, "input": {"n": "two"}})
    message = failed["step_results"]["total"]["error_message"]
    assert message is not None
    assert message.startswith("The expression of 'sum' in the input_mapping of step 'total' failed. T2001")
    assert message.endswith(" It read input.n (a text).")
    assert failed["error"] is not None
    assert failed["error"]["message"] == message
    odd = run(engine, {"workflow": {"name": "Sum", "steps": [step]}, "input": {"n": 2}})
    assert odd["output"]["total"]["data"] == {"n": 2, "sum": 3, "x.$": 1}


def test_what_is_kept_of_a_failed_expression_is_what_its_history_tells(engine: Engine) -> None:
    bad = {"step_id": "bad", "step_type": "merge", "critical": False}
    steps: list[dict[str, Any]] = [
        {"step_id": "words", "step_type": "data_input", "config": {"data": {"rows": [{"n": 1}, {"n": "x"}]}}},
        {
            **bad,
            "for_each": "words.data.rows",
            "input_mapping": {"sum": {"expression": "$ref('item.n') + $ref('index')"}},
        },
    ]
    workflow_id = save_workflow.create(engine, ME, {"name": "Sums", "steps": steps})["workflow_id"]
    execution_id = start_run.start_stored(engine, ME, workflow_id, {})["execution_id"]
    assert read_results.wait_for_end(engine, ME, execution_id, 20)
    kept = read_results.results(engine, ME, execution_id)["step_results"]
    execution = engine.executions.get("default", execution_id)
    live = record_execution.reported_results(engine, execution, record_execution.read_report(engine, execution))
    told = {key: step.result["error_message"] for key in kept if (step := live.step(key)) is not None}
    assert told == {key: result["error_message"] for key, result in kept.items()}
    assert told["bad"] == told["bad[1]"]
    assert told["bad[0]"] is None
    assert str(told["bad"]).endswith(" It read item.n (a text), index (a number).")


def test_a_delay_that_may_fail_fails_alone_when_its_expression_does(engine: Engine) -> None:
    delay = {
        "step_id": "pause",
        "step_type": "delay",
        "critical": False,
        "input_mapping": {"delay_seconds": {"expression": "$ref('input.n') = null ? 'soon' : $ref('input.n') * 0.001"}},
    }
    after = {
        "step_id": "after",
        "step_type": "merge",
        "trigger_rule": "all_done",
        "input_mapping": {"how": "pause.status", "asked": "pause.delay_requested", "why": "pause.error.type"},
    }
    told = {}
    for value in (1, None, "x"):
        results = run(engine, {"workflow": {"name": "Pause", "steps": [delay, after]}, "input": {"n": value}})
        assert results["status"] == "completed"
        told[value] = (results["output"]["after"]["data"], results["step_results"]["pause"]["error_message"])
    assert told[1] == ({"how": "completed", "asked": 0.001}, None)
    assert told[None][0] == {"how": "failed", "why": "InvalidDelay"}
    assert str(told[None][1]).endswith(" It read input.n (null).")
    assert told["x"][0] == {"how": "failed", "why": "States.QueryEvaluationError"}
    assert str(told["x"][1]).startswith(
        "The expression of 'delay_seconds' in the input_mapping of step 'pause' failed."
    )


def fan_out(items: str, *before: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A workflow that counts the words of each element of a list: seven history events each."""
    each = {"step_id": "words", "step_type": "data_processing", "for_each": items, "input_mapping": {"input": "item"}}
    return {"name": "List", "steps": [*before, {**each, "config": {"processing_type": "word_count"}, **fields}]}


def test_a_posted_list_that_is_too_long_for_a_run_is_refused_before_anything_is_created(engine: Engine) -> None:
    body = {"workflow": fan_out("input.rows"), "input": {"rows": ["a"] * 5000}}
    with nothing_written(engine), pytest.raises(InvalidRequestError) as error:
        start_run.start(engine, ME, body)
    [found] = error.value.errors
    assert (found["code"], found["pointer"]) == ("WFE-E501", "/input/rows")
    assert "35,006 history events" in found["detail"]
    report = validate_workflow.validate(engine, ME, body)
    assert (report["is_valid"], report["errors"]) == (False, [found])


def test_a_stored_workflow_refuses_such_a_list_too_and_takes_one_that_fits(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, fan_out("input.rows"))["workflow_id"]
    with nothing_written(engine), pytest.raises(InvalidRequestError, match="history events"):
        start_run.start_stored(engine, ME, workflow_id, {"input": {"rows": ["a"] * 5000}})
    assert start_run.start_stored(engine, ME, workflow_id, {"input": {"rows": ["a"]}})["status"] == "running"


def test_a_list_that_a_step_makes_too_long_fails_the_step_before_its_first_element(engine: Engine) -> None:
    keep = {
        "step_id": "keep",
        "step_type": "data_processing",
        "input_mapping": {"input": "input.rows"},
        "config": {"processing_type": "filter", "options": {"filter_key": "k"}},
    }
    rows = [{"k": 1}] * 4000
    failed = run(engine, {"workflow": fan_out("keep.result", keep), "input": {"rows": rows}})
    assert failed["error"] is not None
    assert (failed["status"], failed["error"]["step_id"]) == ("failed", "words")
    assert failed["error"]["message"] == (
        "The for_each of step 'words' failed. The list has 4000 items; the 25,000 history events of a run have room for 3,570 "
        "of them. Run over parts of the list, in several runs. It read keep.result (a list of 4,000 elements)."
    )
    assert "words[0]" not in failed["step_results"]
    after = {"step_id": "after", "step_type": "output", "dependencies": ["words"], "trigger_rule": "all_done"}
    tolerant = fan_out("keep.result", keep, critical=False)
    tolerant["steps"].append(after)
    went_on = run(engine, {"workflow": tolerant, "input": {"rows": rows}})
    assert went_on["status"] == "completed"
    assert {key: result["status"] for key, result in went_on["step_results"].items()} == {
        "keep": "completed",
        "words": "failed",
        "after": "completed",
    }
