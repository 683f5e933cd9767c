"""Give stored workflows builds that run shorter, by the measured durations of their steps.

Where a graph is not series-parallel, some order must be added to it, and which order costs least depends on how long its steps
take (`compiler.structure`). When a workflow is saved nobody may know that; after some dozens of runs it is measured. What a
workflow means is the same in every build.

A build is appended when it is expected to save a good part of a run's time, at most one a day: a machine more is one of the
account's quota, and durations that change from day to day must not change the workflow as often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.compiler.hints import Hints
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.observability import get_logger
from workflow_engine.store.aggregates.step_durations import LOOKS_BACK
from workflow_engine.store.due import after
from workflow_engine.store.workflows import Build
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.upkeep.rounds import work_off

if TYPE_CHECKING:
    from workflow_engine.compiler import Compilation
    from workflow_engine.language.syntax import Workflow
    from workflow_engine.store.aggregates.histogram import Histogram
    from workflow_engine.store.table import Key
    from workflow_engine.store.tuning import Tuning
    from workflow_engine.store.workflows import StoredWorkflow
    from workflow_engine.usecases.workflows.compilation import Vocabulary

logger = get_logger(__name__)

ADDED_ORDER: Final = "WFE-W511"

FEWEST_RUNS: Final = 30
"""Before a version is considered at all; after that whenever they have doubled."""

LEAST_GAIN: Final = 0.05
"""The share of a run's time that a build must save. What is measured differs by less from one month to the next in most steps."""

LEAST_TIME_BETWEEN_BUILDS: Final = timedelta(days=1)

LOOKS_AGAIN_AFTER_SECONDS: Final = 6 * 3600.0
"""At a version that has news, but not enough."""

VALUES: Final = 32
"""Of a step's measured durations, evenly spaced, as which they are given to the compiler. Half as many lead hardly worse."""

NOTHING_TO_GAIN_FOR_SECONDS: Final = 30 * 86_400.0
"""Where no order was added there is none to choose. Such a version stays on the list, where noting it changes nothing."""

MOST_VERSIONS_A_ROUND: Final = 200


def tune_workflows(engine: Engine, seconds_left: Callable[[], float] = lambda: math.inf) -> dict[str, int]:
    """Consider the versions that have new measured durations, oldest first; gives
    `{looked_at, built, kept, waiting, ended, refused, changed, failed}`.

    `built` got another build, `kept` have a good one, `waiting` have too few new runs or a build of today, `ended` have no news or
    are no longer the newest. `refused` cannot be compiled with what was measured, and of `changed` the step types or the engine
    are others than when they were saved: until they are saved again they run as they are.
    """
    counts = dict.fromkeys(("looked_at", "built", "kept", "waiting", "ended", "refused", "changed", "failed"), 0)
    if engine.settings.tune == "off":
        return counts

    def look(engine: Engine, key: Key) -> str | None:
        counts["looked_at"] += 1
        tuning = engine.tuning.find(key)
        return None if tuning is None else _look_at(engine, key, tuning)

    due = engine.due.tuning(engine.timestamp(), MOST_VERSIONS_A_ROUND)
    work_off(engine, due, look, counts, seconds_left, LOOKS_AGAIN_AFTER_SECONDS)
    return counts


def _look_at(engine: Engine, key: Key, tuning: Tuning) -> str:
    workflow = _newest(engine, tuning)
    if workflow is None:
        engine.tuning.forget(tuning)
        return "ended"
    if not _has_added_order(workflow):
        engine.due.postpone(key, after(engine.timestamp(), NOTHING_TO_GAIN_FOR_SECONDS))
        return "kept"
    measured = engine.step_durations.step_durations(tuning.tenant_id, tuning.workflow_id, tuning.version)
    runs = _runs(workflow, measured)
    if not _is_enough(engine, tuning, runs):
        if runs == tuning.seen_runs:
            engine.tuning.leave_list(tuning)
            return "ended"
        engine.tuning.seen(tuning, runs)
        return "waiting"
    if workflow.build and _age(engine, workflow.build.created_at) < LEAST_TIME_BETWEEN_BUILDS:
        return "waiting"
    done = _considered(engine, workflow, measured, runs)
    engine.tuning.considered(tuning, runs, engine.timestamp())
    logger.info("build was considered", extra={"workflow_id": workflow.id, "version": workflow.version, "done": done})
    return done


def _newest(engine: Engine, tuning: Tuning) -> StoredWorkflow | None:
    """The version, if starts take it by default."""
    newest = engine.workflows.find(tuning.tenant_id, tuning.workflow_id)
    if newest is None or newest.version != tuning.version or not newest.listed:
        return None
    kept = engine.workflows.get(tuning.tenant_id, tuning.workflow_id, tuning.version)
    if kept.build_number > newest.build_number:  # what appended it was cut short
        engine.workflows.point_to_newest_build(kept)
        return kept
    return newest


def _has_added_order(workflow: StoredWorkflow) -> bool:
    """Whether steps wait for others that they need not wait for, of which the compiler has warned."""
    plan: Mapping[str, Any] = workflow.compiled.plan
    return any(warning["code"] == ADDED_ORDER for warning in plan.get("warnings", ()))


