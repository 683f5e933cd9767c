"""Whatever fails at whatever call, a client that repeats its request with its key gets one thing made, and a true status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto.backends import get_backend

from tests.support.backend_cloud import REGION
from tests.support.fault_world import ACCOUNT, TRUTH, World, fault_world, lambda_arn
from tests.support.wire_faults import FAULTS, FunctionKilledError, Outcome, Wire
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.http.problem import problem_of
from workflow_engine.usecases.agents import run_agent
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.definitions import read_definitions, save_definition
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.prompts import try_prompt
from workflow_engine.usecases.prompts.check_prompt import PROMPTS
from workflow_engine.usecases.runs import cancel_run, read_results, start_run
from workflow_engine.usecases.steps import read_steps, register_step, remove_step
from workflow_engine.usecases.tools import register_mcp_server
from workflow_engine.usecases.workflows import read_workflows, save_workflow

ME = Caller("t", "me")
KEY = "key-1"
HELLO: dict[str, Any] = {"name": "Hello", "steps": [{"step_id": "a", "step_type": "data_input", "config": {"data": 1}}]}
OWN = HELLO | {"steps": [{"step_id": "a", "step_type": "own"}]}
STEP = {"step_type": "own", "function_arn": lambda_arn("workflow-step-own")}
SERVER = {"name": "crm", "url": "https://crm.example.com/mcp"}
AGENT = {"agent_name": "Helper", "mode": "simulation", "tools": ["step:own", "mcp:crm"]}
PROMPT = {"name": "Greeting", "query_template": "Hi"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with fault_world() as made:
        yield made


# ---- use cases ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Journey:
    """A request that is repeated until it succeeds. `prepare` gives what `send` and `check` are told; `check` also gets the
    answers that were no errors.
    """

    name: str
    send: Callable[[World, Any], Any]
    check: Callable[[World, Any, list[Any]], None]
    prepare: Callable[[World], Any] = lambda _: None
    faults: tuple[str, ...] = ()
    """Those that it meets; none means all."""

    def __str__(self) -> str:
        return self.name


def one_run(world: World, _: Any, answers: list[Any]) -> None:
    """Exactly one run and one record, each other's, and what is told of it in the end is true."""
    (execution,) = world.executions()
    records = [i for i in world.items() if "execution_arn" in i]
    assert [r["execution_arn"] for r in records] == [execution.execution_arn]
    assert {a["execution_id"] for a in answers} == {execution.name}
    world.clock.pass_by(120)
    told = read_results.results(world.engine, ME, execution.name)
    assert told["status"] == TRUTH[execution.status]
    assert read_results.get_execution(world.engine, ME, execution.name)["status"] == TRUTH[execution.status]


def one_workflow(version: int) -> Callable[[World, Any, list[Any]], None]:
    def check(world: World, _: Any, answers: list[Any]) -> None:
        (listed,) = read_workflows.list_workflows(world.engine, ME, 10)["items"]
        versions = read_workflows.list_versions(world.engine, ME, listed["workflow_id"], 10)["items"]
        assert [v["version"] for v in versions] == list(range(version, 0, -1))
        assert {(a["workflow_id"], a["version"]) for a in answers} == {(listed["workflow_id"], version)}
        told = {name: value for name, value in answers[-1].items() if name != "warnings"}
        assert read_workflows.get(world.engine, ME, listed["workflow_id"]) == told

    return check


def one_definition(kind: Any) -> Callable[[World, Any, list[Any]], None]:
    def check(world: World, _: Any, answers: list[Any]) -> None:
        (listed,) = read_definitions.list_all(kind, world.engine, ME, 10)["items"]
        assert {(a[kind.id_field], a["version"]) for a in answers} == {(listed[kind.id_field], 1)}
        versions = read_definitions.list_versions(kind, world.engine, ME, listed[kind.id_field], 10)["items"]
        assert len(versions) == 1

    return check


def registered(find: Callable[[World], Any], *, is_new: bool) -> Callable[[World, Any, list[Any]], None]:
    def check(world: World, _: Any, answers: list[Any]) -> None:
        found = find(world)
        assert all(made | found == made and new == is_new for made, new in answers)

    return check


def nothing_left(find: Callable[[World, Any], Any]) -> Callable[[World, Any, list[Any]], None]:
    def check(world: World, made: Any, _: list[Any]) -> None:
        with pytest.raises(WorkflowEngineError, match="There is no"):
            find(world, made)

    return check


def cancelled(world: World, run: Any, answers: list[Any]) -> None:
    assert {a["status"] for a in answers} == {"cancelled"}
    one_run(world, None, [run])


def _own_step(world: World) -> None:
    register_step.register(world.engine, ME, STEP)


def _saved(document: dict[str, Any]) -> Callable[[World], str]:
    return lambda world: str(save_workflow.create(world.engine, ME, document)["workflow_id"])


