"""Whole processes that are killed, and runs that leave memory while they wait."""

from __future__ import annotations

import asyncio
import json
import math
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infra.local.stepfunctions.sqlite_journal import SqliteJournal
from tests.local.stepfunctions.crashes import OUTPUT
from tests.local.stepfunctions.support import CALLBACK, SYNC, branch, create, ended, engine, single, task, until
from tests.local.stepfunctions.test_recovery import check_lines

RUNS = 5
MOST_KILLS = 40
"""Each leaves the process longer alone, the last ten seconds: what is not done by then never will be."""


@pytest.mark.parametrize("seed", range(2))
def test_runs_of_a_process_that_is_killed_at_any_moment_come_to_their_end(seed: int, tmp_path: Path) -> None:
    dice, kills = random.Random(seed), 0
    arguments = [sys.executable, "-m", "tests.local.stepfunctions.victim", str(tmp_path), str(RUNS)]
    while True:
        process = subprocess.Popen(arguments, cwd=Path(__file__).parents[3])
        try:
            # Later and later, so that it comes to an end on a machine that is slow.
            code = process.wait(dice.uniform(0.3, 1.0 + kills / 4))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            code = process.wait(60)
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            break
        kills += 1
        assert kills < MOST_KILLS, "The runs never end, however long they are left alone"
    journal = SqliteJournal(tmp_path / "journal.db")
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:parent"
    heads = journal.heads(machine, None, 0, 100)
    assert len(heads) == RUNS
    for head in heads:
        assert (head.status, json.loads(head.output or "null")) == ("SUCCEEDED", OUTPUT)
        check_lines(journal.entries(head.arn))
    calls = Counter(tuple(line.split(" ")) for line in (tmp_path / "calls").read_text().splitlines())
    named = Counter({key: count for key, count in calls.items() if key[1]})
    assert all(count <= 1 + kills for count in named.values())
    assert len(journal.heads(machine.replace("parent", "child"), None, 0, 100)) == RUNS
    journal.close()


def in_real_time(work: Any) -> Any:
    return asyncio.run(work())


def test_runs_that_wait_for_long_leave_memory_and_come_back_in_time(tmp_path: Path) -> None:
    async def work() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        on = engine(journal, park_after=0.2)
        wait = {"Type": "Wait", "Seconds": 1, "End": True}
        machine = create(on, single(wait))
        arns = [on.start(machine, json.dumps(number)).arn for number in range(20)]
        await until(lambda: not on._runs)
        assert all(head.wakes_at is not None for head in journal.unfinished())
        runs = [await ended(on, arn) for arn in arns]
        assert [run.output for run in runs] == list(range(20))
        for run in runs:
            check_lines(run.entries)
            assert run.types()[-3:] == ["WaitStateEntered", "WaitStateExited", "ExecutionSucceeded"]
        on.close()
        journal.close()

    in_real_time(work)


def test_an_answer_wakes_a_parked_run_and_its_parked_parent(tmp_path: Path) -> None:
    tokens: list[str] = []

    async def work() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        on = engine(journal, {"f": lambda event, context: tokens.append(event)}, park_after=0.2)
        output = "{% [$states.result, $states.context.Task.Token] %}"
        child = {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK, "Output": output}
        arguments = {"StateMachineArn": create(on, single(child), name="child")}
        parent = {
            "Type": "Task",
            "Resource": SYNC,
            "Arguments": arguments,
            "Output": "{% $states.result.Output %}",
            "End": True,
        }
        arn = on.start(create(on, single(parent)), "{}").arn
        await until(lambda: tokens and not on._runs)
        on.close()
        await asyncio.sleep(0)
        # Another process, in which they stay parked until somebody answers.
        journal.close()
        journal = SqliteJournal(tmp_path / "journal.db")
        on = engine(journal, park_after=0.2)
        on.recover()
        assert not on._runs
        await on.answers.send_success(tokens[0], '{"approved":true}')
        assert (await ended(on, arn)).output == [{"approved": True}, tokens[0]]
        on.close()
        journal.close()

    in_real_time(work)


