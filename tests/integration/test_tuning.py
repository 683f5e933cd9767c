"""Builds by measured durations, on the AWS code path: when a version gets another one, what runs are read by, what goes wrong."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.integration.support import ME, results_of
from tests.support.backend_cloud import counted
from tests.support.moto_cloud import MotoCloud
from tests.support.random_workflows import timeless
from workflow_engine import compiler
from workflow_engine.errors import ThrottledError
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError
from workflow_engine.machines.step_functions import StepFunctionsMachines
from workflow_engine.store import keys
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.table import Query, SortPrefix
from workflow_engine.store.workflows import WorkflowStore
from workflow_engine.usecases.answers import Results
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import read_results, redrive_run, rerun_run, start_run
from workflow_engine.usecases.steps import register_step
from workflow_engine.usecases.upkeep.build_limits import FEWEST_RUNS as FEWEST_KNOWN_RUNS
from workflow_engine.usecases.upkeep.tune_workflows import FEWEST_RUNS, tune_workflows
from workflow_engine.usecases.workflows import compilation, pause_workflow, read_workflows, roll_back, save_workflow

ARN: Final = "arn:aws:lambda:us-east-1:123456789012:function:workflow-step-work"
NONE: Final = dict.fromkeys(("looked_at", "built", "kept", "waiting", "ended", "refused", "changed", "failed"), 0)


def work(step_id: str, *dependencies: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "work", "dependencies": list(dependencies), **fields}


N_GRAPH: Final[dict[str, Any]] = {
    "name": "N",
    "workflow_id": "n",
    "execution_pattern": "dependency",
    "steps": [work("a"), work("b"), work("c", "a"), work("d", "a", "b")],
}
"""Not series-parallel: a before c and d, b before d."""

SLOW_B: Final = {"a": 1, "b": 10, "c": 10, "d": 1}
SLOW_D: Final = {"a": 1, "b": 1, "c": 10, "d": 10}
"""Seconds. The best structure for the one is bad for the other."""


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class Measured:
    """Durations of steps as they were measured, the same in every run."""

    def __init__(self) -> None:
        self.histograms: dict[str, Histogram] = {}

    def step_durations(self, tenant_id: str, workflow_id: str, version: int) -> Mapping[str, Histogram]:
        return self.histograms

    def are(self, seconds: Mapping[str, float], runs: int = FEWEST_RUNS) -> None:
        self.histograms = {step_id: Histogram.of([round(value * 1000)] * runs) for step_id, value in seconds.items()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failing() -> set[str]:
    """Ids of steps that fail."""
    return set()


@pytest.fixture
def sizes() -> dict[str, int]:
    """Bytes that steps give, by their ids."""
    return {}


@pytest.fixture
def engine(clock: Clock, failing: set[str], sizes: dict[str, int]) -> Iterator[Engine]:
    def step(event: dict[str, Any], _context: object) -> dict[str, Any]:
        step_id = event["step_config"]["step_id"]
        if step_id in failing:
            raise RuntimeError(f"told to fail: {step_id}")
        return {"did": step_id, "with": sorted(event["input_data"]), "text": "x" * sizes.get(step_id, 0)}

    with MotoCloud() as cloud:
        cloud.functions().register(ARN, step)
        engine = dataclasses.replace(Engine.from_environment(), now=clock)
        vars(engine)["step_durations"] = Measured()
        register_step.register(engine, ME, {"step_type": "work", "function_arn": ARN})
        yield engine


@pytest.fixture
def measured(engine: Engine) -> Measured:
    found: Any = engine.step_durations
    assert isinstance(found, Measured)
    return found


def save(engine: Engine, **changes: Any) -> None:
    save_workflow.create(engine, ME, N_GRAPH | changes)


def round_after(engine: Engine, clock: Clock, passed: timedelta = timedelta(0)) -> dict[str, int]:
    """What a round comes to that runs so much later, of a version whose runs were counted; without what is 0."""
    clock.time += passed
    newest = engine.workflows.find(ME.tenant_id, "n")
    engine.tuning.note(ME.tenant_id, "n", newest.version if newest else 1, engine.timestamp())
    return {name: number for name, number in tune_workflows(engine).items() if number}


def number(engine: Engine) -> int:
    return read_workflows.get(engine, ME, "n")["build"]["number"]


def run_once(engine: Engine, **body: Any) -> Results:
    return results_of(engine, start_run.start_stored(engine, ME, "n", {"input": {}, **body}))


def given(results: Results) -> Any:
    """What a run gave, without what tells it from others."""
    steps = {key: (step["status"], step["output_data"]) for key, step in results["step_results"].items()}
    return timeless([results["status"], results["output"], steps])


def with_two_builds(engine: Engine, measured: Measured, clock: Clock, **changes: Any) -> None:
    """Save the workflow, and let it get another build: as it is saved, a run is best where `SLOW_D` is true."""
    save(engine, **changes)
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}


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


def test_too_few_runs_are_waited_for_and_then_twice_as_many(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B, FEWEST_RUNS - 1)
    assert round_after(engine, clock) == {"looked_at": 1, "waiting": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "ended": 1}  # no run since
    measured.are(SLOW_D)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "kept": 1}
    measured.are(SLOW_B, 2 * FEWEST_RUNS - 1)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "waiting": 1}
    measured.are(SLOW_B, 2 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}


def test_as_many_runs_a_month_later_are_other_runs(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_D)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    measured.are(SLOW_B)
    assert round_after(engine, clock, timedelta(days=30)) == {"looked_at": 1, "built": 1}


def test_durations_that_change_from_day_to_day_do_not_change_the_workflow_as_often(
    engine: Engine, measured: Measured, clock: Clock
) -> None:
    with_two_builds(engine, measured, clock)
    measured.are(SLOW_D, 4 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(hours=23)) == {"looked_at": 1, "waiting": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}
    back, first = engine.workflows.newest("default", "n"), engine.workflows.of_build("default", "n", 1, 1)
    assert (back.build_number, back.compiled.machine_arn) == (3, first.compiled.machine_arn)


def test_what_saves_little_is_not_worth_a_build(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are({"a": 1, "b": 1.9, "c": 20, "d": 18})  # 21.9 by now, at best 21
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    assert number(engine) == 1


@pytest.mark.parametrize("is_seldom", [True, False])
def test_a_step_that_seldom_runs_is_not_waited_for(
    engine: Engine, measured: Measured, clock: Clock, is_seldom: bool
) -> None:
    """Where every run that completes has the step, its absence tells of runs that failed."""
    condition = {"conditions": "input.seldom"} if is_seldom else {}
    save(
        engine, steps=[work("a"), work("b", **condition), work("c", "a"), work("d", "a", "b", trigger_rule="all_done")]
    )
    measured.are(SLOW_B)
    measured.histograms["b"] = Histogram.of([10_000])
    assert round_after(engine, clock) == {"looked_at": 1, "kept" if is_seldom else "built": 1}


JOINING: Final = {
    "steps": [
        work("a"),
        work("d"),
        *(work(step_id, "a") for step_id in "bce"),
        work("f", "a", "c", "d"),
    ]
}
SLOW_BEFORE_F: Final = {"a": 1, "d": 10, "b": 20, "c": 10, "e": 1, "f": 1}
"""By which c and d are to run side by side, and to give what f reads together; by themselves they come after another."""


@pytest.mark.parametrize(
    ("runs", "bytes_each", "done"),
    [
        (FEWEST_KNOWN_RUNS, 100, "built"),
        (FEWEST_KNOWN_RUNS, 70_000, "kept"),  # twice as much of both is too much for a state
        (FEWEST_KNOWN_RUNS - 1, 100, "kept"),  # too few tell
    ],
)
def test_outputs_that_were_apart_come_together_where_they_have_room(
    engine: Engine, measured: Measured, clock: Clock, sizes: dict[str, int], runs: int, bytes_each: int, done: str
) -> None:
    save(engine, **JOINING)
    sizes |= dict.fromkeys("cd", bytes_each)
    for _ in range(runs):
        run_once(engine)
    measured.are(SLOW_BEFORE_F)
    assert round_after(engine, clock) == {"looked_at": 1, done: 1}
    assert run_once(engine)["status"] == "completed"


def test_an_output_that_nobody_has_seen_comes_together_with_no_other(
    engine: Engine, measured: Measured, clock: Clock
) -> None:
    """The first run that has it would fail, where it is too large for one state with what comes together with it."""
    steps = [{**step, "conditions": "input.seldom"} if step["step_id"] == "c" else step for step in JOINING["steps"]]
    save(engine, steps=steps)
    for _ in range(FEWEST_KNOWN_RUNS):
        assert run_once(engine)["step_results"]["c"]["status"] == "skipped"
    measured.are(SLOW_BEFORE_F)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    run_once(engine, input={"seldom": True})
    measured.are(SLOW_BEFORE_F, 2 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}


def test_a_build_has_as_much_room_for_lists(engine: Engine, measured: Measured, clock: Clock) -> None:
    """Beside a list that nobody bounds no build takes more of a run's history; of two orders one has a Parallel more."""
    steps = [*N_GRAPH["steps"], work("each", for_each="input.items")]
    save(engine, steps=steps)
    measured.are(SLOW_B | {"each": 1})
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}
    measured.are(SLOW_D | {"each": 1}, 2 * FEWEST_RUNS)
    assert round_after(engine, clock, timedelta(days=2)) == {"looked_at": 1, "built": 1}  # as it was saved
    listing = work("e", "c", for_each="input.items")
    save_workflow.update(engine, ME, "n", N_GRAPH | {"steps": [*N_GRAPH["steps"], listing]})
    measured.are(SLOW_B | {"e": 1})
    round_after(engine, clock)
    newest, saved = engine.workflows.newest("default", "n"), engine.workflows.of_build("default", "n", 2, 1)
    events: Any = [one.compiled.plan["history_events_min"] for one in (newest, saved)]
    assert events[0] <= events[1]


