"""Holding what a registered step gives to the schema that its registration has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.errors import StepOutputError
from workflow_engine.json_schema import CannotApplyError, SchemaValidator, UnusableSchemaError
from workflow_engine.language.diagnostics import Json, pointer

_MOST_TOLD = 5


def check_output(output: Json, schema: Mapping[str, Any]) -> None:
    """Raises StepOutputError for an output that its step type's schema does not allow."""
    try:
        misfits = SchemaValidator(schema).misfits(output)
    except (CannotApplyError, UnusableSchemaError) as error:
        raise StepOutputError(f"The output cannot be held to the step type's output_schema: {error}") from None
    if misfits:
        found = "; ".join(
            f"{pointer(*m.path) or 'the whole'}: {m.keyword} {m.rule!r:.100}" for m in misfits[:_MOST_TOLD]
        )
        raise StepOutputError(f"The output does not fit the step type's output_schema: {found}")
