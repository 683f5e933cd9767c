"""A run: started, ended once, stopped, and told to those who want to know."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable
from typing import Any

from infra.local.seams.expressions import input_text
from infra.local.seams.failures import InterruptedRunError
from infra.local.seams.history import MAX_EVENTS, add_event
from infra.local.seams.patching import extend, parser, replace, replace_everywhere
from infra.local.seams.text import timestamp_text
from infra.local.seams.waiting import Announcement
from infra.local.stepfunctions.failures import RUNTIME, HistoryLimitError
from workflow_engine.lazy_dataclass import dataclass

LOG = logging.getLogger(__name__)

# How long StopExecution waits for the interpreter to notice before it answers.
STOP_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """The end of an execution, with the fields of the event "Step Functions Execution Status Change".

    Dates are milliseconds since the epoch; input and output are JSON text, output only where status is SUCCEEDED;
    status is SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
    """

    execution_arn: str
    state_machine_arn: str
    name: str
    status: str
    start_date: int
    stop_date: int
    input: str
    output: str | None
    error: str | None
    cause: str | None


EndedCallback = Callable[[ExecutionEnded], None]

_callbacks: list[EndedCallback] = []


def on_execution_ended(callback: EndedCallback) -> None:
    """Call `callback` once for each execution that ends, after DescribeExecution shows its final status.

    It is called on the execution's own thread; an exception is logged and reaches nobody else.
    """
    if callback not in _callbacks:
        _callbacks.append(callback)


def remove_on_execution_ended(callback: EndedCallback) -> None:
    """Undo `on_execution_ended`. A callback that is not registered is no error."""
    if callback in _callbacks:
        _callbacks.remove(callback)


def run_programs_in_the_calling_thread() -> None:
    """moto starts a second thread for every program, branch and iteration, only to wait for it.

    After a timeout it declared the run ended before its last event was written.
    """
    program = parser("asl.component.program.program").Program
    replace(program, "eval", _run_program)
    replace(program, "_eval_body", _run_states)


def _run_program(self: Any, env: Any) -> None:
    if env._program_state is not None and not env.is_running():
        return
    env.next_state_name = self.start_at.start_at_name
    if self.timeout_seconds is None:
        self._eval_body(env)
        return
    timer = threading.Timer(min(self.timeout_seconds.timeout_seconds, threading.TIMEOUT_MAX), env.set_timed_out)
    timer.daemon = True
    timer.start()
    try:
        self._eval_body(env)
    finally:
        timer.cancel()


def _run_states(self: Any, env: Any) -> None:
    failed = parser("asl.component.common.error_name.failure_event").FailureEventException
    try:
        while env.is_running():
            self._get_state(env.next_state_name).eval(env)
            env.stack.clear()
            env.heap.clear()
    except InterruptedRunError:
        pass
    except failed as error:
        env.set_error(error=error.get_execution_failed_event_details())
    except HistoryLimitError:
        cause = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
        env.set_error(error={"error": RUNTIME, "cause": cause})
    except Exception as error:
        LOG.exception("The interpreter failed in state %s", env.state_name)
        env.set_error(error={"error": RUNTIME, "cause": f"{type(error).__name__}({error})"})
    if not env.is_frame():
        _record_end(env)


def _record_end(env: Any) -> None:
    states = parser("asl.eval.program_state")
    end = env.program_state()
    match end:
        case states.ProgramEnded():
            details = {"output": input_text(env), "outputDetails": {"truncated": False}}
            add_event(env, "ExecutionSucceeded", {"executionSucceededEventDetails": details})
        case states.ProgramError():
            add_event(env, "ExecutionFailed", {"executionFailedEventDetails": dict(end.error or {})})
        case states.ProgramTimedOut():
            add_event(env, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        case states.ProgramStopped():
            # Recorded on AWS: the event of a stopped run is chained to nothing.
            env.event_history_context.source_event_id = 0
            given = {"error": end.error, "cause": end.cause}
            add_event(
                env,
                "ExecutionAborted",
                {"executionAbortedEventDetails": {name: text for name, text in given.items() if text}},
            )


def end_every_run() -> None:
    """moto's execution stays RUNNING for ever when its thread fails outside a state, for example while parsing.

    It also shows SUCCEEDED before the output is there, and cannot be stopped before its thread has begun.
    """
    workers = parser("backend.execution_worker")
    replace(workers.ExecutionWorker, "start", _start_worker)
    replace(workers.ExecutionWorker, "_execution_logic", _run_to_the_end)
    communication = parser("backend.execution").BaseExecutionWorkerCommunication
    replace(communication, "_reflect_execution_status", _publish_end)
    extend(parser("backend.execution").Execution, "end", None)


def _start_worker(self: Any) -> None:
    self._execution_communication.execution.end = Announcement()
    self.env = self._get_evaluation_environment()
    context = self.env.states.context_object.context_object_data["Execution"]
    context["StartTime"] = timestamp_text(context["StartTime"])
    context["RedriveCount"] = 0
    self.env._program_state = parser("asl.eval.program_state").ProgramRunning()
    details = {
        "input": input_text(self.env),
        "inputDetails": {"truncated": False},
        "roleArn": self._evaluation_details.aws_execution_details.role_arn,
    }
    self.env.event_manager.add_event(
        context=self.env.event_history_context,
        event_type=parser("api").HistoryEventType("ExecutionStarted"),
        event_details={"executionStartedEventDetails": details},
        update_source_event_id=False,
    )
    threading.Thread(target=self._execution_logic, daemon=True, name=f"run {context['Name']}").start()


def _run_to_the_end(self: Any) -> None:
    try:
        self._get_evaluation_entrypoint().eval(self.env)
    except BaseException as error:
        LOG.exception("The interpreter failed outside a state")
        self.env.set_error(error={"error": RUNTIME, "cause": f"{type(error).__name__}({error})"})
    if not self.env.event_manager.is_sealed:
        _record_end(self.env)
    self._execution_communication.terminated()


def _publish_end(self: Any) -> None:
    execution = self.execution
    states = parser("asl.eval.program_state")
    statuses = parser("api").ExecutionStatus
    env = execution.exec_worker.env
    end = env.program_state()
    status = statuses.FAILED
    match end:
        case states.ProgramEnded():
            status = statuses.SUCCEEDED
            execution.output = input_text(env)
        case states.ProgramStopped():
            status = statuses.ABORTED
            execution.error, execution.cause = end.error or None, end.cause or None
        case states.ProgramTimedOut():
            status = statuses.TIMED_OUT
        case states.ProgramError():
            execution.error = (end.error or {}).get("error")
            execution.cause = (end.error or {}).get("cause")
    execution.stop_date = datetime.datetime.now(datetime.UTC)
    # Last, so that whoever sees an ended status sees everything else, too.
    execution.exec_status = status
    execution.end.make()
    _tell(execution)


def _tell(execution: Any) -> None:
    ended = ExecutionEnded(
        execution_arn=execution.exec_arn,
        state_machine_arn=execution.state_machine_arn,
        name=execution.name,
        status=execution.status,
        start_date=_milliseconds(execution.start_date),
        stop_date=_milliseconds(execution.stop_date),
        input=execution.execution_input,
        output=execution.output,
        error=execution.error,
        cause=execution.cause,
    )
    for callback in _callbacks.copy():
        try:
            callback(ended)
        except Exception:
            LOG.exception("A callback for the end of %s failed", ended.execution_arn)


def _milliseconds(moment: datetime.datetime) -> int:
    return int(moment.timestamp() * 1000)


def forget_threads() -> None:
    """moto keeps every thread that it ever started in a list, so a long-lived process grows with each task."""

    class ForgetfulList(list[Any]):
        def append(self, item: Any) -> None:
            """Keep nothing."""

    replace_everywhere("TMP_THREADS", ForgetfulList())


def install() -> None:
    """Put this module's seams in place."""
    run_programs_in_the_calling_thread()
    end_every_run()
    forget_threads()
