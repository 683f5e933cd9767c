"""Events of runs from histories written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.backend_history import History
from tests.support.outlines import container, leaf, outline
from workflow_engine.machines.outcomes import Outcome
from workflow_engine.machines.run_events import RunEvents, position_of, position_text


def told(history: list[dict[str, Any]], known: dict[str, Any]) -> list[str]:
    """`17 step.started a`, and the attempt where one is told."""
    reader = RunEvents(known)
    return [
        " ".join(map(str, filter(None, (e.id, e.type, e.step, e.attempt)))) for h in history for e in reader.read(h)
    ]


def details(history: list[dict[str, Any]], known: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    reader = RunEvents(known)
    return [dict(e.details) for h in history for e in reader.read(h) if e.type == type_]


def of_type(step_id: str, step_type: str, **fields: Any) -> dict[str, Any]:
    return {**leaf(step_id, **fields), "type": step_type}


def test_a_step_is_told_when_it_starts_and_when_it_has_ended() -> None:
    history = History()
    history.task("a", 1)
    events = history.end()
    assert told(events, outline(leaf("a"))) == [
        "1 run.started",
        "2 step.started a 1",
        "6 step.completed a",
        "7 run.completed",
    ]
    cost = {"total": 0.000025, "transitions": 0.000025, "models": 0.0, "functions": None}
    assert details(events, outline(leaf("a")), "step.completed") == [{"duration_ms": 400, "cost_usd": cost}]


def test_several_events_that_one_event_of_the_history_brings_have_ids_of_their_own() -> None:
    history = History()
    history.passed("a", {"a": 1, "b": 2, "c": 3})
    assert told(history.end(), outline(leaf("a"), leaf("b"), leaf("c"), leaf("d"))) == [
        "1 run.started",
        "3 step.completed a",
        "3.1 step.completed b",
        "3.2 step.completed c",
        "4 step.skipped d",
        "4.1 run.completed",
    ]


def test_a_retry_tells_why_and_which_attempt_it_is() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail("Busy", "later")
    history.schedule()
    history.succeed(1)
    history.exit("a")
    events = history.end()
    assert told(events, outline(leaf("a")))[1:5] == [
        "2 step.started a 1",
        "5 step.attempt_failed a 1",
        "6 step.retried a 2",
        "9 step.completed a",
    ]
    error = {"error": {"type": "Busy", "message": "later"}}
    cost = {"total": 0.00005, "transitions": 0.00005, "models": 0.0, "functions": None}
    assert details(events, outline(leaf("a")), "step.retried") == [{**error, "cost_usd": cost}]
    cost |= {"total": 0.000025, "transitions": 0.000025}
    assert details(events, outline(leaf("a")), "step.attempt_failed") == [{**error, "cost_usd": cost}]


def test_a_failure_that_ends_the_run_is_told_of_the_step_before_it_is_of_the_run() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail("Boom", "bang")
    events = history.end_failed("Boom", history.cause_of_last_failure())
    assert told(events, outline(leaf("a"), leaf("b")))[2:] == [
        "5 step.attempt_failed a 1",
        "6 step.failed a",
        "6.1 run.failed",
    ]
    assert details(events, outline(leaf("a")), "run.failed") == [
        {
            "error": {"step_id": "a", "type": "Boom", "message": "bang"},
            "cost_usd": {"total": 0.000025, "transitions": 0.000025, "models": 0.0, "functions": None},
        }
    ]


def test_no_stack_trace_and_no_token_is_in_any_event() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail("Boom", "bang")
    reader = RunEvents(outline(leaf("a")))
    shown = str([reader.read(h) for h in history.end_failed("Boom", history.cause_of_last_failure())])
    assert "bang" in shown
    assert not {word for word in ("stackTrace", "secret.py", "secret", "token") if word in shown}


def test_no_secret_that_the_run_has_received_is_in_any_event() -> None:
    history = History()
    history.enter("a")
    sent = json.dumps({"Payload": {"input_data": {"api_key": "correct-horse"}}})
    history.add("TaskScheduled", taskScheduledEventDetails={"resource": "invoke", "parameters": sent})
    history.fail("Refused", "No such key: correct-horse, nor sk-abcdefghijklmnopqrstuvwxyz, nor known-one.")
    failed = history.end_failed("Refused", history.cause_of_last_failure())
    reader = RunEvents(outline(leaf("a")), known_secrets=["known-one"])
    messages = [e.details["error"] for h in failed for e in reader.read(h) if "error" in e.details]
    assert len(messages) == 3
    told = "No such key: [redacted], nor [redacted], nor [redacted]."
    assert [error["message"] for error in messages if isinstance(error, dict)] == [told] * 3


def test_no_secret_is_in_the_arguments_of_a_tool() -> None:
    history = History()
    call = {"tool": "crm", "arguments": {"token": "correct-horse", "q": "by correct-horse"}, "iteration": 1}
    history.task("ask", {**AGENT_OUTPUT, "tool_calls_trace": [call]})
    [told] = details(history.events, outline(of_type("ask", "agent_execution")), "agent.tool_called")
    assert told["arguments"] == {"token": "[redacted]", "q": "by [redacted]"}


def test_steps_that_an_earlier_run_has_done_are_told_at_the_beginning() -> None:
    history = History()
    history.task("b", 1)
    known = outline(leaf("a", reused="completed"), leaf("c", reused="skipped"), leaf("b"))
    reused = {"a": Outcome("completed"), "a[0]": Outcome("completed"), "a[1]": Outcome("failed")}
    reader = RunEvents(known, reused)
    found = [e for h in history.end() for e in reader.read(h)]
    assert [(e.id, e.type, e.step) for e in found] == [
        ("1", "run.started", None),
        ("1.1", "step.completed", "a"),
        ("1.2", "step.completed", "a[0]"),
        ("1.3", "step.failed", "a[1]"),
        ("1.4", "step.skipped", "c"),
        ("2", "step.started", "b"),
        ("6", "step.completed", "b"),
        ("7", "run.completed", None),
    ]
    assert found[1].details == {"reused": True}


def test_a_long_message_is_cut() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail("Boom", "x" * 30_000)
    [attempt] = details(history.events, outline(leaf("a")), "step.attempt_failed")
    assert attempt["error"]["message"] == "x" * 2_000


def test_a_delay_waits_for_its_time() -> None:
    history = History()
    history.enter("w", "Wait")
    history.exit("w", "Wait")
    assert told(history.events, outline(leaf("w")))[1:] == [
        "2 step.started w",
        "2.1 step.waiting w",
        "3 step.completed w",
    ]
    assert details(history.events, outline(leaf("w")), "step.waiting") == [{"for": "time"}]


@pytest.mark.parametrize(
    ("resource", "step_type", "waits_for"),
    [
        ("invoke.waitForTaskToken", "human_approval", ["decision"]),
        ("invoke.waitForTaskToken", "crm", ["answer"]),
        ("startExecution.sync:2", "subflow", ["run"]),
        ("invoke", "crm", []),
    ],
)
def test_what_a_submitted_task_waits_for(resource: str, step_type: str, waits_for: list[str]) -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.add("TaskSubmitted", taskSubmittedEventDetails={"resourceType": "lambda", "resource": resource})
    known = outline(of_type("a", step_type))
    assert [d["for"] for d in details(history.events, known, "step.waiting")] == waits_for


def test_an_activity_waits_for_a_worker() -> None:
    history = History()
    history.enter("a")
    history.add("ActivityScheduled", activityScheduledEventDetails={"resource": "arn", "input": "{}"})
    assert details(history.events, outline(leaf("a")), "step.waiting") == [{"for": "worker"}]


def test_an_approval_that_nobody_decides_is_told_when_it_is_known_what_it_comes_to() -> None:
    history = History()
    history.enter("ask")
    history.schedule()
    history.add("TaskTimedOut", taskTimedOutEventDetails={"error": "States.Timeout", "resource": "invoke"})
    history.exit("ask")
    history.passed("ask.late", {"ask": {"decision": "denied"}})
    events = [event for event in told(history.end(), outline(of_type("ask", "human_approval"))) if "ask" in event]
    assert events == ["2 step.started ask 1", "5 step.attempt_failed ask 1", "8 step.completed ask"]


def test_an_approval_that_is_denied_fails_once() -> None:
    history = History()
    history.task("ask", {"decision": "denied"})
    history.enter("ask.fail", "Fail")
    known = outline(of_type("ask", "human_approval"))
    events = told(history.end_failed("ApprovalDeniedError"), known)
    assert events == ["1 run.started", "2 step.started ask 1", "8 step.failed ask", "8.1 run.failed"]


def test_an_approval_that_another_step_follows_is_told_with_that_steps_start() -> None:
    history = History()
    history.task("ask", {"decision": "approved"})
    history.enter("b")
    assert told(history.events, outline(of_type("ask", "human_approval"), leaf("b")))[2:] == [
        "7 step.completed ask",
        "7.1 step.started b 1",
    ]


def test_elements_of_a_for_each_have_keys_of_their_own() -> None:
    history = History()
    started = history.map("s", 2)
    history.iteration("s", 1, previous=started)
    history.task("s.each", 1)
    history.iteration("s", 1, "Succeeded")
    history.iteration("s", 0, previous=started)
    history.choose("s.guard")
    history.iteration("s", 0, "Succeeded")
    history.mapped("s", previous=started)
    assert [e.partition(" ")[2] for e in told(history.end(), outline(leaf("s", each=True)))][1:] == [
        "step.started s",
        "step.started s[1] 1",
        "step.completed s[1]",
        "step.skipped s[0]",
        "step.completed s",
        "run.completed",
    ]


def test_a_loop_has_ended_when_what_follows_it_starts() -> None:
    history = History()
    history.passed("l.start", {})
    for _ in range(2):
        history.task("b", 1)
        history.choose("l.until")
    history.task("z", 1)
    known = outline(container("l", "loop", leaf("b")), leaf("z"))
    assert [e.partition(" ")[2] for e in told(history.end(), known)][1:] == [
        "step.started l",
        "step.started l[0].b 1",
        "step.completed l[0].b",
        "step.started l[1].b 1",
        "step.completed l[1].b",
        "step.completed l",
        "step.started z 1",
        "step.completed z",
        "run.completed",
    ]


AGENT_OUTPUT = {
    "tool_calls_trace": [
        {"tool": "search", "arguments": {"q": "x"}, "result": "long", "is_error": False, "duration_ms": 5, "iteration": 1},
        {"tool": "clock", "arguments": {}, "result": "", "is_error": True, "duration_ms": 1, "iteration": 1},
        {"tool": "search", "arguments": None, "result": "", "is_error": False, "duration_ms": 2, "iteration": 3},
    ],
    "finish_reason": "stop",
    "usage": {"total_tokens": 7},
    "model": {"name": "m"},
    "response": "42",
}  # fmt: skip


def test_turns_and_tool_calls_of_an_agent_are_told_when_its_output_tells_them() -> None:
    history = History()
    history.task("ask", AGENT_OUTPUT)
    known = outline(of_type("ask", "agent_execution"))
    reader = RunEvents(known)
    found = [(e.id, e.type, dict(e.details)) for h in history.events for e in reader.read(h) if "agent" in e.type]
    assert [(number, kind, d.get("turn"), d.get("tool")) for number, kind, d in found] == [
        ("5", "agent.turn", 1, None),
        ("5.1", "agent.tool_called", 1, "search"),
        ("5.2", "agent.tool_called", 1, "clock"),
        ("5.3", "agent.turn", 3, None),
        ("5.4", "agent.tool_called", 3, "search"),
        ("5.5", "agent.turn", 4, None),
    ]
    assert found[1][2] == {
        "turn": 1,
        "tool": "search",
        "is_error": False,
        "duration_ms": 5,
        "arguments": {"q": "x"},
    }
    assert found[-1][2] == {
        "turn": 4,
        "finish_reason": "stop",
        "usage": {"total_tokens": 7},
        "model": {"name": "m"},
    }


@pytest.mark.parametrize(
    "output",
    ["text", None, {}, {"tool_calls_trace": "none"}, {"tool_calls_trace": [1, {"iteration": "x"}]}],
    ids=["text", "null", "empty", "no list", "no calls"],
)
def test_an_agent_whose_output_has_another_form_is_told_all_the_same(output: Any) -> None:
    history = History()
    history.task("ask", output)
    events = told(history.end(), outline(of_type("ask", "agent_execution")))
    assert events[-2:] == ["6 step.completed ask", "7 run.completed"]


def test_a_run_that_is_redriven_goes_on_with_more_events() -> None:
    history = History()
    history.enter("a")
    scheduled = history.schedule()
    history.fail("Boom", "bang")
    before = told(history.end_failed("Boom", history.cause_of_last_failure()), outline(leaf("a")))
    history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1}, previous=6)
    history.schedule(previous=scheduled)
    history.succeed(1)
    history.exit("a")
    events = told(history.end(), outline(leaf("a")))
    assert events[: len(before)] == before
    assert events[len(before) :] == [
        "7 run.redriven",
        "8 step.retried a 2",
        "11 step.completed a",
        "12 run.completed",
    ]


def test_positions_are_read_as_they_are_written() -> None:
    assert [position_of(position_text(p)) for p in ((0, 0), (17, 0), (17, 2))] == [(0, 0), (17, 0), (17, 2)]
    assert [position_of(text) for text in ("", "-1", "1.", "1.2.3", "x", "9" * 20, " 1")] == [None] * 7
