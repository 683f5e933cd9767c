"""Answers of OpenAI's Chat Completions and Embeddings APIs, whole or in pieces, as answers of the gateway.

The SDK does not check what a server sends, and servers that only speak OpenAI's format send more, less and other than
OpenAI: each field is looked at before it is used, and what cannot be read is an LlmMalformedAnswerError.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeGuard

from llm_gateway.errors import LlmError, LlmMalformedAnswerError, LlmUnavailableError, LlmUnsupportedError
from llm_gateway.json_reader import read_arguments
from llm_gateway.request import EmbeddingRequest, GenerationRequest, ToolCall
from llm_gateway.response import EmbeddingAnswer, FinishReason, ProviderAnswer, Tokens
from llm_gateway.tokens import count_request, count_tokens

_FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # Words of other servers: TGI, Mistral, and proxies of Anthropic's models.
    "eos_token": "stop",
    "eos": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "model_length": "length",
    "max_tokens": "length",
    "tool_use": "tool_calls",
}
_BROKEN_OFF: Final = frozenset({"abort", "error", "insufficient_system_resource"})
"""Finish reasons of vLLM, OpenRouter and DeepSeek for an answer that the server gave up."""


@dataclass(slots=True)
class _PartialCall:
    """A tool call as far as its pieces have come in."""

    index: object
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Draft:
    """An answer as far as it has come in. A whole completion is a stream of one piece. `server` is how sentences call whom
    was asked; `has_begun` is whether there was any choice, of which the first counts.
    """

    server: str
    text: str = ""
    finish_reason: str = ""
    model: str = ""
    has_begun: bool = False
    _refused: bool = False
    _calls: list[_PartialCall] = field(default_factory=list)
    _usage: Mapping[str, object] | None = None

    def add(self, piece: Mapping[str, object]) -> str:
        """Take in a `chat.completion` or a `chat.completion.chunk`; gives the text that is new.

        Raises LlmMalformedAnswerError.
        """
        if isinstance(piece.get("model"), str):
            self.model = str(piece["model"])
        if isinstance(usage := piece.get("usage"), Mapping):
            self._usage = usage
        choices = piece.get("choices")
        if not choices:
            return ""  # the last chunk of a stream, which holds the usage only
        if not isinstance(choices, Sequence) or not isinstance(choice := choices[0], Mapping):
            self._refuse("its choices are not a list of objects")
        self.has_begun = True
        self.finish_reason = self._text_of(choice.get("finish_reason")) or self.finish_reason
        message = choice.get("message") or choice.get("delta") or {}
        if not isinstance(message, Mapping):
            self._refuse("its message is not an object")
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list):
            self._refuse("its tool calls are not a list")
        for call in calls:
            self._add_call(call, is_whole="message" in choice)
        refusal = self._text_of(message.get("refusal"))
        self._refused = self._refused or bool(refusal)
        new = self._text_of(message.get("content")) + refusal
        self.text += new
        return new

    def finished(self, request: GenerationRequest, model: str, warnings: Sequence[str] = ()) -> ProviderAnswer:
        """The answer to a request. Raises LlmMalformedAnswerError, and LlmUnavailableError where the server gave up, both with
        the tokens that were paid for.
        """
        try:
            return self._finished(request, model, warnings)
        except LlmError as error:
            tokens_in, cached, tokens_out = self._tokens(request, [])
            error.tokens = Tokens(tokens_in, tokens_out, cached)
            raise

    def _finished(self, request: GenerationRequest, model: str, warnings: Sequence[str]) -> ProviderAnswer:
        if self.finish_reason in _BROKEN_OFF:
            raise LlmUnavailableError(f"{self.server} broke off its answer ('{self.finish_reason}').")
        warned = list(warnings)
        calls = self._tool_calls(warned)
        tokens_in, tokens_cached, tokens_out = self._tokens(request, warned)
        return ProviderAnswer(
            text=self.text,
            tool_calls=calls,
            finish_reason=self._finish_reason(bool(calls), warned),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            model=self.model or model,
            tokens_cached=tokens_cached,
            warnings=tuple(warned),
        )

    def _add_call(self, piece: object, *, is_whole: bool) -> None:
        if not isinstance(piece, Mapping) or not isinstance(function := piece.get("function") or {}, Mapping):
            self._refuse("a tool call is not an object")
        call_id, name, index = self._text_of(piece.get("id")), self._text_of(function.get("name")), piece.get("index")
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        # Servers that leave out the index, or number all calls 0, begin a call by its own id.
        if call is None or is_whole or (call_id and call.id and call_id != call.id):
            call = _PartialCall(index)
            self._calls.append(call)
        call.id = call.id or call_id
        if name != call.name:  # some servers repeat id and name in each piece
            call.name += name
        arguments = function.get("arguments")
        # Some servers send the arguments as an object instead of its JSON.
        call.arguments += json.dumps(arguments) if isinstance(arguments, Mapping) else self._text_of(arguments)

    def _tool_calls(self, warnings: list[str]) -> tuple[ToolCall, ...]:
        calls = []
        for call in self._calls:
            arguments, problem = read_arguments(call.arguments)
            if problem and self.finish_reason == "length":
                warnings.append("The answer was cut off within a tool call, which is left out.")
                continue
            if not call.name:
                self._refuse("a tool call has no name")
            call_id = call.id or f"call_{uuid.uuid4().hex[:24]}"
            calls.append(ToolCall(call_id, call.name, arguments, problem=problem))
        return tuple(calls)

    def _finish_reason(self, calls_tools: bool, warnings: list[str]) -> FinishReason:
        reason = _FINISH_REASONS.get(self.finish_reason or "stop")
        if reason is None:
            warnings.append(f"The server ended its answer with '{self.finish_reason[:40]}', which is taken for 'stop'.")
        if self._refused:
            return "content_filter"
        if calls_tools and reason in ("stop", None):
            return "tool_calls"
        if reason == "tool_calls" and not calls_tools:
            return "stop"
        return reason or "stop"

    def _tokens(self, request: GenerationRequest, warnings: list[str]) -> tuple[int, int, int]:
        """Tokens in, those of them from the cache, and tokens out: the server's count, else ours."""
        counted = self._counted()
        if counted is not None:
            return counted.tokens_in, counted.cached, counted.tokens_out
        warnings.append("The server did not count the tokens, so the usage is estimated.")
        written = [self.text, *(text for call in self._calls for text in (call.name, call.arguments))]
        return count_request(request), 0, sum(map(count_tokens, written))

    def _counted(self) -> Tokens | None:
        usage = self._usage or {}
        tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if not _is_count(tokens_in) or not _is_count(tokens_out):
            return None
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
        return Tokens(tokens_in, tokens_out, cached if _is_count(cached) else 0)

    def _text_of(self, value: object) -> str:
        """A text, or the texts of a list of content parts, as Mistral's models answer."""
        if value is None or isinstance(value, str):
            return value or ""
        if not isinstance(value, list):
            self._refuse("a text is not a string")
        return "".join(self._text_of(part.get("text")) for part in value if isinstance(part, Mapping))

    def _refuse(self, why: str) -> NoReturn:
        error = LlmMalformedAnswerError(f"{self.server} gave an answer that cannot be read: {why}.")
        error.tokens = self._counted()
        raise error


