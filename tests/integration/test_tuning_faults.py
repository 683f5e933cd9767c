"""Whatever fails at whatever call of a round, and whoever else is at it: the next rounds give the version its one build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from tests.support.fault_world import World, fault_world, lambda_arn
from tests.support.wire_faults import FAULTS, FunctionKilledError
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.runs import read_results, start_run
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.upkeep.tune_workflows import FEWEST_RUNS, tune_workflows
from workflow_engine.usecases.workflows import read_workflows, save_workflow

ME: Final = Caller("t", "me")
SEVEN_HOURS: Final = 7 * 3600


def work(step_id: str, *dependencies: str) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "own", "dependencies": list(dependencies)}


FLOW: Final[dict[str, Any]] = {
    "name": "N",
    "workflow_id": "n",
    "execution_pattern": "dependency",
    "steps": [work("a"), work("b"), work("c", "a"), work("d", "a", "b")],
}


class Measured:
    """b and c take long, which the order that the workflow is saved with does not suit."""

    def step_durations(self, *_: object) -> Mapping[str, Histogram]:
        return {step_id: Histogram.of([ms] * FEWEST_RUNS) for step_id, ms in zip("abcd", (1, 10, 10, 1), strict=True)}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with fault_world() as made:
        vars(made.engine)["step_durations"] = Measured()
        yield made


def prepare(world: World) -> None:
    own = {"step_type": "own", "function_arn": lambda_arn("workflow-step-own")}
    register_step.register(world.engine, ME, own)
    save_workflow.create(world.engine, ME, FLOW)
    world.engine.tuning.note("t", "n", 1, world.engine.timestamp())


def calls_of_a_round(world: World) -> list[str]:
    world.become(world.prepared(prepare))
    with world.wire.fault_at(-1, ()):
        assert tune_workflows(world.engine)["built"] == 1
    return world.wire.calls


def later_rounds(world: World) -> None:
    for _ in range(2):
        world.clock.pass_by(SEVEN_HOURS)
        world.engine.tuning.note("t", "n", 1, world.engine.timestamp())
        tune_workflows(world.engine)


def check(world: World) -> None:
    """There are two builds and a machine for each; starts take the second, and its run is read by it."""
    assert read_workflows.get(world.engine, ME, "n")["build"]["number"] == 2
    builds = read_workflows.list_builds(world.engine, ME, "n", None, 10)["items"]
    assert [build["number"] for build in builds] == [2, 1]
    newest, kept = world.engine.workflows.newest("t", "n"), world.engine.workflows.get("t", "n", 1)
    assert newest.compiled == kept.compiled
    assert len(world.engine.stepfunctions.list_state_machines()["stateMachines"]) == 2
    execution_id = start_run.start_stored(world.engine, ME, "n", {"input": {}})["execution_id"]
    assert read_results.get_execution(world.engine, ME, execution_id)["build"] == 2
    assert set(read_results.results(world.engine, ME, execution_id)["step_results"]) == set("abcd")


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_fault_leaves_over_is_done_by_the_next_rounds(world: World, fault: str) -> None:
    wrong, before = dict[str, str](), world.prepared(prepare)
    for number, operation in enumerate(calls_of_a_round(world)):
        world.become(before)
        with world.wire.fault_at(number, FAULTS[fault]):
            try:
                tune_workflows(world.engine)
            except FunctionKilledError:
                pass
            except Exception as error:  # the list was not read: whoever started the round is told
                assert number == 0, error  # noqa: PT017
        assert world.wire.happened
        later_rounds(world)
        try:
            check(world)
        except AssertionError as error:
            wrong[f"call {number} ({operation})"] = str(error)
    assert wrong == {}


@pytest.mark.parametrize("is_before", [True, False])
def test_another_round_that_comes_in_between_builds_nothing_more(world: World, is_before: bool) -> None:
    wrong, before = dict[str, str](), world.prepared(prepare)

    def twin(wire: Any, _request: Any, to_moto: Any) -> Any:
        answer = None if is_before else to_moto()
        with wire.undisturbed():
            world.clock.pass_by(SEVEN_HOURS)
            tune_workflows(world.engine)
        return to_moto() if is_before else answer

    for number, operation in enumerate(calls_of_a_round(world)):
        world.become(before)
        with world.wire.fault_at(number, (twin,)):
            tune_workflows(world.engine)
        later_rounds(world)
        try:
            check(world)
        except AssertionError as error:
            wrong[f"call {number} ({operation})"] = str(error)
    assert wrong == {}


def test_a_save_that_comes_in_between_is_the_newest_version(world: World) -> None:
    wrong, before = dict[str, str](), world.prepared(prepare)

    def saving(wire: Any, _request: Any, to_moto: Any) -> Any:
        with wire.undisturbed():
            save_workflow.update(world.engine, ME, "n", FLOW | {"steps": FLOW["steps"][:2]})
        return to_moto()

    for number, operation in enumerate(calls_of_a_round(world)):
        world.become(before)
        with world.wire.fault_at(number, (saving,)):
            tune_workflows(world.engine)
        later_rounds(world)
        shown = read_workflows.get(world.engine, ME, "n")
        started = start_run.start_stored(world.engine, ME, "n", {"input": {}})
        found = set(read_results.results(world.engine, ME, started["execution_id"])["step_results"])
        if (shown["version"], shown["build"]["number"], found) != (2, 1, {"a", "b"}):
            wrong[f"call {number} ({operation})"] = f"{shown['version']} {shown['build']} {found}"
    assert wrong == {}
