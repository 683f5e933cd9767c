"""Where the mocked runs of a cloud are known: by their ids, and so are the runs that they start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.local.mocking.mocks import Book
from infra.local.mocking.model import Reply
from infra.local.mocking.stage import Stage, evaluate_with
from infra.local.mocking.tasks import Task, loops_of, tolerated_of
from infra.local.mocking.world import World
from infra.local.stepfunctions.calls import Attempt, Call, Target
from infra.local.stepfunctions.ports import Engine as Machines
from workflow_engine.errors import InvalidRequestError
from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.language.diagnostics import pointer
from workflow_engine.language.walk import walk_steps
from workflow_engine.suggestions import suggest
from workflow_engine.usecases.engine import Caller, Engine

MAX_STAGES: Final = 1000
"""Mocked runs that are kept in memory beside a folder, the newest. Without one none is forgotten: its steps would really run."""


class Desk:
    """The stages of mocked runs. With a `folder` mocks outlast the process, so that no run calls for real what was mocked."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._stages: dict[str, Stage] = {}
        self._next: Stage | None = None
        self._roots: dict[str, str] = {}
        self._kept = {file.stem for file in folder.glob("*.json")} if folder is not None and folder.is_dir() else set()

    def expect(self, stage: Stage) -> None:
        """The next run whose body has mocks is this stage's, whatever they are."""
        self._next = stage

    def mock(self, execution_id: str, body: Any, document: Any) -> None:
        """Mock a run of a workflow, before it starts, by the `mocks` of a body. Raises InvalidRequestError."""
        stage, self._next = self._next, None
        if stage is None:
            stage = _stage_of_body(body, document)
            if self._folder is not None:
                self._folder.mkdir(exist_ok=True)
                kept = json.dumps({"mocks": body, "workflow": document})
                (self._folder / f"{execution_id}.json").write_text(kept, encoding="utf-8")
                self._kept.add(execution_id)
        self._keep(execution_id, stage)

    def stage_of(self, execution_id: str) -> Stage | None:
        """The stage of a run; None where it is not mocked."""
        stage = self._stages.get(execution_id)
        if stage is None and self._folder is not None and execution_id in self._kept:
            kept = json.loads((self._folder / f"{execution_id}.json").read_text(encoding="utf-8"))
            stage = _stage_of_body(kept["mocks"], kept["workflow"])
            self._keep(execution_id, stage)
        return stage

    def _keep(self, execution_id: str, stage: Stage) -> None:
        while self._folder is not None and len(self._stages) >= MAX_STAGES:
            del self._stages[next(iter(self._stages))]
        self._stages[execution_id] = stage

    def forget(self, execution_id: str) -> None:
        """A run that was stopped, with all that it started, needs its mocks no more."""
        self._stages.pop(execution_id, None)
        self._roots.clear()

    def stand_in(self, attempt: Attempt, target: Target) -> Call | None:
        """Who makes an attempt; None where its target does. In the engine's loop."""
        run = attempt.frame.run
        stage = self.stage_of(self._root(run.engine, run.head.arn, run.head.parent, run.head.name))
        if stage is None:
            return None
        if stage.book.evaluate is _not_yet:
            stage.book.evaluate = evaluate_with(run.engine.evaluator)
        return stage.call_of(attempt, target)

    def _root(self, engine: Machines, arn: str, parent: str, name: str) -> str:
        """The id of the run that a run was started by, at whatever depth."""
        if not parent:
            return name
        if arn not in self._roots:
            head = engine.journal.head(parent)
            self._roots[arn] = name if head is None else self._root(engine, head.arn, head.parent, head.name)
        return self._roots[arn]


def _not_yet(_source: str, _document: Any) -> Any:
    raise ValueError("The run has not begun.")


def stage_for(book: Book, **known: Any) -> Stage:
    """The stage of a run on this cloud."""
    return Stage(book, schema_of=registered_schema, decide=decide, world_of=World, **known)


def _stage_of_body(body: Any, document: Any) -> Stage:
    from infra.local.mocking.reading import mocks_of_body

    mocks = mocks_of_body(body)
    steps = [step for _, step in walk_steps(document)]
    ids = [step["step_id"] for step in steps if isinstance(step.get("step_id"), str)]
    for address in mocks:
        if ":" not in address and address not in ids and not any(step.get("step_type") == "subflow" for step in steps):
            detail = f"There is no step '{address}'.{suggest(address, ids)}"
            raise InvalidRequestError.at(pointer("mocks", address), detail)
    return stage_for(Book(mocks, _not_yet), loops=loops_of(document), tolerated=tolerated_of(document))


def decide(task: Task, reply: Reply) -> None:
    """Decide about a step as a mock says. Raises WorkflowEngineError."""
    said = {name: reply.more[name] for name in ("comment", "payload") if name in reply.more}
    decide_by(task.execution_id, task.step_id, task.place, reply.value, reply.more.get("by"), said)


def decide_by(
    execution_id: str, step_id: str, place: str | None, decision: Any, by: str | None, said: Mapping[str, Any]
) -> None:
    """Decide about a step, as somebody of whom nobody asks a role. Raises WorkflowEngineError."""
    from workflow_engine.usecases.approvals.decide import decide as usecase

    usecase(
        Engine.from_environment(), Caller(LOCAL_TENANT, by, None), execution_id, step_id, place, decision, dict(said)
    )


def registered_schema(step_type: str) -> Any:
    """The output schema of a step type; None where it has none."""
    from workflow_engine.language.catalogue import split_version
    from workflow_engine.steps import builtin_catalogue

    builtin = builtin_catalogue().find(step_type)
    if builtin is not None:
        return builtin.output_schema
    registration = Engine.from_environment().steps.find(LOCAL_TENANT, split_version(step_type)[0])
    return None if registration is None else registration.get("output_schema")


def status_of(error: Exception) -> int:
    """The status that the API answers an error with."""
    from workflow_engine.http.problem import problem_of

    return int(problem_of(error).status)
