"""Events of random workflows: they agree with the results, and the same ones come whatever way a run is read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.property.test_compiler_properties import ARN, CATALOGUE, SETTINGS, parsed, run, run_probe
from tests.support.embedded_machines import EmbeddedMachines, embedded_machines
from tests.support.random_workflows import sagas, workflows
from tests.support.run_report import RunReport, statuses
from tests.support.watched_runs import ME, Clock, GrowingHistory, record, watching_engine
from workflow_engine.compiler import compile_workflow
from workflow_engine.machines.costs import NOTHING, Spent
from workflow_engine.machines.outlines import holder_of
from workflow_engine.machines.run_events import RunEvent, RunEvents
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.runs.live_events import run_events

ENDS = ("completed", "failed", "skipped", "aborted")


@pytest.fixture(scope="module")
def machines() -> Iterator[EmbeddedMachines]:
    with embedded_machines({ARN: run_probe}) as made:
        yield made


def told(machines: EmbeddedMachines, document: dict[str, Any]) -> tuple[list[RunEvent], RunReport]:
    compiled = compile_workflow(parsed(document), CATALOGUE)
    ended, results = run(machines, compiled)
    reader = RunEvents(compiled.outline)
    events = [event for each in ended.events for event in reader.read(each)]
    for event in events:
        note(f"{event.id} {event.type} {event.step} {event.attempt} {dict(event.details)}")
    return events, results


def together(costs: list[dict[str, float | None]]) -> dict[str, float | None]:
    """Costs that were told, as one: None where one of them is."""
    columns = {name: [cost[name] for cost in costs] for name in costs[0]}
    return {name: None if None in each else sum(c for c in each if c is not None) for name, each in columns.items()}


def check_costs(events: list[RunEvent], results: RunReport) -> None:
    own = [key for key in results.costs if key is None or holder_of(key) is None]
    assert reduce(Spent.plus, (results.costs[key] for key in own), NOTHING) == results.spent
    assert {key for key in own if key is not None} <= results.step_results.keys()
    told: dict[str, Any] = {e.step: e.details["cost_usd"] for e in events if e.step and "cost_usd" in e.details}
    told |= events[-1].details.get("step_costs_usd", {})
    whole: dict[str, list[Any]] = {}
    for key, cost in told.items():
        at: str | None = key
        while at is not None:
            whole.setdefault(at, []).append(cost)
            at = holder_of(at)
    spent = {key: cost.as_dict() for key, cost in results.costs.items() if key is not None}
    assert whole.keys() == spent.keys()
    for key, costs in whole.items():
        assert together(costs) == pytest.approx(spent[key], abs=1e-9)
    assert events[-1].details["cost_usd"] == results.spent.as_dict()


def check(events: list[RunEvent], results: RunReport) -> None:
    check_costs(events, results)
    assert events[0].type == "run.started"
    assert events[-1].type == f"run.{results.status}"
    assert [e.position for e in events] == sorted({e.position for e in events})
    assert [e.timestamp for e in events] == sorted(e.timestamp or "" for e in events)
    last = {e.step: e.type.partition(".")[2] for e in events if e.type.partition(".")[2] in ENDS and e.step}
    assert last == {key: status for key, status in statuses(results).items() if status in ENDS}
    open_steps: set[str] = set()
    for event in events:
        if event.type == "step.started":
            assert event.step is not None
            assert event.step not in open_steps
            open_steps.add(event.step)
        elif event.step is not None and event.type.startswith("step."):
            if event.type.partition(".")[2] in ENDS:
                open_steps.discard(event.step)
            else:
                assert event.step in open_steps
    assert not open_steps


@SETTINGS
@given(document=workflows())
def test_the_last_event_of_every_step_is_what_its_result_says(
    machines: EmbeddedMachines, document: dict[str, Any]
) -> None:
    events, results = told(machines, document)
    check(events, results)
    # A step whose end was told is not told to have ended otherwise.
    ends: dict[str, set[str]] = {}
    for event in events:
        if event.step is not None and event.type.partition(".")[2] in ENDS:
            ends.setdefault(event.step, set()).add(event.type)
    assert {step: types for step, types in ends.items() if len(types) > 1} == {}


@settings(SETTINGS, max_examples=60)
@given(document=sagas())
def test_so_is_that_of_a_workflow_with_failure_steps(machines: EmbeddedMachines, document: dict[str, Any]) -> None:
    check(*told(machines, document))


@settings(SETTINGS, max_examples=60)
@given(
    document=workflows(),
    is_laptop=st.booleans(),
    most=st.integers(1, 40),
    reads=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2), st.integers(1, 30), st.booleans()), max_size=40),
)
def test_a_run_that_is_read_while_it_goes_on_by_several_processes_in_any_pages_has_the_same_events(
    machines: EmbeddedMachines,
    document: dict[str, Any],
    is_laptop: bool,
    most: int,
    reads: list[tuple[int, int, int, bool]],
) -> None:
    compiled = compile_workflow(parsed(document), CATALOGUE)
    ended, _ = run(machines, compiled)
    reader = RunEvents(compiled.outline)
    wanted = [event.id for each in ended.events for event in reader.read(each)]
    history, clock, table = GrowingHistory(most), Clock(), SqliteTable(None)
    history.histories["arn:e"], history.seen["arn:e"] = ended.events, 0

    def process() -> Any:
        return watching_engine(history, compiled.outline, clock, table=table, is_laptop=is_laptop)

    processes = [process() for _ in range(3)]
    record(processes[0])
    found: list[str] = []
    cursor: str | None = None
    for grown, which, limit, restarts in [*reads, *[(10_000, 0, 100, False)] * (3 + len(ended.events))]:
        history.seen["arn:e"] += grown
        clock.sleep(2)
        if restarts:
            processes[which] = process()
            history.generation += 1
        page = run_events(processes[which], ME, "e", limit, cursor)
        found += [event["id"] for event in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert cursor is None
    assert found == wanted
