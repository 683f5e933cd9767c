"""Show what a workflow becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from workflow_engine.language.diagnostics import Json
from workflow_engine.usecases.bodies.workflow import posted_workflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.workflows.compilation import compile_posted, vocabulary

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import CompiledWorkflow, Plan


def compile_body(engine: Engine, caller: Caller, body: Json) -> CompiledWorkflow:
    """`{asl, plan, diagram, bindings}`. Raises InvalidWorkflowError, InvalidRequestError. Creates nothing."""
    posted = posted_workflow(body)
    compilation, _ = compile_posted(posted, vocabulary(engine, caller, posted.document))
    return {
        "asl": dict(compilation.machine),
        "plan": cast("Plan", dict(compilation.plan)),
        "diagram": compilation.diagram,
        "bindings": dict(compilation.bindings),
    }
