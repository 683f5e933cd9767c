"""Records ended runs, and subflows that have started: SQS batches of EventBridge's "Step Functions Execution Status Change"
events.

The event tells the end: status, output or error, and in the run's own input whose record it is about. It is delivered at least
once, in any order, and without an input or output that is large; the use cases know what that means and may be called again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, Final

from functions.execution_recorder.settings import clients, engine, sqs
from workflow_engine.errors import NotFoundError, ThrottledError, UnavailableError
from workflow_engine.init_phase import at_init
from workflow_engine.machines.ends import of_event, start_of_event
from workflow_engine.usecases.runs import record_execution
from workflow_engine.usecases.runs.record_subflow import record_subflow

logger = logging.getLogger(__name__)

MAY_PASS: Final = (NotFoundError, ThrottledError, UnavailableError)
"""What is over in moments as a rule: an index that lags behind, a quota, a lost connection."""

FIRST_PAUSE_SECONDS: Final = 5
LONGEST_PAUSE_SECONDS: Final = 900

AT_ONCE: Final = 10
"""Messages of a batch that are recorded side by side, since each only waits for the table; as many as a client of botocore has
connections (`max_pool_connections`).
"""


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Record each message's execution; name those that failed, so that SQS delivers only them again.

    The answer is that of `ReportBatchItemFailures`: `{"batchItemFailures": [{"itemIdentifier": message id}]}`. A
    message is acknowledged when its end is recorded, and no sooner. One that cannot be read fails like any other and
    reaches the dead-letter queue, where it can be looked at.
    """
    messages = event["Records"]
    failed = [message for message, done in zip(messages, _each_recorded(messages), strict=True) if not done]
    return {"batchItemFailures": [{"itemIdentifier": message["messageId"]} for message in failed]}


def _each_recorded(messages: Sequence[dict[str, Any]]) -> list[bool]:
    if len(messages) == 1:
        return [_recorded(messages[0])]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(_recorded, messages))


def _recorded(message: dict[str, Any]) -> bool:
    try:
        _record(json.loads(message["body"])["detail"])
    except MAY_PASS as error:
        logger.warning("message %s is put back: %s", message["messageId"], error)
        _put_back(message)
        return False
    except Exception:  # whatever it was, the other messages of the batch are not to suffer for it
        logger.exception("message %s was not recorded", message["messageId"])
        return False
    return True


def _record(detail: dict[str, Any]) -> None:
    started = start_of_event(detail)
    if detail["status"] != "RUNNING":
        record_execution.record(engine(), of_event(detail), started)
    elif started is not None:
        record_subflow(engine(), started)


def _put_back(message: dict[str, Any]) -> None:
    """Let a message be delivered again soon, each time after twice the pause, instead of after the queue's visibility
    timeout, which is for what was killed. A laptop has no queue: who tells of ends there tells again.
    """
    if engine().laptop is not None:
        return
    try:
        received = int(message["attributes"]["ApproximateReceiveCount"])
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (received - 1), LONGEST_PAUSE_SECONDS)
        sqs().change_message_visibility(
            QueueUrl=_queue_url(message["eventSourceARN"]),
            ReceiptHandle=message["receiptHandle"],
            VisibilityTimeout=pause,
        )
    except Exception as error:  # it comes back all the same, only later
        logger.warning("message %s comes back after the queue's own timeout: %s", message["messageId"], error)


def _queue_url(arn: str) -> str:
    account, name = arn.split(":")[4:6]
    return f"{sqs().meta.endpoint_url}/{account}/{name}"


at_init(clients)
