"""Waiting: for time, for a task, for a branch. Every wait ends at once when its run or branch ends."""

from __future__ import annotations

import datetime
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from infra.local.seams.failures import InterruptedRunError, query_evaluation_failure
from infra.local.seams.patching import parser, replace
from infra.local.seams.text import json_text
from workflow_engine.aws_quotas import STATE_SECONDS

_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")

_time_scale = 1.0


def set_time_scale(factor: float) -> None:
    """Multiply the length of every Wait and every Retry delay by `factor` (1.0 is real time, 0 does not wait).

    Task timeouts are not scaled. Raises ValueError for a negative factor.
    """
    global _time_scale
    if factor < 0:
        raise ValueError(f"A time scale cannot be negative: {factor}")
    _time_scale = factor


class Announcement:
    """Something that happens once, which one can wait for, alone or together with other things."""

    def __init__(self) -> None:
        self._happened = threading.Event()
        self._listeners: list[threading.Event] = []
        self._lock = threading.Lock()

    def make(self) -> None:
        """Let it have happened, and wake everybody."""
        with self._lock:
            self._happened.set()
            for listener in self._listeners:
                listener.set()

    def has_been_made(self) -> bool:
        """Whether it has happened."""
        return self._happened.is_set()

    def also_set(self, event: threading.Event) -> None:
        """Set `event`, too, when it happens, or now if it has."""
        with self._lock:
            self._listeners.append(event)
            if self._happened.is_set():
                event.set()

    def wait(self, seconds: float) -> bool:
        """Wait for it; whether it has happened in time."""
        return self._happened.wait(seconds)


@contextmanager
def woken_at_end_of(env: Any) -> Iterator[threading.Event]:
    """An event that is set when the environment stops running, for as long as the block lasts."""
    event = threading.Event()
    with env._state_mutex:
        env.waiting_events.add(event)
    try:
        if not env.is_running():
            event.set()
        yield event
    finally:
        with env._state_mutex:
            env.waiting_events.discard(event)


def sleep_in(env: Any, seconds: float) -> None:
    """Wait `seconds`, scaled. Raises InterruptedRunError when the run ends first."""
    deadline = time.monotonic() + seconds * _time_scale
    with woken_at_end_of(env) as ended:
        while (remaining := deadline - time.monotonic()) > 0 and not ended.is_set():
            # threading cannot wait longer than this; a Wait state can.
            ended.wait(min(remaining, threading.TIMEOUT_MAX))
    if not env.is_running():
        raise InterruptedRunError


def end_waits_with_the_run() -> None:
    """moto's StopExecution and timeouts do not reach a thread that waits for a task, a branch or a retry.

    An ended run could also end again: a late failure turned ABORTED into FAILED. Here the first end stands.
    """
    environment = parser("asl.eval.environment").Environment
    for name in ("set_ended", "set_error", "set_timed_out", "set_stop"):
        replace(environment, name, _first_end_wins(getattr(environment, name)))
    replace(environment, "program_state", lambda self: self._program_state)


def _first_end_wins(stock: Any) -> Any:
    def end(self: Any, *args: Any, **kwargs: Any) -> None:
        with self._state_mutex:
            if self._program_state is not None and not self.is_running():
                return
            if self._program_state is None:
                self._program_state = parser("asl.eval.program_state").ProgramRunning()
            stock(self, *args, **kwargs)
            for event in self.waiting_events:
                event.set()

    return end


def scale_and_interrupt_waits() -> None:
    """moto counts Wait in whole seconds, in local time for timestamps, and sleeps through StopExecution in Retry.

    A value that is no number of seconds or no timestamp is States.QueryEvaluationError on AWS, States.Runtime in moto.
    """
    wait_function = parser("asl.component.state.wait.wait_function.wait_function").WaitFunction
    replace(wait_function, "_wait_interval", lambda self, env, wait_seconds: sleep_in(env, wait_seconds))

    seconds = parser("asl.component.state.wait.wait_function.seconds").SecondsJSONata
    replace(seconds, "_get_wait_seconds", _seconds_to_wait)

    timestamp = parser("asl.component.state.wait.wait_function.timestamp").Timestamp
    replace(timestamp, "_from_timestamp_string", staticmethod(_moment))
    replace(timestamp, "_get_wait_seconds", _seconds_until_timestamp)
    replace(parser("asl.component.common.retry.retrier_decl").RetrierDecl, "_eval_body", _retry)


def _seconds_to_wait(self: Any, env: Any) -> int:
    self.string_jsonata.eval(env=env)
    value = env.stack.pop()
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= STATE_SECONDS:
        cause = f"The Seconds field must be an integer between 0 and {STATE_SECONDS}, but was: {json_text(value)}"
        raise query_evaluation_failure(env, cause, "Seconds")
    return value


def _moment(text: Any) -> datetime.datetime | None:
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        return datetime.datetime.fromisoformat(match[1] + match[2])
    except ValueError:
        return None


def _seconds_until_timestamp(self: Any, env: Any) -> float:
    self.string.eval(env=env)
    value = env.stack.pop()
    moment = _moment(value)
    if moment is not None:
        return (moment - datetime.datetime.now(datetime.UTC)).total_seconds()
    shown = value if isinstance(value, str) else json_text(value)
    if isinstance(self.string, parser("asl.component.common.string.string_expression").StringJSONata):
        cause = f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {shown}"
        raise query_evaluation_failure(env, cause, "Timestamp")
    failed = parser("asl.component.common.error_name.failure_event").FailureEventException
    raise failed(self._create_failure_event(env, shown))


def _retry(self: Any, env: Any) -> None:
    outcome = parser("asl.component.common.retry.retrier_outcome").RetrierOutcome
    exhausted = parser("asl.component.common.retry.max_attempts_decl").MaxAttemptsOutcome.EXHAUSTED
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(outcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == exhausted:
        env.stack.append(outcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
        part.eval(env=env)
    sleep_in(env, env.stack.pop())
    env.stack.append(outcome.Executed)


def install() -> None:
    """Put this module's seams in place."""
    end_waits_with_the_run()
    scale_and_interrupt_waits()
