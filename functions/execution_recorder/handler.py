"""Records ended runs: SQS batches of EventBridge's "Step Functions Execution Status Change" events.

The event is only a hint. It is delivered at least once, in any order, and loses its input and output when they are
large, so nothing but the execution's ARN is taken from it; the use case reads the rest itself and may be called again.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from functions.execution_recorder.settings import clients, engine
from workflow_engine.init_phase import at_init
from workflow_engine.usecases import record_execution

logger = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Record each message's execution; name those that failed, so that SQS delivers only them again.

    The answer is that of `ReportBatchItemFailures`: `{"batchItemFailures": [{"itemIdentifier": message id}]}`. A
    message that cannot be read fails like any other and reaches the dead-letter queue, where it can be looked at.
    """
    failures = []
    for message in event["Records"]:
        try:
            record_execution.record(engine(), json.loads(message["body"])["detail"]["executionArn"])
        except Exception:  # whatever it was, the other messages of the batch are not to suffer for it
            logger.exception("message %s was not recorded", message["messageId"])
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


at_init(clients)
