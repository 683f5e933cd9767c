"""What a step received and every attempt at it, from histories written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.backend_history import History
from tests.support.outlines import container, leaf, outline
from workflow_engine.machines import results
from workflow_engine.machines.outputs import Outputs
from workflow_engine.machines.step_details import MAX_ATTEMPTS, MAX_STACK, StepDetails, may_name_a_secret
from workflow_engine.redaction import _KEYS, _SECRET_WORDS, REDACTED, is_secret_name

REQUEST = "11111111-2222-4333-8444-555555555555"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:workflow-step-charge"


def _report(events: Iterable[Any], steps: dict[str, Any], known: Iterable[str] = ()) -> results.RunReport:
    def refuse(_: Iterable[bytes]) -> str:
        raise AssertionError("nothing is kept")

    return results.report(iter(events), steps, Outputs(refuse), known_secrets=known)


def _details(run: results.RunReport, key: str) -> StepDetails:
    found = run.steps.details(run.steps.keys.index(key))
    assert found is not None
    return found


def _scheduled(history: History, input_data: Any, config: Any = None, call: Any = None) -> None:
    payload = {"step_config": {"step_id": "a", "config": config or {}}, "input_data": input_data}
    parameters = json.dumps({"FunctionName": FUNCTION, "Payload": payload | ({"call": call} if call else {})})
    resource = {"resourceType": "lambda", "resource": "invoke"}
    history.add("TaskScheduled", taskScheduledEventDetails={**resource, "parameters": parameters})
    history.add("TaskStarted", taskStartedEventDetails=resource)


def _succeeded(history: History, payload: Any) -> None:
    answer = {"Payload": payload, "SdkResponseMetadata": {"RequestId": REQUEST}, "StatusCode": 200}
    details = {"resourceType": "lambda", "resource": "invoke", "output": json.dumps(answer)}
    history.add("TaskSucceeded", taskSucceededEventDetails=details)


def _failed(history: History, error: str, **told: Any) -> None:
    cause = json.dumps({"errorMessage": "no", "errorType": error, **told})
    details = {"resourceType": "lambda", "resource": "invoke", "error": error, "cause": cause}
    history.add("TaskFailed", taskFailedEventDetails=details)


def test_a_step_is_told_with_what_it_received_its_function_and_the_id_of_its_request() -> None:
    history = History()
    history.enter("a")
    _scheduled(history, {"amount": 3}, {"currency": "EUR"})
    _succeeded(history, {"ok": True})
    history.exit("a")
    details = _details(_report(history.end(), outline(leaf("a"))), "a")
    assert details.received == {"input_data": {"amount": 3}, "config": {"currency": "EUR"}}
    assert details.function_name == "workflow-step-charge"
    assert details.attempts == [
        {
            "attempt": 1,
            "status": "completed",
            "scheduled_at": "2026-01-02T03:04:05.200Z",
            "started_at": "2026-01-02T03:04:05.300Z",
            "completed_at": "2026-01-02T03:04:05.400Z",
            "execution_time_ms": 100,
            "error_type": None,
            "error_message": None,
            "stack_trace": None,
            "request_id": REQUEST,
        }
    ]


def test_each_attempt_has_its_own_error_stack_trace_and_time() -> None:
    history = History()
    history.enter("a")
    _scheduled(history, {})
    _failed(history, "Busy", requestId=REQUEST, stackTrace=['  File "charge.py", line 3, in charge\n    bank()\n'])
    _scheduled(history, {})
    history.add("TaskTimedOut", taskTimedOutEventDetails={"error": "States.Timeout"})
    _scheduled(history, {})
    _succeeded(history, {})
    history.exit("a")
    attempts: Any = _details(_report(history.end(), outline(leaf("a"))), "a").attempts
    assert [(a["status"], a["error_type"]) for a in attempts] == [
        ("failed", "Busy"),
        ("failed", "States.Timeout"),
        ("completed", None),
    ]
    assert attempts[0]["stack_trace"] == ['  File "charge.py", line 3, in charge', "    bank()"]
    assert attempts[0]["request_id"] == REQUEST
    assert attempts[1]["error_message"] == "It did not end within its timeout."
    assert attempts[1]["request_id"] is None


def test_the_request_of_a_function_that_could_not_tell_its_error_is_read_from_what_lambda_says() -> None:
    history = History()
    history.enter("a")
    _scheduled(history, {})
    _failed(history, "Sandbox.Timedout", errorMessage=f"RequestId: {REQUEST} Error: Task timed out after 3.00 seconds")
    run = _report(history.end_failed("Sandbox.Timedout", history.cause_of_last_failure()), outline(leaf("a")))
    attempts: Any = _details(run, "a").attempts
    assert attempts[0]["request_id"] == REQUEST


def test_an_id_in_what_a_function_gave_is_not_taken_for_that_of_its_request() -> None:
    history = History()
    history.enter("a")
    _scheduled(history, {})
    _succeeded(history, {"SdkResponseMetadata": {"RequestId": "0" * 8 + REQUEST[8:]}})
    history.exit("a")
    attempts: Any = _details(_report(history.end(), outline(leaf("a"))), "a").attempts
    assert attempts[0]["request_id"] == REQUEST


def test_the_token_of_a_task_and_secrets_are_told_nowhere() -> None:
    token, password = "AQCAAAAAKgAAAAMAAAAA" * 20, "correct horse"
    history = History()
    history.enter("a")
    _scheduled(history, {"password": password, "note": f"it is {password}"}, call={"task_token": token})
    _failed(history, "Denied", errorMessage=f"{password} {token}", stackTrace=[f"  login('{password}', '{token}')"])
    run = _report(history.end_failed("Denied", history.cause_of_last_failure()), outline(leaf("a")))
    details = _details(run, "a")
    assert details.received == {"input_data": {"password": REDACTED, "note": f"it is {REDACTED}"}, "config": {}}
    told = json.dumps([details.attempts, details.received, run.error, [r for _, _, r, _ in run.steps.read(0, 9, bool)]])
    assert password not in told
    assert token not in told


def test_a_secret_of_the_environment_is_taken_out_of_what_a_step_received() -> None:
    history = History()
    history.enter("a")
    _scheduled(history, {"url": "https://x/?v=abcdefgh"})
    run = _report(history.events, outline(leaf("a")), known=["abcdefgh"])
    assert _details(run, "a").received == {"input_data": {"url": f"https://x/?v={REDACTED}"}, "config": {}}


def test_an_attempt_that_the_end_of_the_run_cut_off_is_aborted() -> None:
    history = History()
    history.enter("a")
    _scheduled(history, {})
    going: Any = _details(_report(history.events, outline(leaf("a"))), "a").attempts
    assert (going[0]["status"], going[0]["completed_at"]) == ("running", None)
    history.add("ExecutionAborted", executionAbortedEventDetails={})
    aborted: Any = _details(_report(history.events, outline(leaf("a"))), "a").attempts
    assert (aborted[0]["status"], aborted[0]["completed_at"]) == ("aborted", "2026-01-02T03:04:05.400Z")


def test_attempts_before_the_container_was_tried_again_stand_before_the_others() -> None:
    history = History()
    history.enter("m", "Map")
    for error in ("Busy", None):
        history.add("MapStateStarted", mapStateStartedEventDetails={"length": 1})
        history.add("MapIterationStarted", mapIterationStartedEventDetails={"name": "m", "index": 0})
        history.enter("a")
        _scheduled(history, {})
        if error is not None:
            _failed(history, error)
            history.add("MapIterationFailed", mapIterationFailedEventDetails={"name": "m", "index": 0})
    _succeeded(history, {})
    history.exit("a")
    run = _report(history.events, outline(container("m", "map", leaf("a"))))
    attempts: Any = _details(run, "m[0].a").attempts
    assert [(a["attempt"], a["status"], a["error_type"]) for a in attempts] == [
        (1, "failed", "Busy"),
        (2, "completed", None),
    ]
    of_the_map: Any = _details(run, "m").attempts
    assert [(a["status"], a["error_type"]) for a in of_the_map] == [("failed", "Busy"), ("running", None)]


def test_of_many_attempts_with_long_traces_the_last_are_told_and_their_ends() -> None:
    history = History()
    history.enter("a")
    for _ in range(MAX_ATTEMPTS + 5):
        _scheduled(history, {})
        _failed(history, "Busy", stackTrace=["x" * 100] * 100 + ["the last line"])
    attempts: Any = _details(_report(history.events, outline(leaf("a"))), "a").attempts
    assert [attempts[0]["attempt"], attempts[-1]["attempt"]] == [6, MAX_ATTEMPTS + 5]
    assert attempts[0]["stack_trace"][-1] == "the last line"
    assert sum(map(len, attempts[0]["stack_trace"])) <= MAX_STACK


def test_a_subflow_is_told_with_the_input_of_its_run() -> None:
    parameters = {"StateMachineArn": "arn", "Name": "sub-1", "Input": {"input": {"x": 1}, "config": {}, "run": {}}}
    history = History()
    history.enter("a")
    task = {"resourceType": "states", "resource": "startExecution.sync:2", "parameters": json.dumps(parameters)}
    history.add("TaskScheduled", taskScheduledEventDetails=task)
    details = _details(_report(history.events, outline(leaf("a"))), "a")
    assert (details.received, details.function_name) == ({"input_data": {"x": 1}, "config": None}, None)


def test_a_step_without_a_task_has_no_details() -> None:
    history = History()
    history.enter("a", "Pass")
    history.exit("a", "Pass", {"a": 1})
    assert _report(history.end(), outline(leaf("a"))).steps.details(0) is None


def test_transitions_are_states_that_were_entered_and_retries() -> None:
    history = History()
    history.task("a", 1)
    history.enter("b")
    _scheduled(history, {})
    _failed(history, "Busy")
    _scheduled(history, {})
    _succeeded(history, {})
    history.exit("b")
    assert _report(history.end(), outline(leaf("a"), leaf("b"))).spent.transitions == 3


def test_what_models_took_is_summed_over_all_steps_and_told_with_each() -> None:
    usage = {"tokens_in": 3, "tokens_out": 4, "llm_calls": 1, "cost_usd": 0.25}
    history = History()
    history.task("a", {"usage": usage})
    history.task("b", {"usage": usage})
    history.task("c", {"usage": {"cpu": 3}})
    run = _report(history.end(), outline(leaf("a"), leaf("b"), leaf("c")))
    assert run.usage.as_dict() == {
        "tokens_in": 6,
        "tokens_out": 8,
        "total_tokens": 14,
        "llm_calls": 2,
        "cost_usd": 0.5,
    }
    of_steps = [result.get("usage") for _, _, result, _ in run.steps.read(0, 3, bool)]
    assert of_steps == [usage | {"total_tokens": 7}] * 2 + [None]


def test_a_model_without_a_known_price_leaves_the_cost_unknown() -> None:
    history = History()
    history.task("a", {"usage": {"tokens_in": 3, "llm_calls": 1, "cost_usd": None}})
    history.task("b", {"usage": {"tokens_in": 3, "llm_calls": 1, "cost_usd": 0.5}})
    assert _report(history.end(), outline(leaf("a"), leaf("b"))).usage.cost_usd is None


@pytest.mark.parametrize("word", sorted(_SECRET_WORDS | {f"{before}_key" for before in _KEYS} | {"connectionString"}))
def test_no_text_is_passed_over_in_which_something_stands_under_a_secret_name(word: str) -> None:
    assert is_secret_name(word)
    assert may_name_a_secret(json.dumps({word.upper(): "x"}))
