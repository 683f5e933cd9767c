"""What is told of an expression that failed: step, parameter, reason, and what it read, of histories written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.backend_history import History
from tests.support.run_report import RunReport, report
from workflow_engine.machines.values_read import type_in_words

ERROR = "States.QueryEvaluationError"
T2001 = "T2001: The left side must be a number"
FAILED = f"The expression of 'sum' in the input_mapping of step 'total' failed. {T2001}"


def leaf(step_id: str, *read: str, **more: Any) -> dict[str, Any]:
    reads = {"reads": {"input_mapping": {"sum": list(read)}}} if read else {}
    return {"id": step_id, "type": "merge", **reads, **more}


def body(kind: str, *steps: dict[str, Any], sinks: list[str] | None = None) -> dict[str, Any]:
    return {"kind": kind, "steps": list(steps), "sinks": sinks}


def started(value: Any = None, variables: Any = None) -> History:
    history = History()
    sent = json.dumps({"input": value, "variables": variables or {}})
    history.events[0]["executionStartedEventDetails"] = {"input": sent}
    return history


def evaluated(
    history: History, state: str, what: str = T2001, field: str = "Arguments/Payload/input_data/sum", kind: str = "Task"
) -> str:
    """Enter a state whose evaluation fails; gives the cause."""
    entered = history.enter(state, kind)
    cause = (
        f"An error occurred while executing the state '{state}' (entered at the event id #{entered}). The JSONata expression "
        f"'$merge([')' specified for the field '{field}' threw an error during evaluation. {what}"
    )
    details = {"error": ERROR, "cause": cause, "state": state}
    history.add("EvaluationFailed", evaluationFailedEventDetails=details)
    return cause


def failed(history: History, *steps: dict[str, Any], state: str = "total", **more: Any) -> RunReport:
    cause = evaluated(history, state, **more)
    return report(history.end_failed(ERROR, cause), {"steps": list(steps), "sinks": []})


def message(run: RunReport, key: str = "total") -> Any:
    return run.step_results[key]["error_message"]


def test_a_failed_expression_tells_what_it_read_and_of_what_type_that_was() -> None:
    history = started({"n": "abc", "rows": [1, "x"]}, {"limit": 3})
    history.task("a", {"data": {"n": True}})
    read = ("a.data.n", "input.n", "input.rows", "variables.limit", "execution.id")
    run = failed(history, leaf("a"), leaf("total", *read))
    types = (
        "a.data.n (a boolean), input.n (a text), input.rows (a list of 2 elements: 1 number, 1 text), variables.limit "
        "(a number), execution.id (a text)"
    )
    assert message(run) == f"{FAILED}. It read {types}."
    assert run.error == {"step_id": "total", "type": ERROR, "message": message(run)}


def test_what_is_missing_is_told_with_what_stands_in_its_place() -> None:
    history = started({"n": None, "text": "abc"})
    history.task("a", {"data": {"count": 1, "other": 2}})
    read = ("a.data.cuont.x", "input.n", "input.n.m", "input.text.length", "input[0]")
    run = failed(history, leaf("a"), leaf("total", *read))
    assert message(run).removeprefix(FAILED + ". It read ") == (
        "a.data.cuont.x (null: a.data was an object with the keys count, other), input.n (null), input.n.m (null), "
        "input.text.length (null: input.text was a text), input[0] (null: input was an object with the keys n, text)."
    )


def test_a_step_that_gave_nothing_is_told_with_how_it_ended() -> None:
    history = started()
    history.enter("bad")
    history.schedule()
    history.fail()
    history.exit("bad")
    history.choose("off.guard")
    steps = (
        leaf("bad"),
        leaf("off"),
        leaf("total", "bad.n", "bad.error.message", "bad.error.x", "off", "off.error.type"),
    )
    run = failed(history, *steps)
    assert run.step_results["bad"]["status"] == "failed"
    assert message(run).removeprefix(FAILED + ". It read ") == (
        "bad.n (null: step 'bad' failed), bad.error.message (a text), bad.error.x (null: bad.error was an object with the "
        "keys type, message), off (null: step 'off' had not run), off.error.type (null: step 'off' did not fail)."
    )


def test_each_element_of_a_list_is_told_with_what_it_read_itself() -> None:
    history = started({"rows": [{"n": 1}, {"n": "x"}]})
    first = history.map("m", 2)
    history.iteration("m", 0, previous=first)
    history.task("a", {"v": 1})
    evaluated(history, "total")
    history.exit("total")
    history.iteration("m", 0, "Succeeded")
    history.iteration("m", 1, previous=first)
    history.task("a", {"v": [None]})
    evaluated(history, "total")
    history.exit("total")
    history.iteration("m", 1, "Succeeded")
    history.mapped("m")
    inner = body("map", leaf("a"), leaf("total", "item.n", "a.v", "index"), sinks=["total"])
    outline = {"steps": [leaf("m", body=inner) | {"reads": {"items": "input.rows"}}], "sinks": []}
    run = report(history.end(), outline)
    assert message(run, "m[0].total") == f"{FAILED}. It read item.n (a number), a.v (a number), index (a number)."
    assert message(run, "m[1].total") == f"{FAILED}. It read item.n (a text), a.v (a list of 1 null), index (a number)."


def test_a_container_that_failed_by_an_expression_names_the_step_inside() -> None:
    history = started({"rows": ["x"]})
    first = history.map("total", 1)
    history.iteration("total", 0, previous=first)
    outer = leaf("total", "item", each=True)
    outer["reads"]["for_each"] = "input.rows"
    run = failed(history, {"id": "s", "type": "switch", "body": body("switch", outer)}, state="total.each")
    told = f"{FAILED}. It read item (a text)."
    assert (message(run, "s"), message(run, "s.total"), message(run, "s.total[0]")) == (told, told, told)


def test_a_turn_of_a_loop_reads_its_own_steps_and_the_turn_before() -> None:
    history = started()
    history.choose("lp.start")
    history.task("a", {"v": 1})
    history.task("total", {"sum": 1})
    history.choose("lp.until")
    history.task("a", {"v": "x"})
    steps = body("loop", leaf("a"), leaf("total", "a.v", "lp.total.sum", "lp.a", "index"), sinks=["total"])
    run = failed(history, {"id": "lp", "type": "loop", "body": steps})
    assert message(run, "lp[1].total") == (
        f"{FAILED}. It read a.v (a text), lp.total.sum (a number), lp.a (null: lp was an object with the key total), index "
        "(a number)."
    )


def test_the_first_turn_of_a_loop_has_none_before_it_and_an_output_of_its_own_is_not_in_the_history() -> None:
    history = started()
    history.choose("lp.start")
    steps = body("loop", leaf("total", "lp.total.sum"), sinks=["total"])
    run = failed(history, {"id": "lp", "type": "loop", "body": steps})
    assert message(run, "lp[0].total") == f"{FAILED}. It read lp.total.sum (null)."
    history = started()
    history.choose("lp.start")
    history.task("total", {"sum": 1})
    history.choose("lp.until")
    run = failed(history, {"id": "lp", "type": "loop", "body": body("loop", leaf("total", "lp.last"))})
    assert message(run, "lp[1].total") == f"{FAILED}. It read lp.last."


def test_a_list_that_cannot_be_run_over_names_its_field_and_the_type() -> None:
    history = started({"rows": {"a": 1}})
    steps = {"id": "total", "type": "merge", "each": True, "reads": {"for_each": "input.rows"}}
    raised = "D3137: Needs a list, not a value of type object"
    run = failed(history, steps, what=raised, field="Items", kind="Map")
    assert message(run) == (
        "The for_each of step 'total' failed. Needs a list, not a value of type object. It read input.rows (an object with "
        "the key a)."
    )


def test_what_failed_in_a_workflow_that_was_saved_earlier_is_told_without_types() -> None:
    run = failed(started(), {"id": "total", "type": "merge"})
    assert message(run) == FAILED
    listed = {"id": "total", "type": "merge", "each": True}
    run = failed(started(), listed, what="D3137: Needs a list, not a value of type object", field="Items", kind="Map")
    assert message(run) == "Needs a list, not a value of type object"


def test_where_one_field_holds_all_entries_each_expression_may_be_the_one() -> None:
    history = started({"a": "x", "b": []})
    step = {
        "id": "total",
        "type": "merge",
        "reads": {"input_mapping": {"x.$": ["input.a"], "y": ["input.b", "input.a"]}},
    }
    run = failed(history, step, field="Arguments/Payload")
    assert message(run) == (
        f"The expression of 'x.$' or 'y' in the input_mapping of step 'total' failed. {T2001}. It read input.a (a text), "
        "input.b (an empty list)."
    )


def test_a_message_stays_short_whatever_an_expression_reads() -> None:
    wide = {f"{'k' * 300}{i}": i for i in range(300)}
    read = [f"input.{'p' * 300}.v{i}" for i in range(300)]
    told = message(failed(started({"p" * 300: wide}), leaf("total", *read)))
    assert len(told) < 6000
    assert "and 290 more" in told


def test_nothing_of_the_values_is_in_a_message() -> None:
    secret = "s3cr3t"
    value = {"text": secret, "list": [secret, {"k": secret}], "number": 31337, "pin": "31337"}
    read = ("input.text", "input.list", "input.number", "input.pin", "input.text.x", "input.list.k.x")
    told = message(failed(started(value), leaf("total", *read)))
    assert secret not in told
    assert "31337" not in told
    assert "input.pin (a text that reads as a number)" in told


def test_an_input_that_the_history_does_not_have_is_named_without_a_type() -> None:
    history = started()
    history.events[0]["executionStartedEventDetails"] = {"inputDetails": {"truncated": True}}
    assert (
        message(failed(history, leaf("total", "input.n", "item", "gone.x")))
        == f"{FAILED}. It read input.n, item, gone.x."
    )


def test_an_output_too_large_to_be_looked_at_is_named_without_a_type() -> None:
    history = started({"n": 1})
    history.task("a", "x" * 2_000_000)
    assert (
        message(failed(history, leaf("a"), leaf("total", "a.n", "input.n")))
        == f"{FAILED}. It read a.n, input.n (a number)."
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (False, "a boolean"),
        (0, "a number"),
        (1.5, "a number"),
        ("", "an empty text"),
        ("5", "a text that reads as a number"),
        ("-1.5e3", "a text that reads as a number"),
        ("Infinity", "a text"),
        ([], "an empty list"),
        ([1], "a list of 1 number"),
        (["a", "b"], "a list of 2 texts"),
        ([1, None, True, None], "a list of 4 elements: 1 number, 2 nulls, 1 boolean"),
        ([1] * 2000, "a list of 2,000 elements"),
        ({}, "an empty object"),
        ({"a": 1}, "an object with the key a"),
        (dict.fromkeys("abcdefg"), "an object with the keys a, b, c, d, e and 2 more"),
    ],
)
def test_types_in_words(value: Any, words: str) -> None:
    assert type_in_words(value) == words
