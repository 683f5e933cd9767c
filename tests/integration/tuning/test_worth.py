"""When a build is worth it, and when there is none."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.integration.support import ME
from tests.integration.tuning.support import (
    N_GRAPH,
    NONE,
    SLOW_B,
    Clock,
    Measured,
    number,
    round_after,
    run_once,
    save,
    with_two_builds,
    work,
)
from workflow_engine import compiler
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.upkeep.build_limits import FEWEST_RUNS as FEWEST_KNOWN_RUNS
from workflow_engine.usecases.upkeep.tune_workflows import FEWEST_RUNS, tune_workflows
from workflow_engine.usecases.workflows import save_workflow

SLOW_D: Final = {"a": 1, "b": 1, "c": 10, "d": 10}
"""Seconds. The best structure for the one is bad for the other."""


def test_too_few_runs_are_waited_for_and_then_twice_as_many(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B, FEWEST_RUNS - 1)
    assert round_after(engine, clock) == {"looked_at": 1, "waiting": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "ended": 1}  # no run since
    measured.are(SLOW_D)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "kept": 1}
    measured.are(SLOW_B, 2 * FEWEST_RUNS - 1)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "waiting": 1}
    measured.are(SLOW_B, 2 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}


def test_as_many_runs_a_month_later_are_other_runs(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_D)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    measured.are(SLOW_B)
    assert round_after(engine, clock, timedelta(days=30)) == {"looked_at": 1, "built": 1}


def test_durations_that_change_from_day_to_day_do_not_change_the_workflow_as_often(
    engine: Engine, measured: Measured, clock: Clock
) -> None:
    with_two_builds(engine, measured, clock)
    measured.are(SLOW_D, 4 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(hours=23)) == {"looked_at": 1, "waiting": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}
    back, first = engine.workflows.newest("default", "n"), engine.workflows.of_build("default", "n", 1, 1)
    assert (back.build_number, back.compiled.machine_arn) == (3, first.compiled.machine_arn)


def test_what_saves_little_is_not_worth_a_build(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are({"a": 1, "b": 1.9, "c": 20, "d": 18})  # 21.9 by now, at best 21
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    assert number(engine) == 1


@pytest.mark.parametrize("is_seldom", [True, False])
def test_a_step_that_seldom_runs_is_not_waited_for(
    engine: Engine, measured: Measured, clock: Clock, is_seldom: bool
) -> None:
    """Where every run that completes has the step, its absence tells of runs that failed."""
    condition = {"conditions": "input.seldom"} if is_seldom else {}
    save(
        engine, steps=[work("a"), work("b", **condition), work("c", "a"), work("d", "a", "b", trigger_rule="all_done")]
    )
    measured.are(SLOW_B)
    measured.histograms["b"] = Histogram.of([10_000])
    assert round_after(engine, clock) == {"looked_at": 1, "kept" if is_seldom else "built": 1}


JOINING: Final = {
    "steps": [
        work("a"),
        work("d"),
        *(work(step_id, "a") for step_id in "bce"),
        work("f", "a", "c", "d"),
    ]
}


SLOW_BEFORE_F: Final = {"a": 1, "d": 10, "b": 20, "c": 10, "e": 1, "f": 1}
"""By which c and d are to run side by side, and to give what f reads together; by themselves they come after another."""


@pytest.mark.parametrize(
    ("runs", "bytes_each", "done"),
    [
        (FEWEST_KNOWN_RUNS, 100, "built"),
        (FEWEST_KNOWN_RUNS, 70_000, "kept"),  # twice as much of both is too much for a state
        (FEWEST_KNOWN_RUNS - 1, 100, "kept"),  # too few tell
    ],
)
def test_outputs_that_were_apart_come_together_where_they_have_room(
    engine: Engine, measured: Measured, clock: Clock, sizes: dict[str, int], runs: int, bytes_each: int, done: str
) -> None:
    save(engine, **JOINING)
    sizes |= dict.fromkeys("cd", bytes_each)
    for _ in range(runs):
        run_once(engine)
    measured.are(SLOW_BEFORE_F)
    assert round_after(engine, clock) == {"looked_at": 1, done: 1}
    assert run_once(engine)["status"] == "completed"


def test_an_output_that_nobody_has_seen_comes_together_with_no_other(
    engine: Engine, measured: Measured, clock: Clock
) -> None:
    """The first run that has it would fail, where it is too large for one state with what comes together with it."""
    steps = [{**step, "conditions": "input.seldom"} if step["step_id"] == "c" else step for step in JOINING["steps"]]
    save(engine, steps=steps)
    for _ in range(FEWEST_KNOWN_RUNS):
        assert run_once(engine)["step_results"]["c"]["status"] == "skipped"
    measured.are(SLOW_BEFORE_F)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    run_once(engine, input={"seldom": True})
    measured.are(SLOW_BEFORE_F, 2 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}


def test_a_build_has_as_much_room_for_lists(engine: Engine, measured: Measured, clock: Clock) -> None:
    """Beside a list that nobody bounds no build takes more of a run's history; of two orders one has a Parallel more."""
    steps = [*N_GRAPH["steps"], work("each", for_each="input.items")]
    save(engine, steps=steps)
    measured.are(SLOW_B | {"each": 1})
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}
    measured.are(SLOW_D | {"each": 1}, 2 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(days=2)) == {"looked_at": 1, "built": 1}  # as it was saved
    listing = work("e", "c", for_each="input.items")
    save_workflow.update(engine, ME, "n", N_GRAPH | {"steps": [*N_GRAPH["steps"], listing]})
    measured.are(SLOW_B | {"e": 1})
    round_after(engine, clock)
    newest, saved = engine.workflows.newest("default", "n"), engine.workflows.of_build("default", "n", 2, 1)
    events: Any = [one.compiled.plan["history_events_min"] for one in (newest, saved)]
    assert events[0] <= events[1]


def test_a_workflow_that_has_no_order_added_is_not_compiled_again(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(engine, steps=[work("a"), work("b"), work("c", "a", "b")])
    measured.are({"a": 1, "b": 5, "c": 1})
    monkeypatch.setattr(compiler, "compile_workflow", None)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    assert round_after(engine, clock, timedelta(days=7)) == {}


def test_an_author_s_estimates_are_followed(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine, steps=[step | {"estimated_seconds": SLOW_D[step["step_id"]]} for step in N_GRAPH["steps"]])
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}


def test_nothing_is_tuned_where_the_deployment_says_so(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    off = dataclasses.replace(engine, settings=dataclasses.replace(engine.settings, tune="off"))
    engine.tuning.note("default", "n", 1, engine.timestamp())
    assert tune_workflows(off) == NONE
