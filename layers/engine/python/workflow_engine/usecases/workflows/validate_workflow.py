"""Tell what is wrong with a workflow, and what it will cost, without creating anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import InvalidWorkflowError, Json
from workflow_engine.language.step_ids import with_step_ids
from workflow_engine.language.walk import walk_steps
from workflow_engine.usecases.bodies.check_input import fan_out_errors
from workflow_engine.usecases.bodies.workflow import PostedWorkflow, posted_workflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.workflows.compilation import compile_posted, findings, is_plain, vocabulary

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import Finding, Plan, StepValidation, ValidationReport


def validate(engine: Engine, caller: Caller, body: Json) -> ValidationReport:
    """`{is_valid, errors, warnings, plan, step_validation: {step_id: {is_valid, errors}}}`; `plan` is null when invalid.

    Takes the bodies that `start_run.start` takes; what is wrong beside the workflow, such as an input that is too long
    for one run, is an error like any other.
    """
    try:
        posted = posted_workflow(body)
    except InvalidRequestError as error:
        return _invalid(cast("list[Finding]", error.errors), [], {})
    try:
        compilation, warnings = compile_posted(posted, vocabulary(engine, caller, posted.document, looks_names_up=True))
    except InvalidWorkflowError as error:
        errors, rest = findings(error.diagnostics)
        return _invalid(errors, rest, _by_step(posted, errors))
    if misfits := fan_out_errors(compilation.fan_out, posted.run):
        return _invalid(cast("list[Finding]", misfits), findings(warnings)[1], _by_step(posted, []))
    return {
        "is_valid": True,
        "errors": [],
        "warnings": findings(warnings)[1],
        "plan": cast("Plan", dict(compilation.plan)),
        "step_validation": _by_step(posted, []),
    }


def _invalid(
    errors: list[Finding], warnings: list[Finding], step_validation: dict[str, StepValidation]
) -> ValidationReport:
    return {
        "is_valid": False,
        "errors": errors,
        "warnings": warnings,
        "plan": None,
        "step_validation": step_validation,
    }


def _by_step(posted: PostedWorkflow, errors: list[Finding]) -> dict[str, StepValidation]:
    """Errors by the innermost step whose pointer they lie under. Steps without a readable id are left out."""
    document = with_step_ids(posted.document) if is_plain(posted.document) else posted.document
    ids = {posted.prefix + place: s["step_id"] for place, s in walk_steps(document) if _named(s)}
    by_step: dict[str, StepValidation] = {step_id: {"is_valid": True, "errors": []} for step_id in sorted(ids.values())}
    for error in errors:
        place = error["pointer"]
        while place and place not in ids:
            place = place.rpartition("/")[0]
        if place:
            result = by_step[ids[place]]
            result["is_valid"] = False
            result["errors"].append(error)
    return by_step


def _named(step: Any) -> bool:
    return isinstance(step.get("step_id"), str)
