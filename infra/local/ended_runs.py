"""Ends of runs: what EventBridge and SQS make of one, which the recorder gets, and who waits for it to be recorded."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

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
            waiting = self._waiting.pop(name, ())
        for waiter in waiting:
            waiter.set()
        self._any.set()

    def wait_for(self, name: str, seconds: float) -> bool:
        """Wait until it is told of a run, at most so long. False once this is closed."""
        waiter = threading.Event()
        with self._lock:
            if self._is_closed:
                return False
            self._waiting.setdefault(name, []).append(waiter)
        if not waiter.wait(seconds):
            self._leave(name, waiter)
        return not self._is_closed

    def wait_for_any(self, seconds: float) -> bool:
        """Wait until it is told of some run, at most so long. False when it was not since the last time."""
        told = self._any.wait(seconds)
        self._any.clear()
        return told

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._lock:
            self._is_closed = True
            waiting = [waiter for waiters in self._waiting.values() for waiter in waiters]
            self._waiting.clear()
        for waiter in waiting:
            waiter.set()

    def _leave(self, name: str, waiter: threading.Event) -> None:
        with self._lock:
            others = [other for other in self._waiting.get(name, ()) if other is not waiter]
            if others:
                self._waiting[name] = others
            else:
                self._waiting.pop(name, None)


def queued_event(ended: Head) -> dict[str, Any]:
    """The batch of one that SQS sends for EventBridge's "Step Functions Execution Status Change" event.

    `ended` is the head of a run that has ended.
    """
    assert ended.stopped is not None
    stopped = int(ended.stopped * 1000)
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended.stopped)),
        "region": REGION,
        "resources": [ended.arn],
        "detail": {
            "executionArn": ended.arn,
            "stateMachineArn": ended.machine,
            "name": ended.name,
            "status": ended.status,
            "startDate": int(ended.started * 1000),
            "stopDate": stopped,
            "input": ended.input,
            "output": ended.output,
            "inputDetails": {"included": True},
            "outputDetails": None if ended.output is None else {"included": True},
            "error": ended.error,
            "cause": ended.cause,
        },
    }
    body = json.dumps(event)
    message = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": uuid.uuid4().hex,
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(stopped),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(stopped),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:workflow-executions",
        "awsRegion": REGION,
    }
    return {"Records": [message]}
