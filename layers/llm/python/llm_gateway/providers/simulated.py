"""A model that is not there: answers at once, the same to the same request, and says what it is.

It is for workflows that are written or tested before there are keys. It calls no tools, honours a response schema, and
counts tokens as roughly as the real counts are when a vendor tells none.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Generator, Mapping
from typing import Final

from llm_gateway.errors import LlmInvalidRequestError
from llm_gateway.request import EmbeddingRequest, GenerationRequest, Image, Text, ToolCall, ToolResult
from llm_gateway.response import EmbeddingAnswer, ProviderAnswer, TextDelta
from llm_gateway.sampling import CannotSampleError, sample
from llm_gateway.tokens import count_request, count_tokens

DIMENSIONS: Final = 256
MAX_SHOWN_CHARACTERS: Final = 200
_WORD: Final = re.compile(r"\w+")
_PIECE: Final = re.compile(r"\S+\s*")


class SimulatedProvider:
    """Answers for any model. Needs no configuration."""

    def __init__(self, _variables: Mapping[str, str]) -> None:
        pass

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        """An answer that says that it is simulated; with a response format, JSON that fits it.

        Raises LlmInvalidRequestError for a response schema to which no value is found.
        """
        text = self._text(model, request)
        tokens_out = count_tokens(text)
        if request.max_tokens is None or tokens_out <= request.max_tokens or request.response_format is not None:
            return ProviderAnswer(text, (), "stop", count_request(request), tokens_out, model)
        text = _first_tokens(text, request.max_tokens)
        return ProviderAnswer(text, (), "length", count_request(request), count_tokens(text), model)

    def stream(self, model: str, request: GenerationRequest) -> Generator[TextDelta | ProviderAnswer, None, None]:
        """The same word by word."""
        answer = self.generate(model, request)
        for piece in _PIECE.finditer(answer.text):
            yield TextDelta(piece[0])
        yield answer

    def embed(self, model: str, request: EmbeddingRequest) -> EmbeddingAnswer:
        """Unit vectors in which texts with the same words are near: each word counts in a dimension that its hash picks."""
        size = request.dimensions or DIMENSIONS
        vectors = tuple(_vector(text, size) for text in request.texts)
        return EmbeddingAnswer(vectors, sum(map(count_tokens, request.texts)), model)

    def _text(self, model: str, request: GenerationRequest) -> str:
        asked, before = _last_words(request), _before(request)
        notice = f"This is a simulated answer; the model '{model}' was not asked."
        if request.response_format is None:
            return f"{notice} The query was: {asked}{before}"
        if request.response_format.schema is None:
            return json.dumps({"simulated": True, "message": notice, "query": asked}, ensure_ascii=False)
        try:
            value = sample(request.response_format.schema, _fingerprint(model, request))
        except CannotSampleError as error:
            raise LlmInvalidRequestError(str(error)) from None
        return json.dumps(value, ensure_ascii=False)


def _first_tokens(text: str, number: int) -> str:
    """As many whole words as do not take more tokens."""
    kept = ""
    for piece in _PIECE.finditer(text):
        if count_tokens(kept + piece[0]) > number:
            break
        kept += piece[0]
    return kept.rstrip()


def _last_words(request: GenerationRequest) -> str:
    texts = [p.text for m in request.messages if m.role == "user" for p in m.parts if isinstance(p, Text)]
    return _shown(texts[-1] if texts else "")


def _before(request: GenerationRequest) -> str:
    """What shows that a conversation goes on: how much of it the model was told, and its beginning."""
    *earlier, _ = [p.text for m in request.messages for p in m.parts if isinstance(p, Text)] or [""]
    if not earlier:
        return ""
    were = "a message was said" if len(earlier) == 1 else f"{len(earlier)} messages were said, the first of them"
    return f" Before it {were}: {_shown(earlier[0])}"


def _shown(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= MAX_SHOWN_CHARACTERS else shown[: MAX_SHOWN_CHARACTERS - 1] + "…"


def _fingerprint(model: str, request: GenerationRequest) -> str:
    digest = hashlib.sha256(f"{model}\0{request.system or ''}".encode())
    for message in request.messages:
        for part in message.parts:
            match part:
                case Text(text=text):
                    content = text.encode()
                case Image(data=data):
                    content = data
                case ToolCall(name=name, arguments=arguments):
                    content = f"{name}{json.dumps(dict(arguments), sort_keys=True)}".encode()
                case ToolResult(content=result):
                    content = result.encode()
            digest.update(f"{message.role} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _vector(text: str, size: int) -> tuple[float, ...]:
    values = [0.0] * size
    for word in _WORD.findall(text.lower()) or [text]:
        digest = hashlib.sha256(word.encode()).digest()
        values[int.from_bytes(digest[:4], "big") % size] += 1.0 if digest[4] & 1 else -1.0
    length = math.sqrt(sum(value * value for value in values))
    if length == 0:  # words that cancel each other out
        values[0], length = 1.0, 1.0
    return tuple(value / length for value in values)
