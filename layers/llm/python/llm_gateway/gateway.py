"""The gateway: asks the providers of a chain in turn until one answers as it was asked to.

One call of `generate` is: choose who is configured; ask the first, again while what went wrong may pass and there is
time; ask the next one where another may well succeed; have an answer that is not the JSON asked for repaired once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from llm_gateway.configuration import SIMULATED, default_target, is_configured
from llm_gateway.errors import (
    LlmError,
    LlmInvalidOutputError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmNotConfiguredError,
    LlmRateLimitError,
    LlmTimeoutError,
)
from llm_gateway.prices import PriceTable
from llm_gateway.providers import Provider, make_provider
from llm_gateway.reading import ReadAnswer, read_answer, value_of
from llm_gateway.request import EmbeddingRequest, GenerationRequest, Target
from llm_gateway.response import (
    EmbeddingAnswer,
    EmbeddingResponse,
    GenerationResponse,
    Mode,
    ModelName,
    ProviderAnswer,
    Remark,
    TextDelta,
    Tokens,
    Usage,
)
from llm_gateway.structured import NotAsAskedError, repair
from llm_gateway.tokens import count_request, count_tokens
from llm_gateway.vendor_schemas import for_vendors
from workflow_engine.agents.retired_models import retirement
from workflow_engine.agents.vendors import VENDORS, Capability, split
from workflow_engine.observability import get_logger

logger = get_logger(__name__)

WantedMode = Literal["auto", "live", "simulation"]

ATTEMPTS: Final = 3
PATIENT_ATTEMPTS: Final = 6
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 20.0
"""A longer wait that a vendor asks for is left to Step Functions, where waiting costs nothing; but not while work would
be lost.
"""
PATIENT_PAUSE_SECONDS: Final = 120.0

LEAST_CALL_SECONDS: Final = 1.0
"""With less time left no call is begun."""

Watch = Callable[[str], bool]
"""Called with the text so far of a streamed answer; False ends the stream."""

Call = Callable[[Provider, str, float], Any]
"""Ask a provider for a model's answer within so many seconds."""

MayRepair = Callable[[Usage, GenerationRequest], bool]
"""Whether a second call, this request, may follow what was used so far."""


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


@dataclass(frozen=True, slots=True)
class _Answered:
    answer: Any
    by: Candidate
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Account:
    """What the calls of one request took so far, those whose answer could not be used included."""

    usage: Usage = field(default_factory=Usage)

    def add(self, usage: Usage) -> None:
        self.usage = self.usage.plus(usage)


