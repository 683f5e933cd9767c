"""What clients send: which part of a body is the workflow, which is of the run, and what is wrong with either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError, Json, pointer
from workflow_engine.language.document import DocumentModel, Whole, check_fields
from workflow_engine.language.findings import Findings
from workflow_engine.observability import get_logger

logger = get_logger(__name__)

Label = Annotated[str, Field(min_length=1, max_length=256)]
ModelT = TypeVar("ModelT", bound=DocumentModel)

_WRAPPER: Final = "workflow"


class RunFields(DocumentModel):
    """What a client may say of a run."""

    input: Any = None
    session_id: Label | None = None
    user_id: Label | None = None
    correlation_id: Label | None = None
    tags: Any = None


class StoredRunFields(RunFields):
    """What a client may say of a run of a stored workflow. `version` None is the newest."""

    version: Annotated[int, Field(ge=1), Whole] | None = None


class _WrappedRun(RunFields):
    workflow: Any = None


@dataclass(frozen=True, slots=True)
class PostedWorkflow:
    """A workflow as it was posted: alone, flat beside the fields of a run, or wrapped as `{"workflow": ...}`.

    `prefix` is the pointer of the workflow in the body; `run` is what the body says of the run.
    """

    document: Json
    prefix: str
    run: RunFields

    def placed(self, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Diagnostics of the document with pointers into the body that the client sent."""
        return tuple(Diagnostic(d.code, self.prefix + d.pointer, d.detail) for d in diagnostics)

    def placed_error(self, error: InvalidWorkflowError) -> InvalidWorkflowError:
        """The same error with pointers into the body that the client sent."""
        return InvalidWorkflowError(self.placed(error.diagnostics))


def read_fields(model: type[ModelT], body: Json) -> ModelT:
    """The fields of a body. Raises InvalidRequestError with every finding: unknown, missing, of the wrong type."""
    findings = Findings()
    checked = check_fields(model, body, "", findings)
    if checked is None or findings.has_errors:
        raise InvalidRequestError(
            "The body is not what this route takes; `errors` tells where.",
            errors=[d.as_dict() for d in findings.in_document_order(body)],
        )
    return checked.fields


def posted_workflow(body: Json) -> PostedWorkflow:
    """The workflow of a body. Raises InvalidRequestError when what stands beside it is wrong.

    `tags` of a flat body are those of the workflow and of the run.
    """
    if not isinstance(body, dict):
        return PostedWorkflow(body, "", RunFields())
    if _WRAPPER in body:
        fields = read_fields(_WrappedRun, body)
        return PostedWorkflow(body[_WRAPPER], pointer(_WRAPPER), fields)
    of_run = {k: body[k] for k in RunFields.model_fields if k in body}
    document = {k: v for k, v in body.items() if k not in of_run or k == "tags"}
    return PostedWorkflow(document, "", read_fields(RunFields, of_run))


def run_input(fields: RunFields) -> Json:
    """The input of a run; a run without one gets an empty object."""
    return {} if fields.input is None else fields.input


def check_input(value: Json, schema: Mapping[str, Json] | None) -> None:
    """Check a run's input against its workflow's `input_schema`. Raises InvalidRequestError with pointers under
    /input.
    """
    if schema is None:
        return
    from workflow_engine.json_schema import CannotApplyError, SchemaValidator, UnusableSchemaError

    try:
        misfits = SchemaValidator(schema).misfits(value)
    except UnusableSchemaError as error:
        # Saved under older rules. The verdict on a schema falls when it is saved; what was accepted goes on to run.
        logger.warning("input is not checked, its schema was saved under older rules", extra={"reason": str(error)})
        return
    except CannotApplyError as error:
        raise InvalidRequestError.at(
            "/input", f"The input cannot be checked with the workflow's input_schema. {error}"
        ) from error
    errors = [
        {"code": InvalidRequestError.code, "pointer": pointer("input", *m.path), "detail": m.message[:500]}
        for m in misfits
    ]
    if errors:
        raise InvalidRequestError("The input does not fit the workflow's input_schema.", errors=errors)


def fan_out_errors(costs: Mapping[str, Json], value: Json) -> list[dict[str, str]]:
    """What is wrong with a run's input whose lists are too long for the history of a run; `costs` is the compilation's
    `fan_out`.
    """
    if not costs:
        return []
    from workflow_engine.compiler.fan_out import events_of_input

    found = events_of_input(costs, value)
    return [] if found is None else [{"code": "WFE-E501", "pointer": found.pointer, "detail": found.detail}]


def check_fan_out(costs: Mapping[str, Json], value: Json) -> None:
    """Refuse an input with which the run could not complete. Raises InvalidRequestError with the list's place."""
    if errors := fan_out_errors(costs, value):
        raise InvalidRequestError(errors[0]["detail"], errors=errors)


def walk_steps(document: Json) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Every step of a document, nested ones included, with its pointer. The document may be any JSON."""
    stack = list(_steps_of(document, "", ("steps",)))
    while stack:
        place, step = stack.pop()
        yield place, step
        for name in ("config", "parameters"):
            config, inside = step.get(name), place + pointer(name)
            stack += _steps_of(config, inside, ("steps", "default"))
            cases = config.get("cases") if isinstance(config, dict) else None
            for i, case in enumerate(cases if isinstance(cases, list) else []):
                stack += _steps_of(case, inside + pointer("cases", i), ("steps",))


def _steps_of(holder: Json, place: str, names: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for name in names if isinstance(holder, dict) else ():
        steps = holder.get(name)
        for i, step in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(step, dict):
                yield place + pointer(name, i), step
