"""`{"expression": ...}` in the mapping of a step that Step Functions computes itself: what it gives, and how it fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from infra.local.cloud import LocalCloud
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import read_results, start_run

ME = Caller("default", "me")
TYPE = "States.QueryEvaluationError"
ADD = {"expression": '$ref("input.n") + 1'}
ADD_TO_ITEM = {"expression": '$ref("item") + 1'}
FAILED = "The expression of 'sum' in the input_mapping of step 'total' failed. T2001"

Step = dict[str, Any]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with LocalCloud():
        yield Engine.from_environment()


def run(engine: Engine, *steps: Step, **given: Any) -> dict[str, Any]:
    workflow = {"name": "Sum", "execution_pattern": "parallel", "steps": list(steps)}
    started = start_run.start(engine, ME, {"workflow": workflow, "input": given})
    assert read_results.wait_for_end(engine, ME, started["execution_id"], 60)
    return cast("dict[str, Any]", read_results.results(engine, ME, started["execution_id"]))


def total(source: Any = ADD, **fields: Any) -> Step:
    return {"step_id": "total", "step_type": "merge", "input_mapping": {"sum": source}, **fields}


def words(step_id: str, source: Any, **fields: Any) -> Step:
    """A step that a Lambda function does, after whatever it reads."""
    config = {"processing_type": "word_count"}
    mapping = {"input": source}
    return {"step_id": step_id, "step_type": "data_processing", "config": config, "input_mapping": mapping, **fields}


def kept(step_id: str, *dependencies: str, **fields: Any) -> Step:
    return {"step_id": step_id, "step_type": "merge", "dependencies": list(dependencies), **fields}


def statuses(results: dict[str, Any]) -> dict[str, str]:
    return {key: step["status"] for key, step in results["step_results"].items()}


def test_later_steps_read_what_an_expression_gave(engine: Engine) -> None:
    results = run(
        engine, total(), words("after", {"template": "{{ total.data.sum }} is it"}), kept("end", "total"), n=2
    )
    assert results["output"]["after"]["result"]["original_data"] == "3 is it"
    assert results["output"]["end"]["data"]["total"]["data"] == {"sum": 3}


def test_a_failure_ends_the_run_and_is_told_at_its_step_with_its_times(engine: Engine) -> None:
    results = run(engine, words("before", "input.n"), total(dependencies=["before"]), kept("end", "total"), n="two")
    step = results["step_results"]["total"]
    assert statuses(results) == {"before": "completed", "total": "failed", "end": "pending"}
    assert (step["error_type"], step["retry_count"]) == (TYPE, 0)
    assert step["error_message"].startswith(FAILED)
    assert step["execution_time_ms"] is not None
    told = {"step_id": "total", "type": TYPE, "message": step["error_message"], "advice": step["advice"]}
    assert results["error"] == told
    assert "is no number" in step["advice"]["usual_cause"]
    assert (step["advice"]["code"], "advice" in results["step_results"]["before"]) == ("WFE-W211", False)


def test_a_failure_that_is_not_critical_is_recorded_and_the_run_goes_on(engine: Engine) -> None:
    told = {"type": "total.error.type", "message": "total.error.message", "how": "total.status"}
    after = kept("after", input_mapping=told, dependencies=["total"], trigger_rule="all_done")
    results = run(engine, total(critical=False), kept("follows", "total"), after, n="two")
    assert results["status"] == "completed"
    assert statuses(results) == {"total": "failed", "follows": "skipped", "after": "completed"}
    assert results["step_results"]["total"]["error_message"].startswith(FAILED)
    data = results["output"]["after"]["data"]
    assert (data["type"], data["how"]) == (TYPE, "failed")
    assert "T2001" in data["message"]


def test_a_step_that_is_not_critical_and_does_not_fail_is_read_as_any_other(engine: Engine) -> None:
    results = run(engine, total(critical=False), kept("after", "total"), n=1)
    assert results["output"]["after"]["data"]["total"]["data"] == {"sum": 2}
    assert results["step_results"]["total"]["execution_time_ms"] is not None


def test_one_element_that_fails_fails_the_step_of_a_list(engine: Engine) -> None:
    each = total(ADD_TO_ITEM, for_each="input.list")
    assert [e["data"]["sum"] for e in run(engine, each, list=[1, 2])["output"]["total"]] == [2, 3]
    results = run(engine, {**each, "critical": False}, kept("after", "total", trigger_rule="all_done"), list=[1, "x"])
    assert statuses(results)["total"] == "failed"
    assert results["step_results"]["total"]["error_message"].startswith(FAILED)
    assert results["status"] == "completed"


def test_inside_a_list_the_failure_names_the_step_that_failed_not_the_list(engine: Engine) -> None:
    steps = [total(ADD_TO_ITEM), words("w", "total.data.sum")]
    # One after the other: a failure ends what its list still does.
    inner = {"items": "input.list", "max_concurrency": 1, "steps": steps}
    results = run(engine, {"step_id": "all", "step_type": "map", "config": inner, "critical": False}, list=[1, "x"])
    assert results["step_results"]["all"]["error_message"].startswith(FAILED)
    assert results["step_results"]["all[1].total"]["error_message"].startswith(FAILED)
    assert statuses(results)["all[0].w"] == "completed"


def test_inside_a_list_a_failure_that_is_not_critical_stays_in_its_element(engine: Engine) -> None:
    steps = [total(ADD_TO_ITEM, critical=False), kept("after", "total", trigger_rule="all_done")]
    many = {"step_id": "all", "step_type": "map", "config": {"items": "input.list", "steps": steps}}
    results = run(engine, many, list=["x", 1])
    assert results["status"] == "completed"
    assert (statuses(results)["all[0].total"], statuses(results)["all[1].total"]) == ("failed", "completed")
    first, second = results["output"]["all"]
    assert first["after"]["data"] == {}
    assert second["after"]["data"]["total"]["data"] == {"sum": 2}


@pytest.mark.parametrize("critical", [True, False])
def test_each_turn_of_a_loop_computes_its_expression_anew(engine: Engine, critical: bool) -> None:
    step = total({"expression": '10 / ($ref("index") - 1)'}, critical=critical)
    config = {"until": "total.data.sum > 5 or index > 1", "max_iterations": 4, "steps": [step]}
    results = run(engine, {"step_id": "turns", "step_type": "loop", "config": config})
    assert statuses(results)["turns[0].total"] == "completed"
    assert statuses(results)["turns[1].total"] == "failed"
    assert statuses(results).get("turns[2].total") == (None if critical else "completed")
    assert results["status"] == ("failed" if critical else "completed")


def test_beside_other_steps_a_failure_ends_the_run_as_any_other(engine: Engine) -> None:
    results = run(engine, words("aside", "input.n"), total(), kept("join", "aside", "total"), n="two")
    assert statuses(results)["total"] == "failed"
    assert results["error"]["step_id"] == "total"


def test_of_several_expressions_all_that_may_have_failed_are_named(engine: Engine) -> None:
    mapping = {"n": "input.n", "sum": ADD, "half": {"expression": '$ref("input.n") / 2'}}
    results = run(engine, kept("total", input_mapping=mapping), n="two")
    told = "The expression of 'sum' or 'half' in the input_mapping of step 'total' failed. T2001"
    assert results["error"]["message"].startswith(told)


def test_a_failure_is_that_of_the_step_also_where_steps_around_it_are_computed_with_it(engine: Engine) -> None:
    before = {"step_id": "before", "step_type": "data_input", "config": {"data": 1}}
    after = {"step_id": "after", "step_type": "data_input", "config": {"data": 2}, "dependencies": ["total"]}
    results = run(engine, before, total(dependencies=["before"]), after, n="two")
    assert statuses(results) == {"before": "completed", "total": "failed", "after": "pending"}
    assert results["error"]["step_id"] == "total"


@pytest.mark.parametrize("source", [{"expression": "$uuid()"}, {"expression": "$random()"}, {"template": "{{ uuid }}"}])
def test_what_is_another_value_each_time_is_computed_once(engine: Engine, source: Any) -> None:
    results = run(engine, total(source), kept("after", input_mapping={"read": "total.data.sum"}))
    shown = results["step_results"]["total"]["output_data"]["data"]["sum"]
    assert results["output"]["after"]["data"]["read"] == shown


@pytest.mark.parametrize(
    ("step", "field", "value"),
    [
        ({"step_type": "output", "input_mapping": {"input": ADD}}, "data", 3),
        ({"step_type": "data_merge", "input_mapping": {"a": ADD}, "config": {"merge_strategy": "sum"}}, "result", {"sum": 3}),
        ({"step_type": "data_processing", "input_mapping": {"input": ADD}}, "result", 3),
        ({"step_type": "prompt", "input_mapping": {"n": ADD}, "config": {"query_template": "{n}?"}}, "input", {"n": 3}),
    ],
)  # fmt: skip
def test_every_type_that_is_computed_takes_expressions(engine: Engine, step: Step, field: str, value: Any) -> None:
    results = run(engine, {"step_id": "s", **step}, n=2)
    assert results["status"] == "completed", results["error"]
    assert results["output"]["s"][field] == value
