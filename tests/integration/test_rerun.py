"""Reruns on the AWS code path: what is asked of AWS, what is shared, what is told when a rerun cannot be."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.integration.support import ME, OTHER, results_of
from tests.support.backend_cloud import counted
from tests.support.random_workflows import timeless
from workflow_engine.errors import ConflictError, InvalidRequestError, NotFoundError, PausedError, PayloadTooLargeError
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.store import keys
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.usecases.answers import Results
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import find_runs, rerun_run, start_run
from workflow_engine.usecases.workflows import pause_workflow, save_workflow


def upper(step_id: str, source: str, **fields: Any) -> dict[str, Any]:
    mapping = {"input": source}
    return {
        "step_id": step_id,
        "step_type": "data_processing",
        "input_mapping": mapping,
        "config": {"processing_type": "uppercase"},
        **fields,
    }


FLOW: dict[str, Any] = {
    "name": "Flow",
    "execution_pattern": "dependency",
    "steps": [
        upper("first", "input.text"),
        upper("aside", "input.text"),
        upper("second", "first.result"),
        {"step_id": "third", "step_type": "output", "dependencies": ["second"], "conditions": "input.text != 'none'"},
    ],
}


def done(engine: Engine, body: dict[str, Any], **fields: Any) -> Results:
    return results_of(engine, start_run.start(engine, ME, body | {"input": {"text": "hi"}} | fields))


def test_a_rerun_from_a_step_takes_over_the_results_of_the_others(engine: Engine) -> None:
    first = done(engine, FLOW)
    started = rerun_run.rerun(engine, ME, first["execution_id"], {"from_step": "second", "input": {"text": "none"}})
    second = results_of(engine, started)
    assert {k: r["status"] for k, r in second["step_results"].items()} == {
        "first": "completed",
        "aside": "completed",
        "second": "completed",
        "third": "skipped",
    }
    assert second["step_results"]["second"]["output_data"]["result"] == "HI"
    assert second["step_results"]["aside"]["output_data"] == first["step_results"]["aside"]["output_data"]
    assert second["output"] == {"aside": first["output"]["aside"]}
    assert (second["workflow_id"], second["metadata"]["workflow_version"]) == (first["workflow_id"], 1)


def test_the_machine_of_a_rerun_is_made_once_for_all_that_leave_out_the_same(engine: Engine) -> None:
    first, other = done(engine, FLOW), done(engine, FLOW, input={"text": "ho"})
    rerun_run.rerun(engine, ME, first["execution_id"], {"from_step": "second"})
    with counted(engine.dynamodb, engine.stepfunctions) as calls:
        started = rerun_run.rerun(engine, ME, other["execution_id"], {"from_step": "second"})
    assert "CreateStateMachine" not in calls
    assert calls.count("StartExecution") == 1
    assert results_of(engine, started)["step_results"]["second"]["output_data"]["result"] == "HO"


def test_reruns_at_once_are_runs_of_their_own(engine: Engine) -> None:
    first = done(engine, FLOW | {"name": "At once"})
    together, started = threading.Barrier(3), []

    def ask() -> None:
        together.wait()
        started.append(rerun_run.rerun(engine, ME, first["execution_id"], {"from_step": "second"}))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run["execution_id"] for run in started}) == 3
    assert {results_of(engine, run)["status"] for run in started} == {"completed"}


def test_a_stored_workflow_is_rerun_in_the_version_that_was_run(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, FLOW)["workflow_id"]
    first = results_of(engine, start_run.start_stored(engine, ME, workflow_id, {"input": {"text": "one"}}))
    save_workflow.update(engine, ME, workflow_id, FLOW | {"steps": [upper("only", "input.text")]})
    save_workflow.delete(engine, ME, workflow_id)
    for body in ({}, {"from_step": "first"}):
        again = results_of(engine, rerun_run.rerun(engine, ME, first["execution_id"], body))
        assert again["metadata"]["workflow_version"] == 1
        assert timeless(again["output"]) == timeless(first["output"])
    listed = find_runs.list_executions(engine, ME, RunFilter(workflow_id=workflow_id), limit=10)["items"]
    assert len(listed) == 3


def test_what_is_taken_over_must_fit_into_an_input(engine: Engine) -> None:
    def given(step_id: str, source: str) -> dict[str, Any]:
        return {"step_id": step_id, "step_type": "data_input", "config": {"input_type": "dynamic", "source": source}}

    body = {
        "name": "Large",
        "execution_pattern": "dependency",
        "steps": [
            given("one", "text"),
            given("two", "text"),
            given("three", "text"),
            {
                "step_id": "all",
                "step_type": "data_merge",
                "dependencies": ["one", "two", "three"],
            },
            {
                "step_id": "size",
                "step_type": "transform",
                "input_mapping": {"n": "one.data"},
                "config": {"expression": "$length(n)"},
            },
        ],
        "output": {"n": "size"},
    }
    first = done(engine, body, input={"text": "x" * 100_000})
    assert first["status"] == "completed"
    with pytest.raises(PayloadTooLargeError, match="'one' alone 100,"):
        rerun_run.rerun(engine, ME, first["execution_id"], {"from_step": "all"})
    again = results_of(engine, rerun_run.rerun(engine, ME, first["execution_id"], {"from_step": "size", "input": {}}))
    assert (again["status"], again["output"]) == ("completed", {"n": 100_000})
    assert len(again["step_results"]["one"]["output_data"]["data"]) == 100_000


def test_without_results_only_all_of_it_can_be_rerun(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = done(engine, FLOW)
    engine.executions.table.delete(keys.execution("default", first["execution_id"]), keys.RESULTS)

    def gone(*_: Any, **__: Any) -> Any:
        raise ExecutionGoneError

    monkeypatch.setattr(type(engine.runs), "events", gone)
    with pytest.raises(ConflictError, match="neither kept nor known"):
        rerun_run.rerun(engine, ME, first["execution_id"], {"from_step": "second"})
    with pytest.raises(ConflictError, match="Send one, as 'input'"):
        rerun_run.rerun(engine, ME, first["execution_id"], {})
    monkeypatch.undo()
    again = rerun_run.rerun(engine, ME, first["execution_id"], {"input": {"text": "yo"}})
    assert results_of(engine, again)["output"]["third"]["data"]["result"] == "YO"


def test_the_input_of_a_run_with_a_key_outlives_its_history(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    body = FLOW | {"input": {"text": "kept"}}
    first = results_of(engine, start_run.start(engine, ME, body, "key-of-a-rerun"))

    def gone(*_: Any, **__: Any) -> Any:
        raise ExecutionGoneError

    monkeypatch.setattr(type(engine.runs), "events", gone)
    started = rerun_run.rerun(engine, ME, first["execution_id"], {})
    monkeypatch.undo()
    assert timeless(results_of(engine, started)["output"]) == timeless(first["output"])


def test_an_undone_step_is_done_again(engine: Engine) -> None:
    saga = FLOW | {
        "steps": [
            upper("book", "input.text", compensate=[upper("unbook", "book.result")]),
            upper("note", "input.text"),
            {"step_id": "stop", "step_type": "fail", "dependencies": ["book"], "conditions": "input.text == 'bad'"},
        ]
    }
    first = done(engine, saga, input={"text": "bad"})
    assert first["step_results"]["unbook"]["status"] == "completed"
    started = rerun_run.rerun(engine, ME, first["execution_id"], {"from_step": "stop", "input": {"text": "good"}})
    again = results_of(engine, started)
    assert again["status"] == "completed"
    assert again["step_results"]["book"]["output_data"]["result"] == "GOOD"
    assert again["step_results"]["note"]["output_data"]["result"] == "BAD"


def test_an_input_that_does_not_fit_is_refused_where_it_was_sent(engine: Engine) -> None:
    schema = {"type": "object", "required": ["text"]}
    first = done(engine, FLOW | {"input_schema": schema})
    with pytest.raises(InvalidRequestError) as refused:
        rerun_run.rerun(engine, ME, first["execution_id"], {"input": {}})
    assert [error["pointer"] for error in refused.value.errors] == ["/input"]


def test_a_run_of_another_tenant_is_not_rerun(engine: Engine) -> None:
    first = done(engine, FLOW)
    with pytest.raises(NotFoundError):
        rerun_run.rerun(engine, OTHER, first["execution_id"], {})


def test_a_paused_workflow_is_not_rerun(engine: Engine) -> None:
    workflow_id = save_workflow.create(engine, ME, FLOW)["workflow_id"]
    first = results_of(engine, start_run.start_stored(engine, ME, workflow_id, {"input": {"text": "one"}}))
    pause_workflow.pause(engine, ME, workflow_id, {"reason": "Being repaired."})
    for body in ({}, {"from_step": "second"}):
        with pytest.raises(PausedError, match="Being repaired"):
            rerun_run.rerun(engine, ME, first["execution_id"], body)
    pause_workflow.resume(engine, ME, workflow_id)
    assert results_of(engine, rerun_run.rerun(engine, ME, first["execution_id"], {}))["status"] == "completed"
