"""What is over 256 KiB fails its step, and the run goes on where the step is not critical."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.data_limit import DOCUMENT, FILLER, FUNCTION_SOURCE, TOO_LARGE, check_run, compiled
from tests.support.embedded_machines import EmbeddedMachines, EndedRun, embedded_machines
from tests.support.run_report import RunReport, report
from workflow_engine.compiler import Compilation, execution_input

ARN = "arn:aws:lambda:us-east-1:123456789012:function:filler"
RUN = dict.fromkeys(("tenant_id", "session_id", "user_id", "correlation_id"))
RUN |= {"execution_id": "x", "workflow_id": "w", "workflow_version": "1"}


@pytest.fixture
def machines() -> Iterator[EmbeddedMachines]:
    made: dict[str, Any] = {}
    exec(FUNCTION_SOURCE, made)
    with embedded_machines({ARN: made["handler"]}) as machines:
        yield machines


def run(machines: EmbeddedMachines, compilation: Compilation) -> EndedRun:
    functions = dict.fromkeys(compilation.bindings["functions"], ARN)
    return machines.run(
        dict(compilation.machine), execution_input(compilation.bindings, input={}, functions=functions, run=RUN)
    )


def results(machines: EmbeddedMachines, *steps: dict[str, Any], **workflow: Any) -> RunReport:
    compilation = compiled({"name": "x", "steps": list(steps), **workflow})
    return report(run(machines, compilation).events, compilation.outline)


def fill(step_id: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": FILLER, **fields}


def test_whatever_is_too_large_is_the_failure_of_a_step_that_is_not_critical(machines: EmbeddedMachines) -> None:
    compilation = compiled(DOCUMENT)
    ended = run(machines, compilation)
    assert ended.status == "SUCCEEDED", (ended.error, ended.cause)
    told = check_run(ended.events, compilation)
    # Three elements, the two commas between them and the brackets around them.
    size = 3 * (100_000 + len('{"text":""}')) + 4
    assert told.step_results["list"]["error_message"] == (
        f"The results of its 3 elements together with {size:,} bytes exceeded the 262,144 bytes that Step Functions carries "
        f"from one step to the next, by {size - 262_144:,} bytes. Return less from each element, or store the results in S3 "
        "and return their addresses, or run over a shorter list (max_items refuses a longer one)."
    )


def test_in_an_element_of_a_map_only_that_step_fails(machines: EmbeddedMachines) -> None:
    big = fill("big", critical=False, input_mapping={"bytes": "item"})
    after = fill("after", input_mapping={"how": "big.status"})
    told = results(
        machines,
        {"step_id": "m", "step_type": "map", "config": {"items": "variables.sizes", "steps": [big, after]}},
        variables={"sizes": [300_000, 10]},
    )
    assert told.status == "completed"
    found = told.step_results
    assert (found["m[0].big"]["status"], found["m[0].big"]["error_type"]) == ("failed", TOO_LARGE)
    assert (found["m[0].after"]["status"], found["m[1].big"]["status"]) == ("completed", "completed")


def test_a_turn_that_was_too_large_is_not_that_of_a_later_turn(machines: EmbeddedMachines) -> None:
    big = fill("big", critical=False, input_mapping={"sizes": "item", "index": "index"})
    rest = fill("rest", input_mapping={"how": "big.status"})
    loop = {
        "step_id": "again",
        "step_type": "loop",
        "config": {"until": "index >= 1", "max_iterations": 2, "steps": [big, rest]},
    }
    told = results(
        machines,
        {"step_id": "m", "step_type": "map", "config": {"items": "variables.runs", "steps": [loop]}},
        variables={"runs": [[300_000, 10]]},
    )
    assert told.status == "completed", told.error
    statuses = {key: result["status"] for key, result in told.step_results.items()}
    assert statuses["m[0].again[0].big"] == "failed"
    assert statuses["m[0].again[1].big"] == "completed"
    assert statuses["m[0].again[0].rest"] == "completed"


def test_a_loop_that_may_fail_fails_by_what_is_too_large_in_it(machines: EmbeddedMachines) -> None:
    loop = {
        "step_id": "again",
        "step_type": "loop",
        "critical": False,
        "config": {"until": "index >= 1", "max_iterations": 2, "steps": [fill("big", config={"bytes": 300_000})]},
    }
    told = results(machines, loop, fill("after", trigger_rule="all_done", dependencies=["again"]))
    assert told.status == "completed"
    again = told.step_results["again"]
    assert (again["status"], again["error_type"]) == ("failed", TOO_LARGE)
    assert "What it, or a step inside it, received or gave exceeded" in str(again["error_message"])
    assert told.step_results["after"]["status"] == "completed"


def test_what_fits_a_result_but_not_beside_what_its_branch_gives_back_fails_the_step(
    machines: EmbeddedMachines,
) -> None:
    first = fill("first", config={"bytes": 200_000})
    second = fill("second", critical=False, config={"bytes": 100_000}, dependencies=["first"])
    inputs = {"a": "first.text.length", "how": "second.error.type", "b": "other.text"}
    last = fill("last", trigger_rule="all_done", input_mapping=inputs)
    told = results(machines, first, second, fill("other"), last, execution_pattern="parallel")
    assert told.status == "completed", told.error
    assert told.step_results["first"]["status"] == "completed"
    assert (told.step_results["second"]["status"], told.step_results["second"]["error_type"]) == ("failed", TOO_LARGE)


def test_a_critical_step_that_is_too_large_ends_the_run_and_says_why(machines: EmbeddedMachines) -> None:
    told = results(machines, fill("big", config={"bytes": 300_000}, max_retries=3))
    assert told.status == "failed"
    assert told.error is not None
    assert (told.error["step_id"], told.error["type"]) == ("big", TOO_LARGE)
    assert "Its result exceeded the 262,144 bytes" in str(told.error["message"])
    assert told.step_results["big"]["retry_count"] == 0


def test_a_critical_list_that_is_too_large_says_by_how_much(machines: EmbeddedMachines) -> None:
    told = results(
        machines, fill("list", config={"bytes": 100_000}, for_each="variables.three"), variables={"three": [1, 2, 3]}
    )
    assert told.error is not None
    assert (told.status, told.error["step_id"], told.error["type"]) == ("failed", "list", TOO_LARGE)
    assert "The results of its 3 elements together with 300,037 bytes exceeded" in str(told.error["message"])
    assert "by 37,893 bytes" in str(told.error["message"])


def test_a_critical_input_that_is_too_large_is_told_as_such(machines: EmbeddedMachines) -> None:
    halves = [fill(step, config={"bytes": 150_000}) for step in ("left", "right")]
    both = fill("both", input_mapping={"a": "left.text", "b": "right.text"})
    told = results(machines, *halves, both)
    assert told.error is not None
    assert (told.status, told.error["step_id"], told.error["type"]) == ("failed", "both", TOO_LARGE)
    assert "What its input_mapping and configuration give the step exceeded" in str(told.error["message"])
