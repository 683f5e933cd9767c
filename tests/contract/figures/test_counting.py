"""What a run counts as: by its last end, once, over either table."""

from __future__ import annotations

from datetime import timedelta

from tests.contract.figures.support import DAY, NOW, World
from tests.integration.store.records import execution
from workflow_engine.store.aggregates.fold import Fold
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.aggregates.step_durations import StepDurations
from workflow_engine.store.control import begin_redrive, take_back_redrive
from workflow_engine.store.run_deletions import delete_run


def test_a_run_counts_in_its_hour_on_its_day_for_its_workflow_and_its_tenant_and_once(world: World) -> None:
    world.start()
    world.end("completed", "05:10:20")
    told = world.told()
    for _ in range(2):
        world.fold().add(told)
        world.count()  # it is told of a later write that changed nothing
    assert world.hours() == {"05": {"completed": 1}}
    assert world.day() == world.day(None)
    assert world.day() == ({"completed": 1}, Histogram.of([(5 * 3600 + 10 * 60 + 20) * 1000]))
    assert world.day("w2") is None


def test_only_who_completed_without_a_redrive_has_a_duration(world: World) -> None:
    for execution_id, status in (("e1", "failed"), ("e2", "timed_out"), ("e3", "cancelled")):
        world.start(execution_id)
        world.end(status, "01:00:00", execution_id=execution_id)
    world.count("e1", "e2", "e3")
    found = world.day()
    assert found is not None
    assert found.counts == {"completed": 0, "failed": 1, "cancelled": 1, "timed_out": 1}
    assert found.durations.count == 0


def test_a_rerun_from_a_step_counts_and_tells_nothing_of_how_long_the_workflow_takes(world: World) -> None:
    world.executions.create(execution(execution_arn="arn:e1", rerun_of="e0", variant_id="adhoc-1"))
    world.end("completed", "01:00:00")
    world.count()
    assert world.day() == ({"completed": 1}, Histogram())


def test_what_its_steps_did_counts_once_its_history_was_read(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    world.count()
    world.read([("a", 100), ("m", 900), ("m[0].b", 300), ("m[1].b", 400), ("each", 50), ("each[0]", 20)])
    world.count()
    world.count()
    found = world.day()
    assert found is not None
    assert dict(found.numbers) == {
        "completed": 1,
        "sampled": 1,
        "retries": 6,
        "tokens_in": 5,
        "tokens_out": 6,
        "llm_calls": 1,
        "transition_nanos": 75_000,
        "model_nanos": 2_000_000,
    }
    steps, _ = world.figures.of_steps("t", "w1", "hour", DAY, DAY + timedelta(days=1))
    assert {step: (figures.durations, figures.retries) for step, figures in steps.items()} == {
        "a": (Histogram.of([100]), 1),
        "m": (Histogram.of([900]), 1),
        "b": (Histogram.of([300, 400]), 2),
        "each": (Histogram.of([50]), 2),
    }
    durations = StepDurations(world.table, lambda: NOW).step_durations("t", "w1", 1)
    assert durations["b"] == Histogram.of([300, 400])


def test_results_that_are_told_before_the_end_wait_for_it(world: World) -> None:
    world.start()
    world.read([("a", 100)])
    world.count()
    assert world.day() is None
    world.end("completed", "01:00:00")
    world.count()
    found = world.day()
    assert found is not None
    assert found.numbers["sampled"] == 1


def test_a_redriven_run_counts_as_it_ended_last_and_its_former_end_is_taken_back(world: World) -> None:
    world.start()
    world.end("failed", "01:00:00")
    world.read([("a", 100)])
    world.count()
    begin_redrive(world.executions, world.executions.get("t", "e1"), "2026-01-01T02:00:00.000Z", None)
    world.count()
    assert world.hours()["01"]["failed"] == 1, "while it runs it counts as before"
    world.end("completed", "03:00:00", 1)
    world.count()
    assert world.hours() == {"03": {"completed": 1, "redriven": 1}}
    steps, _ = world.figures.of_steps("t", "w1", "day", DAY, DAY + timedelta(days=1))
    assert steps["a"].durations.count == 0
    world.read([("a", 100), ("b", 200)], 1)
    world.count()
    found = world.day()
    assert found is not None
    assert (found.runs, found.numbers["sampled"], found.durations.count) == (1, 1, 0)


def test_what_stood_still_until_a_redrive_is_no_duration_of_a_step(world: World) -> None:
    """A step that failed, and what it is in, were entered before the redrive and left after it."""
    world.start()
    world.end("completed", "23:00:00", 1)
    world.read([("a", 100), ("m", 22 * 3_600_000), ("m[0].b", 22 * 3_600_000)], 1)
    world.count()
    found = world.day()
    assert found is not None
    assert found.numbers["sampled"] == 1
    assert StepDurations(world.table, lambda: NOW).step_durations("t", "w1", 1) == {}
    steps, _ = world.figures.of_steps("t", "w1", "day", DAY, DAY + timedelta(days=1))
    assert {step: (figures.durations.count, figures.retries) for step, figures in steps.items()} == {
        "a": (0, 1),
        "m": (0, 1),
        "b": (0, 1),
    }


def test_a_redrive_that_was_never_made_changes_nothing(world: World) -> None:
    world.start()
    world.end("failed", "01:00:00")
    world.count()
    before = world.executions.get("t", "e1")
    begin_redrive(world.executions, before, "2026-01-01T02:00:00.000Z", None)
    world.count()
    take_back_redrive(world.executions, before, "2026-01-01T02:00:00.000Z")
    world.count()
    assert world.hours() == {"01": {"failed": 1}}


def test_a_deleted_run_stays_counted_and_is_not_counted_again(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    told = world.told()
    world.fold().add(told)
    assert delete_run(world.table, "t", "e1", NOW.timestamp())
    world.fold().add(told)
    assert world.hours() == {"01": {"completed": 1}}


def test_a_run_that_is_discarded_counts_nowhere_whatever_is_told_of_it(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    world.fold().discard("t", "e1")
    world.count()
    assert world.day() is None


def test_an_end_of_long_ago_is_not_counted_since_it_is_forgotten_what_was(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    Fold(world.table, lambda: NOW + timedelta(days=91)).add(world.told())
    assert world.day() is None
