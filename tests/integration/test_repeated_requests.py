"""What is fixed by the first attempt at a request, and what a start without a key still promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.fault_world import TRUTH, World, fault_world, lambda_arn
from tests.support.wire_faults import FAULTS, FunctionKilledError
from workflow_engine.errors import (
    ConflictError,
    MisconfiguredError,
    OutcomeUnknownError,
    RequestUnderWayError,
    ThrottledError,
)
from workflow_engine.http.runs import started
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.store.conditions import Missing, equals
from workflow_engine.store.table import ConditionFailedError, Write
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.runs import cancel_run, read_results, start_run
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.workflows import compilation, read_workflows, save_workflow

ME = Caller("t", "me")
KEY = "key-1"
HELLO: dict[str, Any] = {"name": "Hello", "steps": [{"step_id": "a", "step_type": "data_input", "config": {"data": 1}}]}
OWN = HELLO | {"steps": [{"step_id": "a", "step_type": "own"}]}
STEP = {"step_type": "own", "function_arn": lambda_arn("workflow-step-own")}
UNKNOWN = ("server fault", "timeout before the effect", "connection reset", "every answer lost")


@pytest.fixture(scope="module")
def of_the_module() -> Iterator[World]:
    with fault_world() as made:
        yield made


@pytest.fixture
def world(of_the_module: World) -> World:
    of_the_module.empty()
    return of_the_module


def records(world: World) -> list[dict[str, Any]]:
    return [item for item in world.items() if "execution_arn" in item]


def saved(world: World, document: dict[str, Any]) -> str:
    return str(save_workflow.create(world.engine, ME, document)["workflow_id"])


def fails_at_start(world: World, fault: str, workflow_id: str) -> dict[str, Any]:
    """The record that a request leaves whose StartExecution meets a fault."""
    with (
        world.wire.fault_at("StartExecution", FAULTS[fault]),
        pytest.raises((OutcomeUnknownError, FunctionKilledError)),
    ):
        start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    (record,) = records(world)
    return record


# ---- without a key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_key_every_run_has_its_record(world: World, fault: str) -> None:
    def start() -> Any:
        return start_run.start(world.engine, ME, HELLO)

    with world.wire.fault_at(-1, ()):
        start()
    for number in range(len(world.wire.calls)):
        world.empty()
        try:
            with world.wire.fault_at(number, FAULTS[fault]):
                start()
        except FunctionKilledError:
            pass
        except (ThrottledError, MisconfiguredError, ClientError):
            assert "effect" in fault or world.executions() == []
        except Exception:
            assert fault in (*UNKNOWN, "server fault after the effect", "answer lost, then throttled")
        world.clock.pass_by(120)
        arns = {record["execution_arn"] for record in records(world)}
        assert {e.execution_arn for e in world.executions()} <= arns
        for execution in world.executions():
            told = read_results.results(world.engine, ME, execution.name)["status"]
            assert told == TRUTH[execution.status], (number, fault)


@pytest.mark.parametrize("fault", ["throttled once", "one answer lost"])
def test_without_a_key_botocores_own_retries_start_one_run(world: World, fault: str) -> None:
    with world.wire.fault_at(-1, ()):
        start_run.start(world.engine, ME, HELLO)
    for number in range(len(world.wire.calls)):
        world.empty()
        with world.wire.fault_at(number, FAULTS[fault]):
            run = start_run.start(world.engine, ME, HELLO)
        assert [e.name for e in world.executions()] == [run["execution_id"]]
        assert [r["execution_id"] for r in records(world)] == [run["execution_id"]]


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("fault", ["throttled", "access denied"])
def test_a_refused_start_leaves_nothing(world: World, fault: str, key: str | None) -> None:
    workflow_id = saved(world, HELLO)
    with (
        world.wire.fault_at("StartExecution", FAULTS[fault]),
        pytest.raises((ThrottledError, MisconfiguredError, ClientError)),
    ):
        start_run.start_stored(world.engine, ME, workflow_id, {}, key)
    assert (records(world), world.executions()) == ([], [])


@pytest.mark.parametrize("fault", ["every answer lost", "answer lost, then throttled", "server fault after the effect"])
def test_a_start_of_unknown_outcome_keeps_its_record_and_names_it(world: World, fault: str) -> None:
    with world.wire.fault_at("StartExecution", FAULTS[fault]), pytest.raises(OutcomeUnknownError) as raised:
        start_run.start(world.engine, ME, HELLO)
    (execution,) = world.executions()
    assert execution.name in raised.value.detail
    assert [r["execution_arn"] for r in records(world)] == [execution.execution_arn]


# ---- with a key: what the first attempt has fixed -----------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["killed before the effect", "connection reset"])
def test_a_later_attempt_starts_exactly_what_the_first_has_recorded(world: World, fault: str) -> None:
    register_step.register(world.engine, ME, STEP)
    workflow_id = saved(world, OWN)
    before = read_workflows.get(world.engine, ME, workflow_id)
    fails_at_start(world, fault, workflow_id)
    register_step.register(world.engine, ME, STEP | {"function_arn": lambda_arn("workflow-step-new")})
    changed = {
        "name": "Changed",
        "steps": [*OWN["steps"], {"step_id": "b", "step_type": "delay", "config": {"delay_seconds": 1}}],
    }
    save_workflow.update(world.engine, ME, workflow_id, changed)
    world.clock.pass_by(65)
    run = start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    (execution,) = world.executions()
    assert (run["workflow_version"], run["workflow_name"]) == (1, before["name"])
    content = json.loads(execution.execution_input)
    assert lambda_arn("workflow-step-own") in json.dumps(content)
    assert lambda_arn("workflow-step-new") not in json.dumps(content)


def test_a_run_whose_workflow_was_deleted_meanwhile_is_still_the_answer(world: World) -> None:
    workflow_id = saved(world, HELLO)
    record = fails_at_start(world, "every answer lost", workflow_id)
    save_workflow.delete(world.engine, ME, workflow_id)
    run = start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    assert run["execution_id"] == record["execution_id"]


def test_a_run_that_is_started_late_is_not_told_as_never_started(world: World) -> None:
    workflow_id = saved(world, HELLO)
    record = fails_at_start(world, "killed before the effect", workflow_id)
    world.clock.pass_by(65)
    with world.wire.fault_at("StartExecution", FAULTS["killed before the effect"]), pytest.raises(FunctionKilledError):
        start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    world.clock.pass_by(50)
    assert read_results.results(world.engine, ME, record["execution_id"])["status"] == "running"
    world.clock.pass_by(50)
    assert start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)["execution_id"] == record["execution_id"]
    assert [e.name for e in world.executions()] == [record["execution_id"]]


def test_no_other_generation_is_started_after_an_unknown_outcome(world: World) -> None:
    workflow_id = saved(world, HELLO)
    fails_at_start(world, "every answer lost", workflow_id)
    arn = world.engine.workflows.newest("t", workflow_id).compiled.machine_arn
    world.engine.stepfunctions.delete_state_machine(stateMachineArn=arn)
    run = start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    assert run == start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    assert world.executions() == []
    world.clock.pass_by(61)
    assert read_results.results(world.engine, ME, run["execution_id"])["status"] == "failed"


def test_a_machine_that_is_gone_is_replaced_for_a_request_with_a_key(world: World) -> None:
    workflow_id = saved(world, HELLO)
    arn = world.engine.workflows.newest("t", workflow_id).compiled.machine_arn
    world.engine.stepfunctions.delete_state_machine(stateMachineArn=arn)
    run = start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    (execution,) = world.executions()
    assert (execution.name, execution.state_machine_arn[-3:]) == (run["execution_id"], "-g2")
    assert [r["execution_arn"] for r in records(world)] == [execution.execution_arn]


def test_a_run_that_was_told_as_never_started_is_not_started_any_more(world: World) -> None:
    workflow_id = saved(world, HELLO)
    record = fails_at_start(world, "timeout before the effect", workflow_id)
    world.clock.pass_by(61)
    assert read_results.results(world.engine, ME, record["execution_id"])["status"] == "failed"
    run = start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    assert (run["execution_id"], run["status"]) == (record["execution_id"], "failed")
    assert world.executions() == []


def test_a_run_is_not_told_as_never_started_while_a_repetition_starts_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_id = saved(world, HELLO)
    record = fails_at_start(world, "timeout before the effect", workflow_id)
    world.clock.pass_by(61)
    verdict = read_results._without_history

    def overtaken(*arguments: Any) -> Any:
        monkeypatch.undo()
        run = verdict(*arguments)
        start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
        return run

    monkeypatch.setattr(read_results, "_without_history", overtaken)
    assert read_results.results(world.engine, ME, record["execution_id"])["status"] == "running"
    assert read_results.get_execution(world.engine, ME, record["execution_id"])["status"] == "running"
    assert [e.name for e in world.executions()] == [record["execution_id"]]


def test_a_run_that_is_about_to_start_is_not_told_as_cancelled(world: World) -> None:
    record = fails_at_start(world, "timeout before the effect", saved(world, HELLO))
    with pytest.raises(ThrottledError, match="about to start"):
        cancel_run.cancel(world.engine, ME, record["execution_id"])
    assert read_results.get_execution(world.engine, ME, record["execution_id"])["status"] == "running"


def test_a_cancelled_run_is_not_started_by_a_repetition(world: World) -> None:
    workflow_id = saved(world, HELLO)
    record = fails_at_start(world, "timeout before the effect", workflow_id)
    world.clock.pass_by(61)
    cancel_run.cancel(world.engine, ME, record["execution_id"])
    run = start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
    assert (run["execution_id"], run["status"]) == (record["execution_id"], "cancelled")
    assert world.executions() == []


def test_a_run_that_a_repetition_starts_while_it_is_cancelled_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_id = saved(world, HELLO)
    record = fails_at_start(world, "timeout before the effect", workflow_id)
    world.clock.pass_by(61)
    judge = read_results.may_still_start

    def overtaken(*arguments: Any) -> bool:
        monkeypatch.undo()
        verdict = judge(*arguments)
        start_run.start_stored(world.engine, ME, workflow_id, {}, KEY)
        return verdict

    monkeypatch.setattr(cancel_run, "may_still_start", overtaken)
    assert cancel_run.cancel(world.engine, ME, record["execution_id"])["status"] == "cancelled"
    assert [e.status for e in world.executions()] == ["ABORTED"]


def test_the_name_of_an_ended_run_is_taken_for_ones_own(world: World) -> None:
    machine = world.engine.machines.ensure('{"StartAt":"a","States":{"a":{"Type":"Succeed"}}}')
    arn = world.engine.runs.start(machine.machine_arn, "run-1", "{}")
    world.executions()[0].status = "SUCCEEDED"
    assert world.engine.runs.start(machine.machine_arn, "run-1", "{}") == arn
    assert len(world.executions()) == 1


def test_a_key_is_of_a_new_request_after_a_day(world: World) -> None:
    first = start_run.start(world.engine, ME, HELLO, KEY)
    world.clock.pass_by(24 * 3600)
    assert start_run.start(world.engine, ME, HELLO, KEY) == first
    world.clock.pass_by(2)
    assert start_run.start(world.engine, ME, HELLO, KEY)["execution_id"] != first["execution_id"]


def test_a_refused_body_leaves_the_key_free_for_another(world: World) -> None:
    with pytest.raises(InvalidWorkflowError):
        start_run.start(world.engine, ME, HELLO | {"steps": [{"step_id": "a", "step_type": "magic"}]}, KEY)
    assert start_run.start(world.engine, ME, HELLO, KEY)["status"] == "running"


def test_the_key_of_a_throttled_request_is_still_that_requests(world: World) -> None:
    with world.wire.fault_at("GetItem", FAULTS["throttled"]), pytest.raises(ThrottledError):
        start_run.start(world.engine, ME, HELLO, KEY)
    with pytest.raises(ConflictError, match="another body"):
        start_run.start(world.engine, ME, HELLO | {"name": "Other"}, KEY)


def test_an_answer_of_more_than_an_item_holds_is_kept(world: World) -> None:
    large = HELLO | {"steps": [{"step_id": "a", "step_type": "data_input", "config": {"data": "x" * 200_000}}]}
    large |= {"metadata": {"notes": "y" * 250_000}}
    first = save_workflow.create(world.engine, ME, large, KEY)
    assert save_workflow.create(world.engine, ME, large, KEY) == first
    assert len(read_workflows.list_workflows(world.engine, ME, 10)["items"]) == 1


def test_eight_requests_at_once_under_one_key_start_one_run(world: World) -> None:
    def start(_: int) -> str | None:
        try:
            return str(start_run.start(world.engine, ME, HELLO, KEY)["execution_id"])
        except RequestUnderWayError:
            return None

    with ThreadPoolExecutor(8) as pool:
        answered = set(pool.map(start, range(8))) - {None}
    assert [e.name for e in world.executions()] == list(answered)
    assert [r["execution_id"] for r in records(world)] == list(answered)


def test_a_fault_while_waiting_for_the_end_leaves_a_started_run_started(world: World) -> None:
    run = start_run.start(world.engine, ME, HELLO)
    with world.wire.fault_at(0, FAULTS["throttled"]):
        assert started(world.engine, ME, run, 5) == (run, 202)


# ---- the table ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["one answer lost", "throttled once"])
def test_a_write_that_botocore_sent_twice_finds_its_own_effect(world: World, fault: str) -> None:
    table, new = world.engine._table, Missing("pk")
    writes: tuple[Callable[[], object], ...] = (
        lambda: table.put(Write({"pk": "a", "sk": "b", "n": 1}, new)),
        lambda: table.update("a", "b", {"n": 2}, equals("n", 1)),
        lambda: table.write_all([Write({"pk": "c", "sk": "d"}, new), Write({"pk": "e", "sk": "f"}, new)]),
        lambda: table.delete("a", "b", equals("n", 2)),
    )
    for write in writes:
        with world.wire.fault_at(0, FAULTS[fault]):
            write()
        assert world.wire.happened


def test_a_write_of_somebody_else_is_no_effect_of_ones_own(world: World) -> None:
    table, new = world.engine._table, Missing("pk")
    table.put(Write({"pk": "a", "sk": "b", "n": 1}, new))
    with world.wire.fault_at(0, FAULTS["throttled once"]), pytest.raises(ConditionFailedError):
        table.put(Write({"pk": "a", "sk": "b", "n": 2}, new))
    with pytest.raises(ConditionFailedError):
        table.put(Write({"pk": "a", "sk": "b", "n": 1}, new))  # sent once, so it is another's


def test_two_transactions_at_once_try_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    table, client = world.engine._table, world.engine.dynamodb
    stock, conflicts = client.transact_write_items, [1, 1]

    def conflicting(**arguments: Any) -> Any:
        if conflicts:
            conflicts.pop()
            response: Any = {
                "Error": {"Code": "TransactionCanceledException", "Message": "x"},
                "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
            }
            raise ClientError(response, "TransactWriteItems")
        return stock(**arguments)

    monkeypatch.setattr(client, "transact_write_items", conflicting)
    table.write_all([Write({"pk": "a", "sk": "b"})])
    conflicts += [1, 1, 1]
    with pytest.raises(ThrottledError):
        table.write_all([Write({"pk": "a", "sk": "c"})])
    assert table.get("a", "b") is not None


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_transaction_is_no_fault_of_the_service(
    world: World, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    def throttled(**_: Any) -> Any:
        response: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": reason}]}
        raise ClientError(response, "TransactWriteItems")

    monkeypatch.setattr(world.engine.dynamodb, "transact_write_items", throttled)
    with pytest.raises(ThrottledError):
        world.engine._table.write_all([Write({"pk": "a", "sk": "b"})])


# ---- saving again -------------------------------------------------------------------------------------------------------


def test_the_same_document_is_compiled_anew_when_a_step_type_has_changed(world: World) -> None:
    register_step.register(world.engine, ME, STEP)
    workflow_id = saved(world, OWN)
    assert save_workflow.update(world.engine, ME, workflow_id, OWN)[0]["version"] == 1
    register_step.register(world.engine, ME, STEP | {"timeout_seconds": 7})
    assert save_workflow.update(world.engine, ME, workflow_id, OWN)[0]["version"] == 2
    assert save_workflow.update(world.engine, ME, workflow_id, OWN)[0]["version"] == 2


def test_the_same_document_is_compiled_anew_when_the_engine_has_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(compilation, "_engine_version", lambda: "earlier")
        earlier.setattr(save_workflow, "compile_posted", _compiled_otherwise)
        workflow_id = saved(world, HELLO)
    old = world.engine.workflows.newest("t", workflow_id)
    assert save_workflow.update(world.engine, ME, workflow_id, HELLO)[0]["version"] == 2
    new = world.engine.workflows.newest("t", workflow_id)
    assert new.compiled.machine_hash != old.compiled.machine_hash
    assert new.created_at == old.created_at


def _compiled_otherwise(*arguments: Any) -> Any:
    compiled, warnings = compilation.compile_posted(*arguments)
    return replace(
        compiled, definition=compiled.definition.replace('"TimeoutSeconds":', '"Comment":"old","TimeoutSeconds":')
    ), warnings


def test_an_engine_that_compiles_a_document_to_the_same_makes_no_version(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow_id = saved(world, HELLO)
    monkeypatch.setattr(compilation, "_engine_version", lambda: "later")
    assert save_workflow.update(world.engine, ME, workflow_id, HELLO)[0]["version"] == 1
