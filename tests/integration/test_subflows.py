"""Subflows on the code path of AWS: what is fixed at the start, the records of children, machines that stay for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from functions.execution_recorder import handler
from tests.integration.support import ME, results_of
from tests.integration.test_upkeep import IDLE_DAYS, later, machines
from tests.support.looking import awaited
from tests.support.moto_cloud import MotoCloud
from workflow_engine.errors import ConflictError, NotFoundError, PausedError
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.machines.ends import ExecutionEnd, SubflowStart
from workflow_engine.store.executions import Execution
from workflow_engine.subflows import MAX_DEPTH
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import cancel_run, delete_run, read_results, record_execution, start_run
from workflow_engine.usecases.runs.record_execution import record
from workflow_engine.usecases.runs.record_subflow import record_subflow
from workflow_engine.usecases.upkeep.retire_machines import retire_machines
from workflow_engine.usecases.workflows import compilation, pause_workflow, save_workflow

QUICK: Final[list[dict[str, Any]]] = [{"step_id": "one", "step_type": "data_input", "config": {"data": 1}}]
PAUSE: Final[dict[str, Any]] = {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 600}}


@pytest.fixture
def engine() -> Iterator[Engine]:
    with MotoCloud():
        yield Engine.from_environment()


def save(engine: Engine, workflow_id: str, *steps: dict[str, Any]) -> None:
    save_workflow.update(engine, ME, workflow_id, {"name": workflow_id, "steps": list(steps)})


def sub(workflow_id: str, **config: Any) -> dict[str, Any]:
    return {"step_id": f"run_{workflow_id}", "step_type": "subflow", "config": {"workflow_id": workflow_id, **config}}


def start(engine: Engine, workflow_id: str) -> Any:
    return start_run.start_stored(engine, ME, workflow_id, {})


def children(engine: Engine, execution_id: str) -> list[Execution]:
    parent = engine.executions.get(ME.tenant_id, execution_id)
    return list(engine.executions.find_many(ME.tenant_id, engine.executions.children(parent)).values())


def test_the_record_of_a_child_is_made_at_its_end_where_its_start_was_not_heard(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "record_subflow", lambda *_: None)
    save(engine, "child", *QUICK)
    save(engine, "parent", sub("child"))
    found = results_of(engine, start(engine, "parent"))
    assert found["status"] == "completed"
    (child,) = awaited(lambda: children(engine, found["execution_id"]))
    assert read_results.wait_for_end(engine, ME, child.execution_id, 20)
    assert child.parent_execution_id == found["execution_id"]
    assert read_results.results(engine, ME, child.execution_id)["step_results"]["one"]["status"] == "completed"


def test_an_end_that_is_heard_while_the_start_makes_the_record_is_kept(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = record_execution.record_told

    def told(engine: Engine, tenant_id: str, execution_id: str, end: ExecutionEnd) -> bool:
        done = real(engine, tenant_id, execution_id, end)
        if not done:
            record_subflow(engine, SubflowStart(end.execution_arn, end.stopped_at, None))
        return done

    monkeypatch.setattr(handler, "record_subflow", lambda *_: None)
    monkeypatch.setattr(record_execution, "record_told", told)
    save(engine, "child", *QUICK)
    save(engine, "parent", sub("child"))
    found = results_of(engine, start(engine, "parent"))
    (child,) = awaited(lambda: children(engine, found["execution_id"]))
    awaited(lambda: engine.executions.get(ME.tenant_id, child.execution_id).status == "completed")


def test_a_start_that_is_heard_late_or_twice_changes_nothing(engine: Engine) -> None:
    save(engine, "child", *QUICK)
    save(engine, "parent", sub("child"))
    found = results_of(engine, start(engine, "parent"))
    (child,) = awaited(lambda: children(engine, found["execution_id"]))
    assert read_results.wait_for_end(engine, ME, child.execution_id, 20)
    for _ in range(2):
        # Without the input, as an event comes that would be too large with it.
        again = record_subflow(engine, SubflowStart(child.execution_arn, engine.now(), None))
        assert again is not None
        assert again.status == "completed"
    assert len(children(engine, found["execution_id"])) == 1


def test_a_subflow_that_was_deleted_stays_so_whatever_is_heard_once_more(engine: Engine) -> None:
    save(engine, "child", *QUICK)
    save(engine, "parent", sub("child"))
    found = results_of(engine, start(engine, "parent"))
    (child,) = awaited(lambda: children(engine, found["execution_id"]))
    assert read_results.wait_for_end(engine, ME, child.execution_id, 20)
    delete_run.delete(engine, ME, child.execution_id)
    told = SubflowStart(child.execution_arn, engine.now(), None)
    assert record_subflow(engine, told) is None
    with pytest.raises(NotFoundError):
        record(engine, ExecutionEnd(child.execution_arn, "completed", engine.now()), told)
    assert children(engine, found["execution_id"]) == []


def test_an_execution_that_no_run_of_ours_started_gets_no_record(engine: Engine) -> None:
    save(engine, "child", *QUICK)
    machine = engine.workflows.newest(ME.tenant_id, "child").compiled.machine_arn
    arn = engine.runs.start(machine, "sub-by-hand", '{"run": {}}')
    told = SubflowStart(arn, engine.now(), None)
    assert record_subflow(engine, told) is None
    with pytest.raises(NotFoundError):
        record(engine, ExecutionEnd(arn, "completed", engine.now()), told)


def test_a_subflow_that_begins_while_its_parent_is_cancelled_is_stopped(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unheard:
        unheard.setattr(handler, "record_subflow", lambda *_: None)
        save(engine, "child", PAUSE)
        save(engine, "parent", sub("child"))
        execution_id = start(engine, "parent")["execution_id"]
        machine = engine.workflows.newest(ME.tenant_id, "child").compiled.machine_arn
        arn = awaited(
            lambda: [
                e["executionArn"] for e in engine.stepfunctions.list_executions(stateMachineArn=machine)["executions"]
            ]
        )[0]
        # As where Step Functions does not stop it with its parent.
        real = engine.executions.get(ME.tenant_id, execution_id)
        assert engine.executions.update_status(real, "cancelled", 0, completed_at=engine.timestamp())
    assert engine.runs.end(arn) is None
    record_subflow(engine, SubflowStart(arn, engine.now(), None))
    # The one that makes the record stops it: this one, or what hears of the start late.
    assert awaited(lambda: engine.runs.end(arn)).status == "cancelled"


def test_cancelling_a_cancelled_run_once_more_stops_what_goes_on_below_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(engine, "leaf", PAUSE)
    save(engine, "child", sub("leaf"))
    save(engine, "parent", sub("child"))
    execution_id = start(engine, "parent")["execution_id"]
    (child,) = awaited(lambda: children(engine, execution_id))
    (leaf,) = awaited(lambda: children(engine, child.execution_id))
    parent = engine.executions.get(ME.tenant_id, execution_id)
    assert engine.executions.update_status(parent, "cancelled", 0, completed_at=engine.timestamp())
    cancel_run.cancel(engine, ME, execution_id)
    assert engine.runs.end(child.execution_arn) is not None
    assert engine.runs.end(leaf.execution_arn) is not None


def test_the_machine_of_a_subflow_stays_while_a_run_may_come_to_it(engine: Engine) -> None:
    save(engine, "leaf", *QUICK)
    save(engine, "child", sub("leaf"))
    save(engine, "parent", PAUSE, {**sub("child"), "dependencies": ["pause"]})
    execution_id = start(engine, "parent")["execution_id"]
    kept = machines(engine)
    assert len(kept) == 3
    for days in (31, 62):
        retire_machines(later(engine, days=days), IDLE_DAYS)
        retire_machines(later(engine, days=days, hours=2), IDLE_DAYS)
    assert machines(engine) == kept
    cancel_run.cancel(engine, ME, execution_id)


def test_the_machine_of_a_subflow_goes_once_no_run_can_be_redriven_that_may_come_to_it(engine: Engine) -> None:
    save(engine, "child", *QUICK)
    save(engine, "parent", PAUSE, {**sub("child"), "dependencies": ["pause"]})
    cancel_run.cancel(engine, ME, start(engine, "parent")["execution_id"])
    retire_machines(later(engine, days=14), 15)
    assert len(machines(engine)) == 2
    for hours in range(0, 30, 2):
        retire_machines(later(engine, days=16, hours=hours), 15)
    assert machines(engine) == []


def test_a_retired_machine_of_a_subflow_is_made_anew_at_the_start(engine: Engine) -> None:
    save(engine, "child", *QUICK)
    assert retire_machines(later(engine, days=31), IDLE_DAYS)["retired"] == 1
    assert retire_machines(later(engine, days=31, hours=2), IDLE_DAYS)["deleted"] == 1
    save(engine, "parent", sub("child"))
    assert results_of(engine, start(engine, "parent"))["status"] == "completed"
    machine = engine.workflows.newest(ME.tenant_id, "child").compiled.machine_arn
    assert machine.endswith("-g2")


def test_a_cycle_that_was_not_seen_when_it_was_saved_is_refused_at_the_start(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation, "_of_subflows", lambda *_: ())
    save(engine, "first", sub("second"))
    save(engine, "second", sub("first"))
    with pytest.raises(ConflictError, match="first@1 -> second@1 -> first@1"):
        start(engine, "first")


def test_as_many_levels_run_as_are_allowed_and_no_more(engine: Engine) -> None:
    save(engine, "w0", *QUICK)
    for level in range(1, MAX_DEPTH + 1):
        save(engine, f"w{level}", sub(f"w{level - 1}"))
    assert results_of(engine, start(engine, f"w{MAX_DEPTH}"))["status"] == "completed"
    with pytest.raises(InvalidWorkflowError) as refused:
        save(engine, "too_deep", sub("w0"), sub(f"w{MAX_DEPTH}"))
    (found,) = refused.value.diagnostics
    assert (found.code, found.pointer) == ("WFE-E411", "/steps/1/config/workflow_id")
    assert "too_deep -> w10 -> w9" in found.detail


def test_a_workflow_that_many_lead_to_is_fixed_once(engine: Engine) -> None:
    save(engine, "w0", *QUICK)
    for level in range(1, 6):
        twice = {**sub(f"w{level - 1}"), "step_id": "again"}
        save(engine, f"w{level}", sub(f"w{level - 1}"), twice)
    execution = start(engine, "w5")
    arn = engine.executions.get(ME.tenant_id, execution["execution_id"]).execution_arn
    events, _ = engine.runs.events(arn, 1, None, with_data=True)
    text = events[0]["executionStartedEventDetails"]["input"]
    assert text.count('"machine":') == 5
    cancel_run.cancel(engine, ME, execution["execution_id"])


@pytest.mark.parametrize("config", [{}, {"version": 1}])
def test_a_paused_workflow_is_not_started_as_a_subflow_either(engine: Engine, config: dict[str, Any]) -> None:
    save(engine, "child", *QUICK)
    save(engine, "parent", sub("child", **config))
    pause_workflow.pause(engine, ME, "child", {"reason": "Prices are wrong."})
    with pytest.raises(PausedError, match="Prices are wrong"):
        start(engine, "parent")
    pause_workflow.resume(engine, ME, "child")
    assert results_of(engine, start(engine, "parent"))["status"] == "completed"
