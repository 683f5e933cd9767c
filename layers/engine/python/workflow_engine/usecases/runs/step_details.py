"""What is told of a step beside its result: what it received, each attempt at it; and what the run has cost."""

from __future__ import annotations

from typing import Final, Literal

from workflow_engine.aws_quotas import USD_PER_MILLION_TRANSITIONS
from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.machines.results import RunReport
from workflow_engine.store.items import dump
from workflow_engine.store.payloads import Keep
from workflow_engine.store.results import LARGE_OUTPUT_BYTES
from workflow_engine.store.step_details import StepDetails
from workflow_engine.suggestions import suggest

Include = Literal["inputs", "attempts"]
INCLUDES: Final[tuple[Include, ...]] = ("inputs", "attempts")


def refuse_unknown_includes(include: tuple[str, ...]) -> None:
    """Raises InvalidRequestError for anything but `INCLUDES`."""
    for name in include:
        if name not in INCLUDES:
            raise InvalidRequestError(
                f"The query parameter include takes {' and '.join(INCLUDES)}, joined by commas; '{name[:100]}' is neither."
                f"{suggest(name[:100], INCLUDES)}"
            )


def told_details(run: RunReport, ordinal: int, keep: Keep) -> StepDetails | None:
    """The details of a step as a history tells them. What it received of more than 64 KB is put into the payload store."""
    found = run.steps.details(ordinal)
    if found is None:
        return None
    content = None if found.received is None else dump(found.received).encode()
    if content is None or len(content) <= LARGE_OUTPUT_BYTES:
        return StepDetails(found.received, None, found.attempts, found.function_name)
    return StepDetails(None, (keep((content,)), len(content)), found.attempts, found.function_name)


def cost_usd(run: RunReport) -> dict[str, Json]:
    """`{total, transitions, models}`: what AWS takes for the states that were entered, at the price that the plan goes by, and
    models for what they were asked. `models` and `total` are None where the price of a model is not known.
    """
    transitions = round(run.transitions * USD_PER_MILLION_TRANSITIONS / 1_000_000, 10)
    models = None if run.usage.cost_usd is None else round(run.usage.cost_usd, 10)
    total = None if models is None else round(transitions + models, 10)
    return {"total": total, "transitions": transitions, "models": models}