def _saved_own(world: World) -> str:
    _own_step(world)
    return _saved(OWN)(world)


def _agent(world: World) -> str:
    return str(save_definition.create(AGENTS, world.engine, ME, AGENT)["agent_id"])


def _prompt_and_agent(world: World) -> tuple[str, str]:
    return str(save_definition.create(PROMPTS, world.engine, ME, PROMPT)["prompt_id"]), _agent(world)


SOME = ("one answer lost", "every answer lost", "killed after the effect")
"""For journeys that share their code with another one, which meets all."""

JOURNEYS = (
    Journey("execute", lambda w, _: start_run.start(w.engine, ME, HELLO, KEY), one_run),
    Journey(
        "execute stored",
        lambda w, workflow_id: start_run.start_stored(w.engine, ME, workflow_id, {"input": {"n": 1}}, KEY),
        one_run,
        _saved_own,
    ),
    Journey(
        "execute agent",
        lambda w, agent_id: run_agent.execute(w.engine, ME, agent_id, {"query": "x"}, KEY),
        one_run,
        _agent,
        SOME,
    ),
    Journey(
        "test prompt",
        lambda w, ids: try_prompt.try_out(w.engine, ME, ids[0], {"agent_id": ids[1]}, KEY),
        one_run,
        _prompt_and_agent,
        SOME,
    ),
    Journey("create workflow", lambda w, _: save_workflow.create(w.engine, ME, HELLO, KEY), one_workflow(1)),
    Journey(
        "update workflow",
        lambda w, workflow_id: save_workflow.update(w.engine, ME, workflow_id, HELLO | {"name": "New"})[0],
        one_workflow(2),
        _saved(HELLO),
    ),
    Journey(
        "create agent", lambda w, _: save_definition.create(AGENTS, w.engine, ME, AGENT, KEY), one_definition(AGENTS)
    ),
    Journey(
        "create agent of a chosen id",
        lambda w, _: save_definition.create(AGENTS, w.engine, ME, AGENT | {"agent_id": "helper"}, KEY),
        one_definition(AGENTS),
        faults=SOME,
    ),
    Journey(
        "create prompt",
        lambda w, _: save_definition.create(PROMPTS, w.engine, ME, PROMPT, KEY),
        one_definition(PROMPTS),
    ),
    Journey(
        "register step",
        lambda w, _: register_step.register(w.engine, ME, STEP, KEY),
        registered(lambda w: read_steps.get(w.engine, ME, "own"), is_new=True),
    ),
    Journey(
        "register step again",
        lambda w, _: register_step.register(w.engine, ME, STEP | {"timeout_seconds": 7}, KEY),
        registered(lambda w: read_steps.get(w.engine, ME, "own"), is_new=False),
        _own_step,
    ),
    Journey(
        "register MCP server",
        lambda w, _: register_mcp_server.register(w.engine, ME, SERVER, KEY),
        registered(lambda w: register_mcp_server.get(w.engine, ME, "crm"), is_new=True),
    ),
    Journey(
        "cancel",
        lambda w, run: cancel_run.cancel(w.engine, ME, run["execution_id"]),
        cancelled,
        lambda w: start_run.start(w.engine, ME, HELLO),
    ),
    Journey(
        "delete workflow",
        lambda w, workflow_id: save_workflow.delete(w.engine, ME, workflow_id),
        nothing_left(lambda w, workflow_id: read_workflows.get(w.engine, ME, workflow_id)),
        _saved(HELLO),
    ),
    Journey(
        "delete agent",
        lambda w, agent_id: save_definition.delete(AGENTS, w.engine, ME, agent_id),
        nothing_left(lambda w, agent_id: read_definitions.get(AGENTS, w.engine, ME, agent_id)),
        _agent,
    ),
    Journey(
        "delete step",
        lambda w, _: remove_step.delete(w.engine, ME, "own"),
        nothing_left(lambda w, _: read_steps.get(w.engine, ME, "own")),
        _own_step,
    ),
    Journey(
        "delete MCP server",
        lambda w, _: register_mcp_server.delete(w.engine, ME, "crm"),
        nothing_left(lambda w, _: register_mcp_server.get(w.engine, ME, "crm")),
        lambda w: register_mcp_server.register(w.engine, ME, SERVER),
    ),
)


# ---- the matrix ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What happens to a call; `only` to this operation, None for any."""

    outcomes: tuple[Outcome, ...]
    only: str | None = None
    is_throttling: bool = False


