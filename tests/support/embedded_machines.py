"""Running machines on the embedded engine from a test: create, start, wait for the end, read the history. Time skips."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from infra.local.stepfunctions.lambdas import Handler, LambdaFunctions
from infra.local.stepfunctions.service import StepFunctions

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/machines"


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


class EmbeddedMachines:
    """A client of the engine, and the short ways to use it."""

    def __init__(self, client: StepFunctions) -> None:
        self.client = client
        self._numbers = itertools.count()

    def create(self, definition: Mapping[str, Any]) -> str:
        """Create a machine and return its ARN. Without a query language the definition is a JSONata one."""
        text = json.dumps({"QueryLanguage": "JSONata", **definition})
        name = f"machine-{next(self._numbers)}"
        return str(self.client.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"])

    def run(self, definition: Mapping[str, Any], value: Any = None) -> EndedRun:
        """Create a machine, run it and return its end."""
        text = json.dumps({} if value is None else value)
        started = self.client.start_execution(stateMachineArn=self.create(definition), input=text)
        return self.end_of(str(started["executionArn"]))

    def end_of(self, execution: str) -> EndedRun:
        """Wait for an execution's end and return it."""
        head = self.client.wait_for_end(execution)
        output = None if head.output is None else json.loads(head.output)
        return EndedRun(head.status, output, head.error, head.cause, self.history(execution))

    def history(self, execution: str) -> list[dict[str, Any]]:
        """All events of an execution."""
        events: list[dict[str, Any]] = []
        request: dict[str, Any] = {"executionArn": execution, "maxResults": 1000}
        while True:
            page = self.client.get_execution_history(**request)
            events += page["events"]
            if "nextToken" not in page:
                return events
            request["nextToken"] = page["nextToken"]


@contextmanager
def embedded_machines(handlers: Mapping[str, Handler] | None = None) -> Iterator[EmbeddedMachines]:
    """The embedded engine with functions of these names or ARNs."""
    functions = LambdaFunctions(region=REGION, account=ACCOUNT, handlers=handlers)
    with StepFunctions(functions, skips_time=True) as client:
        yield EmbeddedMachines(client)
