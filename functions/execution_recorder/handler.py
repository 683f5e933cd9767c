"""Records ended runs, and subflows that have started: SQS batches of EventBridge's "Step Functions Execution Status Change"
events.

The event is only a hint. It is delivered at least once, in any order, and loses its input and output when they are
large, so nothing but the execution's ARN and which of its ends it is about is taken from it, and of a subflow the input that it
was started with; the use case reads the rest itself and may be called again.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

from functions.execution_recorder.settings import clients, engine, sqs
from workflow_engine.errors import NotFoundError, ThrottledError
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.runs import record_execution
from workflow_engine.usecases.runs.record_execution import EndNotShownError, RunEnd
from workflow_engine.usecases.runs.record_subflow import SubflowStart, is_subflow, record_subflow

logger = logging.getLogger(__name__)

MAY_PASS: Final = (EndNotShownError, NotFoundError, ThrottledError)
"""What is over in moments as a rule: an index or a history that lags behind, a quota."""

FIRST_PAUSE_SECONDS: Final = 5
LONGEST_PAUSE_SECONDS: Final = 900


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Record each message's execution; name those that failed, so that SQS delivers only them again.

    The answer is that of `ReportBatchItemFailures`: `{"batchItemFailures": [{"itemIdentifier": message id}]}`. A
    message is acknowledged when its end is recorded, and no sooner. One that cannot be read fails like any other and
    reaches the dead-letter queue, where it can be looked at.
    """
    failures = []
    for message in event["Records"]:
        try:
            _record(json.loads(message["body"])["detail"])
        except MAY_PASS as error:
            logger.warning("message %s is put back: %s", message["messageId"], error)
            _put_back(message)
            failures.append({"itemIdentifier": message["messageId"]})
        except Exception:  # whatever it was, the other messages of the batch are not to suffer for it
            logger.exception("message %s was not recorded", message["messageId"])
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


def _record(detail: dict[str, Any]) -> None:
    arn = detail["executionArn"]
    start = SubflowStart(arn, _moment(detail["startDate"]), detail.get("input")) if is_subflow(arn) else None
    if detail["status"] != "RUNNING":
        end = RunEnd(arn, _moment(detail["stopDate"]), detail.get("redriveCount"), start)
        record_execution.record(engine(), end)
    elif start is not None:
        record_subflow(engine(), start)


def _moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


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
