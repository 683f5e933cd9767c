"""Remove registered step types, those that no stored workflow needs."""

from __future__ import annotations

from typing import Final

from workflow_engine.errors import ConflictError
from workflow_engine.language.catalogue import split_version
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.walk import walk_steps
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.steps.register_step import is_builtin
from workflow_engine.usecases.workflows.named import mentions_in
from workflow_engine.usecases.workflows.reminders import reminders_in

MOST_NAMED: Final = 20
"""Workflows that a refusal names; a type may be used by thousands."""


def delete(engine: Engine, caller: Caller, step_type: str) -> None:
    """Remove a registration. Its versions are kept, and runs in flight keep theirs. It may be repeated for a day.

    Raises NotFoundError; ConflictError for a built-in type, and while the newest version of a stored workflow has it as a step
    or as a tool, with the names of those workflows. A type that nobody uses is looked for in all workflows of the tenant.
    """
    if is_builtin(engine, step_type):
        raise ConflictError(f"'{step_type}' is built in, and cannot be removed.")
    if engine.steps.find(caller.tenant_id, step_type) is not None:
        using = _workflows_with(engine, caller, step_type)
        if using:
            raise _in_use(step_type, using)
    engine.steps.delete(caller.tenant_id, step_type, engine.now().timestamp())


def _workflows_with(engine: Engine, caller: Caller, step_type: str) -> list[StoredWorkflow]:
    """One more than are named, at most."""
    using: list[StoredWorkflow] = []
    for workflow in engine.workflows.in_use(caller.tenant_id):
        if step_type in step_types_of(workflow.document):
            using.append(workflow)
            if len(using) > MOST_NAMED:
                break
    return using


def step_types_of(document: Json) -> frozenset[str]:
    """The step types that a valid document has as steps, of whatever version, those that send its reminders, and those that it
    names as tools.
    """
    from workflow_engine.steps import builtin_catalogue

    named = {str(step.get("step_type")) for _, step in walk_steps(document)}
    steps = {split_version(name)[0] for name in (*named, *(r.step_type for r in reminders_in(document)))}
    tools = {m.name.name for m in mentions_in(document, builtin_catalogue()) if m.name.kind == "step"}
    return frozenset(steps | tools)


def _in_use(step_type: str, using: list[StoredWorkflow]) -> ConflictError:
    named = using[:MOST_NAMED]
    names = ", ".join(f"'{w.name}' ({w.id})" for w in named) + (" and others" if len(using) > MOST_NAMED else "")
    errors = [
        {"code": ConflictError.code, "pointer": "", "detail": f"Workflow '{w.name}' ({w.id}) uses it."} for w in named
    ]
    detail = (
        f"Step type '{step_type}' is used by stored workflows: {names}. Save them without it, or delete them, first."
    )
    return ConflictError(detail, errors=errors)
