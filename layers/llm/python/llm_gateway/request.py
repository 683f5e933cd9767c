"""What a model is asked. Provider-neutral, frozen; each provider translates it into its vendor's wire format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Schema = Mapping[str, Any]
"""A JSON Schema of draft 2020-12."""

Role = Literal["user", "assistant"]
ToolChoice = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a message."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image for models that see. `media_type` is such as `image/png`."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have a tool called. `replay` is what the provider must be sent back beside it, opaque to others
    (Gemini's thought signature). `problem` tells the model why the arguments could not be read; such a call is not made.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    replay: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool call gave, as text. `is_error` tells the model that the call failed."""

    call_id: str
    name: str
    content: str
    is_error: bool = False


Part = Text | Image | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Tool calls are the assistant's, images and tool results the user's; all results of a turn's calls stand
    in the one user message after it.
    """

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call. The name is `[A-Za-z_][A-Za-z0-9_-]{0,63}`, what all vendors accept."""

    name: str
    description: str
    parameters: Schema


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The answer is to be JSON, with a schema JSON that fits it."""

    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A conversation to be continued. What is None is left to the model's own default.

    `timeout_seconds` bounds one call of the provider; the gateway lowers it as its deadline comes near.
    """

    messages: tuple[Message, ...]
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    response_format: ResponseFormat | None = None
    timeout_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts to be embedded. `dimensions` None is the model's own number."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask: a provider by name (`openai_textgen`, or its vendor alone) and its model; None is its default."""

    provider_type: str
    model: str | None = None
