"""Parallel and Map: workers that stop together, chained events, errors that keep their names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from infra.local.seams.expressions import json_type
from infra.local.seams.failures import InterruptedRunError, failure, query_evaluation_failure
from infra.local.seams.history import add_event, record_abort
from infra.local.seams.patching import parser, replace
from infra.local.seams.states import silence_and_stop
from infra.local.seams.text import json_text
from infra.local.seams.waiting import woken_at_end_of
from infra.local.stepfunctions.failures import RUNTIME

# AWS page "Using Map state in Inline mode": up to 40 concurrent iterations.
INLINE_MAP_MAX_CONCURRENCY: Final = 40


class _Workers:
    """Threads that work for one container: its caller waits for all, for the first failure, or for the end of the run."""

    def __init__(self, env: Any) -> None:
        self._env = env
        self._lock = threading.Lock()
        self._at_work = 0
        self._failure: dict[str, Any] | None = None
        self._wake: threading.Event | None = None

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    def run(self, jobs: list[Callable[[], None]]) -> dict[str, Any] | None:
        """Run the jobs at once and return the first failure's error and cause, if any.

        Raises InterruptedRunError when the run ends first; the jobs are then left to notice it themselves.
        """
        self._at_work = len(jobs)
        if len(jobs) == 1:
            # Nothing to run beside it: no thread needed, its own waits are interruptible.
            self._work(jobs[0])
            self._check_run()
            return self._failure
        with woken_at_end_of(self._env) as wake:
            self._wake = wake
            for job in jobs:
                threading.Thread(target=self._work, args=(job,), daemon=True, name="branch").start()
            while self._at_work and not self.has_failed and self._env.is_running():
                wake.wait()
                wake.clear()
        self._check_run()
        return self._failure

    def fail(self, error: dict[str, Any]) -> None:
        """Report the failure of a branch or iteration; the first report counts."""
        with self._lock:
            if self._failure is None:
                self._failure = error

    def _work(self, job: Callable[[], None]) -> None:
        try:
            job()
        except InterruptedRunError:
            pass
        except BaseException as error:
            self.fail({"error": RUNTIME, "cause": f"{type(error).__name__}({error})"})
        finally:
            with self._lock:
                self._at_work -= 1
                if self._wake is not None:
                    self._wake.set()

    def _check_run(self) -> None:
        if not self._env.is_running():
            raise InterruptedRunError


def _abort(env: Any, frames: list[Any]) -> None:
    for frame in frames:
        if frame.is_running():
            frame.set_stop(stop_date=None, cause=None, error=None)
    for frame in frames:
        record_abort(frame)
        silence_and_stop(frame)
        env.close_frame(frame)


def run_branches_together() -> None:
    """moto lets the other branches of a failed Parallel go on, does not record their abort, and copies inputs deeply."""

    def evaluate(self: Any, env: Any) -> None:
        branch_input = env.stack.pop()
        workers = _Workers(env)
        frames = []
        for _program in self.programs:
            frame = env.open_inner_frame()
            frame.states.reset(input_value=branch_input)
            frames.append(frame)
        jobs = [_branch(workers, program, frame) for program, frame in zip(self.programs, frames, strict=True)]
        failed = workers.run(jobs)
        if failed is not None:
            _abort(env, frames)
            raise _passed_on(env, failed)
        for frame in frames:
            env.close_frame(frame)
        env.stack.append([frame.states.get_input() for frame in frames])

    replace(parser("asl.component.state.exec.state_parallel.branches_decl").BranchesDecl, "_eval_body", evaluate)


def _branch(workers: _Workers, program: Any, frame: Any) -> Callable[[], None]:
    def run() -> None:
        program.eval(frame)
        error = _error_of(frame)
        if error is not None:
            workers.fail(error)

    return run


def _error_of(frame: Any) -> dict[str, Any] | None:
    state = frame.program_state()
    if isinstance(state, parser("asl.eval.program_state").ProgramError):
        return dict(state.error or {})
    return None


def _passed_on(env: Any, error: dict[str, Any]) -> Any:
    """The failure of a container: the error of what failed inside it, under its own name and with its own cause."""
    exception = failure(env, error.get("error"), error.get("cause"))
    details = exception.failure_event.event_details["executionFailedEventDetails"]
    for field in ("error", "cause"):
        if details[field] is None:
            del details[field]
    return exception


def run_iterations_together() -> None:
    """moto lets the other iterations of a failed Map go on, starts a thread per item, and recurses once per item.

    AWS runs at most 40 iterations at once.
    """
    component = parser("asl.component.state.exec.state_map.iteration.inline_iteration_component")
    replace(component.InlineIterationComponent, "_eval_body", _iterate)


def _iterate(self: Any, env: Any) -> None:
    settings = env.stack.pop()
    items = settings.input_items
    outputs: list[Any] = [None] * len(items)
    if not items:
        env.stack.append(outputs)
        return
    limit = min(settings.max_concurrency or INLINE_MAP_MAX_CONCURRENCY, INLINE_MAP_MAX_CONCURRENCY, len(items))
    workers = _Workers(env)
    iteration = _Iterations(self, env, settings, workers, outputs)
    frames = [env.open_frame() for _ in range(limit)]
    failed = workers.run([iteration.worker(frame) for frame in frames])
    if failed is not None:
        _abort(env, frames)
        raise _passed_on(env, failed)
    for frame in frames:
        env.close_frame(frame)
    env.stack.append(outputs)


class _Iterations:
    """The items of one Map, taken in order by its workers."""

    def __init__(self, component: Any, env: Any, settings: Any, workers: _Workers, outputs: list[Any]) -> None:
        self._program = component._get_iteration_program()
        self._name = settings.state_name
        self._workers = workers
        self._outputs = outputs
        self._items = enumerate(settings.input_items)
        self._lock = threading.Lock()
        self._selector = component._create_worker(env=env, eval_input=settings, job_pool=None)

    def worker(self, frame: Any) -> Callable[[], None]:
        """A job that iterates until no item is left. One worker's iterations are chained in the history."""

        def run() -> None:
            last_event = frame.event_history_context.source_event_id
            while not self._workers.has_failed:
                with self._lock:  # as on AWS, iterations start in the order of their items
                    taken = next(self._items, None)
                    if taken is None:
                        break
                    index, item = taken
                    iteration = frame.open_inner_frame()
                    details = {"name": self._name, "index": index}
                    add_event(iteration, "MapIterationStarted", {"mapIterationStartedEventDetails": details})
                    iteration.open_iteration = details
                error = self._iterate(iteration, details, item)
                frame.close_frame(iteration)
                if error is not None:
                    self._workers.fail(error)
                    return
                last_event = iteration.event_history_context.last_published_event_id
            frame.event_history_context.source_event_id = last_event

        return run

    def _iterate(self, env: Any, details: dict[str, Any], item: Any) -> dict[str, Any] | None:
        index = details["index"]
        env.states.context_object.context_object_data["Map"] = {"Item": {"Index": index, "Value": item}}
        env.states.reset(input_value=item)
        failures = parser("asl.component.common.error_name.failure_event").FailureEventException
        try:
            self._selector._eval_input(env_frame=env)
            env.stack.clear()
            self._program.eval(env)
            error = _error_of(env)
        except failures as selection_failure:
            error = dict(selection_failure.get_execution_failed_event_details() or {})
        if error is None and isinstance(env.program_state(), parser("asl.eval.program_state").ProgramStopped):
            raise InterruptedRunError
        env.open_iteration = None
        if error is not None:
            add_event(env, "MapIterationFailed", {"mapIterationFailedEventDetails": details}, moves_chain=False)
            return error
        add_event(env, "MapIterationSucceeded", {"mapIterationSucceededEventDetails": details}, moves_chain=False)
        self._outputs[index] = env.states.get_input()
        return None


def require_items_to_be_a_list() -> None:
    """moto names the Python type of Items that are no array; AWS shows the value."""
    map_state = parser("asl.component.state.exec.state_map.state_map").StateMap
    stock = map_state._eval_execution

    def evaluate(self: Any, env: Any) -> None:
        if not self._is_language_query_jsonpath() and self.items is None and self.item_reader is None:
            value = env.states.get_input()
            if json_type(value) != "array":
                cause = f"Map state input must be an array but was: {json_text(value)}"
                raise query_evaluation_failure(env, cause, None)
        stock(self, env)

    replace(map_state, "_eval_execution", evaluate)


def install() -> None:
    """Put this module's seams in place."""
    run_branches_together()
    run_iterations_together()
    require_items_to_be_a_list()
