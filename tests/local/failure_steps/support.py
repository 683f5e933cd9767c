"""Runs of workflows whose steps are told to fail, and what each of their steps was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.compiled import Step, compiled, work
from tests.support.embedded_machines import EmbeddedMachines, EndedRun
from tests.support.run_report import RunReport, report
from workflow_engine.compiler import execution_input

ARN = "arn:aws:lambda:us-east-1:123456789012:function:work"
RUN = dict.fromkeys(
    ("execution_id", "workflow_id", "workflow_version", "tenant_id", "session_id", "user_id", "correlation_id")
)


class NoStockError(Exception):
    """What a step raises that is told to fail."""


@dataclass
class World:
    """The step function of all steps. `received` has what each was given last, in the order of the first calls, `given` all of
    it.
    """

    received: dict[str, Any] = field(default_factory=dict)
    given: dict[str, list[Any]] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)

    def __call__(self, event: dict[str, Any], _context: object) -> Any:
        step_id, config = event["step_config"]["step_id"], event["step_config"]["config"]
        self.received[step_id] = event["input_data"]
        self.given.setdefault(step_id, []).append(event["input_data"])
        self.attempts.append(step_id)
        if "fail_with" in config:
            raise NoStockError(config["fail_with"])
        if config.get("fail") or event["input_data"].get("order") in config.get("fail_for", ()):
            raise NoStockError(f"{step_id} has none left{config.get('reason', '')}")
        return {"id": "x" * config["characters"]} if "characters" in config else {"id": f"{step_id}-1"}

    @property
    def order(self) -> list[str]:
        return list(self.received)


@dataclass(frozen=True)
class Runs:
    machines: EmbeddedMachines
    world: World

    def __call__(self, *steps: Step, run_input: Any = None, **workflow: Any) -> tuple[RunReport, EndedRun]:
        self.world.received.clear()
        self.world.given.clear()
        self.world.attempts.clear()
        compilation = compiled(*steps, **workflow)
        arns = dict.fromkeys(compilation.bindings["functions"], ARN)
        value = execution_input(compilation.bindings, input=run_input or {}, functions=arns, run=RUN)
        ended = self.machines.run(dict(compilation.machine), value)
        return report(ended.events, compilation.outline), ended


def failing(step_id: str, *dependencies: str, **fields: Any) -> Step:
    return work(step_id, *dependencies, config={"fail": True}, **fields)


def undone(step_id: str, *dependencies: str, **fields: Any) -> Step:
    return work(step_id, *dependencies, compensate=[work(f"undo_{step_id}")], **fields)


TELL = work("tell", input_mapping={"failure": "failure"})
