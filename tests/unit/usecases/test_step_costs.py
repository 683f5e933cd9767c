"""What each step has cost, and why that is not known, from histories written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.support.backend_history import History
from tests.support.outlines import container, leaf, outline
from workflow_engine.language.diagnostics import Json
from workflow_engine.machines import results
from workflow_engine.machines.outcomes import Outcome
from workflow_engine.machines.outputs import Outputs
from workflow_engine.usecases.runs.step_details import step_cost

TRANSITION = 0.000025


def _costs(history: History, steps: dict[str, Any], **more: Any) -> dict[str, dict[str, Json]]:
    def refuse(_: Iterable[bytes]) -> str:
        raise AssertionError("nothing is kept")

    run = results.report(iter(history.end()), steps, Outputs(refuse), **more)
    return {key: step_cost(run, ordinal) for ordinal, key in enumerate(run.steps.keys)}


def _without_functions(cost: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in cost.items() if name != "functions"}


def _agent(step_id: str) -> dict[str, Any]:
    return leaf(step_id, type="agent_execution", memory_mb=1024)


def _used(dollars: float | None) -> dict[str, Any]:
    return {"usage": {"tokens_in": 3, "tokens_out": 4, "llm_calls": 1, "cost_usd": dollars}}


def test_what_models_took_is_told_with_the_step_and_with_what_holds_it() -> None:
    history = History()
    history.choose("s.switch")
    history.task("a", _used(0.25))
    history.task("b", _used(0.5))
    costs = _costs(history, outline(container("s", "switch", _agent("a"), _agent("b"))))
    assert _without_functions(costs["s.a"]) == {"total": 0.250025, "transitions": TRANSITION, "models": 0.25}
    assert _without_functions(costs["s"]) == {"total": 0.750075, "transitions": 0.000075, "models": 0.75}


def test_a_price_that_is_not_known_leaves_the_cost_unknown_of_its_step_and_what_holds_it_alone() -> None:
    history = History()
    history.choose("s.switch")
    history.task("a", _used(None))
    history.task("b", _used(0.5))
    history.task("c", {})
    costs = _costs(history, outline(container("s", "switch", _agent("a"), _agent("b")), leaf("c", memory_mb=512)))
    assert [costs[key]["total"] for key in ("s.a", "s.b", "s", "c")] == [None, 0.500025, None, TRANSITION]
    assert costs["s.a"]["reason"] == costs["s"]["reason"] == "The price of a model that was asked is not known."
    assert not {"reason"} & costs["s.b"].keys()


def test_of_attempts_of_an_agent_that_failed_it_is_said_that_what_they_took_is_not_in_it() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail()
    history.schedule()
    history.succeed(_used(0.5))
    history.exit("a")
    told = _costs(history, outline(_agent("a")))["a"]
    assert (told["total"], told["transitions"]) == (0.50005, 2 * TRANSITION)
    assert told["reason"] == "What models took of the attempts that failed is not known."


def test_what_a_subflow_started_is_told_by_the_results_of_that_run() -> None:
    history = History()
    history.task("a", {})
    told = _costs(history, outline(leaf("a", type="subflow", memory_mb=512)))["a"]
    assert (told["total"], told["reason"]) == (
        TRANSITION,
        "What the run that it started cost is told by the results of that run.",
    )


def test_what_a_rerun_has_taken_over_cost_nothing_again() -> None:
    history = History()
    history.task("b", {})
    reused = {"id": "a", "type": "agent_execution", "reused": "completed"}
    costs = _costs(history, outline(reused, leaf("b", memory_mb=512)), reused={"a": Outcome("completed")})
    assert costs["a"] == {"total": 0.0, "transitions": 0.0, "models": 0.0, "functions": 0.0}
    assert costs["b"]["total"] == TRANSITION


def test_calls_of_functions_cost_a_request_each_and_their_memory_for_as_long_as_they_took() -> None:
    history = History()
    history.enter("a")
    history.schedule()
    history.fail()
    history.schedule()
    history.succeed({})
    history.exit("a")
    told = _costs(history, outline(leaf("a", memory_mb=512)))["a"]
    # Two calls of 100 ms, half a gigabyte each: 0.1 GB-seconds at 0.0000133334 dollars, and two requests at 0.0000002.
    assert told["functions"] == 0.0000017333
    assert told["total"] == 2 * TRANSITION


def test_what_a_function_of_unknown_memory_took_is_not_known_and_nor_is_that_of_what_holds_it() -> None:
    history = History()
    history.choose("s.switch")
    history.task("a", {})
    history.task("b", {})
    costs = _costs(history, outline(container("s", "switch", leaf("a"), leaf("b", memory_mb=512))))
    assert [costs[key]["functions"] is None for key in ("s", "s.a", "s.b")] == [True, True, False]
    assert costs["s.a"]["total"] == TRANSITION
    assert "the memory is told of this service's own functions alone" in str(costs["s.a"]["reason"])


def test_a_function_that_only_begins_a_step_is_not_paid_for_while_the_step_waits() -> None:
    history = History()
    history.enter("a")
    resource = {"resourceType": "lambda", "resource": "invoke.waitForTaskToken"}
    history.add("TaskScheduled", taskScheduledEventDetails={**resource, "parameters": "{}"})
    history.add("TaskStarted", taskStartedEventDetails=resource)
    history.add("TaskSubmitted", taskSubmittedEventDetails={**resource, "output": "{}"})
    for _ in range(20):
        history.add("Tick")
    history.add("TaskSucceeded", taskSucceededEventDetails={**resource, "output": "{}"})
    history.exit("a")
    told = _costs(history, outline(leaf("a", memory_mb=1024)))["a"]
    assert told["functions"] == round(0.0000002 + 0.1 * 0.0000133334, 10)
