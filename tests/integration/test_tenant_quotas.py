"""Runs within their tenant's quota, on the local runtime."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.support.backend_cloud import backend, counted, one_request_at_a_time
from workflow_engine.errors import QuotaExceededError
from workflow_engine.store import keys
from workflow_engine.store.quotas import Quota
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import find_runs, start_run
from workflow_engine.usecases.workflows import save_workflow

ME = Caller("t", "ann")
WAITING: dict[str, Any] = {
    "name": "Waits",
    "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 60}}],
}


@pytest.fixture
def engine() -> Iterator[Engine]:
    with backend() as engine, one_request_at_a_time():
        yield engine


@pytest.fixture
def workflow_id(engine: Engine) -> str:
    return save_workflow.create(engine, ME, WAITING)["workflow_id"]


def starts(engine: Engine, workflow_id: str, count: int) -> list[str]:
    """The ids of those of so many starts that were let in."""
    ids = []
    for _ in range(count):
        try:
            ids.append(start_run.start_stored(engine, ME, workflow_id, {})["id"])
        except QuotaExceededError:
            continue
    return ids


def end(engine: Engine, execution_id: str) -> None:
    assert engine.executions.update_status(engine.executions.get("t", execution_id), "completed", 0)


def test_a_tenant_has_so_many_runs_at_once_and_another_when_one_has_ended(engine: Engine, workflow_id: str) -> None:
    engine.quotas.set("t", Quota(running=3))
    ids = starts(engine, workflow_id, 6)
    assert len(ids) == 3
    with pytest.raises(QuotaExceededError, match="quota of runs at once is 3, and used up") as refused:
        start_run.start_stored(engine, ME, workflow_id, {})
    assert refused.value.retry_after_seconds >= 1
    assert (
        len(find_runs.list_executions(engine, ME, RunFilter(), limit=9)["items"]) == 3
    )  # refused ones leave no record
    end(engine, ids[1])
    assert len(starts(engine, workflow_id, 2)) == 1


def test_no_race_lets_more_runs_through(engine: Engine, workflow_id: str) -> None:
    engine.quotas.set("t", Quota(running=5))
    with ThreadPoolExecutor(8) as pool:
        started = [len(ids) for ids in pool.map(lambda _: starts(engine, workflow_id, 1), range(16))]
    assert sum(started) <= 5
    assert sum(started) + len(starts(engine, workflow_id, 9)) == 5


def test_an_end_that_gave_no_place_back_is_found_by_the_next_start(engine: Engine, workflow_id: str) -> None:
    engine.quotas.set("t", Quota(running=1))
    (first,) = starts(engine, workflow_id, 2)
    table = engine.executions.table
    table.update(keys.execution("t", first), keys.META, {"status": "completed", "status_rank": 3})  # and then it died
    assert len(starts(engine, workflow_id, 3)) == 1


def test_a_start_that_aws_refused_gives_its_place_back(
    engine: Engine, workflow_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.quotas.set("t", Quota(running=1))
    with monkeypatch.context() as patch:
        patch.setattr(type(engine.runs), "start", _refuse)
        with pytest.raises(RuntimeError):
            start_run.start_stored(engine, ME, workflow_id, {})
    assert engine.executions.table.count(keys.run_slots("t")) == 0
    assert len(starts(engine, workflow_id, 1)) == 1


def _refuse(*_: object, **__: object) -> None:
    raise RuntimeError("refused")


def test_a_repeated_request_is_counted_once(engine: Engine, workflow_id: str) -> None:
    engine.quotas.set("t", Quota(running=1, starts_per_minute=5))
    first = start_run.start_stored(engine, ME, workflow_id, {}, "key")
    assert start_run.start_stored(engine, ME, workflow_id, {}, "key") == first
    assert engine.quotas.usage("t")["starts"] == 1


def test_a_refused_start_may_be_repeated_with_its_key(engine: Engine, workflow_id: str) -> None:
    engine.quotas.set("t", Quota(running=1))
    (first,) = starts(engine, workflow_id, 1)
    with pytest.raises(QuotaExceededError):
        start_run.start_stored(engine, ME, workflow_id, {}, "key")
    end(engine, first)
    assert start_run.start_stored(engine, ME, workflow_id, {}, "key")["status"] == "running"


@pytest.mark.parametrize(
    ("quota", "calls"),
    [
        (Quota(), ["GetItem", "PutItem", "StartExecution"]),
        (Quota(running=1000), ["GetItem", "StartExecution", "TransactWriteItems"]),
        (Quota(starts_per_minute=1000), ["GetItem", "PutItem", "StartExecution", "UpdateItem"]),
        (Quota(1000, 1000, 1000), ["GetItem", "StartExecution", "TransactWriteItems", "UpdateItem"]),
    ],
)
def test_a_start_takes_one_more_write_at_most_and_none_without_a_quota(
    engine: Engine, workflow_id: str, quota: Quota, calls: list[str]
) -> None:
    now = engine.now()
    still = replace(engine, now=lambda: now)  # the minute does not end meanwhile
    object.__setattr__(still, "_session", engine._session)
    still.quotas.set("t", quota)
    starts(still, workflow_id, 1)
    with counted(still.dynamodb, still.stepfunctions) as made:
        starts(still, workflow_id, 1)
    assert sorted(made) == calls


def test_the_cost_of_a_run_is_that_of_its_plan(engine: Engine, workflow_id: str) -> None:
    engine.quotas.set("t", Quota(monthly_usd=1))
    starts(engine, workflow_id, 2)
    plan: Any = engine.workflows.newest("t", workflow_id).compiled.plan
    a_run = plan["cost_usd_per_1000_runs"]["transitions"] / 1000
    assert a_run > 0
    assert engine.quotas.usage("t")["cost_micros"] == round(a_run * 1_000_000) * 2


def test_a_start_that_a_full_house_refuses_costs_nothing(engine: Engine, workflow_id: str) -> None:
    engine.quotas.set("t", Quota(running=1, monthly_usd=1))
    starts(engine, workflow_id, 1)
    once = engine.quotas.usage("t")["cost_micros"]
    assert once > 0
    assert starts(engine, workflow_id, 3) == []
    assert engine.quotas.usage("t")["cost_micros"] == once


@pytest.mark.parametrize("refusing", ["runs.start", "executions.create"])
def test_a_start_that_came_to_nothing_costs_nothing(
    engine: Engine, workflow_id: str, monkeypatch: pytest.MonkeyPatch, refusing: str
) -> None:
    engine.quotas.set("t", Quota(monthly_usd=1))
    starts(engine, workflow_id, 1)
    once = engine.quotas.usage("t")["cost_micros"]
    assert once > 0
    place, method = refusing.split(".")
    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(engine, place)), method, _refuse)
        with pytest.raises(RuntimeError, match="refused"):
            start_run.start_stored(engine, ME, workflow_id, {})
    assert engine.quotas.usage("t")["cost_micros"] == once


def test_the_error_of_a_refused_start_is_told_though_its_money_cannot_be_given_back(
    engine: Engine, workflow_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.quotas.set("t", Quota(running=1, monthly_usd=1))
    starts(engine, workflow_id, 1)
    monkeypatch.setattr(type(engine.quotas), "give_back", _refuse)
    with pytest.raises(QuotaExceededError):
        start_run.start_stored(engine, ME, workflow_id, {})
