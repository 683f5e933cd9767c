"""What clients send: which part of a body is the workflow, which is of the run, and what is wrong with either."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError, Json, pointer
from workflow_engine.language.document import DocumentModel, Whole, check_fields
from workflow_engine.language.findings import Findings, shown
from workflow_engine.observability import get_logger
from workflow_engine.store.items import dump
from workflow_engine.usecases.engine import LONGEST_WAIT_SECONDS

logger = get_logger(__name__)

Label = Annotated[str, Field(min_length=1, max_length=256)]
ModelT = TypeVar("ModelT", bound=DocumentModel)
RunT = TypeVar("RunT", bound="WorkflowRunFields")

_WRAPPERS: Final = ("workflow", "workflow_config")
_ENTRIES: Final = ("trigger", "query")
"""Fields of a run that become entries of its input."""
_OF_BOTH: Final = ("tags", "metadata")
"""Fields of a run that a workflow has too."""

MAX_KEPT_BYTES: Final = 64 * 1024
"""How much JSON each of `tags` and `metadata` may be: they lie in the run's item, which holds 400 KB with all the rest
(DynamoDB, "Item size").
"""


class RunFields(DocumentModel):
    """What a client may say of a run."""

    input: Any = None
    session_id: Label | None = None
    user_id: Label | None = None
    correlation_id: Label | None = None
    tags: Any = None


class WorkflowRunFields(RunFields):
    """What a client may say of a run of a workflow.

    `input_data` is another name of `input`; `trigger` and `query` become entries of it. `metadata`, `organization_id` and
    `backend` are kept with the run and mean nothing to it. `wait` asks as the query parameter does: true is as long as may be.
    """

    input_data: Any = None
    trigger: Any = None
    query: Any = None
    wait: Any = None
    metadata: Any = None
    organization_id: Label | None = None
    backend: Label | None = None


class StoredRunFields(WorkflowRunFields):
    """What a client may say of a run of a stored workflow. `version` None is the newest."""

    version: Annotated[int, Field(ge=1), Whole] | None = None


class _WrappedRun(WorkflowRunFields):
    workflow: Any = None
    workflow_config: Any = None


@dataclass(frozen=True, slots=True)
class PostedWorkflow:
    """A workflow as it was posted: alone, flat beside the fields of a run, or wrapped as `{"workflow": ...}` or
    `{"workflow_config": ...}`.

    `prefix` is the pointer of the workflow in the body; `run` is what the body says of the run.
    """

    document: Json
    prefix: str
    run: WorkflowRunFields

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


def read_run(model: type[RunT], body: Json) -> RunT:
    """What a body says of a run. Raises InvalidRequestError for what `read_fields` does, for an unusable `wait`, and for what a
    run cannot keep.
    """
    fields = read_fields(model, body)
    for name in _OF_BOTH:
        size = len(dump(getattr(fields, name)).encode())
        if size > MAX_KEPT_BYTES:
            detail = f"'{name}' of a run has at most {MAX_KEPT_BYTES:,} bytes of JSON; this has {size:,}. Shorten it."
            raise InvalidRequestError.at(f"/{name}", detail)
    _seconds(fields.wait)
    _input_and_place(fields)
    return fields


def posted_workflow(body: Json) -> PostedWorkflow:
    """The workflow of a body. Raises InvalidRequestError when what stands beside it is wrong.

    `tags` of a flat body are those of the workflow and of the run; `metadata` of one is the workflow's.
    """
    if not isinstance(body, dict):
        return PostedWorkflow(body, "", WorkflowRunFields())
    wrappers = [name for name in _WRAPPERS if name in body]
    if len(wrappers) > 1:
        raise InvalidRequestError.at(f"/{wrappers[1]}", f"'{wrappers[1]}' is another name of 'workflow'. Send one.")
    if wrappers:
        return PostedWorkflow(body[wrappers[0]], pointer(wrappers[0]), read_run(_WrappedRun, body))
    of_run = {k: body[k] for k in WorkflowRunFields.model_fields if k in body and k != "metadata"}
    document = {k: v for k, v in body.items() if k not in of_run or k in _OF_BOTH}
    return PostedWorkflow(document, "", read_run(WorkflowRunFields, of_run))


def run_input(fields: WorkflowRunFields) -> Json:
    """The input of a run; a run without one gets an empty object."""
    return _input_and_place(fields)[0]


def waiting_seconds(body: Json) -> int:
    """How long a body that was taken asks to wait for the end of its run, in whole seconds; 0 when it does not."""
    return _seconds(body.get("wait")) if isinstance(body, dict) else 0


def _seconds(wait: Json) -> int:
    if wait is None or isinstance(wait, bool):
        return LONGEST_WAIT_SECONDS if wait else 0
    if not isinstance(wait, int | float) or not 0 <= wait <= LONGEST_WAIT_SECONDS:
        detail = f"'wait' is true, false or a number of seconds from 0 to {LONGEST_WAIT_SECONDS}, not {shown(wait)}."
        raise InvalidRequestError.at("/wait", detail)
    return math.ceil(wait)


def _input_and_place(fields: WorkflowRunFields) -> tuple[Json, str]:
    """The input of a run, and the field of the body that it stands in."""
    place = "input" if fields.input is not None or fields.input_data is None else "input_data"
    value = fields.input if place == "input" else fields.input_data
    if fields.input is not None and fields.input_data is not None and fields.input != fields.input_data:
        raise InvalidRequestError.at(
            "/input_data", "'input_data' is another name of 'input', and the two differ. Send one."
        )
    value = {} if value is None else value
    for name in _ENTRIES:
        entry = getattr(fields, name)
        if entry is None:
            continue
        if not isinstance(value, dict):
            detail = (
                f"'{name}' becomes an entry of the run's input, so '{place}' must be an object, not {shown(value)}."
            )
            raise InvalidRequestError.at(f"/{place}", detail)
        if value.get(name, entry) != entry:
            detail = f"'{name}' becomes the entry '{name}' of the run's input, which has another one. Send one."
            raise InvalidRequestError.at(f"/{name}", detail)
        value = {**value, name: entry}
    return value, place


def _input_pointer(fields: WorkflowRunFields, path: Sequence[str | int]) -> str:
    """Where in the body a place of the run's input was sent."""
    _, place = _input_and_place(fields)
    if path and path[0] in _ENTRIES and getattr(fields, str(path[0])) is not None:
        return pointer(*path)
    return pointer(place, *path)