def test_a_workflow_that_has_no_order_added_is_not_compiled_again(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(engine, steps=[work("a"), work("b"), work("c", "a", "b")])
    measured.are({"a": 1, "b": 5, "c": 1})
    monkeypatch.setattr(compiler, "compile_workflow", None)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}
    assert round_after(engine, clock, timedelta(days=7)) == {}


def test_an_author_s_estimates_are_followed(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine, steps=[step | {"estimated_seconds": SLOW_D[step["step_id"]]} for step in N_GRAPH["steps"]])
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "kept": 1}


def test_nothing_is_tuned_where_the_deployment_says_so(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    off = dataclasses.replace(engine, settings=dataclasses.replace(engine.settings, tune="off"))
    engine.tuning.note("default", "n", 1, engine.timestamp())
    assert tune_workflows(off) == NONE


def test_a_version_that_was_followed_by_another_is_forgotten(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    engine.tuning.note("default", "n", 1, engine.timestamp())
    save_workflow.update(engine, ME, "n", N_GRAPH | {"description": "Another"})
    assert tune_workflows(engine) == NONE | {"looked_at": 1, "ended": 1}
    assert engine.executions.table.get(keys.workflow("default", "n"), keys.tuning(1)) is None


def test_a_deleted_workflow_is_forgotten(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    save_workflow.delete(engine, ME, "n")
    assert round_after(engine, clock) == {"looked_at": 1, "ended": 1}
    assert number_of_machines(engine) == 1


def test_a_paused_workflow_stays_paused(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    pause_workflow.pause(engine, ME, "n", {"reason": "month end"})
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "built": 1}
    shown = read_workflows.get(engine, ME, "n")
    assert (shown["build"]["number"], shown["pause_reason"]) == (2, "month end")


def test_a_put_of_the_same_content_and_a_rollback_to_it_leave_the_build(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_two_builds(engine, measured, clock)
    for compiler_of in (compilation.compiler_of, lambda _: "another engine that compiles to the same"):
        monkeypatch.setattr(save_workflow, "compiler_of", compiler_of)
        saved, is_new = save_workflow.update(engine, ME, "n", dict(N_GRAPH))
        assert (saved["version"], saved["build"]["number"], is_new) == (1, 2, False)
        assert roll_back.roll_back(engine, ME, "n", {"version": 1})["build"]["number"] == 2


def test_what_dies_between_the_machine_and_the_build_is_done_by_the_next_round(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def killed(*_: object) -> bool:
        raise KilledError

    save(engine)
    measured.are(SLOW_B)
    with monkeypatch.context() as dying:
        dying.setattr(WorkflowStore, "append_build", killed)
        with pytest.raises(KilledError):
            round_after(engine, clock)
    assert (number(engine), number_of_machines(engine)) == (1, 2)
    assert round_after(engine, clock) == {}  # not at once: what killed one round is not to kill the next
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}
    assert (number(engine), number_of_machines(engine)) == (2, 2)


def test_what_dies_before_starts_take_the_build_is_mended_by_the_next_round(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(engine)
    measured.are(SLOW_B)
    with monkeypatch.context() as dying:
        dying.setattr(WorkflowStore, "point_to_newest_build", lambda *_: None)
        round_after(engine, clock)
    assert number(engine) == 1
    between = run_once(engine)
    assert read_results.get_execution(engine, ME, between["execution_id"])["build"] == 1
    assert given(read_results.results(engine, ME, between["execution_id"])) == given(between)
    round_after(engine, clock, timedelta(hours=7))
    assert number(engine) == 2


def test_of_two_rounds_at_once_one_appends_a_build(engine: Engine, measured: Measured, clock: Clock) -> None:
    save(engine)
    measured.are(SLOW_B)
    append, both = WorkflowStore.append_build, threading.Barrier(2)
    counts = []

    def at_once(*arguments: Any) -> bool:
        both.wait(20)
        return append(*arguments)

    def one_round() -> None:
        counts.append(tune_workflows(engine))

    engine.tuning.note("default", "n", 1, engine.timestamp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorkflowStore, "append_build", at_once)
        patch.setattr(type(engine.due), "postpone", lambda *_: None)  # both have read the list already
        rounds = [threading.Thread(target=one_round) for _ in range(2)]
        for each in rounds:
            each.start()
        for each in rounds:
            each.join(30)
    assert sorted((one["built"], one["kept"]) for one in counts) == [(0, 1), (1, 0)]
    assert (number(engine), number_of_machines(engine)) == (2, 2)


def test_what_cannot_be_compiled_with_what_was_measured_runs_as_it_is(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(engine)
    measured.are(SLOW_B)
    compile_workflow = compiler.compile_workflow

    def compiled(workflow: Any, catalogue: Any, hints: Any) -> Any:
        if hints.durations:
            raise InvalidWorkflowError([Diagnostic("WFE-E502", "", "Too large.")])
        return compile_workflow(workflow, catalogue, hints)

    monkeypatch.setattr(compiler, "compile_workflow", compiled)
    assert round_after(engine, clock) == {"looked_at": 1, "refused": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {
        "looked_at": 1,
        "ended": 1,
    }  # it is not tried again and again
    assert run_once(engine)["status"] == "completed"


def test_a_step_type_that_was_registered_anew_waits_for_the_next_save(
    engine: Engine, measured: Measured, clock: Clock
) -> None:
    save(engine)
    register_step.register(engine, ME, {"step_type": "work", "function_arn": ARN, "timeout_seconds": 5})
    measured.are(SLOW_B)
    assert round_after(engine, clock) == {"looked_at": 1, "changed": 1}
    assert number(engine) == 1


def test_a_busy_step_functions_is_asked_again_later(
    engine: Engine, measured: Measured, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> str:
        raise ThrottledError("One a second.")

    save(engine)
    measured.are(SLOW_B)
    quiet = dataclasses.replace(engine, sleep=lambda _: None)
    vars(quiet)["step_durations"] = measured
    with monkeypatch.context() as throttled:
        throttled.setattr(StepFunctionsMachines, "create", busy)
        assert round_after(quiet, clock) == {"looked_at": 1}
    assert round_after(engine, clock, timedelta(hours=7)) == {"looked_at": 1, "built": 1}


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


def number_of_machines(engine: Engine) -> int:
    return len(engine.stepfunctions.list_state_machines()["stateMachines"])
