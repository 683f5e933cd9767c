"""Check the input of a run before it starts: against the workflow's schema, and for lists too long for one run."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.observability import get_logger
from workflow_engine.usecases.bodies.run import WorkflowRunFields, input_pointer, run_input

logger = get_logger(__name__)


def check_input(fields: WorkflowRunFields, schema: Mapping[str, Json] | None) -> None:
    """Check a run's input against its workflow's `input_schema`. Raises InvalidRequestError with pointers to where the
    input was sent.
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
            input_pointer(fields, ()), f"The input cannot be checked with the workflow's input_schema. {error}"
        ) from error
    errors = [
        {"code": InvalidRequestError.code, "pointer": input_pointer(fields, m.path), "detail": m.message[:500]}
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
    return [{"code": "WFE-E501", "pointer": input_pointer(fields, path), "detail": found.detail}]


def check_fan_out(costs: Mapping[str, Json], fields: WorkflowRunFields) -> None:
    """Refuse an input with which the run could not complete. Raises InvalidRequestError with the list's place."""
    if errors := fan_out_errors(costs, fields):
        raise InvalidRequestError(errors[0]["detail"], errors=errors)
