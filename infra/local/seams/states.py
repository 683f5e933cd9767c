"""One state: entering, attempts, leaving."""

from __future__ import annotations

import datetime
import threading
from typing import Any

from infra.local.seams.expressions import input_text
from infra.local.seams.failures import InterruptedRunError, decorated, failure, record_failure
from infra.local.seams.history import add_event, silence
from infra.local.seams.limits import check_assignments, check_payload, commit_assignments
from infra.local.seams.patching import parser, replace
from infra.local.seams.text import json_text, timestamp_text
from infra.local.seams.waiting import woken_at_end_of
from infra.local.stepfunctions.failures import HistoryLimitError


def keep_the_state_with_the_environment() -> None:
    """moto's environments do not know which state they are in, and lose `$states.context.Map` below a Map iteration."""
    environment = parser("asl.eval.environment").Environment
    stock_init, stock_frame = environment.__init__, environment.as_inner_frame_of.__func__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - in the place of moto's constructor
        stock_init(self, *args, **kwargs)
        self.waiting_events = set()
        self.pending_assignments = {}
        self.open_state = None
        self.open_iteration = None
        self.nested_execution = None
        self.state_name = ""
        self.entered_event_id = 0
        self.event_id_before_state = 0

    def as_inner_frame_of(cls: Any, env: Any, variable_store: Any, event_history_frame_cache: Any = None) -> Any:
        frame = stock_frame(cls, env, variable_store, event_history_frame_cache)
        frame.state_name = env.state_name
        frame.entered_event_id = env.entered_event_id
        frame.event_id_before_state = env.event_id_before_state
        frame.event_history_context.is_closed = env.event_history_context.is_closed
        context = env.states.context_object.context_object_data
        if "Map" in context:
            frame.states.context_object.context_object_data["Map"] = context["Map"]
        return frame

    replace(environment, "__init__", __init__)
    replace(environment, "as_inner_frame_of", classmethod(as_inner_frame_of))


def evaluate_quietly() -> None:
    """moto prints the whole component tree for every level that an error passes, and skips what an ended run asks for.

    A skipped component leaves no value behind, so that its caller failed in its own way. Here the thread unwinds.
    """

    def evaluate(self: Any, env: Any) -> None:
        if not env.is_running():
            raise InterruptedRunError
        field_name = self._field_name()
        if field_name is not None:
            env.next_field_name = field_name
        self._eval_body(env)

    component = parser("asl.component.eval_component").EvalComponent
    replace(component, "eval", evaluate)


def run_each_state_in_order() -> None:
    """moto's states: times without milliseconds and Z, variables assigned before Output, no limit on them.

    Entered, evaluated, output, assigned, next state chosen, left: in this order, each with its event.
    """
    state = parser("asl.component.state.state").CommonStateField
    replace(state, "_eval_body", _run_state)


def _run_state(self: Any, env: Any) -> None:
    env.event_id_before_state = env.event_history_context.source_event_id
    env.entered_event_id = add_event(
        env,
        self.state_entered_event_type.value,
        {"stateEnteredEventDetails": _with_text(self, "input", input_text(env))},
    )
    env.state_name = self.name
    env.open_state = self
    env.pending_assignments = {}
    env.states.context_object.context_object_data["State"] = {
        "EnteredTime": timestamp_text(datetime.datetime.now(datetime.UTC)),
        "Name": self.name,
    }
    self._eval_state_input(env=env)
    missing_path = parser("asl.utils.json_path").NoSuchJsonPathError
    try:
        self._eval_state(env)
    except missing_path as error:
        cause = (
            f"The JSONPath '{error.json_path}' specified for the field '{env.next_field_name}' could not be found in "
            f"the input '{json_text(error.data)}'"
        )
        raise failure(env, "States.Runtime", cause, details="taskFailedEventDetails") from error
    _leave(self, env)


def _leave(self: Any, env: Any) -> None:
    is_caught = bool(env.stack) and isinstance(
        env.stack[-1], parser("asl.component.common.catch.catch_outcome").CatchOutcome
    )
    if not is_caught:
        self._eval_state_output(env=env)
    check_payload(env, self.name, input_text(env))
    commit_assignments(env)
    if self.state_exited_event_type is not None:
        details = _with_text(self, "output", input_text(env))
        assigned = env.variable_store.get_assigned_variables()
        if assigned:
            details["assignedVariables"] = assigned
            details["assignedVariablesDetails"] = {"truncated": False}
        env.variable_store.reset_tracing()
        add_event(env, self.state_exited_event_type.value, {"stateExitedEventDetails": details})
    env.open_state = None
    if not is_caught:
        self._set_next(env)


def _with_text(self: Any, direction: str, text: str) -> dict[str, Any]:
    return {"name": self.name, direction: text, f"{direction}Details": {"truncated": False}}


def attempt_until_done() -> None:
    """moto leaves a Task's Output, and a Parallel's Arguments, out of reach of its Retry and Catch.

    It also goes on with a task's timed-out thread, whose late events entered the history, and waits for tasks of
    stopped runs. One loop serves Task, Parallel and Map: attempt, else retry, else catch, else fail.
    """
    executions = parser("asl.component.state.exec.execute_state").ExecutionState
    replace(executions, "_eval_state", _attempt_until_done)
    replace(executions, "_evaluate_with_timeout", _attempt)
    replace(executions, "_eval_state_output", lambda self, env: None)
    for path, name in (("state_parallel.state_parallel", "StateParallel"), ("state_map.state_map", "StateMap")):
        replace(getattr(parser(f"asl.component.state.exec.{path}"), name), "_eval_state", _attempt_until_done)


def _is(self: Any, kind: str) -> bool:
    return bool(self.state_entered_event_type.value == f"{kind}StateEntered")


