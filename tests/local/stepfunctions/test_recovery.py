"""A run that is interrupted goes on as if it had not been."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from typing import Final

import pytest

from infra.local.stepfunctions.engine import Engine
from infra.local.stepfunctions.history import LAST_EVENTS
from infra.local.stepfunctions.journal import Entry, Head
from tests.local.stepfunctions.crashes import OUTPUT, Calls, DyingJournal, live
from tests.local.stepfunctions.support import branch, create, engine, in_skipping_time, task, until


def heads(journal: DyingJournal) -> dict[str, Head]:
    return {head.name: head for head in journal.all_heads()}


def check_lines(entries: list[Entry]) -> None:
    """What holds for the history of any run, at any moment."""
    ids = [entry.id for entry in entries if entry.id]
    assert ids == list(range(1, len(ids) + 1))
    assert all(entry.previous < entry.id for entry in entries if entry.id)
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    begun: Counter[str] = Counter()
    for path in {entry.path for entry in entries}:
        inside = 0
        for entry in entries:
            if entry.path == path:
                inside += entry.type.endswith("StateEntered")
                inside -= entry.type.endswith("StateExited")
                assert inside in (0, 1)
                if entry.type == "MapIterationStarted":
                    begun[path] += 1
    assert set(begun.values()) <= {1}
    dues: dict[str, float] = {}
    for entry in entries:
        if entry.type in ("_Wait", "_Retry"):
            dues[entry.path] = entry.private["due"]
        elif entry.type.endswith(("StateExited", "Scheduled", "StateStarted")):
            # Nothing that was waited for comes early, however often the server ended meanwhile.
            assert entry.moment >= dues.pop(entry.path, 0.0)


def check_all_ended(entries: list[Entry]) -> None:
    """What was begun inside a run that succeeded has ended, and once."""
    going_on: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        iteration, state = (
            re.match(r"MapIteration(?!Started)", entry.type),
            re.match(r"(\w+State)(Exited|Aborted)", entry.type),
        )
        if entry.type == "MapIterationStarted":
            going_on[entry.path, "MapIteration"] += 1
        elif iteration:
            going_on[entry.path, "MapIteration"] -= 1
        elif entry.type in ("TaskStateEntered", "WaitStateEntered", "ParallelStateEntered", "MapStateEntered"):
            going_on[entry.path, entry.type.removesuffix("Entered")] += 1
        elif state and state[1] in ("TaskState", "WaitState", "ParallelState", "MapState"):
            going_on[entry.path, state[1]] -= 1
    assert {key: count for key, count in going_on.items() if count} == {}


def check_end(journal: DyingJournal, calls: Calls, deaths: int) -> None:
    """What holds when a run has ended that was interrupted so many times."""
    run = heads(journal)["run"]
    assert (run.status, json.loads(run.output or "null")) == ("SUCCEEDED", OUTPUT)
    for head in journal.all_heads():
        entries = journal.entries(head.arn)
        check_lines(entries)
        check_all_ended(entries)
        assert entries[-1].type in LAST_EVENTS
    entries = journal.entries(run.arn)
    assert all(count <= 1 + deaths for count in calls.counts.values())
    # Each attempt is scheduled once, whatever became of it; what it was given is what the function got.
    keys = Counter(
        json.loads(e.data or "")["Payload"]["key"]
        for e in entries
        if e.type == "TaskScheduled" and "FunctionName" in (e.data or "")
    )
    assert set(keys.values()) == {1}
    assert {key for step, key in calls.counts if step != "child"} <= keys.keys()
    assert len([head for head in journal.all_heads() if head.parent == run.arn]) == 1


def lines_of_an_undisturbed_run() -> int:
    journal, calls = DyingJournal(), Calls()
    assert in_skipping_time(lambda: live(journal, calls, float("inf")))
    check_end(journal, calls, 0)
    return sum(len(journal.entries(head.arn)) for head in journal.all_heads())


def test_a_run_that_is_not_disturbed_calls_each_function_once() -> None:
    journal, calls = DyingJournal(), Calls()
    assert in_skipping_time(lambda: live(journal, calls, float("inf")))
    check_end(journal, calls, 0)
    types = Counter(entry.type for entry in journal.entries(heads(journal)["run"].arn))
    assert types["ParallelStateStarted"] == 2
    assert types["TaskStateAborted"] >= 1


def test_a_run_that_dies_after_any_line_goes_on_to_the_same_end() -> None:
    total = lines_of_an_undisturbed_run()
    assert total > 100
    for lines in range(1, total):
        journal, calls = DyingJournal(), Calls()
        if in_skipping_time(lambda: live(journal, calls, lines)):  # noqa: B023 - it is called at once
            continue
        before = {head.arn: journal.entries(head.arn) for head in journal.all_heads()}
        assert in_skipping_time(lambda: live(journal, calls, float("inf")))  # noqa: B023 - it is called at once
        check_end(journal, calls, 1)
        for arn, entries in before.items():
            assert journal.entries(arn)[: len(entries)] == entries


A_MINUTE: Final = {"Type": "Wait", "Seconds": 60}
FAILING_BESIDE: Final = {
    "StartAt": "each",
    "States": {
        "each": {
            "Type": "Map",
            "Items": "{% [0..4] %}",
            "MaxConcurrency": 4,
            "ItemProcessor": {
                "StartAt": "which",
                "States": {
                    "which": {
                        "Type": "Choice",
                        "Choices": [
                            {"Condition": "{% $states.input = 1 %}", "Next": "before"},
                            {"Condition": "{% $states.input = 2 %}", "Next": "inside"},
                            {"Condition": "{% $states.input = 3 %}", "Next": "long"},
                        ],
                        "Default": "at once",
                    },
                    "at once": {"Type": "Pass", "End": True},
                    "before": {"Type": "Wait", "Seconds": 5, "Next": "fails"},
                    "fails": task("flaky", {"step": "fails", "key": "{% $uuid() %}", "retry": 0}),
                    "long": {"Type": "Wait", "Seconds": 3600, "End": True},
                    "inside": {
                        "Type": "Parallel",
                        "Branches": [
                            branch("p", {"Type": "Wait", "Seconds": 1}),
                            branch("q", {"Type": "Wait", "Seconds": 3600}),
                            branch("m", {"Type": "Map", "Items": [1, 2], "ItemProcessor": branch("w", A_MINUTE)}),
                        ],
                        "End": True,
                    },
                },
            },
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "done"}],
            "Next": "done",
        },
        "done": {"Type": "Pass", "End": True},
    },
}  # fmt: skip


def test_what_goes_on_beside_a_failure_is_aborted_alike_wherever_the_server_died() -> None:
    def begin(on: Engine) -> None:
        on.start(create(on, FAILING_BESIDE), "{}", "run")

    def entries_after(*lives: float) -> list[Entry]:
        journal, calls = DyingJournal(), Calls()
        for lines in (*lives, float("inf")):
            in_skipping_time(lambda: live(journal, calls, lines, begin))  # noqa: B023 - it is called at once
        return journal.entries(heads(journal)["run"].arn)

    undisturbed = entries_after()
    types = Counter(entry.type for entry in undisturbed if entry.id)
    assert (types["MapIterationAborted"], types["WaitStateAborted"], types["ParallelStateAborted"]) == (4, 4, 1)
    for lines in range(1, len(undisturbed)):
        entries = entries_after(lines)
        check_lines(entries)
        check_all_ended(entries)
        assert Counter(entry.type for entry in entries if entry.id) == types, lines


@pytest.mark.parametrize("seed", range(12))
def test_a_run_that_dies_again_and_again_comes_to_the_same_end(seed: int) -> None:
    journal, calls, dice, deaths = DyingJournal(), Calls(), random.Random(seed), 0
    while not in_skipping_time(lambda: live(journal, calls, dice.randint(3, 40))):
        deaths += 1
        assert deaths < 200
    check_end(journal, calls, deaths)


def test_an_answer_that_was_acknowledged_outlives_the_server() -> None:
    journal = DyingJournal()
    state = task("ok", {"step": "s", "key": "{% $states.context.Task.Token %}"})
    definition = {"StartAt": "S", "States": {"S": {**state, "Resource": state["Resource"] + ".waitForTaskToken"}}}

    async def first() -> str:
        on = engine(journal, Calls().handlers())
        arn = on.start(create(on, definition), "{}").arn
        await until(lambda: any(entry.type == "TaskSubmitted" for entry in journal.entries(arn)))
        [token] = on.answers.pending
        await on.answers.send_success(token, '"yes"')
        # Not a line more is kept, as if it had been killed here.
        journal.lines_left = 0
        on.close()
        return arn

    arn = in_skipping_time(first)
    assert journal.entries(arn)[-1].type == "_Answer"

    async def second() -> str | None:
        journal.lines_left = float("inf")
        on = engine(journal)
        on.recover()
        return (await on.end_of(arn)).output

    assert in_skipping_time(second) == '"yes"'
