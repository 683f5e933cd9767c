"""A version gets another build, and runs are read by theirs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.integration.support import ME, results_of
from tests.integration.tuning.support import (
    SLOW_B,
    Clock,
    Measured,
    given,
    number,
    round_after,
    run_once,
    save,
    with_two_builds,
)
from tests.support.backend_cloud import counted
from workflow_engine.store import keys
from workflow_engine.store.table import Query, SortPrefix
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import read_results, redrive_run, rerun_run, start_run
from workflow_engine.usecases.upkeep.tune_workflows import FEWEST_RUNS
from workflow_engine.usecases.workflows import read_workflows


def test_a_version_gets_another_build_where_that_saves_time(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    assert read_workflows.get(engine, ME, "n")["build"]["expected_gain"] is None
    before = run_once(engine)
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}
    shown = read_workflows.get(engine, ME, "n")
    assert shown["version"] == 1
    assert shown["build"] == {
        "number": 2,
        "since": engine.timestamp(),
        "expected_gain": pytest.approx(1 - 12 / 20, abs=0.01),
        "samples": FEWEST_RUNS,
    }
    after = run_once(engine)
    assert read_results.get_execution(engine, ME, before["execution_id"])["build"] == 1
    assert read_results.get_execution(engine, ME, after["execution_id"])["build"] == 2
    assert given(after) == given(before)
    listed = read_workflows.list_builds(engine, ME, "n", None, 10)
    assert [(build["number"], build["samples"]) for build in listed["items"]] == [(2, FEWEST_RUNS), (1, None)]


def test_a_page_after_the_last_build_tells_none_again(engine: Engine, measured: Measured, clock: Clock) -> None:
    """DynamoDB gives a cursor behind a full page also where nothing follows (Query, `LastEvaluatedKey`), which moto does not."""
    with_two_builds(engine, measured, clock)
    partition = keys.workflow(ME.tenant_id, "n")
    wanted = Query(partition, sort=SortPrefix(keys.builds(1)))
    behind_the_last = wanted.cursor(ME.tenant_id, {"pk": partition, "sk": keys.build(1, 1)})
    assert read_workflows.list_builds(engine, ME, "n", None, 10, behind_the_last) == {"items": [], "next_cursor": None}


def test_a_run_on_an_earlier_build_is_read_rerun_and_redriven_as_what_it_is(
    engine: Engine, measured: Measured, clock: Clock, failing: set[str]
) -> None:
    save(engine)
    failing.add("d")
    first = start_run.start_stored(engine, ME, "n", {"input": {}})["execution_id"]
    assert read_results.wait_for_end(engine, ME, first, 20)
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}
    told = read_results.results(engine, ME, first)
    statuses = {key: step["status"] for key, step in told["step_results"].items()}
    assert (told["status"], statuses["a"], statuses["b"], statuses["d"]) == (
        "failed",
        "completed",
        "completed",
        "failed",
    )
    failing.clear()
    again = rerun_run.rerun(engine, ME, first, {"from_step": "d"})
    rerun = results_of(engine, again)
    assert rerun["step_results"]["d"]["output_data"] == {"did": "d", "with": ["a", "b"], "text": ""}
    assert read_results.get_execution(engine, ME, again["execution_id"])["build"] is None
    clock.time = datetime.now(UTC)  # by which Step Functions has ended the run
    redrive_run.redrive(engine, ME, first)
    assert read_results.wait_for_end(engine, ME, first, 20)
    redriven = read_results.results(engine, ME, first)
    assert given(redriven) == given(run_once(engine))
    assert read_results.get_execution(engine, ME, first)["build"] == 1


def test_a_start_asks_aws_for_no_more_than_before(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    asked = []
    for seconds in ({}, SLOW_B):
        measured.are(seconds)
        round_after(engine, clock)
        run_once(engine)  # so that what is read once in a process has been read
        with counted(engine.dynamodb, engine.s3, engine.stepfunctions) as calls:
            start_run.start_stored(engine, ME, "n", {"input": {}})
        asked.append(list(calls))
    assert number(engine) == 2
    assert asked[0] == asked[1]


def test_a_subflow_runs_the_newest_build_and_says_so(engine: Engine, measured: Measured, clock: Clock) -> None:
    with_two_builds(engine, measured, clock)
    parent = {"name": "Parent", "steps": [{"step_id": "child", "step_type": "subflow", "config": {"workflow_id": "n"}}]}
    ended = results_of(engine, start_run.start(engine, ME, parent))
    child = ended["step_results"]["child"]["output_data"]["subflow_execution_id"]
    assert read_results.get_execution(engine, ME, child)["build"] == 2
    assert read_results.get_execution(engine, ME, ended["execution_id"])["build"] == 1
    assert {key: step["status"] for key, step in read_results.results(engine, ME, child)["step_results"].items()} == (
        dict.fromkeys("abcd", "completed")
    )
