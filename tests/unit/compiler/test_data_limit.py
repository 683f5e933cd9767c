"""`critical: false` holds for results and inputs over 256 KiB, which States.ALL leaves out; and nothing tries them again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiled import compiled, container, data, merged, states, ways, work

TOO_LARGE = "States.DataLimitExceeded"
LOOP = {"until": "p.done", "max_iterations": 3, "steps": [work("p")]}
SWITCH = {"cases": [{"when": "input.x", "steps": [work("p")]}]}
MAP = {"items": "input.list", "steps": [work("p")]}


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("a", work("a", critical=False)),
        ("a", work("a", on_error="continue")),
        ("a", work("a", critical=False, for_each="input.list")),
        ("a", merged("a", critical=False, for_each="input.list", input_mapping={"x": "item"})),
        ("a.try", merged("a", critical=False, input_mapping={"x": {"expression": "1"}})),
        ("a.try", merged("a", critical=False, input_mapping={"x": "input.x"})),
        ("a", container("a", "map", critical=False, config=MAP)),
        ("a.try", container("a", "loop", critical=False, config=LOOP)),
        ("a.try", container("a", "switch", critical=False, config=SWITCH)),
    ],
)
def test_what_marks_a_step_as_failed_catches_what_is_too_large_by_name(state: str, step: dict[str, Any]) -> None:
    machine = compiled(step, work("z", "a", trigger_rule="all_done", input_mapping={"how": "a.error"}))

    by_name, by_all = states(machine)[state]["Catch"]

    assert (by_name["ErrorEquals"], by_all["ErrorEquals"]) == ([TOO_LARGE], ["States.ALL"])
    assert (by_name["Next"], by_name["Assign"]) == (by_all["Next"], by_all["Assign"])
    assert by_name["Assign"]["s0_a"]["status"] == "failed"


def test_a_pure_step_that_is_surely_small_needs_no_catcher() -> None:
    machine = compiled(data("a", "small", critical=False), data("b", "small", "a", critical=False))
    assert [state["Type"] for state in states(machine).values()] == ["Pass"]


def test_what_is_too_large_for_a_pure_step_skips_what_follows() -> None:
    machine = compiled(merged("a", critical=False, input_mapping={"x": "input.x"}), work("z", "a"))
    assert ways(machine)["a.try"] == ["z.guard"] * 3


@pytest.mark.parametrize("source", ["input.x", {"expression": "1"}])
def test_a_rule_may_ask_how_a_pure_step_ended_whose_output_nobody_reads(source: object) -> None:
    machine = compiled(
        merged("a", critical=False, input_mapping={"x": source}),
        work("z", "a", trigger_rule="one_failed", input_mapping={}),
    )
    assert states(machine)["z.guard"]["Choices"][0]["Condition"] == '{% $not(($d:=[$s0_a.status];"failed" in $d)) %}'


def test_a_critical_step_catches_nothing() -> None:
    assert "Catch" not in states(compiled(work("a")))["a"]


def tried_again(error: str, **step: Any) -> int:
    """How often a step is tried again after an error: the first Retrier that names it decides."""
    for retrier in states(compiled(work("a", **step)))["a"]["Retry"]:
        if {error, "States.ALL"} & set(retrier["ErrorEquals"]):
            return int(retrier["MaxAttempts"])
    return 0


def test_what_is_too_large_is_not_tried_again_even_where_states_all_matches_it() -> None:
    assert tried_again(TOO_LARGE) == 0
    assert tried_again(TOO_LARGE, max_retries=3) == 0
    assert tried_again("ValueError", max_retries=3) == 3


@pytest.mark.parametrize("error", ["Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError"])
def test_a_function_out_of_time_or_memory_is_tried_again_as_the_step_says_only(error: str) -> None:
    assert tried_again(error) == 0
    assert tried_again(error, max_retries=2) == 2


@pytest.mark.parametrize(
    "error",
    [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
)
def test_faults_of_lambda_are_always_tried_again(error: str) -> None:
    assert tried_again(error) == tried_again(error, max_retries=1) == 6