def read_embeddings(answer: Mapping[str, Any], request: EmbeddingRequest, model: str, server: str) -> EmbeddingAnswer:
    """The vectors of an embeddings list, by their `index`.

    Raises LlmMalformedAnswerError, and LlmUnsupportedError where the vectors are not as long as was asked for.
    """
    data = answer.get("data")
    if not isinstance(data, list) or len(data) != len(request.texts):
        found = len(data) if isinstance(data, list) else 0
        raise LlmMalformedAnswerError(f"{server} gave {found} vectors for {len(request.texts)} texts.")
    vectors: dict[int, tuple[float, ...]] = {}
    for place, item in enumerate(data):
        index = item.get("index", place) if isinstance(item, Mapping) else None
        numbers = item.get("embedding") if isinstance(item, Mapping) else None
        if not _is_count(index) or not isinstance(numbers, list) or not numbers or not all(map(_is_number, numbers)):
            raise LlmMalformedAnswerError(f"{server} gave an embedding that cannot be read.")
        vectors[index] = tuple(map(float, numbers))
    if sorted(vectors) != list(range(len(data))):
        raise LlmMalformedAnswerError(f"{server} gave vectors that do not belong to the texts.")
    if request.dimensions is not None and any(len(vector) != request.dimensions for vector in vectors.values()):
        given = len(vectors[0])
        raise LlmUnsupportedError(
            f"{server} gives vectors of {given} numbers with this model, not {request.dimensions}."
        )
    usage, named = answer.get("usage"), answer.get("model")
    tokens = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    return EmbeddingAnswer(
        vectors=tuple(vectors[place] for place in range(len(data))),
        tokens_in=tokens if _is_count(tokens) else sum(map(count_tokens, request.texts)),
        model=named if isinstance(named, str) and named else model,
    )


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
