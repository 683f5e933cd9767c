"""Decisions in random workflows: what a random approval asks, what the person does, and what the step then comes to.

The prompt tells the person: `1 denied` lets the first attempt pass and denies the second; `late` decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

APPROVAL: Final = "human_approval"
PATHS: Final = [".decision", ".payload", ".payload.k", ".comment"]
APPROVED, DENIED, LATE = "approved", "denied", "late"
PAYLOAD: Final = {"k": [1, "{% $x %}"]}
SOMEBODY: Final = "somebody"
_MOMENT: Final = "2026-01-02T03:04:05.678Z"


class Answers(Protocol):
    """What of Step Functions takes answers to tasks."""

    def send_task_success(self, **answer: str) -> Any:
        """A task is done: `taskToken`, `output`."""

    def send_task_failure(self, **answer: str) -> Any:
        """A task has failed: `taskToken`, `error`, `cause`."""


def outcome(config: Mapping[str, Any], attempts: int) -> dict[str, Any] | str:
    """The output of an approval that is tried so often at most, or the type of the error that it fails with."""
    passed, _, decision = config["prompt"].partition(" ")
    if decision == LATE or int(passed) >= attempts:
        return _late(config)
    if decision == DENIED and config.get("on_deny") == "fail":
        return "ApprovalDenied"
    return _output(decision, SOMEBODY, PAYLOAD)


def decide(client: Answers, event: Mapping[str, Any]) -> None:
    """What the person does who reads what a step asks."""
    config, call = event["step_config"]["config"], event["call"]
    passed, _, decision = config["prompt"].partition(" ")
    if decision == LATE or int(passed) >= event["execution_context"]["attempt"]:
        return
    if decision == DENIED and config.get("on_deny") == "fail":
        client.send_task_failure(taskToken=call["task_token"], error="ApprovalDenied", cause="Denied.")
    else:
        output = json.dumps(_output(decision, SOMEBODY, PAYLOAD))
        client.send_task_success(taskToken=call["task_token"], output=output)


def _late(config: Mapping[str, Any]) -> dict[str, Any] | str:
    match config.get("on_timeout", "fail"):
        case "fail":
            return "States.Timeout"
        case "deny":
            decision, payload = DENIED, None
        case given:
            decision, payload = given["decision"], given.get("payload")
    if decision == DENIED and config.get("on_deny") == "fail":
        return "ApprovalDenied"
    return _output(decision, None, payload)


def _output(decision: str, by: str | None, payload: Any) -> dict[str, Any]:
    return {"decision": decision, "decided_by": by, "decided_at": _MOMENT, "comment": None, "payload": payload}
