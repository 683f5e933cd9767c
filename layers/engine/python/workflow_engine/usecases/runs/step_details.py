"""What is told of a step beside its result: what it received, each attempt at it, what it has cost."""

from __future__ import annotations

from typing import Final, Literal

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.machines.costs import NOTHING, Spent
from workflow_engine.machines.outlines import step_in
from workflow_engine.machines.results import RunReport
from workflow_engine.store.items import dump
from workflow_engine.store.payloads import Keep
from workflow_engine.store.results import LARGE_OUTPUT_BYTES
from workflow_engine.store.step_details import StepDetails
from workflow_engine.suggestions import suggest

_ASKS_MODELS: Final = frozenset({"agent_execution", "embedding_generation"})
"""Types of steps whose output tells what models took."""

_NO_MEMORY: Final = (
    "What Lambda takes is not known: the memory is told of this service's own functions alone, and not where an earlier version "
    "of the service saved the workflow."
)

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


def step_cost(run: RunReport, ordinal: int) -> dict[str, Json]:
    """`{total, transitions, models, functions, reason?}` of a step with its parts, in US dollars. `reason` says why a part is
    None, or what is in none of them.
    """
    key = run.steps.keys[ordinal]
    spent = run.steps.costs.get(key, NOTHING)
    reason = _reason(run, ordinal, spent)
    told: dict[str, Json] = {**spent.as_dict()}
    return told | {"reason": reason} if reason else told


def _reason(run: RunReport, ordinal: int, spent: Spent) -> str | None:
    key, outcome = run.steps.keys[ordinal], run.steps.outcomes[ordinal]
    of_type = run.steps.known.entries.get(step_in(key), {}).get("type")
    attempts = () if outcome.timed is None else (*outcome.timed.earlier, *outcome.timed.tries)
    has_failed = any(attempt.status == "failed" for attempt in attempts)
    started = of_type == "subflow" and spent != NOTHING
    reasons = {
        "The price of a model that was asked is not known.": spent.models is None,
        "What models took of the attempts that failed is not known.": of_type in _ASKS_MODELS and has_failed,
        "What the run that it started cost is told by the results of that run.": started,
        _NO_MEMORY: spent.mb_ms is None,
    }
    return " ".join(reason for reason, holds in reasons.items() if holds) or None
