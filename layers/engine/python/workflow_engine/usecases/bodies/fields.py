"""Bodies of requests: their fields, checked."""

from __future__ import annotations

from typing import Any, TypeVar

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import DocumentModel, check_fields
from workflow_engine.language.findings import Findings

ModelT = TypeVar("ModelT", bound=DocumentModel)


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


def one_of(fields: object, name: str, alias: str) -> Any:
    """The value of a field or of its other name. Raises InvalidRequestError when both are given and differ."""
    value, other = getattr(fields, name), getattr(fields, alias)
    if value is not None and other is not None and value != other:
        raise InvalidRequestError.at(
            f"/{alias}", f"'{alias}' is another name of '{name}', and the two differ. Send one."
        )
    return other if value is None else value
