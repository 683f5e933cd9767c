"""Whom a request may ask: the targets it names, as far as they are configured, or the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from llm_gateway.configuration import default_target, is_configured
from llm_gateway.errors import LlmInvalidRequestError, LlmNotConfiguredError
from llm_gateway.request import Target
from llm_gateway.response import Mode
from workflow_engine.agents.retired_models import retirement
from workflow_engine.agents.vendors import VENDORS, split

WantedMode = Literal["auto", "live", "simulation"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Whom to ask: what the request calls it, whose it is, and the model. `simulated` is how it is answered."""

    provider_type: str
    vendor: str
    model: str
    simulated: bool = False

    @property
    def mode(self) -> Mode:
        """Whether a model is asked."""
        return "simulation" if self.simulated else "llm"


def choose(
    targets: Sequence[Target],
    mode: WantedMode,
    variables: Mapping[str, str],
    *,
    fallback_to_simulation: bool = False,
) -> tuple[list[Candidate], list[str]]:
    """Whom to ask, in order, at least one; and what the caller should know about that. Without targets it is the default
    of the variables.

    Raises LlmInvalidRequestError for a target that there is not, LlmNotConfiguredError where only the simulation is left
    and the mode is `live`.
    """
    named = [_candidate(target) for target in targets or [_default(variables)]]
    simulated = replace(named[0], simulated=True)
    if mode == "simulation":
        return [simulated], []
    chosen = [c for c in named if is_configured(c.vendor, variables)]
    missing = [
        f"{c.provider_type} is not configured: it needs {' or '.join(VENDORS[c.vendor].needs[:2])}."
        for c in named
        if c not in chosen
    ]
    warnings = [sentence for c in chosen if (sentence := retirement(c.model))]
    if not chosen:
        if mode == "live":
            raise LlmNotConfiguredError(" ".join(missing))
        gone = [sentence for c in named[:1] if (sentence := retirement(c.model))]
        return [simulated], [*missing, "The answer is simulated.", *gone]
    return [*chosen, *([simulated] if fallback_to_simulation else [])], [*missing, *warnings]


def _default(variables: Mapping[str, str]) -> Target:
    try:
        return Target(*default_target(variables))
    except ValueError as error:
        raise LlmInvalidRequestError(str(error)) from None


def _candidate(target: Target) -> Candidate:
    try:
        vendor, capability = split(target.provider_type)
    except ValueError as error:
        raise LlmInvalidRequestError(str(error)) from None
    return Candidate(target.provider_type, vendor, target.model or VENDORS[vendor].models[capability])
