"""What states do with data: expressions and literals, variables, the context, results, and where an expression fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.stepfunctions.interpreter import Run
from tests.local.stepfunctions.support import branch, run, run_state, task

CAUGHT = {"Type": "Pass", "Output": "{% $states.input %}", "End": True}


def passed(output: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Output": output, **({} if "Next" in more else {"End": True}), **more}


def parallel(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": [branch("Inner", state)], "End": True, **more}


# Expressions and literals


def test_strings_with_quotes_and_line_breaks_are_data() -> None:
    text = 'He said "hi"\nand left \\ $now()'
    first = passed({}, Assign={"v": "{% $states.input.text %}"}, Next="B")
    assert run_state(first, {"text": text}, B=passed("{% $v %}")).output == text


def test_literal_strings_keep_their_characters() -> None:
    text = 'quote " backslash \\ slash / line \n é 😀 {{ x }}'
    first = passed({}, Assign={"v": text, "deep": {"list": [text]}}, Next="B")
    assert run_state(first, B=passed(["{% [$v, $deep.list[0]] %}", text])).output == [[text, text], text]


def test_a_filter_has_a_context() -> None:
    assert run_state(passed("{% $states.input[$ > 1] %}"), [1, 2, 3]).output == [2, 3]


def test_an_expression_that_gives_nothing_fails_and_says_where() -> None:
    ended = run_state(passed({"list": [1, {"deep": "{% $states.input.nothing %}"}]}))
    [failed] = ended.of("EvaluationFailed")
    details = failed["evaluationFailedEventDetails"]
    assert (ended.error, details["error"]) == ("States.QueryEvaluationError", "States.QueryEvaluationError")
    assert (details["location"], details["state"]) == ("Output/list[1]/deep", "S")
    assert "'Output/list[1]/deep' returned nothing (undefined)" in (ended.cause or "")


def test_an_expression_that_cannot_be_evaluated_fails() -> None:
    assert run_state(passed("{% 1 + 'x' %}")).error == "States.QueryEvaluationError"


def test_a_condition_must_be_a_boolean() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "T"}], "Default": "T"}
    ended = run_state(choice, T={"Type": "Succeed"})
    assert ended.error == "States.QueryEvaluationError"
    assert "Expected 'boolean', but was 'number' for value: 1" in (ended.cause or "")


def test_a_state_without_result_has_none() -> None:
    assert (
        run_state({"Type": "Wait", "Seconds": 0, "Output": "{% $exists($states.result) %}", "End": True}).output
        is False
    )


@pytest.mark.parametrize(("output", "text"), [("text", '"text"'), (None, "null"), ({"a": [1.5]}, '{"a":[1.5]}')])
def test_an_output_is_json_text(output: Any, text: str) -> None:
    assert run_state(passed(output)).head.output == text


# Variables and the context


def test_an_output_sees_the_variables_as_they_were_at_entry() -> None:
    first = passed({}, Assign={"v": "old"}, Next="B")
    assert run_state(first, B=passed("{% $v %}", Assign={"v": "new"})).output == "old"


def test_assigned_variables_are_recorded_as_json() -> None:
    ended = run_state(passed(1, Assign={"v": "{% $states.input %}", "w": None}), 'a"b')
    [left] = ended.of("PassStateExited")
    assert left["stateExitedEventDetails"]["assignedVariables"] == {"v": '"a\\"b"', "w": "null"}


def test_what_a_failed_attempt_assigned_is_forgotten() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "T"}]
    first = passed({}, Assign={"v": "early"}, Next="B")
    late = task(Assign={"v": "late"}, Output="{% $nothing %}", Catch=catch)
    assert run_state(first, None, {"f": lambda event, context: 1}, B=late, T=passed("{% $v %}")).output == "early"


def test_the_context_describes_the_run() -> None:
    ended = run_state(passed("{% $states.context %}"), {"a": 1})
    execution, state = ended.output["Execution"], ended.output["State"]
    assert (execution["Id"], execution["Name"], execution["Input"]) == (ended.head.arn, ended.head.name, {"a": 1})
    assert (state["Name"], execution["RoleArn"]) == ("S", ended.head.role)
    for moment in (execution["StartTime"], state["EnteredTime"]):
        assert len(moment) == len("2026-01-01T00:00:00.000Z")
        assert moment.endswith("Z")


# Choices


def test_a_choice_without_a_match_and_a_default_fails() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "T"}]}
    ended = run_state(choice, T=passed(1))
    assert (ended.error, ended.types()[-2:]) == ("States.Runtime", ["ChoiceStateEntered", "ExecutionFailed"])
    assert ended.cause == (
        "An error occurred while executing the state 'S' (entered at the event id #2). "
        "Failed to transition out of the state. The state does not point to a next state."
    )


def test_a_rule_that_leads_to_the_default_state_has_its_own_output() -> None:
    rules = [{"Condition": "{% $states.input %}", "Next": "T", "Output": "by rule"}]
    choice = {"Type": "Choice", "Choices": rules, "Default": "T", "Output": "by default"}
    assert run_state(choice, True, T={"Type": "Pass", "End": True}).output == "by rule"
    assert run_state(choice, False, T={"Type": "Pass", "End": True}).output == "by default"


# Errors


def test_an_error_of_a_branch_is_caught_by_its_container() -> None:
    catch = [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "T"}]
    assert run_state(parallel(passed("{% $nothing %}"), Catch=catch), T=passed("caught")).output == "caught"


def test_an_argument_of_a_container_that_fails_is_caught() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "T"}]
    state = parallel(passed(1), Arguments="{% $nothing %}", Catch=catch)
    assert run_state(state, T=passed("caught")).output == "caught"


def test_a_cause_names_its_state_once_however_deep_it_is() -> None:
    cause = run_state(parallel(parallel(passed("{% $nothing %}")))).cause or ""
    assert cause.count("An error occurred while executing the state 'Inner'") == 1
    assert cause.count("An error occurred while executing the state") == 1


def test_an_error_keeps_its_name_and_cause_through_containers() -> None:
    fail = {"Type": "Fail", "Error": "Custom.Error", "Cause": "inside"}
    inner = {"Type": "Map", "Items": [1], "ItemProcessor": {"StartAt": "F", "States": {"F": fail}}}
    catch = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "T"}]
    ended = run_state(parallel(parallel(inner), Catch=catch), T=CAUGHT)
    assert ended.output == {"Error": "Custom.Error", "Cause": "inside"}


def test_a_catcher_may_lead_back_to_its_own_state() -> None:
    calls: list[Any] = []

    def handler(event: Any, context: Any) -> int:
        calls.append(event)
        if len(calls) == 1:
            raise ValueError
        return len(calls)

    again = [{"ErrorEquals": ["ValueError"], "Output": "second", "Next": "S"}]
    ended = run_state(task(Output="{% $states.result.Payload %}", Catch=again), "first", {"f": handler})
    assert (ended.output, calls) == (2, ["first", "second"])


def test_a_fault_of_the_interpreter_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise SystemError("unreadable")

    monkeypatch.setattr(Run, "chain", broken)
    ended = run_state({"Type": "Succeed"})
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert "unreadable" in (ended.cause or "")
    assert ended.types() == ["ExecutionStarted", "ExecutionFailed"]


# Limits


def test_a_payload_of_exactly_the_quota_passes() -> None:
    # Four bytes are the brackets and quotes around the text.
    assert run_state(passed("{% [$pad('', 262140, 'x')] %}")).status == "SUCCEEDED"
    assert run_state(passed("{% [$pad('', 262141, 'x')] %}")).error == "States.DataLimitExceeded"


def test_what_one_state_assigns_is_limited() -> None:
    big = "{% $pad('', 200000, 'x') %}"
    assert run_state(passed(1, Assign={"a": big})).status == "SUCCEEDED"
    assert run_state(passed(1, Assign={"a": big, "b": big})).error == "States.DataLimitExceeded"


def test_the_result_of_a_container_is_limited() -> None:
    big = passed("{% $pad('', 200000, 'x') %}")
    branches = [branch(name, big) for name in "AB"]
    container = {"Type": "Parallel", "Output": "small", "End": True}
    assert run_state({**container, "Branches": branches[:1]}).output == "small"
    assert run_state({**container, "Branches": branches}).error == "States.DataLimitExceeded"


def test_states_all_does_not_catch_what_is_too_large() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "T"}]
    too_large = task(Catch=catch)
    handlers = {"f": lambda event, context: "x" * 262_144}
    assert run_state(too_large, None, handlers, T=passed("caught")).error == "States.DataLimitExceeded"
    by_name = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "T"}]
    assert run_state({**too_large, "Catch": by_name}, None, handlers, T=passed("caught")).output == "caught"


def test_a_run_without_a_name_gets_one_of_its_own() -> None:
    first, second = (run({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}) for _ in range(2))
    assert len({first.head.name, second.head.name, "", "None"}) == 4
    assert json.dumps(first.head.name) in json.dumps(first.head.arn.rsplit(":", 1))
