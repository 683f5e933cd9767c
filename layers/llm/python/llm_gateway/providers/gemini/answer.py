"""Answers of Gemini, whole or in pieces, as answers of the gateway (Gemini API reference, "GenerateContentResponse").

The module imports the SDK; see `client`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from google.genai import types

from llm_gateway.errors import (
    LlmContentFilterError,
    LlmError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmUnsupportedError,
)
from llm_gateway.json_reader import read_arguments
from llm_gateway.providers.gemini.wire import call_id_for
from llm_gateway.request import EmbeddingRequest, GenerationRequest, ToolCall
from llm_gateway.response import FinishReason, ProviderAnswer, Tokens
from llm_gateway.tokens import count_request, count_tokens

NO_SIGNATURE: Final = "MISSING_THOUGHT_SIGNATURE"

_FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "ESCALATION", "MODEL_ARMOR",
         "PUP_LIMITED_DISABLED", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
        "content_filter",
    ),
}  # fmt: skip
_MALFORMED: Final = frozenset(
    {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"}
)


@dataclass(slots=True)
class Draft:
    """An answer as far as it has come in. A whole response is a stream of one piece. Of several candidates the first
    counts: no more are asked for.
    """

    text: str = ""
    finish_reason: str = ""
    model: str = ""
    has_begun: bool = False
    _blocked: str = ""
    _calls: list[types.Part] = field(default_factory=list)
    _thoughts: str = ""
    _usage: types.GenerateContentResponseUsageMetadata | None = None

    def add(self, piece: types.GenerateContentResponse) -> str:
        """Take in a response or a chunk of one; gives the text that is new."""
        self.model = piece.model_version or self.model
        self._usage = piece.usage_metadata or self._usage
        if piece.prompt_feedback is not None and piece.prompt_feedback.block_reason is not None:
            self._blocked = piece.prompt_feedback.block_reason.value
        if not piece.candidates:
            return ""
        candidate = piece.candidates[0]
        self.has_begun = True
        if candidate.finish_reason is not None and candidate.finish_reason.value != "FINISH_REASON_UNSPECIFIED":
            self.finish_reason = candidate.finish_reason.value
        new = ""
        for part in (candidate.content and candidate.content.parts) or ():
            if part.function_call is not None:
                self._calls.append(part)
            elif part.thought:
                self._thoughts += part.text or ""
            else:
                new += part.text or ""
        self.text += new
        return new

    def finished(self, request: GenerationRequest, model: str, warnings: Sequence[str] = ()) -> ProviderAnswer:
        """The answer to a request. Raises LlmContentFilterError where the prompt was blocked, LlmInvalidRequestError where
        a signature is missing, and LlmMalformedAnswerError; with the tokens that were paid for, where there was an answer.
        """
        try:
            return self._finished(request, model, warnings)
        except LlmError as error:
            if self.has_begun:
                tokens_in, cached, tokens_out = self._tokens(request, [])
                error.tokens = Tokens(tokens_in, tokens_out, cached)
            raise

    def _finished(self, request: GenerationRequest, model: str, warnings: Sequence[str]) -> ProviderAnswer:
        if self._blocked and not self.has_begun:
            raise LlmContentFilterError(f"Gemini refuses the prompt ({self._blocked[:40]}).")
        if not self.has_begun:
            raise LlmMalformedAnswerError("Gemini gave an answer without a candidate.")
        if not self.finish_reason:
            raise LlmMalformedAnswerError("Gemini broke off in the middle of its answer.")
        if self.finish_reason == NO_SIGNATURE:
            raise LlmInvalidRequestError(f"Gemini ended its answer with '{NO_SIGNATURE}'.")
        if self.finish_reason in _MALFORMED:
            raise LlmMalformedAnswerError(f"Gemini gave an answer that cannot be used ('{self.finish_reason}').")
        warned = list(warnings)
        calls = self._tool_calls(request)
        tokens_in, tokens_cached, tokens_out = self._tokens(request, warned)
        return ProviderAnswer(
            text=self.text,
            tool_calls=calls,
            finish_reason=self._finish_reason(bool(calls), warned),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            model=self.model or model.removeprefix("models/"),
            tokens_cached=tokens_cached,
            warnings=tuple(warned),
        )

    def _tool_calls(self, request: GenerationRequest) -> tuple[ToolCall, ...]:
        calls = []
        for position, part in enumerate(self._calls):
            call = part.function_call
            if call is None or not call.name:
                raise LlmMalformedAnswerError("Gemini gave a function call without a name.")
            arguments, problem = read_arguments(call.args)
            call_id = call.id or call_id_for(request, position, call.name, arguments)
            signature = part.thought_signature
            replay = base64.b64encode(signature).decode() if signature else None
            calls.append(ToolCall(call_id, call.name, arguments, replay, problem))
        return tuple(calls)

    def _finish_reason(self, calls_tools: bool, warnings: list[str]) -> FinishReason:
        reason = _FINISH_REASONS.get(self.finish_reason)
        if reason is None:
            if not calls_tools and not self.text:
                raise LlmMalformedAnswerError(f"Gemini gave an empty answer ('{self.finish_reason[:40]}').")
            warnings.append(f"Gemini ended its answer with '{self.finish_reason[:40]}', which is taken for 'stop'.")
        return "tool_calls" if calls_tools and reason in ("stop", None) else reason or "stop"

    def _tokens(self, request: GenerationRequest, warnings: list[str]) -> tuple[int, int, int]:
        """Tokens in, those of them from the cache, and tokens out with the thoughts: Gemini's count, else ours. Counts of
        nothing are left out by Gemini.
        """
        usage = self._usage
        if usage is not None and usage.prompt_token_count is not None:
            tokens_out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
            return usage.prompt_token_count, usage.cached_content_token_count or 0, tokens_out
        warnings.append("Gemini did not count the tokens, so the usage is estimated.")
        calls = [part.function_call for part in self._calls if part.function_call is not None]
        written = [self.text, self._thoughts, *(f"{call.name} {json.dumps(call.args or {})}" for call in calls)]
        return count_request(request), 0, sum(map(count_tokens, written))


def read_vectors(
    answer: types.EmbedContentResponse, count: int, request: EmbeddingRequest
) -> tuple[tuple[float, ...], ...]:
    """The vectors of `count` texts. Raises LlmMalformedAnswerError, and LlmUnsupportedError where they are not as long as
    was asked for.
    """
    embeddings = answer.embeddings or []
    if len(embeddings) != count:
        raise LlmMalformedAnswerError(f"Gemini gave {len(embeddings)} vectors for {count} texts.")
    vectors = tuple(tuple(embedding.values or ()) for embedding in embeddings)
    if not all(vectors):
        raise LlmMalformedAnswerError("Gemini gave an embedding that cannot be read.")
    for vector in vectors:
        if request.dimensions is not None and len(vector) != request.dimensions:
            raise LlmUnsupportedError(
                f"Gemini gives vectors of {len(vector)} numbers with this model, not {request.dimensions}."
            )
    return vectors
