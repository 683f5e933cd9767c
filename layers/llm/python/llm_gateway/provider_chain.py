"""Asking providers in turn until one answers: each again while what went wrong may pass and there is time, the next one
where another may well succeed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from llm_gateway.candidates import Candidate
from llm_gateway.configuration import SIMULATED
from llm_gateway.errors import LlmError, LlmRateLimitError, LlmTimeoutError
from llm_gateway.prices import PriceTable
from llm_gateway.providers import Provider
from llm_gateway.response import Tokens, Usage
from workflow_engine.observability import get_logger

logger = get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.5

LEAST_CALL_SECONDS: Final = 1.0
"""With less time left no call is begun."""

Call = Callable[[Provider, str, float], Any]
"""Ask a provider for a model's answer within so many seconds."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a provider is asked at most, and the longest pause between two of these calls."""

    attempts: int
    longest_pause_seconds: float


RETRIES: Final = RetryPolicy(3, 20.0)
"""A longer wait that a vendor asks for is left to Step Functions, where waiting costs nothing."""

LONGER_RETRIES: Final = RetryPolicy(6, 120.0)
"""For calls whose failure would lose work, of the last provider in a chain."""


@dataclass(slots=True)
class Account:
    """What the calls of one request took so far, those whose answer could not be used included."""

    prices: PriceTable
    usage: Usage = field(default_factory=Usage)

    def add(self, by: Candidate, tokens: Tokens, answered: str | None = None) -> None:
        """Add a call. The model that `answered` may have a price where the one that was asked has none."""
        self.usage = self.usage.plus(Usage(tokens.tokens_in, tokens.tokens_out, 1, self._cost(by, tokens, answered)))

    def _cost(self, by: Candidate, tokens: Tokens, answered: str | None) -> float | None:
        if tokens.cost_usd is not None:
            return tokens.cost_usd
        if by.simulated:
            return 0.0
        counts = (tokens.tokens_in, tokens.tokens_out, tokens.cached)
        cost = self.prices.cost(by.vendor, by.model, *counts)
        if cost is None and answered:
            cost = self.prices.cost(by.vendor, answered, *counts)
        return cost if cost is None else round(cost, 10)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, whose it is, and what its caller should know of those who gave none."""

    answer: Any
    by: Candidate
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProviderChain:
    """Asks with the providers that it is given by vendor. Deadlines are times of `clock`; `sleep` takes seconds."""

    provider_of: Callable[[str], Provider]
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def first_answer(
        self,
        candidates: Sequence[Candidate],
        call: Call,
        deadline: float | None,
        account: Account,
        retries: RetryPolicy = RETRIES,
    ) -> Answered:
        """The answer of the first that gives one; `retries` are those of the last. While others follow, one may use its
        share of the time only, or a provider that hangs would leave none for them. Raises the last one's LlmError.
        """
        warnings: list[str] = []
        for position, candidate in enumerate(candidates):
            following = candidates[position + 1] if position + 1 < len(candidates) else None
            ends = deadline
            if deadline is not None and following is not None:
                now = self.clock()
                ends = now + (deadline - now) / (len(candidates) - position)
            try:
                if following is None:
                    answer = self.answer(candidate, call, ends, account, retries)
                else:
                    answer = self.answer(candidate, call, ends, account, after_timeouts=False)
            except LlmError as error:
                falls_back = error.falls_back or (following is not None and following.simulated)
                if following is None or not falls_back:
                    raise
                warnings.append(f"{candidate.provider_type} did not answer ({error.code}): {error.detail}")
                logger.warning(
                    "provider did not answer", extra={"provider": candidate.provider_type, "code": error.code}
                )
            else:
                if candidate.simulated and warnings:
                    warnings.append("The answer is simulated.")
                return Answered(answer, candidate, tuple(warnings))
        raise AssertionError("a chain has a last candidate, whose error is raised")

    def answer(
        self,
        candidate: Candidate,
        call: Call,
        deadline: float | None,
        account: Account,
        retries: RetryPolicy = RETRIES,
        *,
        after_timeouts: bool = True,
    ) -> Any:
        """One provider's answer, tried again while that may help; `after_timeouts` says whether it may where the provider
        was too slow. Raises LlmError.
        """
        provider = self.provider_of(SIMULATED if candidate.simulated else candidate.vendor)
        for attempt in range(retries.attempts):
            left = float("inf") if deadline is None else deadline - self.clock()
            if left < LEAST_CALL_SECONDS and not candidate.simulated:
                raise LlmTimeoutError("There is no time left to ask a model.")
            try:
                return call(provider, candidate.model, left)
            except LlmError as error:
                if error.tokens is not None:
                    account.add(candidate, error.tokens)
                pause = _pause(error, attempt)
                if not error.transient or attempt == retries.attempts - 1 or pause > retries.longest_pause_seconds:
                    raise
                if isinstance(error, LlmTimeoutError) and not after_timeouts:
                    raise
                if deadline is not None and self.clock() + pause + LEAST_CALL_SECONDS > deadline:
                    raise
                logger.info("asking again", extra={"provider": candidate.provider_type, "code": error.code})
                self.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def _pause(error: LlmError, attempt: int) -> float:
    """Seconds until the next attempt: the vendor's word, else doubling, with jitter."""
    if isinstance(error, LlmRateLimitError) and error.retry_after_seconds is not None:
        return error.retry_after_seconds
    return float(FIRST_PAUSE_SECONDS * 2**attempt * (1 + random.random()))
