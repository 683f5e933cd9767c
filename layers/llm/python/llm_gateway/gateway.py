"""The gateway: asks the providers of a chain in turn until one answers as it was asked to.

One call of `generate` is: choose who is configured (`candidates`); ask the first, again while what went wrong may pass
and there is time, and the next one where another may well succeed (`provider_chain`); read the answer (`reading`), and
have one that is not the JSON asked for repaired once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from llm_gateway.candidates import Candidate, WantedMode, choose
from llm_gateway.errors import LlmError, LlmInvalidOutputError, LlmMalformedAnswerError
from llm_gateway.prices import PriceTable
from llm_gateway.provider_chain import LONGER_RETRIES, RETRIES, Account, ProviderChain
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
from workflow_engine.agents.vendors import split

Watch = Callable[[str], bool]
"""Called with the text so far of a streamed answer; False ends the stream."""

MayRepair = Callable[[Usage, GenerationRequest], bool]
"""Whether a second call, this request, may follow what was used so far."""


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
        self._chain = ProviderChain(self._provider, clock, sleep)
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
        retry_longer: bool = False,
    ) -> GenerationResponse:
        """Continue a conversation; `usage` counts every call that was answered, also where the answer was of no use.

        `targets` are asked in order, without any the default (`configuration.default_target`). In `auto` mode the answer is
        simulated when none of them is configured; `live` raises LlmNotConfiguredError then. `deadline` is a time of the
        gateway's clock. With `watch` the answer is streamed, and `watch` or the deadline may cut it off. An answer that is not
        the JSON asked for and that `may_repair` does not let be repaired is `cut_off`, too. `retry_longer` is for calls
        whose failure would lose work: what may pass is waited for longer. Raises LlmError: that of the last provider asked,
        with the `usage` of all calls.
        """
        started = self._clock()
        asked, left_out = for_vendors(request)

        def call(provider: Provider, model: str, seconds: float) -> ProviderAnswer:
            timed = replace(asked, timeout_seconds=min(request.timeout_seconds, seconds))
            if watch is None:
                return provider.generate(model, timed)
            return self._streamed(provider, model, timed, watch, deadline)

        candidates, warnings = choose(targets, mode, self._variables, fallback_to_simulation=fallback_to_simulation)
        account = Account(self._prices)
        try:
            retries = LONGER_RETRIES if retry_longer else RETRIES
            done = self._chain.first_answer(candidates, call, deadline, account, retries)
            read = read_answer(done.answer)
            _add(account, done.by, read.answer)
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
        candidates, _ = choose([target], mode, self._variables, fallback_to_simulation=fallback_to_simulation)
        account = Account(self._prices)
        done = self._chain.first_answer(candidates, call, deadline, account)
        answer: EmbeddingAnswer = done.answer
        account.add(done.by, Tokens(answer.tokens_in, 0))
        return EmbeddingResponse(
            vectors=answer.vectors,
            usage=account.usage,
            model=ModelName(done.by.provider_type, answer.model or done.by.model),
            latency_ms=round((self._clock() - started) * 1000),
            mode=done.by.mode,
        )

    def _as_asked(
        self,
        request: GenerationRequest,
        asked: GenerationRequest,
        by: Candidate,
        read: ReadAnswer,
        account: Account,
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

        corrected = read_answer(self._chain.answer(by, call, deadline, account))
        second = corrected.answer
        _add(account, by, second)
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
        candidates, warnings = choose(targets, mode, self._variables)
        first = candidates[0]
        return ModelName(first.provider_type, first.model), first.mode, tuple(warnings)

    def estimated_cost(
        self, targets: Sequence[Target], mode: WantedMode, tokens_in: int, tokens_out: int
    ) -> float | None:
        """What such a call would cost at most in US dollars, whichever of those answers that are configured: 0 where it
        would be simulated, None where one of the models has no known price. Raises LlmError as `generate` does.
        """
        candidates, _ = choose(targets, mode, self._variables)
        costs = [
            0.0 if c.simulated else self._prices.cost(c.vendor, c.model, tokens_in, tokens_out) for c in candidates
        ]
        known = [cost for cost in costs if cost is not None]
        return max(known) if len(known) == len(costs) else None

    def _provider(self, vendor: str) -> Provider:
        if vendor not in self._providers:
            self._providers[vendor] = self._make(vendor, self._variables)
        return self._providers[vendor]


def _add(account: Account, by: Candidate, answer: ProviderAnswer) -> None:
    account.add(by, Tokens(answer.tokens_in, answer.tokens_out, answer.tokens_cached, answer.cost_usd), answer.model)
