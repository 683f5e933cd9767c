"""Running machines on the local interpreter from a test: create, start, wait for the end, read the history."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import boto3
from moto import mock_aws

from infra.local import moto_seams

REGION: Final = "us-east-1"
ROLE: Final = "arn:aws:iam::123456789012:role/machines"
# Far longer than any test takes: only a run that hangs reaches it.
PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class EndedRun:
    """How an execution ended, with its whole history."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    events: list[dict[str, Any]]

    def types(self) -> list[str]:
        """The types of the events, in order."""
        return [event["type"] for event in self.events]

    def of(self, event_type: str) -> list[dict[str, Any]]:
        """The events of one type, in order."""
        return [event for event in self.events if event["type"] == event_type]


@cache
def _session() -> boto3.Session:
    """One session for all tests: it keeps the service's model, whose loading takes longer than most tests."""
    return boto3.Session(region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


class LocalMachines:
    """A Step Functions client on the local interpreter, and the short ways to use it."""

    def __init__(self) -> None:
        self.client: Any = _session().client("stepfunctions")
        self._numbers = itertools.count()
        self._ended: dict[str, threading.Event] = {}

    def create(self, definition: dict[str, Any]) -> str:
        """Create a machine and return its ARN. Without a query language the definition is a JSONata one."""
        text = json.dumps({"QueryLanguage": "JSONata", **definition})
        name = f"machine-{next(self._numbers)}"
        answer = self.client.create_state_machine(name=name, definition=text, roleArn=ROLE)
        return str(answer["stateMachineArn"])

    def start(self, definition: dict[str, Any], value: Any = None, **options: Any) -> str:
        """Create a machine, start it with an input, and return the execution's ARN."""
        text = json.dumps({} if value is None else value)
        answer = self.client.start_execution(stateMachineArn=self.create(definition), input=text, **options)
        return str(answer["executionArn"])

    def run(self, definition: dict[str, Any], value: Any = None) -> EndedRun:
        """Create a machine, run it and return its end."""
        return self.end_of(self.start(definition, value))

    def run_state(self, state: dict[str, Any], value: Any = None, **more: Any) -> EndedRun:
        """Run a machine of one state named "S", beside further states if given."""
        return self.run({"StartAt": "S", "States": {"S": state, **more}}, value)

    def end_of(self, execution: str) -> EndedRun:
        """Wait for an execution's end and return it. Raises AssertionError when it does not end."""
        assert self._end_event(execution).wait(PATIENCE_SECONDS), f"{execution} did not end"
        described = self.client.describe_execution(executionArn=execution)
        output = json.loads(described["output"]) if "output" in described else None
        return EndedRun(
            described["status"], output, described.get("error"), described.get("cause"), self.history(execution)
        )

    def history(self, execution: str) -> list[dict[str, Any]]:
        """All events of an execution."""
        pages = self.client.get_paginator("get_execution_history").paginate(
            executionArn=execution, PaginationConfig={"PageSize": 1000}
        )
        return [event for page in pages for event in page["events"]]

    def note_end(self, ended: moto_seams.ExecutionEnded) -> None:
        """Let those who wait for this execution go on."""
        self._end_event(ended.execution_arn).set()

    def _end_event(self, execution: str) -> threading.Event:
        return self._ended.setdefault(execution, threading.Event())


@contextmanager
def local_machines(time_scale: float = 0.0) -> Iterator[LocalMachines]:
    """The local interpreter with its seams, under `mock_aws`, with Wait and Retry delays scaled."""
    moto_seams.apply()
    moto_seams.set_time_scale(time_scale)
    with mock_aws(config=moto_seams.MOCK_CONFIG):
        machines = LocalMachines()
        moto_seams.on_execution_ended(machines.note_end)
        try:
            yield machines
        finally:
            moto_seams.remove_on_execution_ended(machines.note_end)
            moto_seams.set_time_scale(1.0)
