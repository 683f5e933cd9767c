"""Event histories written by hand, in the shape of GetExecutionHistory. Each call adds events and moves the clock by 100 ms."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class History:
    """Builds a list of events. Methods chain to `previous`, by default the event added last, and give the new event's id."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.add("ExecutionStarted", previous=0, executionStartedEventDetails={"input": "{}", "roleArn": "arn"})
        self.last = 0

    def add(self, kind: str, *, previous: int | None = None, **details: Any) -> int:
        number = len(self.events) + 1
        self.events.append(
            {
                "id": number,
                "previousEventId": self.last if previous is None else previous,
                "type": kind,
                "timestamp": START + timedelta(milliseconds=100 * (number - 1)),
                **details,
            }
        )
        self.last = number
        return number

    def enter(self, name: str, kind: str = "Task", *, previous: int | None = None) -> int:
        details = {"name": name, "input": "{}", "inputDetails": {"truncated": False}}
        return self.add(f"{kind}StateEntered", previous=previous, stateEnteredEventDetails=details)

    def exit(self, name: str, kind: str = "Task", output: Any = None, *, previous: int | None = None) -> int:
        details = {"name": name, "output": json.dumps(output if output is not None else {})}
        return self.add(f"{kind}StateExited", previous=previous, stateExitedEventDetails=details)

    def schedule(self, *, previous: int | None = None) -> int:
        resource = {"resourceType": "lambda", "resource": "invoke"}
        details = {**resource, "region": "eu-west-1", "parameters": '{"token": "secret"}'}
        self.add("TaskScheduled", previous=previous, taskScheduledEventDetails=details)
        return self.add("TaskStarted", taskStartedEventDetails=resource)

    def succeed(self, payload: Any) -> int:
        output = json.dumps({"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200})
        details = {"resourceType": "lambda", "resource": "invoke", "output": output}
        return self.add("TaskSucceeded", taskSucceededEventDetails=details)

    def fail(self, error: str = "ValueError", message: str = "no such thing") -> int:
        cause = json.dumps({"errorMessage": message, "errorType": error, "stackTrace": ["File secret.py"]})
        details = {"resourceType": "lambda", "resource": "invoke", "error": error, "cause": cause}
        return self.add("TaskFailed", taskFailedEventDetails=details)

    def task(self, name: str, payload: Any, *, previous: int | None = None) -> int:
        self.enter(name, previous=previous)
        self.schedule()
        self.succeed(payload)
        return self.exit(name)

    def passed(self, name: str, output: Any, *, previous: int | None = None) -> int:
        self.enter(name, "Pass", previous=previous)
        return self.exit(name, "Pass", output)

    def choose(self, name: str, *, previous: int | None = None) -> int:
        self.enter(name, "Choice", previous=previous)
        return self.exit(name, "Choice")

    def map(self, name: str, length: int, *, previous: int | None = None) -> int:
        self.enter(name, "Map", previous=previous)
        return self.add("MapStateStarted", mapStateStartedEventDetails={"length": length})

    def iteration(self, name: str, index: int, what: str = "Started", *, previous: int | None = None) -> int:
        details = {f"mapIteration{what}EventDetails": {"name": name, "index": index}}
        return self.add(f"MapIteration{what}", previous=previous, **details)

    def mapped(self, name: str, *, previous: int | None = None) -> int:
        self.add("MapStateSucceeded", previous=previous)
        return self.exit(name, "Map", [])

    def end(self, output: Any = None) -> list[dict[str, Any]]:
        self.add("ExecutionSucceeded", executionSucceededEventDetails={"output": json.dumps(output)})
        return self.events

    def end_failed(self, error: str, cause: str | None = None) -> list[dict[str, Any]]:
        details = {"error": error} | ({"cause": cause} if cause else {})
        self.add("ExecutionFailed", executionFailedEventDetails=details)
        return self.events

    def cause_of_last_failure(self) -> str:
        failed = next(e for e in reversed(self.events) if e["type"] == "TaskFailed")
        return str(failed["taskFailedEventDetails"]["cause"])
