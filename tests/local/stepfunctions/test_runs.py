"""What a run does as a whole: its time, stops, limits."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from infra.local.stepfunctions import history
from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.journal import Head
from infra.local.stepfunctions.waiting import timestamp_text
from tests.local.stepfunctions.support import (
    branch,
    create,
    engine,
    in_skipping_time,
    run,
    run_state,
    single,
    task,
    until,
    with_engine,
)


def test_years_of_waiting_take_no_time_and_show_in_the_history() -> None:
    run = run_state(
        {"Type": "Wait", "Seconds": "{% 86400 * 300 %}", "Next": "T"},
        T={"Type": "Wait", "Timestamp": "{% $fromMillis($millis() + 86400000) %}", "End": True},
    )
    assert run.status == "SUCCEEDED"
    started, *_, end = run.events
    assert 0 <= round(end["timestamp"] - started["timestamp"], 1) - 301 * 86_400 < 60


def test_expressions_and_the_context_are_on_the_clock_of_the_run() -> None:
    wait = {"Type": "Wait", "Seconds": 86_400, "Next": "T"}
    output = {"now": "{% $now() %}", "entered": "{% $states.context.State.EnteredTime %}", "millis": "{% $millis() %}"}
    run = run_state(wait, T={"Type": "Pass", "Output": output, "End": True})
    [entered] = run.of("PassStateEntered")
    assert run.output["entered"] == timestamp_text(entered["timestamp"])
    assert 0 <= round(run.output["millis"] / 1000 - entered["timestamp"], 1) < 60
    assert run.output["now"][:16] == run.output["entered"][:16]


@pytest.mark.parametrize("wait", [{"Seconds": "{% 31536001 %}"}, {"Timestamp": "2999-01-01T00:00:00Z"}])
def test_a_wait_over_a_year_fails_when_it_begins(wait: dict[str, Any]) -> None:
    run = run_state({"Type": "Wait", "End": True, **wait})
    assert run.error == "States.Runtime"
    assert "delay is too long" in (run.cause or "")


@pytest.mark.parametrize("seconds", ["1", -1, 1.5, None, True])
def test_a_wait_for_no_number_of_seconds_is_an_evaluation_error(seconds: Any) -> None:
    run = run_state({"Type": "Wait", "Seconds": "{% $states.input.s %}", "End": True}, {"s": seconds})
    assert (run.error, run.types()[2]) == ("States.QueryEvaluationError", "EvaluationFailed")


def test_a_run_over_its_time_is_timed_out() -> None:
    run_ = run({**single({"Type": "Wait", "Seconds": 9_999, "End": True}), "TimeoutSeconds": 100})
    assert (run_.status, run_.error, run_.cause) == ("TIMED_OUT", None, None)
    last = run_.events[-1]
    assert (last["type"], last["previousEventId"]) == ("ExecutionTimedOut", 0)
    assert last["executionTimedOutEventDetails"] == {"error": "States.Timeout"}
    lasted = run_.events[-1]["timestamp"] - run_.events[0]["timestamp"]
    assert 100 <= round(lasted, 1) < 110  # both are whole milliseconds, and may be rounded apart


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Wait", "Seconds": 99_999, "End": True},
        task("nobody", Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 9_999, "MaxAttempts": 3}]),
        {"Type": "Parallel", "Branches": [branch(n, {"Type": "Wait", "Seconds": 999}) for n in "XY"], "End": True},
        {"Type": "Map", "Items": [1, 2], "ItemProcessor": branch("I", {"Type": "Wait", "Seconds": 999}), "End": True},
    ],
    ids=["wait", "retry", "parallel", "map"],
)
def test_a_stop_ends_every_kind_of_waiting(state: dict[str, Any]) -> None:
    async def stop(on: Engine, arn: str) -> None:
        await asyncio.sleep(10)
        head = on.stop_run(arn, "Enough", "tired")
        assert on.stop_run(arn, "Again", None) == head

    run = with_engine(single(state), stop)
    assert (run.status, run.error, run.cause) == ("ABORTED", "Enough", "tired")
    assert run.events[-1]["previousEventId"] == 0
    assert run.events[-1]["timestamp"] - run.events[0]["timestamp"] < 60


def test_a_stopped_run_is_not_heard_of_again_when_its_function_returns() -> None:
    release, working = threading.Event(), threading.Event()

    def handler(event: Any, context: Any) -> None:
        working.set()
        release.wait(30)

    async def stop(on: Engine, arn: str) -> None:
        await until(working.is_set)
        on.stop_run(arn, None, None)
        release.set()
        await on.workers.call(lambda: None)

    run = with_engine(single(task()), stop, {"f": handler}, threads=1)
    assert run.types()[-2:] == ["TaskStarted", "ExecutionAborted"]


def test_a_history_that_grows_too_long_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "HISTORY_EVENTS", 50)
    run = run_state({"Type": "Pass", "Next": "T"}, T={"Type": "Pass", "Next": "S"})
    assert (run.status, run.error, len(run.events)) == ("FAILED", "States.Runtime", 50)
    assert run.types()[-1] == "ExecutionFailed"


def test_all_variables_of_a_run_are_limited_to_ten_mebibytes() -> None:
    states = {
        f"S{n}": {"Type": "Pass", "Output": 0, "Assign": {f"v{n}": "{% $pad('', 262000, 'x') %}"}} for n in range(41)
    }
    for n, state in enumerate(states.values()):
        state.update({"Next": f"S{n + 1}"} if n < 40 else {"End": True})
    run_ = run({"StartAt": "S0", "States": states})
    assert (run_.status, run_.error, len(run_.of("PassStateExited"))) == ("FAILED", "States.DataLimitExceeded", 40)


def test_fields_come_in_the_order_of_javascript() -> None:
    output = "{% {'b': 1, '10': 2, '2': 3, '01': 4, 'a': {'1': 1, '0': 2}} %}"
    run = run_state({"Type": "Pass", "Output": output, "End": True})
    assert run.head.output == '{"2":3,"10":2,"b":1,"01":4,"a":{"0":2,"1":1}}'


def test_an_expression_that_takes_long_lets_other_runs_go_on() -> None:
    async def work() -> list[str]:
        on = engine()
        slow = single({"Type": "Pass", "Output": "{% $count($map([1..800000], function($x) {$x * 2})) %}", "End": True})
        ends: list[str] = []

        async def note(name: str, definition: dict[str, Any]) -> None:
            head = await on.end_of(on.start(create(on, definition), "{}").arn)
            ends.append(f"{name} {head.output}")

        await asyncio.gather(note("slow", slow), note("quick", single({"Type": "Succeed"})))
        return ends

    assert in_skipping_time(work) == ["quick {}", "slow 800000"]


def test_an_express_run_has_no_history_and_five_minutes() -> None:
    async def work() -> tuple[Head, Head]:
        on = engine()
        quick = create(on, single({"Type": "Pass", "Output": 1, "End": True}), "EXPRESS")
        slow = create(on, single({"Type": "Wait", "Seconds": 301, "End": True}), "EXPRESS")
        heads = [await on.end_of(on.start(arn, "{}").arn) for arn in (quick, slow)]
        assert on.journal.heads(quick, None, 0, 10) == []
        return heads[0], heads[1]

    quick, slow = in_skipping_time(work)
    assert (quick.status, quick.output, slow.status) == ("SUCCEEDED", "1", "TIMED_OUT")
    assert ":express:" in quick.arn