def _attempt_until_done(self: Any, env: Any) -> None:
    retry_again = parser("asl.component.common.retry.retry_outcome").RetryOutcome.CanRetry
    caught = parser("asl.component.common.catch.catch_outcome").CatchOutcome.Caught
    context = env.states.context_object.context_object_data
    context["State"]["RetryCount"] = 0
    state_input, stack = env.states.get_input(), list(env.stack)
    while True:
        try:
            self._evaluate_with_timeout(env)
            return
        except (InterruptedRunError, HistoryLimitError):
            raise
        except Exception as error:
            failure_event = self._from_error(env=env, ex=error)
        if not env.is_running():
            raise InterruptedRunError
        env.pending_assignments = {}
        if _is(self, "Task"):
            record_failure(env, failure_event)
        env.states.reset(state_input)
        env.states.set_error_output(self._construct_error_output_value(failure_event=failure_event))
        if self.retry and self._handle_retry(env=env, failure_event=failure_event) == retry_again:
            env.states.reset(state_input)
            env.stack[:] = stack
            continue
        if not _is(self, "Task"):
            add_event(env, "ParallelStateFailed" if _is(self, "Parallel") else "MapStateFailed")
        if self.catch:
            self._handle_catch(env=env, failure_event=failure_event)
            if env.stack[-1] == caught:
                return
        raise parser("asl.component.common.error_name.failure_event").FailureEventException(failure_event)


def _attempt(self: Any, env: Any) -> None:
    """Do the state's work once, then evaluate what follows from its result."""
    if _is(self, "Parallel") and self.parargs is not None:
        self.parargs.eval(env=env)
        env.stack[:] = [env.stack[-1]]
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = list(env.stack)
    try:
        if _is(self, "Task"):
            _work_in_thread(self, env, frame)
        else:
            self._eval_execution(frame)
    finally:
        if frame.is_running():
            frame.set_ended()
        env.close_frame(frame)
    result = frame.stack.pop()
    if not _is(self, "Task"):
        check_payload(env, self.name, json_text(result))
    env.stack.append(result)
    _use_result(self, env, result)
    # Within reach of the state's Catch, as what goes wrong in its Assign and Output is.
    check_payload(env, self.name, input_text(env))
    check_assignments(env)


def _work_in_thread(self: Any, env: Any, frame: Any) -> None:
    """Run a task where it can be left behind, when its time or its run is over."""
    self.timeout.eval(env=env)
    seconds = env.stack.pop()
    problems: list[BaseException] = []
    with woken_at_end_of(env) as woken:

        def work() -> None:
            try:
                self._eval_execution(frame)
            except BaseException as error:
                problems.append(error)
            finally:
                frame.is_done = True
                woken.set()

        frame.is_done = False
        threading.Thread(target=work, daemon=True, name=f"task {self.name}").start()
        woken.wait(min(seconds, threading.TIMEOUT_MAX))
        is_done = frame.is_done
    if not env.is_running():
        silence_and_stop(frame)
        raise InterruptedRunError
    if not is_done:
        silence_and_stop(frame)
        raise parser("asl.component.common.timeouts.timeout").EvalTimeoutError
    if problems:
        raise problems[0]


def silence_and_stop(frame: Any) -> None:
    """Give up a frame: what still works in it ends at its next step and is not heard of again."""
    silence(frame)
    frame.set_stop(stop_date=datetime.datetime.now(datetime.UTC), cause=None, error=None)
    token = frame.states.context_object.context_object_data.get("Task")
    endpoint = frame.callback_pool_manager.get(token["Token"]) if token else None
    if endpoint is not None:
        endpoint.interrupt_all()
    if frame.nested_execution is not None:
        # AWS stops the child of a .sync task that is aborted or timed out.
        frame.nested_execution.stop(stop_date=None, error=None, cause=None)


def _use_result(self: Any, env: Any, result: Any) -> None:
    """Assign, then the state's output: JSONata's Output or JSONPath's selector and paths."""
    if self._is_language_query_jsonpath():
        if self.assign_decl:
            self.assign_decl.eval(env=env)
        if self.result_selector:
            self.result_selector.eval(env=env)
        self.result_path.eval(env)
        self.output_path.eval(env=env)
        return
    env.states.set_result(result)
    if self.assign_decl:
        self.assign_decl.eval(env=env)
    if self.output:
        self.output.eval(env=env)
    else:
        env.states.reset(input_value=result)


def choose_one_rule() -> None:
    """moto applies a Choice state's own Assign and Output also when a rule leads to the Default state.

    Without a rule that matches and without Default, AWS fails with States.NoChoiceMatched, moto with States.Runtime.
    """
    choice = parser("asl.component.state.choice.state_choice").StateChoice

    def evaluate(self: Any, env: Any) -> None:
        for rule in self.choices_decl.rules:
            rule.eval(env)
            if env.stack.pop() is True:
                env.chosen = (rule.next_stmt.name, True)
                return
        if self.default_state is None:
            cause = decorated(env, "No choice rule matched and the state has no Default.")
            raise failure(env, "States.NoChoiceMatched", cause)
        env.chosen = (self.default_state.state_name, False)

    def output(self: Any, env: Any) -> None:
        next_state, by_rule = env.chosen
        if not by_rule and self.assign_decl:
            self.assign_decl.eval(env=env)
        if not by_rule and self.output:
            self.output.eval(env=env)
        if self._is_language_query_jsonpath():
            self.output_path.eval(env=env)
        env.next_state_name = next_state

    replace(choice, "_eval_state", evaluate)
    replace(choice, "_eval_state_output", output)


def install() -> None:
    """Put this module's seams in place."""
    keep_the_state_with_the_environment()
    evaluate_quietly()
    run_each_state_in_order()
    attempt_until_done()
    choose_one_rule()
