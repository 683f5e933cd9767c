"""What comes back: from a provider (`ProviderAnswer`) and from the gateway (`GenerationResponse`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llm_gateway.request import ToolCall

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "cut_off"]
"""`length`: the answer is as long as allowed. `cut_off`: the gateway's caller ended the stream."""

Mode = Literal["llm", "simulation"]
"""Whether a model has answered."""

RemarkKind = Literal["reasoning", "draft", "rejected"]
"""`reasoning`: thought aloud before the answer. `draft`: another value that would have fitted. `rejected`: an answer that
was not what was asked for."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of a streamed answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """One answer of a provider. `model` is what the vendor says answered; tokens are the vendor's count, `tokens_cached`
    being part of `tokens_in`. `warnings` are sentences about what was changed to get an answer at all. `cost_usd` is what the
    vendor says it took; None where the prices of models tell.
    """

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    tokens_in: int
    tokens_out: int
    model: str
    tokens_cached: int = 0
    warnings: tuple[str, ...] = ()
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """What a model said beside its answer."""

    kind: RemarkKind
    text: str


@dataclass(frozen=True, slots=True)
class EmbeddingAnswer:
    """Vectors in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    tokens_in: int
    model: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one answer took, as its vendor counts; `cached` is a part of `tokens_in`, `cost_usd` its own word on the price."""

    tokens_in: int
    tokens_out: int
    cached: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls took. `cost_usd` is None where a model has no known price."""

    tokens_in: int = 0
    tokens_out: int = 0
    llm_calls: int = 0
    cost_usd: float | None = 0.0

    @property
    def total_tokens(self) -> int:
        """Tokens in and out."""
        return self.tokens_in + self.tokens_out

    def plus(self, other: Usage) -> Usage:
        """The sum; its cost is unknown if one of the two is."""
        unknown = self.cost_usd is None or other.cost_usd is None
        return Usage(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.llm_calls + other.llm_calls,
            None if unknown else round((self.cost_usd or 0) + (other.cost_usd or 0), 10),
        )

    def as_dict(self) -> dict[str, Any]:
        """`{tokens_in, tokens_out, total_tokens, llm_calls, cost_usd}`."""
        return {
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "total_tokens": self.total_tokens,
            "llm_calls": self.llm_calls,
            "cost_usd": self.cost_usd,
        }


@dataclass(frozen=True, slots=True)
class ModelName:
    """Who answered: the provider as the request named it, and the model as the vendor names it."""

    provider: str
    name: str

    def as_dict(self) -> Mapping[str, str]:
        """`{provider, name}`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class GenerationResponse:
    """The gateway's answer. `parsed` is the JSON value where JSON was asked for and no tool is to be called; `remarks` are
    what the model said beside it.
    """

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    usage: Usage
    model: ModelName
    latency_ms: int
    mode: Mode = "llm"
    parsed: Any = None
    warnings: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbeddingResponse:
    """The gateway's vectors, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    model: ModelName
    latency_ms: int
    mode: Mode = "llm"
