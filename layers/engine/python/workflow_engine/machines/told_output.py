"""What a machine's output says of the run's: the one place that knows its form. Pure."""

from __future__ import annotations

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ToldOutput:
    """The output of a run that has completed, and the steps that failed in it without ending it."""

    value: Json
    failed_steps: tuple[str, ...] = ()


def told_output(text: str) -> ToldOutput | None:
    """The run's output from the machine's, JSON text; None where only the history has all of it."""
    return None