def _run_ends(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """The same, and the run that the call has started ends at once."""

    def ending(outcome: Outcome) -> Outcome:
        def then_ended(wire_: Wire, request: Any, to_moto: Callable[[], Any]) -> Any:
            try:
                return outcome(wire_, request, to_moto)
            finally:
                for machine in get_backend("stepfunctions")[ACCOUNT][REGION].state_machines:
                    for execution in machine.executions:
                        execution.status = "SUCCEEDED"

        return then_ended

    return tuple(map(ending, outcomes))


CASES: dict[str, Fault] = {
    name: Fault(outcomes, is_throttling="throttled" in name) for name, outcomes in FAULTS.items()
} | {
    f"{name}, and the run ends": Fault(_run_ends(FAULTS[name]), only="StartExecution")
    for name in ("one answer lost", "every answer lost", "killed after the effect")
}
AT_ONCE, LATER = (0, 2, 63), (65,)
"""Seconds before each repetition of the request."""

LEAVE_THEIR_CLAIM = ("every answer lost", "killed before the effect", "killed after the effect")
"""Faults that are followed by repetitions that begin late, too. After the others the first repetition goes on already."""


def status_of(use: Callable[[], Any], answers: list[Any]) -> int:
    """The HTTP status of a request, 0 for one whose function was killed. Its answer is kept."""
    try:
        answers.append(use())
    except FunctionKilledError:
        return 0
    except Exception as error:
        return int(problem_of(error).status)
    return 200


def calls_of(world: World, journey: Journey) -> list[str]:
    """The operations that the request makes when nothing fails."""
    made = world.become(world.prepared(journey.prepare))
    with world.wire.fault_at(-1, ()):
        journey.send(world, made)
    return world.wire.calls


def repeated(world: World, journey: Journey, made: Any, call: int, case: Fault, pauses: tuple[int, ...]) -> str | None:
    """What is wrong with a request that met a fault and is repeated; None when all is well."""
    answers: list[Any] = []

    def send() -> int:
        return status_of(lambda: journey.send(world, made), answers)

    with world.wire.fault_at(call, case.outcomes):
        statuses = [send()]
    if not world.wire.happened:
        return "the fault did not happen"
    for pause in pauses:
        world.clock.pass_by(pause)
        statuses.append(send())
        if statuses[-2:] == [200, 200]:
            break  # the answer is kept, and given again
    if statuses[-1] != 200 or not {*statuses[1:]} <= {200, 409}:
        return f"answered {statuses}"
    if case.is_throttling and statuses[0] not in (200, 429, 503):
        return f"throttling is answered {statuses[0]}"
    return wrong(world, journey, made, answers)


def wrong(world: World, journey: Journey, made: Any, answers: list[Any]) -> str | None:
    try:
        journey.check(world, made, answers)
    except (AssertionError, ValueError) as error:
        return str(error)
    return None


def faults_of(journey: Journey) -> tuple[str, ...]:
    return journey.faults or tuple(CASES)


@pytest.mark.parametrize(("journey", "fault"), [(j, f) for j in JOURNEYS for f in faults_of(j)], ids=str)
def test_a_repeated_request_makes_one_thing(world: World, journey: Journey, fault: str) -> None:
    case, found, before = CASES[fault], dict[str, str](), world.prepared(journey.prepare)
    for number, operation in enumerate(calls_of(world, journey)):
        if case.only not in (None, operation):
            continue
        for pauses in (AT_ONCE, LATER) if fault in LEAVE_THEIR_CLAIM else (AT_ONCE,):
            problem = repeated(world, journey, world.become(before), number, case, pauses)
            if problem is not None:
                found[f"call {number} ({operation}), repeated after {pauses} s"] = problem
    assert found == {}


TWINS = [
    (j, is_before, later) for j in JOURNEYS for is_before in (True, False) for later in (0, 65) if later or not j.faults
]
"""A twin that comes before or after a call has its effect, at once or when the claim has run out."""


@pytest.mark.parametrize(("journey", "is_before", "later"), TWINS, ids=str)
def test_a_twin_that_comes_in_between_makes_nothing_more(
    world: World, journey: Journey, is_before: bool, later: int
) -> None:
    found, before = dict[str, str](), world.prepared(journey.prepare)
    for number, operation in enumerate(calls_of(world, journey)):
        problem = with_twin(world, journey, world.become(before), number, is_before, later)
        if problem is not None:
            found[f"call {number} ({operation})"] = problem
    assert found == {}


def with_twin(world: World, journey: Journey, made: Any, call: int, is_before: bool, later: int) -> str | None:
    """What is wrong when the same request comes before, or after, one of its calls has its effect; None if nothing is."""
    answers: list[Any] = []

    def send() -> int:
        return status_of(lambda: journey.send(world, made), answers)

    def twin(wire_: Wire, _request: Any, to_moto: Callable[[], Any]) -> Any:
        answer = None if is_before else to_moto()
        world.clock.pass_by(later)
        with wire_.undisturbed():
            statuses.append(send())
        return to_moto() if is_before else answer

    statuses: list[int] = []
    with world.wire.fault_at(call, (twin,)):
        statuses.append(send())
    world.clock.pass_by(65)
    statuses.append(send())
    if statuses[-1] != 200 or not {*statuses} <= {200, 409}:
        return f"answered {statuses}"
    return wrong(world, journey, made, answers)
