"""What is read of a run whose end is recorded: its results, within budgets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.recorded_ends.support import ME, found, history, redriven
from tests.support.backend_history import History
from tests.support.recorded_ends import (
    TENANT,
    Machines,
    after,
    arn,
    event,
    machine_output,
    running,
    tell,
)
from workflow_engine.errors import NotFoundError
from workflow_engine.machines.ends import of_event
from workflow_engine.run_output import MARKER
from workflow_engine.store import keys
from workflow_engine.store.control import begin_redrive
from workflow_engine.store.results import ResultsStore
from workflow_engine.store.run_deletions import delete_run
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import read_results
from workflow_engine.usecases.upkeep.sweep_executions import sweep_executions


def test_the_first_reading_adds_the_step_that_failed_and_keeps_the_results(engine: Engine, machines: Machines) -> None:
    told = History()
    told.task("a", 1)
    told.enter("b")
    told.schedule()
    told.fail("ValueError", "no such thing")
    cause = told.cause_of_last_failure()
    told.end_failed("ValueError", cause)
    machines.histories[arn("e")] = told.events
    tell(engine, [event("FAILED", 0.7, error="ValueError", cause=cause)])
    error = found(engine).error
    assert error["step_id"] is None
    answer = read_results.results(engine, ME, "e")
    assert answer["error"] == {**error, "step_id": "b"}
    assert found(engine).error == answer["error"]
    assert found(engine).failed_steps == ["b"]
    assert read_results.results(engine, ME, "e") == answer
    assert machines.calls == ["GetExecutionHistory"]
    tell(engine, [event("FAILED", 0.7, error="ValueError", cause=cause)])  # once more: what was read stays
    assert found(engine).error == answer["error"]


def test_a_run_that_is_deleted_while_its_history_is_read_leaves_nothing(
    engine: Engine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(machines, {"n": 1})
    tell(engine, [event(output={"n": 1})])
    real = ResultsStore.save

    def save(*arguments: Any) -> None:
        delete_run(engine.executions.table, TENANT, "e", after(3600).timestamp())
        real(*arguments)

    monkeypatch.setattr(ResultsStore, "save", save)
    assert read_results.open_results(engine, ME, "e").run["status"] == "completed"
    assert engine.executions.table.count(keys.execution(TENANT, "e")) == 0


def test_a_history_that_lags_behind_the_event_is_not_kept(engine: Engine, machines: Machines) -> None:
    history(machines)
    *begun, last = machines.histories[arn("e")]
    machines.histories[arn("e")] = begun
    tell(engine, [event(seconds=0.9, output={"n": 1})])
    answer = read_results.results(engine, ME, "e")
    assert (answer["status"], answer["output"]) == ("completed", {"n": 1})
    assert engine.results.find(TENANT, "e") is None
    machines.histories[arn("e")].append(last)
    assert read_results.results(engine, ME, "e")["step_results"]["b"]["output_data"] == 2
    assert engine.results.find(TENANT, "e") is not None


def test_results_from_before_a_redrive_are_not_those_of_its_end(engine: Engine, machines: Machines) -> None:
    told = History()
    told.task("a", 1)
    told.end_failed("Boom")
    machines.histories[arn("e")] = list(told.events)
    tell(engine, [event("FAILED", 0.6, error="Boom")])
    assert read_results.results(engine, ME, "e")["status"] == "failed"
    object.__setattr__(engine, "now", lambda: after(21))
    redriven(engine, 1, 20)
    told.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    assert read_results.results(engine, ME, "e")["status"] == "running"  # the history does not show it yet
    machines.histories[arn("e")] = list(told.events)
    assert read_results.results(engine, ME, "e")["status"] == "running"
    told.task("b", 2)
    machines.histories[arn("e")] = told.end(machine_output({"done": True}))
    tell(engine, [event("SUCCEEDED", 30, redrive_count=1, output={"done": True})])
    answer = read_results.results(engine, ME, "e")
    assert (answer["status"], answer["step_results"]["b"]["status"]) == ("completed", "completed")
    assert answer["metadata"]["redrive_count"] == 1


def test_a_redrive_that_never_came_to_step_functions_is_found_by_the_sweeper(
    engine: Engine, machines: Machines
) -> None:
    told = History()
    told.task("a", 1)
    machines.histories[arn("e")] = told.end_failed("Boom")
    ended = event("FAILED", 0.6, error="Boom")
    machines.descriptions[arn("e")] = of_event(ended)
    tell(engine, [ended])
    begin_redrive(engine.executions, found(engine), iso(after(20)), "me")
    assert sweep_executions(engine)["recorded"] == 1
    run = found(engine)
    assert (run.status, run.redrive_count, run.error["type"]) == ("failed", 0, "Boom")
    assert sweep_executions(engine)["looked_at"] == 0


def test_the_record_of_an_ended_run_is_read_without_asking_step_functions(engine: Engine, machines: Machines) -> None:
    from workflow_engine.usecases.runs.read_progress import read_progress

    history(machines, {"n": 1})
    tell(engine, [event(seconds=1, output={"n": 1})])
    progress = read_progress(engine, ME, "e")
    assert (progress["status"], progress["step_statuses"]) == ("completed", None)
    assert read_results.output_of_run(engine, ME, "e").text == '{"n":1}'
    assert machines.calls == []
    read_results.results(engine, ME, "e")
    assert read_progress(engine, ME, "e")["step_statuses"] == {"a": "completed", "b": "completed"}
    assert machines.calls == ["GetExecutionHistory"]


def test_who_waited_gets_the_record_and_a_way_to_the_steps_when_the_budget_is_used_up(
    engine: Engine, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    history(machines, {"n": 1})
    tell(engine, [event(seconds=1, output={"n": 1})])
    with monkeypatch.context() as busy:
        busy.setattr(Engine, "may_ask", lambda *_: False)
        answer = read_results.results_at_hand(engine, ME, "e")
    assert (answer["status"], answer["output"], answer["step_results"]) == ("completed", {"n": 1}, {})
    assert machines.calls == []
    query = read_results.ResultsQuery(cursor=answer["next_cursor"])
    following = read_results.results(engine, ME, "e", query)
    assert list(following["step_results"]) == ["a", "b"]
    assert following["next_cursor"] is None
    assert read_results.results_at_hand(engine, ME, "e") == following


def test_of_a_run_whose_history_is_gone_the_record_stays(engine: Engine) -> None:
    tell(engine, [event(output={"n": 1})])
    answer = read_results.results(engine, ME, "e")
    assert (answer["status"], answer["output"], answer["step_results"]) == ("completed", {"n": 1}, {})
    assert answer["next_cursor"] is None
    with pytest.raises(NotFoundError, match="Step Functions has forgotten its history"):
        read_results.output_of_step(engine, ME, "e", "a")
    with pytest.raises(NotFoundError, match="no step 'c'"):
        read_results.output_of_step(engine, ME, "e", "c")


def test_a_marker_in_the_output_is_read_from_the_history_when_somebody_asks(engine: Engine, machines: Machines) -> None:
    tell(engine, [event(output={"a": dict(MARKER)})])
    assert (found(engine).status, found(engine).output) == ("completed", None)
    assert machines.calls == []
    assert engine.due.archive(iso(after(3600)), 10) == [(keys.execution(TENANT, "e"), keys.META)]


def test_tolerated_failures_are_known_at_once(engine: Engine) -> None:
    tell(engine, [event(output={"n": 1}), event(output={"n": 2}, execution_id="e")])
    assert (found(engine).failed_steps, found(engine).output) == ([], '{"n":1}')
    engine.executions.create(running("some"))
    output = json.dumps(machine_output({"n": 1}, "b"))
    tell(engine, [event(execution_id="some", output=None) | {"output": output}])
    assert engine.executions.get(TENANT, "some").failed_steps == ["b"]