def test_a_run_is_not_parked_between_the_end_of_its_parts_and_its_own_next_step() -> None:
    tokens: dict[str, str] = {}

    async def work() -> None:
        on = engine(
            handlers={"f": lambda event, context: tokens.update({event["place"]: event["token"]})}, park_after=0.1
        )
        ask = {
            **task("f", {"place": "{% $states.input %}", "token": "{% $states.context.Task.Token %}"}),
            "Resource": CALLBACK,
            "Output": "{% $states.result %}",
        }
        inner = {"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": branch("ask", ask)}
        outer = {"Type": "Map", "Items": [["a"], ["b", "c"]], "ItemProcessor": branch("inner", inner), "End": True}
        arn = on.start(create(on, single(outer)), "{}").arn
        await until(lambda: len(tokens) == 3)
        for place in "abc":
            await on.answers.send_success(tokens[place], json.dumps(place.upper()))
        assert (await asyncio.wait_for(ended(on, arn), 20)).output == [["A"], ["B", "C"]]

    in_real_time(work)


def test_a_run_that_is_stopped_while_parked_ends(tmp_path: Path) -> None:
    async def work() -> None:
        on = engine(park_after=0.1)
        arn = on.start(create(on, single({"Type": "Wait", "Seconds": 9999, "End": True})), "{}").arn
        await until(lambda: not on._runs)
        on.stop_run(arn, "E", "C")
        assert (await ended(on, arn)).status == "ABORTED"

    in_real_time(work)


def test_the_child_of_a_run_that_is_stopped_while_parked_is_stopped() -> None:
    async def work() -> None:
        on = engine(park_after=0.1)
        child = create(on, single({"Type": "Wait", "Seconds": 9999, "End": True}), name="child")
        parent = {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": child}, "End": True}
        arn = on.start(create(on, single(parent)), "{}").arn
        await until(lambda: not on._runs)
        assert not on._ends
        on.stop_run(arn, None, None)
        assert [head.status for head in on.journal.heads(child, None, 0, 10)] == ["ABORTED"]

    in_real_time(work)


@pytest.mark.parametrize("waits_for_child", [False, True])
def test_a_parked_run_whose_own_time_is_over_comes_back_for_it(waits_for_child: bool) -> None:
    async def work() -> None:
        on = engine(park_after=0.1)
        wait = {"Type": "Wait", "Seconds": 9999, "End": True}
        child = create(on, single(wait), name="child")
        parent = {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": child}, "End": True}
        machine = {**single(parent if waits_for_child else wait), "TimeoutSeconds": 1}
        arn = on.start(create(on, machine), "{}").arn
        await until(lambda: not on._runs)
        assert (await asyncio.wait_for(ended(on, arn), 20)).status == "TIMED_OUT"
        children = [head.status for head in on.journal.heads(child, None, 0, 10)]
        assert children == ["ABORTED"] * waits_for_child

    in_real_time(work)


@pytest.mark.parametrize("kind", ["Parallel", "Map"])
def test_a_run_that_aborted_a_part_of_it_leaves_memory_when_it_waits_again(kind: str) -> None:
    async def work() -> None:
        on = engine(park_after=0.1)
        choice = {"Condition": "{% $states.input = 1 %}", "Next": "fail"}
        states = {
            "which": {"Type": "Choice", "Choices": [choice], "Default": "wait"},
            "fail": {"Type": "Fail"},
            "wait": {"Type": "Wait", "Seconds": 9999, "End": True},
        }
        part = {"StartAt": "which", "States": states}
        both: dict[str, Any] = {"Type": kind, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "go on"}], "End": True}
        if kind == "Map":
            both |= {"Items": [0, 1, 0], "ItemProcessor": part}
        else:
            both |= {"Branches": [part, {**part, "StartAt": "fail"}, part]}
        go_on = {"Type": "Wait", "Seconds": 9999, "End": True}
        arn = on.start(create(on, {"StartAt": "S", "States": {"S": both, "go on": go_on}}), "{}").arn
        await until(lambda: not on._runs)
        assert on.journal.entries(arn)[-2].fields["name"] == "go on"
        on.close()

    in_real_time(work)


def deep(machine: dict[str, Any]) -> dict[str, Any]:
    """A machine three containers deep: a run that comes back is not where it was before some turns of the loop."""
    for name in "abc":
        machine = branch(name, {"Type": "Parallel", "Branches": [machine]})
    return machine


