"""Executions and pages in the shapes of the API reference, dates as datetimes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Final

from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import Head
from workflow_engine.aws_quotas import EXECUTIONS_PAGE

# API reference, GetExecutionHistory and ListExecutions, maxResults
PAGE_DEFAULT: Final = 100

_EXECUTION_DATA: Final = frozenset({"input", "inputDetails", "output", "outputDetails", "parameters"})

Answer = dict[str, Any]


def described(head: Head, not_redrivable: str | None) -> Answer:
    """An execution as DescribeExecution gives it; `not_redrivable` is why it cannot be redriven, None where it can."""
    answer: Answer = {**listed(head), "input": head.input, "inputDetails": {"included": True}}
    if head.redriven is not None:
        answer["redriveDate"] = date(head.redriven)
    for name in ("output", "error", "cause"):
        if getattr(head, name) is not None:
            answer[name] = getattr(head, name)
    if head.output is not None:
        answer["outputDetails"] = {"included": True}
    if head.map_run and head.status not in ("RUNNING", "SUCCEEDED"):
        answer["redriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
    elif not_redrivable is None:
        answer["redriveStatus"] = "REDRIVABLE"
    else:
        answer["redriveStatus"], answer["redriveStatusReason"] = "NOT_REDRIVABLE", not_redrivable
    return answer


def listed(head: Head) -> Answer:
    """An execution as ListExecutions gives it."""
    answer: Answer = {
        "executionArn": head.arn,
        "stateMachineArn": head.machine,
        "name": head.name,
        "status": head.status,
        "startDate": date(head.started),
        "redriveCount": head.redrives,
    }
    if head.stopped is not None:
        answer["stopDate"] = date(head.stopped)
    if head.map_run:
        answer["mapRunArn"] = head.map_run
    return answer


def without_data(event: Answer) -> Answer:
    """An event of a history without what the execution carried."""
    return {
        key: {name: value for name, value in details.items() if name not in _EXECUTION_DATA}
        if isinstance(details, dict)
        else details
        for key, details in event.items()
    }


def date(moment: float) -> datetime:
    """Seconds since the epoch to the millisecond."""
    return datetime.fromtimestamp(int(moment * 1000) / 1000, UTC)


def page_size(asked: int) -> int:
    """How many a page holds; 0 asks for the default."""
    return min(asked or PAGE_DEFAULT, EXECUTIONS_PAGE)


def position(token: str | None) -> int:
    """Where a page begins, counted from 0. Raises ServiceError (InvalidToken)."""
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'") from error


def paged(answer: Answer, start: int, size: int, found: int) -> Answer:
    """The answer with a token for what follows, if more than a page was found."""
    if found > size:
        answer["nextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return answer