class Gateway:
    """Asks models with one configuration. Providers are made when first asked, and kept."""

    def __init__(
        self,
        variables: Mapping[str, str],
        *,
        make: Callable[[str, Mapping[str, str]], Provider] = make_provider,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """ValueError for price overrides that cannot be read."""
        self._variables = variables
        self._prices = PriceTable.from_variables(variables)
        self._make = make
        self._clock = clock
        self._sleep = sleep
        self._providers: dict[str, Provider] = {}

    def generate(
        self,
        request: GenerationRequest,
        targets: Sequence[Target],
        *,
        mode: WantedMode = "auto",
        fallback_to_simulation: bool = False,
        deadline: float | None = None,
        watch: Watch | None = None,
        may_repair: MayRepair | None = None,
        patient: bool = False,
    ) -> GenerationResponse:
        """Continue a conversation; `usage` counts every call that was answered, also where the answer was of no use.

        `targets` are asked in order, without any the default (`configuration.default_target`). In `auto` mode the answer is
        simulated when none of them is configured; `live` raises LlmNotConfiguredError then. `deadline` is a time of the
        gateway's clock. With `watch` the answer is streamed, and `watch` or the deadline may cut it off. An answer that is not
        the JSON asked for and that `may_repair` does not let be repaired is `cut_off`, too. `patient` is for calls whose
        failure would lose work: what may pass is waited for longer. Raises LlmError: that of the last provider asked, with the
        `usage` of all calls.
        """
        started = self._clock()
        asked, left_out = for_vendors(request)

        def call(provider: Provider, model: str, seconds: float) -> ProviderAnswer:
            timed = replace(asked, timeout_seconds=min(request.timeout_seconds, seconds))
            if watch is None:
                return provider.generate(model, timed)
            return self._streamed(provider, model, timed, watch, deadline)

        candidates, warnings = self._candidates(targets, mode, fallback_to_simulation=fallback_to_simulation)
        account = _Account()
        try:
            done = self._first_answer(candidates, call, deadline, account, patient=patient)
            read = read_answer(done.answer)
            account.add(self._usage(done.by, read.answer))
            if request.response_format is not None and not read.answer.tool_calls:
                read = self._as_asked(request, asked, done.by, read, account, deadline, may_repair)
        except LlmError as error:
            error.usage = account.usage
            raise
        answer = read.answer
        return GenerationResponse(
            text=answer.text,
            tool_calls=answer.tool_calls,
            finish_reason=answer.finish_reason,
            usage=account.usage,
            model=ModelName(done.by.provider_type, answer.model or done.by.model),
            latency_ms=round((self._clock() - started) * 1000),
            mode=done.by.mode,
            parsed=read.value,
            warnings=(*warnings, *left_out, *done.warnings, *answer.warnings),
            remarks=read.remarks,
        )

    def embed(
        self,
        request: EmbeddingRequest,
        target: Target,
        *,
        mode: WantedMode = "auto",
        fallback_to_simulation: bool = False,
        deadline: float | None = None,
    ) -> EmbeddingResponse:
        """A vector for each text. There is no chain: vectors of two models cannot be compared.

        Raises LlmError.
        """
        started = self._clock()

        def call(provider: Provider, model: str, seconds: float) -> EmbeddingAnswer:
            return provider.embed(model, replace(request, timeout_seconds=min(request.timeout_seconds, seconds)))

        target = replace(target, provider_type=f"{split(target.provider_type)[0]}_embedding")
        candidates, _ = self._candidates([target], mode, fallback_to_simulation=fallback_to_simulation)
        done = self._first_answer(candidates, call, deadline, _Account())
        answer: EmbeddingAnswer = done.answer
        cost = 0.0 if done.by.simulated else self._prices.cost(done.by.vendor, done.by.model, answer.tokens_in, 0)
        return EmbeddingResponse(
            vectors=answer.vectors,
            usage=Usage(answer.tokens_in, 0, 1, cost),
            model=ModelName(done.by.provider_type, answer.model or done.by.model),
            latency_ms=round((self._clock() - started) * 1000),
            mode=done.by.mode,
        )

    def _candidates(
        self, targets: Sequence[Target], mode: WantedMode, *, fallback_to_simulation: bool
    ) -> tuple[list[Candidate], list[str]]:
        """Whom to ask, in order, and what the caller should know about that."""
        named = [_candidate(target) for target in targets or [_default(self._variables)]]
        simulated = replace(named[0], simulated=True)
        if mode == "simulation":
            return [simulated], []
        chosen = [c for c in named if is_configured(c.vendor, self._variables)]
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

    def _first_answer(
        self,
        candidates: Sequence[Candidate],
        call: Call,
        deadline: float | None,
        account: _Account,
        *,
        patient: bool = False,
    ) -> _Answered:
        """The answer of the first that gives one. While others follow, one may use its share of the time only, or a
        provider that hangs would leave none for them.
        """
        warnings: list[str] = []
        for position, candidate in enumerate(candidates):
            following = candidates[position + 1] if position + 1 < len(candidates) else None
            ends = deadline
            if deadline is not None and following is not None:
                now = self._clock()
                ends = now + (deadline - now) / (len(candidates) - position)
            try:
                answer = self._answer(candidate, call, ends, account, is_last=following is None, patient=patient)
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
                return _Answered(answer, candidate, tuple(warnings))
        raise AssertionError("a chain has a last candidate, whose error is raised")

    def _answer(
        self,
        candidate: Candidate,
        call: Call,
        deadline: float | None,
        account: _Account,
        *,
        is_last: bool = True,
        patient: bool = False,
    ) -> Any:
        """One provider's answer, tried again while that may help. One that was too slow is not asked again while another
        follows.
        """
        provider = self._provider(SIMULATED if candidate.simulated else candidate.vendor)
        attempts = PATIENT_ATTEMPTS if patient and is_last else ATTEMPTS
        longest = PATIENT_PAUSE_SECONDS if patient and is_last else LONGEST_PAUSE_SECONDS
        for attempt in range(attempts):
            left = float("inf") if deadline is None else deadline - self._clock()
            if left < LEAST_CALL_SECONDS and not candidate.simulated:
                raise LlmTimeoutError("There is no time left to ask a model.")
            try:
                return call(provider, candidate.model, left)
            except LlmError as error:
                if error.tokens is not None:
                    account.add(self._usage_of(candidate, error.tokens, None))
                pause = _pause(error, attempt)
                if not error.transient or attempt == attempts - 1 or pause > longest:
                    raise
                if isinstance(error, LlmTimeoutError) and not is_last:
                    raise
                if deadline is not None and self._clock() + pause + LEAST_CALL_SECONDS > deadline:
                    raise
                logger.info("asking again", extra={"provider": candidate.provider_type, "code": error.code})
                self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _as_asked(
        self,
        request: GenerationRequest,
        asked: GenerationRequest,
        by: Candidate,
        read: ReadAnswer,
        account: _Account,
        deadline: float | None,
        may_repair: MayRepair | None,
    ) -> ReadAnswer:
        """The answer with its JSON value, as the request wants it; an answer that has none is sent back to its author once.
        `asked` is the request as it was sent.
        """
        first = read.answer
        assert request.response_format is not None
        if first.finish_reason in ("content_filter", "cut_off"):
            return read
        try:
            return read.with_value(value_of(first, request.response_format))
        except NotAsAskedError as problem:
            again = repair(asked, first.text, problem)
        if may_repair is not None and not may_repair(account.usage, again):
            return replace(read, answer=replace(first, finish_reason="cut_off"))

        def call(provider: Provider, model: str, seconds: float) -> ProviderAnswer:
            return provider.generate(model, replace(again, timeout_seconds=min(again.timeout_seconds, seconds)))

        corrected = read_answer(self._answer(by, call, deadline, account))
        second = corrected.answer
        account.add(self._usage(by, second))
        try:
            found = value_of(second, request.response_format)
        except NotAsAskedError as problem:
            hint = " The answer was cut off: give a larger max_tokens." if second.finish_reason == "length" else ""
            raise LlmInvalidOutputError(
                f"The model does not give the JSON that is asked for. {problem}{hint}"
            ) from None
        warning = "The first answer was not the JSON that is asked for; the model corrected it."
        return ReadAnswer(
            replace(second, warnings=(*first.warnings, *second.warnings, warning)),
            (*read.remarks, Remark("rejected", first.text), *corrected.remarks),
        ).with_value(found)

    def _streamed(
        self, provider: Provider, model: str, request: GenerationRequest, watch: Watch, deadline: float | None
    ) -> ProviderAnswer:
        text = ""
        pieces = provider.stream(model, request)
        with closing(pieces):
            for piece in pieces:
                if isinstance(piece, ProviderAnswer):
                    return piece
                assert isinstance(piece, TextDelta)
                text += piece.text
                if not watch(text) or (deadline is not None and self._clock() > deadline):
                    estimated = "The stream was cut off, so its tokens are estimated."
                    return ProviderAnswer(
                        text, (), "cut_off", count_request(request), count_tokens(text), model, warnings=(estimated,)
                    )
        raise LlmMalformedAnswerError("The stream ended without an answer.")

    def first_choice(self, targets: Sequence[Target], mode: WantedMode) -> tuple[ModelName, Mode, tuple[str, ...]]:
        """Who would be asked first, whether for real, and what the caller should know. Raises LlmError as `generate`."""
        candidates, warnings = self._candidates(targets, mode, fallback_to_simulation=False)
        first = candidates[0]
        return ModelName(first.provider_type, first.model), first.mode, tuple(warnings)

    def estimated_cost(
        self, targets: Sequence[Target], mode: WantedMode, tokens_in: int, tokens_out: int
    ) -> float | None:
        """What such a call would cost at most in US dollars, whichever of those answers that are configured: 0 where it
        would be simulated, None where one of the models has no known price. Raises LlmError as `generate` does.
        """
        candidates, _ = self._candidates(targets, mode, fallback_to_simulation=False)
        costs = [
            0.0 if c.simulated else self._prices.cost(c.vendor, c.model, tokens_in, tokens_out) for c in candidates
        ]
        known = [cost for cost in costs if cost is not None]
        return max(known) if len(known) == len(costs) else None

    def _usage(self, by: Candidate, answer: ProviderAnswer) -> Usage:
        return self._usage_of(by, Tokens(answer.tokens_in, answer.tokens_out, answer.tokens_cached), answer.model)

    def _usage_of(self, by: Candidate, tokens: Tokens, answered: str | None) -> Usage:
        """What a call took. The model that `answered` may have a price where the one that was asked has none."""
        if by.simulated:
            return Usage(tokens.tokens_in, tokens.tokens_out, 1, 0.0)
        counts = (tokens.tokens_in, tokens.tokens_out, tokens.cached)
        cost = self._prices.cost(by.vendor, by.model, *counts)
        if cost is None and answered:
            cost = self._prices.cost(by.vendor, answered, *counts)
        return Usage(tokens.tokens_in, tokens.tokens_out, 1, cost if cost is None else round(cost, 10))

    def _provider(self, vendor: str) -> Provider:
        if vendor not in self._providers:
            self._providers[vendor] = self._make(vendor, self._variables)
        return self._providers[vendor]


def _default(variables: Mapping[str, str]) -> Target:
    """Who is asked where nobody is named."""
    try:
        return Target(*default_target(variables))
    except ValueError as error:
        raise LlmInvalidRequestError(str(error)) from None


def _candidate(target: Target) -> Candidate:
    try:
        vendor, capability = split(target.provider_type)
    except ValueError as error:
        raise LlmInvalidRequestError(str(error)) from None
    return Candidate(target.provider_type, vendor, target.model or _default_model(vendor, capability))


def _default_model(vendor: str, capability: Capability) -> str:
    return VENDORS[vendor].models[capability]


def _pause(error: LlmError, attempt: int) -> float:
    """Seconds until the next attempt: the vendor's word, else doubling, with jitter."""
    if isinstance(error, LlmRateLimitError) and error.retry_after_seconds is not None:
        return error.retry_after_seconds
    return float(FIRST_PAUSE_SECONDS * 2**attempt * (1 + random.random()))
