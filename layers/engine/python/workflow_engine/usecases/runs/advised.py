"""Errors of runs and steps with what usually causes them and what to do next, as answers tell it. It is kept nowhere: runs that
ended long ago are told what is known today.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workflow_engine.language.diagnostics import Json

if TYPE_CHECKING:
    from workflow_engine.usecases import answers


def advised_error(error: Json) -> Json:
    """The error of a run, `{step_id, type, message}`, with its `advice` where the engine knows the type; None stays None."""
    if not isinstance(error, dict):
        return error
    return error | _told(error.get("type"), error.get("message"))


def advice_of_step(result: Mapping[str, Json]) -> dict[str, Json]:
    """`{advice}` of a step's result, where it has an error of a type that the engine knows; else nothing."""
    error_type = result.get("error_type")
    return {} if error_type is None else _told(error_type, result.get("error_message"))


def _told(error_type: Json, message: Json) -> dict[str, Json]:
    from workflow_engine.error_advice import advice_on  # prose, which only a failure needs

    entry = advice_on(str(error_type), None if message is None else str(message))
    if entry is None:
        return {}
    advice: answers.ErrorAdvice = {
        "usual_cause": entry.usual_cause,
        "what_to_do": entry.what_to_do,
        "code": entry.code,
        "docs": entry.docs,
    }
    return {"advice": dict(advice)}
