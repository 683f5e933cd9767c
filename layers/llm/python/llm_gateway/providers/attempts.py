"""Asking a model again without what it refused, since no vendor's API tells beforehand what a model takes.

A refusal is a name that the vendor's `wire` gives to a part of a request. What a model refused is remembered, so that its
next request is not refused. Bedrock's refusals hold more than a name and have a module of their own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Final

from llm_gateway.request import GenerationRequest

MAX_CALLS: Final = 8
"""Calls of a model for one answer: the first, and one for each thing that it refuses."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a model: what it is known to refuse, and until when it may take, by the monotonic clock."""

    model: str
    request: GenerationRequest
    refused: frozenset[str]
    deadline: float
    number: int = 1

    def without(self, refusal: str | None) -> Attempt | None:
        """The next attempt, without one more thing; None where nothing new was refused or it was tried often enough."""
        if refusal is None or refusal in self.refused or self.number == MAX_CALLS:
            return None
        return replace(self, refused=self.refused | {refusal}, number=self.number + 1)


@dataclass(frozen=True, slots=True)
class Refusals:
    """What models of one provider refused. `of_one_request` are refusals that say nothing of a model's next request."""

    of_one_request: frozenset[str]
    _by_model: dict[str, frozenset[str]] = field(default_factory=dict)

    def first_attempt(self, model: str, request: GenerationRequest, known: frozenset[str] = frozenset()) -> Attempt:
        """The first call for a request; `known` is what the model refuses by its vendor's own word."""
        refused = known | self._by_model.get(model, frozenset())
        return Attempt(model, request, refused, time.monotonic() + request.timeout_seconds)

    def remember(self, attempt: Attempt) -> None:
        """Keep what a model refused, once it has answered without. Two threads may forget each other's: that costs a call."""
        if attempt.number > 1:
            self._by_model[attempt.model] = attempt.refused - self.of_one_request
