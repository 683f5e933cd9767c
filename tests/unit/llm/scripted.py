"""A provider that answers what a test has written down, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from llm_gateway.providers import Provider
from llm_gateway.request import EmbeddingRequest, GenerationRequest, ToolCall
from llm_gateway.response import EmbeddingAnswer, FinishReason, ProviderAnswer, TextDelta

Answer = ProviderAnswer | Exception | Callable[[GenerationRequest], ProviderAnswer]


def said(
    text: str = "",
    *calls: ToolCall,
    finish: FinishReason | None = None,
    tokens: tuple[int, int] = (10, 5),
    model: str = "gpt-4o-mini",
) -> ProviderAnswer:
    """An answer with this text and these tool calls."""
    return ProviderAnswer(text, calls, finish or ("tool_calls" if calls else "stop"), *tokens, model)


@dataclass(slots=True)
class ScriptedProvider:
    """Gives its answers in order; the last one again and again. An exception is raised."""

    answers: list[Answer]
    asked: list[tuple[str, GenerationRequest]] = field(default_factory=list)
    closed: int = 0
    pace: Callable[[], None] = lambda: None
    """Called after each piece of a stream."""

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        self.asked.append((model, request))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, ProviderAnswer) else answer(request)

    def stream(self, model: str, request: GenerationRequest) -> Generator[TextDelta | ProviderAnswer, None, None]:
        try:
            answer = self.generate(model, request)
            for word in answer.text.split(" "):
                yield TextDelta(word + " ")
                self.pace()
            yield answer
        finally:
            self.closed += 1

    def embed(self, model: str, request: EmbeddingRequest) -> EmbeddingAnswer:
        return EmbeddingAnswer(tuple((float(len(text)),) for text in request.texts), len(request.texts), model)


class Clock:
    """Time that only moves when somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def making(providers: Mapping[str, ScriptedProvider]) -> Callable[[str, Mapping[str, str]], Provider]:
    """In the place of `make_provider`: these providers by vendor, and the real simulation."""

    def make(vendor: str, variables: Mapping[str, str]) -> Provider:
        from llm_gateway.providers import make_provider

        return make_provider(vendor, variables) if vendor == "simulated" else providers[vendor]

    return make
