"""A step whose output is checked by a second state, in histories written by hand: told as one step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.backend_history import History
from tests.support.outlines import container, leaf, outline
from tests.support.run_report import report
from workflow_engine.data_limit import told_as_caught
from workflow_engine.machines import results
from workflow_engine.machines.outputs import Outputs
from workflow_engine.machines.run_events import RunEvents

ONE = outline(leaf("a", checked=True), sinks=["a"])
GIVEN = {"given": {"n": 1}}


def called(history: History, name: str = "a") -> None:
    """The function has given its output, and the check is still to come."""
    history.task(name, {"n": 1})
    history.events[-1]["stateExitedEventDetails"]["output"] = '{"given": {"n": 1}}'


def result(history: History, steps: dict[str, Any] = ONE, key: str = "a", *, ends: bool = True) -> dict[str, Any]:
    return report(history.end() if ends else history.events, steps).step_results[key]


def transitions(history: History) -> int:
    def refuse(_: Iterable[bytes]) -> str:
        raise AssertionError("nothing is kept")

    return results.report(iter(history.events), ONE, Outputs(refuse)).spent.transitions


def happened(events: list[dict[str, Any]], steps: dict[str, Any] = ONE) -> list[str]:
    reader = RunEvents(steps)
    return [f"{e.type} {e.step}" for event in events for e in reader.read(event) if e.step]


def test_it_has_completed_when_its_output_was_checked_and_began_with_the_function() -> None:
    history = History()
    called(history)
    history.task("a.held", {"n": 1})
    told = result(history)
    assert (told["status"], told["output_data"], told["retry_count"]) == ("completed", {"n": 1}, 0)
    assert (told["started_at"], told["execution_time_ms"]) == ("2026-01-02T03:04:05.100Z", 900)
    assert happened(history.events) == ["step.started a", "step.completed a"]
    assert transitions(history) == 2


def test_between_the_two_states_it_is_running_and_has_no_output() -> None:
    history = History()
    called(history)
    told = result(history, ends=False)
    assert (told["status"], told["output_data"]) == ("running", None)
    history.enter("a.held")
    assert result(history, ends=False)["status"] == "running"
    assert happened(history.events) == ["step.started a"]


@pytest.mark.parametrize("entered", [False, True])
def test_a_run_that_is_stopped_before_the_check_has_not_completed_it(entered: bool) -> None:
    history = History()
    called(history)
    if entered:
        history.enter("a.held")
        history.schedule()
    history.add("ExecutionAborted", executionAbortedEventDetails={})
    told = result(history, ends=False)
    assert (told["status"], told["output_data"]) == ("aborted", None)


def test_a_misfit_is_the_failure_of_the_step_and_of_its_last_attempt() -> None:
    history = History()
    called(history)
    history.enter("a.held")
    history.schedule()
    history.fail("StepOutputError", "It does not fit.")
    events = history.end_failed("StepOutputError", history.cause_of_last_failure())
    run = report(events, ONE)
    assert run.error == {"step_id": "a", "type": "StepOutputError", "message": "It does not fit."}
    told = run.step_results["a"]
    assert (told["status"], told["output_data"], told["error_type"], told["retry_count"]) == (
        "failed",
        None,
        "StepOutputError",
        0,
    )
    assert happened(events) == ["step.started a", "step.attempt_failed a", "step.failed a"]


def test_a_fault_of_the_check_is_no_attempt_at_the_step() -> None:
    history = History()
    called(history)
    history.enter("a.held")
    history.schedule()
    history.fail("Lambda.TooManyRequestsException", "later")
    history.schedule()
    history.succeed({"n": 1})
    history.exit("a.held")
    told = result(history)
    assert (told["status"], told["retry_count"], told["error_type"]) == ("completed", 0, None)
    assert happened(history.events) == ["step.started a", "step.completed a"]
    assert transitions(history) == 3


def test_a_failure_of_the_function_is_told_as_ever() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail("Boom", "bang")
    history.exit("a")
    told = result(history)
    assert (told["status"], told["error_type"]) == ("failed", "Boom")
    assert happened(history.events)[-1] == "step.failed a"


def test_a_misfit_that_is_caught_fails_its_step_alone() -> None:
    history = History()
    called(history)
    history.enter("a.held")
    history.schedule()
    history.fail("StepOutputError", "It does not fit.")
    history.exit("a.held")
    history.task("b", 2)
    run = report(history.end(), outline(leaf("a", checked=True), leaf("b")))
    assert [(run.step_results[s]["status"], run.step_results[s]["error_type"]) for s in "ab"] == [
        ("failed", "StepOutputError"),
        ("completed", None),
    ]


def test_a_redrive_after_a_misfit_checks_the_same_output_again() -> None:
    history = History()
    called(history)
    history.enter("a.held")
    scheduled = history.schedule()
    history.fail("StepOutputError", "It does not fit.")
    history.end_failed("StepOutputError", history.cause_of_last_failure())
    history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    history.last = scheduled
    history.schedule()
    history.succeed({"n": 1})
    history.exit("a.held")
    told = result(history)
    assert (told["status"], told["output_data"], told["retry_count"]) == ("completed", {"n": 1}, 0)


def test_each_turn_of_a_loop_has_its_own_check() -> None:
    history = History()
    history.passed("l.start", {})
    for n in (1, 2):
        called(history)
        history.task("a.held", {"n": n})
        history.choose("l.until")
    told = report(history.end(), outline(container("l", "loop", leaf("a", checked=True), sinks=["a"]))).step_results
    assert [told[f"l[{n}].a"]["output_data"] for n in (0, 1)] == [{"n": 1}, {"n": 2}]


def test_an_output_too_large_to_hand_to_the_check_fails_the_step() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.succeed({"n": 1})
    history.exit("a", output=told_as_caught("a"))
    assert result(history)["error_type"] == "States.DataLimitExceeded"