def check_input(fields: WorkflowRunFields, schema: Mapping[str, Json] | None) -> None:
    """Check a run's input against its workflow's `input_schema`. Raises InvalidRequestError with pointers to where the input
    was sent.
    """
    if schema is None:
        return
    from workflow_engine.json_schema import CannotApplyError, SchemaValidator, UnusableSchemaError

    try:
        misfits = SchemaValidator(schema).misfits(run_input(fields))
    except UnusableSchemaError as error:
        # Saved under older rules. The verdict on a schema falls when it is saved; what was accepted goes on to run.
        logger.warning("input is not checked, its schema was saved under older rules", extra={"reason": str(error)})
        return
    except CannotApplyError as error:
        raise InvalidRequestError.at(
            _input_pointer(fields, ()), f"The input cannot be checked with the workflow's input_schema. {error}"
        ) from error
    errors = [
        {"code": InvalidRequestError.code, "pointer": _input_pointer(fields, m.path), "detail": m.message[:500]}
        for m in misfits
    ]
    if errors:
        raise InvalidRequestError("The input does not fit the workflow's input_schema.", errors=errors)


def fan_out_errors(costs: Mapping[str, Json], fields: WorkflowRunFields) -> list[dict[str, str]]:
    """What is wrong with a run's input whose lists are too long for the history of a run, with pointers to where the input
    was sent; `costs` is the compilation's `fan_out`.
    """
    if not costs:
        return []
    from workflow_engine.compiler.fan_out import events_of_input

    found = events_of_input(costs, run_input(fields))
    if found is None:
        return []
    path = [segment.replace("~1", "/").replace("~0", "~") for segment in found.pointer.split("/")[2:]]
    return [{"code": "WFE-E501", "pointer": _input_pointer(fields, path), "detail": found.detail}]


def check_fan_out(costs: Mapping[str, Json], fields: WorkflowRunFields) -> None:
    """Refuse an input with which the run could not complete. Raises InvalidRequestError with the list's place."""
    if errors := fan_out_errors(costs, fields):
        raise InvalidRequestError(errors[0]["detail"], errors=errors)