@pytest.mark.parametrize("is_caught", [False, True])
def test_a_child_is_stopped_by_the_failure_of_a_branch_beside_it_although_its_parent_has_only_just_come_back(
    is_caught: bool,
) -> None:
    tokens: list[str] = []

    async def work() -> None:
        on = engine(handlers={"f": lambda event, context: tokens.append(event)}, park_after=0.1)
        child, other = (
            create(on, single({"Type": "Wait", "Seconds": 9999, "End": True}), name=name) for name in ("child", "other")
        )
        ask = {**task("f", "{% $states.context.Task.Token %}"), "Resource": CALLBACK}
        beside = branch("run", {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": child}})
        both = {"Type": "Parallel", "Branches": [branch("ask", ask), deep(beside)], "End": True}
        if is_caught:
            both["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "go on"}]
        apart = branch("apart", {"Type": "Task", "Resource": SYNC, "Arguments": {"StateMachineArn": other}})
        inner = {"StartAt": "S", "States": {"S": both, "go on": {"Type": "Wait", "Seconds": 9999, "End": True}}}
        arn = on.start(create(on, single({"Type": "Parallel", "Branches": [inner, apart], "End": True})), "{}").arn
        await until(lambda: tokens and not on._runs)
        await on.answers.send_failure(tokens[0], "E", "C")
        if is_caught:
            await until(lambda: not on._runs)
            assert on.head(arn).status == "RUNNING"
        else:
            assert (await ended(on, arn)).status == "FAILED"
        statuses = [on.journal.heads(machine, None, 0, 10)[0].status for machine in (child, other)]
        assert statuses == ["ABORTED", "RUNNING" if is_caught else "ABORTED"]
        on.close()

    in_real_time(work)


def test_a_run_that_cannot_be_read_back_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        first = engine()
        machine = create(first, single({"Type": "Wait", "Seconds": 1, "End": True}))
        arns = [first.start(machine, "{}").arn for _ in range(2)]
        await asyncio.sleep(0.05)
        first.close()
        first.journal.put_head(first.head(arns[0]).changed(definition="lost"))
        second = engine(first.journal)
        second.recover()
        assert (await second.end_of(arns[1])).status == "SUCCEEDED"

    in_real_time(work)
    assert "cannot go on" in caplog.text


def test_whoever_was_not_told_of_an_end_is_told_by_the_next_engine() -> None:
    told: list[str] = []

    def fail(head: Any) -> None:
        raise OSError("no")

    async def work() -> None:
        first = engine(on_end=fail)
        arn = first.start(create(first, single({"Type": "Succeed"})), "{}").arn
        await first.end_of(arn)
        await asyncio.sleep(0.05)
        second = engine(first.journal, on_end=lambda head: told.append(head.arn))
        second.recover()
        await until(lambda: not first.journal.unfinished())
        third = engine(first.journal, on_end=lambda head: told.append(head.arn))
        assert third.recover() == 0
        assert told == [arn]

    in_real_time(work)


LONE = "\ud83d"
ESCAPED = '"' + "\\ud83d" + '"'


@pytest.mark.parametrize("text", [ESCAPED, f'"{LONE}"', '"\\ud83d\\ude00"'])
def test_text_that_utf_8_cannot_hold_harms_no_journal(text: str, tmp_path: Path) -> None:
    async def work() -> None:
        journal = SqliteJournal(tmp_path / "journal.db")
        on = engine(journal, {"f": lambda event, context: event}, park_after=math.inf)
        states = {
            "S": {"Type": "Pass", "Assign": {"v": "{% $states.input %}", "w": LONE}, "Output": LONE, "Next": "T"},
            "T": task("f", "{% $v %}", Output="{% [$v, $w] %}"),
        }
        run = await ended(on, on.start(create(on, {"StartAt": "S", "States": states}), text).arn)
        assert run.output == ["😀" if "ude00" in text else "\ufffd", "\ufffd"]
        waiting = on.start(create(on, single({**task("f"), "Resource": CALLBACK})), "{}").arn
        await until(lambda: on.answers.pending)
        [token] = on.answers.pending
        await on.answers.send_failure(token, LONE, LONE)
        assert (await ended(on, waiting)).error == "\ufffd"
        on.close()
        journal.close()

    in_real_time(work)
