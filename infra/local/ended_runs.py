"""Ends of runs: what EventBridge and SQS make of one, which the recorder gets, and who waits for it to be recorded."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from infra.local.gateway import ACCOUNT, REGION

if TYPE_CHECKING:
    from infra.local.stepfunctions.journal import Head


class Ends:
    """Who waits for the ends of runs, by the run's name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[threading.Event]] = {}
        self._any = threading.Event()
        self._is_closed = False

    def tell(self, name: str) -> None:
        """The end of a run is recorded."""
        with self._lock:
            for waiter in self._waiting.get(name, ()):
                waiter.set()
        self._any.set()

    @contextmanager
    def watching(self, name: str) -> Iterator[Callable[[float], bool]]:
        """Gives what waits, at most so many seconds, until it is told of a run, from the beginning of the block on. It gives
        False once this is closed.
        """
        waiter = threading.Event()
        with self._lock:
            self._waiting.setdefault(name, []).append(waiter)

        def wait(seconds: float) -> bool:
            if not self._is_closed and waiter.wait(seconds):
                waiter.clear()
            return not self._is_closed

        try:
            yield wait
        finally:
            self._leave(name, waiter)

    def wait_for_any(self, seconds: float) -> bool:
        """Wait until it is told of some run, at most so long. False when it was not since the last time."""
        told = self._any.wait(seconds)
        self._any.clear()
        return told

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._lock:
            self._is_closed = True
            for waiters in self._waiting.values():
                for waiter in waiters:
                    waiter.set()

    def _leave(self, name: str, waiter: threading.Event) -> None:
        with self._lock:
            others = [other for other in self._waiting.get(name, ()) if other is not waiter]
            if others:
                self._waiting[name] = others
            else:
                self._waiting.pop(name, None)


MAX_DATA_BYTES: Final = 248 * 1024
"""Of input and output in an event, as JSON strings ("Step Functions Execution Status Change", quotas of the event)."""


def _data(ended: Head) -> dict[str, Any]:
    """Input and output as far as AWS has them in an event: the input goes first."""
    output = 0 if ended.output is None else len(json.dumps(ended.output, ensure_ascii=False).encode())
    has_output = output <= MAX_DATA_BYTES
    has_input = len(json.dumps(ended.input, ensure_ascii=False).encode()) + output <= MAX_DATA_BYTES
    return {
        "input": ended.input if has_input else None,
        "output": ended.output if has_output else None,
        "inputDetails": {"included": has_input},
        "outputDetails": None if ended.output is None else {"included": has_output},
    }


def status_change(ended: Head) -> dict[str, Any]:
    """The `detail` of EventBridge's "Step Functions Execution Status Change" event.

    `ended` is the head of a run that has ended, or of a subflow that has begun.
    """
    return {
        "executionArn": ended.arn,
        "stateMachineArn": ended.machine,
        "name": ended.name,
        "status": ended.status,
        "startDate": int(ended.started * 1000),
        "stopDate": None if ended.stopped is None else int(ended.stopped * 1000),
        **_data(ended),
        "error": ended.error,
        "cause": ended.cause,
    }


def queued_event(ended: Head) -> dict[str, Any]:
    """The batch of one that SQS sends for the event of `status_change`."""
    told_at = ended.started if ended.stopped is None else ended.stopped
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(told_at)),
        "region": REGION,
        "resources": [ended.arn],
        "detail": status_change(ended),
    }
    body = json.dumps(event)
    message = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": uuid.uuid4().hex,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(int(told_at * 1000)),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(int(told_at * 1000)),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:workflow-executions",
        "awsRegion": REGION,
    }
    return {"Records": [message]}
