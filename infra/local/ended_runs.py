"""What EventBridge and SQS make of the end of a run: the message that the recorder gets."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from infra.local.gateway import ACCOUNT, REGION

if TYPE_CHECKING:
    from infra.local.stepfunctions.journal import Head


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
