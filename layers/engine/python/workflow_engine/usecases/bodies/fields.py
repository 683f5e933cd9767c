"""Bodies of requests: their fields, checked."""

from __future__ import annotations

from typing import TypeVar

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