def _runs(workflow: StoredWorkflow, measured: Mapping[str, Histogram]) -> int:
    """In how many runs durations were measured: a run has each of the workflow's own steps once at most."""
    return max((measured[step_id].count for step_id in _own_steps(workflow) & measured.keys()), default=0)


def _own_steps(workflow: StoredWorkflow) -> set[str]:
    outline: Mapping[str, Any] = workflow.compiled.outline
    return {entry["id"] for entry in outline["steps"]}


def _is_enough(engine: Engine, tuning: Tuning, runs: int) -> bool:
    if runs < FEWEST_RUNS:
        return False
    # Where as many runs come and go out of sight, all of them are new after a while.
    is_long_ago = tuning.considered_at is not None and _age(engine, tuning.considered_at) >= LOOKS_BACK
    return is_long_ago or runs >= 2 * tuning.runs


def _age(engine: Engine, moment: str) -> timedelta:
    return engine.now() - datetime.fromisoformat(moment)


def _considered(engine: Engine, workflow: StoredWorkflow, measured: Mapping[str, Histogram], runs: int) -> str:
    """Compile with what was measured, and append that as a build if it is worth it; gives what came of it."""
    # With the compiler, which most rounds do without.
    from workflow_engine.compiler.reports.run_time import expected_gain, have_the_same_steps
    from workflow_engine.language import parse_workflow
    from workflow_engine.usecases.upkeep.build_limits import is_within_limits
    from workflow_engine.usecases.workflows.compilation import vocabulary, with_machine

    words = vocabulary(engine, Caller(workflow.tenant_id), workflow.document)
    parsed = parse_workflow(workflow.document, words.catalogue).workflow
    saved = parsed and _compiled(parsed, words, Hints())
    if not parsed or not saved or not _means_as_saved(engine, workflow, saved, words):
        return "changed"
    built = _compiled(parsed, words, _hints(parsed, measured, runs))
    if built is None:
        return "refused"
    before = saved.structure if workflow.build is None else engine.workflows.structure(workflow)
    if not have_the_same_steps(before, built.structure):
        return "changed"
    if built.structure == before:
        return "kept"
    gain = expected_gain(before, built.structure, built.durations)
    if gain <= LEAST_GAIN or not is_within_limits(engine, workflow, saved, built, gain):
        return "kept"
    try:
        compiled = with_machine(engine, built, words)
    except InvalidWorkflowError:
        logger.exception("build is refused", extra={"workflow_id": workflow.id})
        return "refused"
    build = Build(workflow.build_number + 1, engine.timestamp(), round(gain, 4), runs)
    return "built" if engine.workflows.append_build(workflow, compiled, build, built.structure) else "kept"


def _compiled(workflow: Workflow, words: Vocabulary, hints: Hints) -> Compilation | None:
    """None for a workflow that can be compiled no longer, or not with these hints."""
    from workflow_engine.compiler import compile_workflow

    try:
        return compile_workflow(workflow, words.catalogue, hints)
    except InvalidWorkflowError as error:
        logger.warning("workflow is not compiled", extra={"reason": str(error)[:1000]})
        return None


def _means_as_saved(engine: Engine, workflow: StoredWorkflow, saved: Compilation, words: Vocabulary) -> bool:
    """Whether the document compiles, without hints, to what it was saved as: else a build would bring more than another order."""
    from workflow_engine.usecases.workflows.compilation import compiler_of, without_machine

    if workflow.compiled.compiler == compiler_of(words):
        return True
    first = engine.workflows.as_saved(workflow).compiled
    return first.means_the_same(without_machine(engine, saved, words))


def _hints(workflow: Workflow, measured: Mapping[str, Histogram], runs: int) -> Hints:
    seldom = _may_be_skipped(workflow)
    return Hints(
        {
            step_id: _values(histogram, histogram.count / runs if step_id in seldom else 1.0)
            for step_id, histogram in measured.items()
        }
    )


def _may_be_skipped(workflow: Workflow) -> set[str]:
    """The workflow's own steps that do not run in every run that completes. Others are missing from runs that failed before they
    came to them, of which there may be many among those that were measured.
    """
    from workflow_engine.compiler.graph import build_graph

    graph = build_graph(workflow.steps, by_step_order=workflow.pattern == "sequential")
    found: set[str] = set()
    for step, predecessors in zip(graph.steps, graph.predecessors, strict=True):
        before = [graph.steps[vertex] for vertex in predecessors]
        is_decided = step.condition is not None or any(not b.critical or b.step_id in found for b in before)
        if is_decided or step.trigger_rule != "none_failed_min_one_success":
            found.add(step.step_id)
    return found


def _values(histogram: Histogram, share: float) -> tuple[float, ...]:
    """Evenly spaced values of a step that runs in a share of the runs, and takes no time in the others."""
    places = [(i + 0.5) / VALUES - (1 - share) for i in range(VALUES)]
    return tuple(histogram.quantile(min(place / share, 1.0)) if place > 0 else 0.0 for place in places)
