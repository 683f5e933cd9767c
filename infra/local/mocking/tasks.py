"""An attempt at a task as mocks see it: which step it is of, in which element, and with what."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from infra.local.gateway import function_arn
from infra.local.mocking.mocks import Facts
from infra.local.stepfunctions.calls import Attempt, Target, described
from infra.local.stepfunctions.journal import Head
from workflow_engine.compiler.catalogue import OUTPUT_CHECK
from workflow_engine.language.walk import walk_steps
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.run_output import FAILED
from workflow_engine.state_names import step_of
from workflow_engine.subflows import OUTPUT_FIELDS

AGENT_TYPES: Final = frozenset({"agent_execution", "agent"})
TOOL_TYPES: Final = frozenset({"tool_execution", "tool"})

_SEGMENT: Final = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
_KINDS: Final = {
    function_arn("step_data"): "plain",
    function_arn("step_files"): "plain",
    function_arn("step_http"): "http",
    function_arn("step_agent"): "agent",
}
"""What functions of ours do, by their ARN: `plain` ones have no effects outside, but for a file that is read from a URL."""

_PASTE: Final = {
    "http": "{status: 200, json: {}}",
    "agent": '{text: "..."}',
    "approval": "{decision: approved}",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt. `kind` is plain, http, agent, tool, approval, activity, child, function, or check: that of a step's output."""

    kind: str
    step_id: str
    step_type: str
    place: str
    facts: Facts
    event: Mapping[str, Any] = field(default_factory=dict)
    is_tolerated: bool = False
    names: tuple[str, ...] = ()
    output_schema: Any = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def addresses(self) -> tuple[str, ...]:
        """What mocks may call it, the most particular first."""
        return (self.step_id, *self.names, f"type:{self.step_type}")

    @property
    def value(self) -> Any:
        """What calls of it are compared by: its input."""
        return self.facts.input

    @property
    def execution_id(self) -> str:
        """The run that the step is of."""
        return str((self.event.get("execution_context") or {}).get("execution_id", ""))

    @property
    def paste(self) -> str:
        """A mock of it, to be filled in."""
        return f"{self.step_id}: {_PASTE.get(self.kind, '{output: {}}')}"

    @property
    def advice(self) -> str:
        """What its replies may be."""
        kinds = {
            "http": "status, output, expression, error or hang",
            "agent": "text, tool_calls, output, expression, error or hang",
            "approval": "decision, output, error or hang",
        }
        return f" Give {kinds.get(self.kind, 'output, expression, error or hang')}."

    @classmethod
    def of(cls, attempt: Attempt, target: Target, loops: frozenset[str]) -> Task:
        """The task of an attempt. `loops` are the ids of loops, whose turns are no elements."""
        parameters = attempt.parameters if isinstance(attempt.parameters, dict) else {}
        item = attempt.frame.map_item or {}
        if target.service.get("resourceType") == "states":
            return _child(attempt, parameters, item, loops)
        event = parameters.get("Payload", parameters if not target.service else {})
        config, context = event.get("step_config") or {}, event.get("execution_context") or {}
        step_id = context.get("step_id") or config.get("step_id") or step_of(attempt.state.name)
        step_type = config.get("step_type", "")
        place = context.get("place") or step_id
        own = config.get("config") or {}
        agent = own.get("agent_id")
        return cls(
            _kind(parameters, target, step_type, event),
            step_id,
            step_type,
            place,
            _facts(place, item, context.get("attempt") or 1, event.get("input_data"), own, loops),
            event,
            names=(f"agent:{agent}",) if agent and step_type in AGENT_TYPES else (),
        )

    def child_result(self, output: Mapping[str, Any]) -> str:
        """What the task of a subflow gives whose child has given this; or the step, with its `subflow_output`."""
        whole = output if OUTPUT_FIELDS[-1] not in output else output[OUTPUT_FIELDS[-1]] or {}
        given = self.arguments.get("Input") or {}
        head = Head(
            arn=f"{self.arguments.get('StateMachineArn', '')}:{self.arguments.get('Name', '')}",
            machine=str(self.arguments.get("StateMachineArn", "")),
            definition="",
            input=json.dumps(given),
            started=0.0,
            name=str(self.arguments.get("Name", "")),
            role="",
        ).changed(status="SUCCEEDED", output=json.dumps({**whole, FAILED: []}), stopped=0.0)
        return json.dumps(described(head, parses_json=True))


def _kind(parameters: Mapping[str, Any], target: Target, step_type: str, event: Mapping[str, Any]) -> str:
    if not target.service:
        return "activity"
    if step_type == OUTPUT_CHECK:
        return "check"
    if target.takes_token:
        return "approval"
    kind = _KINDS.get(parameters.get("FunctionName", ""), "function")
    if step_type == "file_reader" and _reads_a_url(event):
        return "function"
    if kind != "agent":
        return kind
    return "agent" if step_type in AGENT_TYPES else "tool" if step_type in TOOL_TYPES else "plain"


def _reads_a_url(event: Mapping[str, Any]) -> bool:
    """Whether a step that reads a file would ask a server for it; uploaded files and paths are there."""
    from functions.step_files.sources import named_file
    from workflow_engine.errors import InvalidStepInput

    config = (event.get("step_config") or {}).get("config") or {}
    try:
        return named_file(config, event.get("input_data") or {}).lower().startswith(("http://", "https://"))
    except InvalidStepInput:
        return False  # the step tells it


def _child(attempt: Attempt, parameters: Mapping[str, Any], item: Mapping[str, Any], loops: frozenset[str]) -> Task:
    given = parameters.get("Input") or {}
    run = given.get("run") or {}
    step_id = step_of(attempt.state.name)
    place = run.get("parent_place") or step_id
    return Task(
        "child",
        step_id,
        "subflow",
        place,
        _facts(place, item, 1, given.get("input"), {}, loops),
        {"execution_context": {"execution_id": run.get("parent_execution_id", "")}},
        names=(f"subflow:{run.get('workflow_id')}",),
        arguments=parameters,
    )


def _facts(place: str, item: Mapping[str, Any], attempt: int, given: Any, config: Any, loops: frozenset[str]) -> Facts:
    turn, parts = 1, []
    for name, number in _SEGMENT.findall(place):
        if number and name in loops:
            turn = int(number) + 1
            parts.append(name)
        else:
            parts.append(f"{name}[{number}]" if number else name)
    return Facts(".".join(parts), item.get("Index"), item.get("Value"), attempt, turn, given, config)


def loops_of(document: Any) -> frozenset[str]:
    """The ids of a workflow's loops."""
    return frozenset(str(step.get("step_id")) for _, step in walk_steps(document) if step.get("step_type") == "loop")


def tolerated_of(document: Any) -> frozenset[str]:
    """The ids of the steps whose failure does not fail the run: those that say so, and all within."""
    steps = list(walk_steps(document))
    tolerant = [
        pointer for pointer, step in steps if step.get("critical") is False or step.get("on_error") == "continue"
    ]
    return frozenset(
        str(step.get("step_id"))
        for pointer, step in steps
        if any(pointer == around or pointer.startswith(f"{around}/") for around in tolerant)
    )
