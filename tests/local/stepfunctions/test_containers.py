"""Parallel and inline Map: what goes on beside each other, what stops together, and how it is recorded."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from infra.local.stepfunctions import history
from tests.local.stepfunctions.support import PATIENCE_SECONDS, branch, callback, run, run_state, task

CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]
CAUGHT = {"Type": "Pass", "End": True}


def called(name: str = "f", payload: Any = "{% $states.input %}") -> dict[str, Any]:
    return task(name, payload, Output="{% $states.result.Payload %}")


def mapped(items: Any, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Map", "Items": items, "ItemProcessor": branch("I", state), "End": True, **more}


def parallel(*states: dict[str, Any], **more: Any) -> dict[str, Any]:
    branches = [branch(f"B{index}", state) for index, state in enumerate(states)]
    return {"Type": "Parallel", "Branches": branches, "End": True, **more}


class Failing:
    """Two functions: `f` works until it is released, and `g` fails once `f` works."""

    def __init__(self) -> None:
        self._working, self.release = threading.Event(), threading.Event()
        self.handlers = {"f": self._work, "g": self._fail}

    def _work(self, event: Any, context: Any) -> None:
        self._working.set()
        self.release.wait(PATIENCE_SECONDS)

    def _fail(self, event: Any, context: Any) -> None:
        self._working.wait(PATIENCE_SECONDS)
        raise ValueError("broken")


def test_branches_run_together_and_answer_in_order() -> None:
    meeting = threading.Barrier(3)

    def handler(event: Any, context: Any) -> Any:
        meeting.wait(PATIENCE_SECONDS)
        return event

    ended = run_state(parallel(*(called(payload=n) for n in (1, 2, 3))), None, {"f": handler})
    assert ended.output == [1, 2, 3]
    [started], [left] = ended.of("ParallelStateStarted"), ended.of("ParallelStateExited")
    assert [event["previousEventId"] for event in ended.of("TaskStateEntered")] == [started["id"]] * 3
    assert left["previousEventId"] == max(event["id"] for event in ended.of("TaskStateExited"))


def test_a_failed_branch_aborts_the_others() -> None:
    functions = Failing()
    ended = run_state(parallel(called("f"), called("g"), Catch=CATCH_ALL), None, functions.handlers, Caught=CAUGHT)
    functions.release.set()
    assert ended.output["Error"] == "ValueError"
    assert json.loads(ended.output["Cause"])["errorMessage"] == "broken"
    [failed] = ended.of("TaskFailed")
    # As recorded on AWS (test_parallel_catch_error_*), the state that failed is among what was aborted.
    assert {event["previousEventId"] for event in ended.of("TaskStateAborted")} == {failed["id"]}
    assert ended.types()[-8:] == [
        "TaskFailed",
        *["TaskStateAborted"] * 2,
        "ParallelStateFailed",
        "ParallelStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    assert "TaskSucceeded" not in ended.types()


def test_a_failed_iteration_aborts_the_others() -> None:
    functions = Failing()
    ended = run_state(mapped(["f", "g"], called("{% $states.input %}")), None, functions.handlers)
    functions.release.set()
    assert (ended.status, ended.error) == ("FAILED", "ValueError")
    [failed], [aborted] = ended.of("MapIterationFailed"), ended.of("MapIterationAborted")
    assert failed["mapIterationFailedEventDetails"] == {"name": "S", "index": 1}
    assert aborted["mapIterationAbortedEventDetails"] == {"name": "S", "index": 0}
    # The state that failed is among what was aborted, as where four fail together on AWS (below).
    assert len(ended.of("TaskStateAborted")) == 2
    assert ended.types()[-2:] == ["MapStateFailed", "ExecutionFailed"]


@pytest.mark.parametrize(("limit", "at_once"), [(3, 3), (0, 10)])
def test_so_many_iterations_run_at_once_as_may(limit: int, at_once: int) -> None:
    meeting = threading.Barrier(at_once)

    def handler(event: Any, context: Any) -> Any:
        meeting.wait(PATIENCE_SECONDS)
        return event

    items = 30
    ended = run_state(
        mapped(f"{{% [1..{items}] %}}", called(), MaxConcurrency=limit),
        None,
        {"f": handler},
    )
    assert ended.output == list(range(1, items + 1))
    started = [event["mapIterationStartedEventDetails"] for event in ended.of("MapIterationStarted")]
    assert [details["index"] for details in started] == list(range(items))
    assert {details["name"] for details in started} == {"S"}


def test_a_map_of_a_thousand_items_one_at_a_time_ends() -> None:
    state = mapped("{% [1..1200] %}", {"Type": "Pass"}, MaxConcurrency=1)
    assert run_state(state).output == list(range(1, 1201))


def test_the_item_is_known_below_its_iteration() -> None:
    item = "{% $states.context.Map.Item %}"
    echo = {"f": lambda event, context: event}
    inner = parallel(called(payload=item), {"Type": "Pass", "Output": item, "End": True})
    assert run_state(mapped(["a", "b"], inner), None, echo).output == [
        [{"Index": index, "Value": value}] * 2 for index, value in enumerate("ab")
    ]
    nested = mapped("{% [$states.context.Map.Item.Value] %}", called(payload=item))
    assert run_state(mapped(["a", "b"], nested), None, echo).output == [
        [{"Index": 0, "Value": value}] for value in "ab"
    ]


def test_an_item_selector_shapes_each_input() -> None:
    selector = {"n": "{% $states.context.Map.Item.Value %}", "all": "{% $count($states.input) %}"}
    state = mapped("{% $states.input %}", {"Type": "Pass"}, ItemSelector=selector)
    assert run_state(state, [5, 6]).output == [{"n": 5, "all": 2}, {"n": 6, "all": 2}]


def test_iterations_that_fail_together_are_recorded_as_on_aws() -> None:
    """The order of events that AWS gave for a Map of four Lambda tasks that time out (LocalStack, test_timeouts)."""
    each = branch("L", {**callback(), "TimeoutSeconds": 5})
    run = run_state(
        {"Type": "Map", "Items": [1, 2, 3, 4], "ItemProcessor": each, "End": True}, None, {"f": lambda e, c: 1}
    )
    types = run.types()
    assert types[2:7] == ["MapStateStarted", *["MapIterationStarted"] * 4]
    assert types[7:15] == ["TaskStateEntered", "TaskScheduled"] * 4
    assert types[15:19] == ["TaskStarted"] * 4
    failed = types.index("MapIterationFailed")
    assert types[failed:] == [
        "MapIterationFailed",
        "TaskStateAborted",
        *["MapIterationAborted", "TaskStateAborted"] * 3,
        "MapStateFailed",
        "ExecutionFailed",
    ]
    timed_out = run.of("TaskTimedOut")[0]["id"]
    assert {e["previousEventId"] for e in run.events[failed:-1]} == {timed_out}
    assert run.error == "States.Timeout"


def test_a_map_never_runs_more_iterations_than_it_may() -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def handler(event: Any, context: Any) -> Any:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.005)
        with lock:
            at_once -= 1
        return event

    mapped = {
        "Type": "Map",
        "Items": "{% [1..12] %}",
        "MaxConcurrency": 3,
        "ItemProcessor": branch("I", task()),
        "End": True,
    }
    run = run_state({**mapped, "Output": "{% $states.result.Payload %}"}, None, {"f": handler})
    assert run.output == list(range(1, 13))
    assert most == 3


def test_no_iteration_begins_after_one_has_failed() -> None:
    each = {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input = 1 %}", "Next": "F"}], "Default": "W"},
            "F": {"Type": "Fail", "Error": "E"},
            "W": {"Type": "Wait", "Seconds": 10, "End": True},
        },
    }
    run = run_state({"Type": "Map", "Items": "{% [0..9] %}", "MaxConcurrency": 2, "ItemProcessor": each, "End": True})
    assert run.error == "E"
    assert len(run.of("MapIterationStarted")) == 2
    assert run.types()[-5:] == [
        "MapIterationFailed",
        "MapIterationAborted",
        "WaitStateAborted",
        "MapStateFailed",
        "ExecutionFailed",
    ]


def test_a_branch_sees_the_variables_around_it_and_keeps_its_own() -> None:
    inside = {"Type": "Pass", "Assign": {"own": 1}, "Output": "{% $outer %}"}
    parallel = {"Type": "Parallel", "Branches": [branch("B", inside)], "Output": "{% $exists($own) %}", "End": True}
    before = {"Type": "Pass", "Assign": {"outer": 7}, "Next": "P"}
    ended = run({"StartAt": "A", "States": {"A": before, "P": parallel}})
    assert ended.output is False
    assert ended.of("PassStateExited")[1]["stateExitedEventDetails"]["output"] == "7"


def test_arguments_of_a_parallel_are_the_input_of_its_branches() -> None:
    parallel = {
        "Type": "Parallel",
        "Arguments": {"x": "{% $uuid() %}"},
        "Branches": [branch(n, {"Type": "Pass"}) for n in "AB"],
    }
    first, second = run_state({**parallel, "End": True}).output
    assert first == second
    assert len(first["x"]) == 36


@pytest.mark.parametrize("limit", range(10, 17))
def test_a_run_whose_history_is_full_in_the_moment_of_an_abort_ends(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "HISTORY_EVENTS", limit)
    state = parallel(mapped([1], {"Type": "Wait", "Seconds": 86_400}), {"Type": "Wait", "Seconds": 1})
    state["Branches"][1]["States"] |= {
        "B1": {"Type": "Wait", "Seconds": 1, "Next": "F"},
        "F": {"Type": "Fail", "Error": "E"},
    }
    ended = run_state(state)
    assert (ended.error, len(ended.events)) == ("States.Runtime" if limit < 15 else "E", min(limit, 15))
    assert ended.head.stopped is not None
    assert ended.head.stopped < ended.head.started + 86_400
