"""How long figures stay, and what takes them away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.figures.support import DAY, NOW, World
from workflow_engine.store import keys
from workflow_engine.store.aggregates.fold import Fold, is_telling
from workflow_engine.store.aggregates.step_durations import StepDurations
from workflow_engine.store.control import begin_redrive


def test_figures_of_a_workflow_are_deleted_and_those_of_its_tenant_stay(world: World) -> None:
    world.start()
    world.end("completed", "01:00:00")
    world.read([("a", 100)])
    world.count()
    partitions = keys.figures_of(keys.workflow("t", "w1"))
    assert list(world.figures.delete("t", *partitions)) == [4]
    assert list(world.figures.delete("t", *partitions)) == []
    assert world.day() is None
    assert StepDurations(world.table, lambda: NOW).step_durations("t", "w1", 1) == {}
    assert world.day(None) is not None
    assert list(world.figures.delete("t", keys.run_figures("t"))) == [2]
    assert world.day(None) is None


def test_what_is_taken_back_of_figures_that_have_gone_leaves_nothing_below_zero(world: World) -> None:
    world.start()
    world.end("failed", "01:00:00")
    world.count()
    assert list(world.figures.delete("t", keys.run_figures("t", "w1"))) == [2]
    begin_redrive(world.executions, world.executions.get("t", "e1"), "2026-01-01T02:00:00.000Z", None)
    world.end("completed", "03:00:00", 1)
    world.count()
    assert world.hours() == {"03": {"completed": 1, "redriven": 1}}


def test_figures_and_what_is_known_of_runs_expire(world: World) -> None:
    world.start()
    world.end("completed", "01:30:00")
    world.count()
    hour, day = (
        world.table.get(keys.run_figures("t", "w1"), keys.figures(grain, period, "00000001", "0.0"))
        for grain, period in (("hour", "2026-01-01T01"), ("day", "2026-01-01"))
    )
    known = world.table.get(keys.counted("t", "e1"), keys.META)
    assert hour is not None
    assert day is not None
    assert known is not None
    seconds = [datetime.fromtimestamp(record["expires_at"], UTC) for record in (hour, day, known)]
    assert seconds == [
        DAY + timedelta(hours=2, days=90),
        DAY + timedelta(days=1 + 731),
        NOW + timedelta(days=100),
    ]


def test_a_run_in_a_while_tells_of_which_version_steps_were_measured(world: World) -> None:
    told: list[Any] = []
    fold = Fold(world.table, lambda: NOW, lambda *version: told.append(version))
    telling = next(f"e{i}" for i in range(1000) if is_telling(f"e{i}"))
    silent = next(f"e{i}" for i in range(1000) if not is_telling(f"e{i}"))
    for execution_id in (telling, silent):
        world.start(execution_id)
        world.end("completed", "05:10:20", execution_id=execution_id)
    fold.add(world.told(telling, silent))
    assert told == []  # their histories were not read
    world.read([("a", 100)], execution_id=silent)
    fold.add(world.told(silent))
    assert told == []
    world.read([("a", 100)], execution_id=telling)
    fold.add(world.told(telling))
    fold.add(world.told(telling))
    assert told == [("t", "w1", 1)]
    assert 0.1 < sum(map(is_telling, map(str, range(10_000)))) / 10_000 < 0.15
