"""Google's Gemini API, over the google-genai SDK.

A call is written by `wire`, read by `answer`, sent by `client`, and its errors are sorted by `errors`. Where a model
refuses a part of a request, the call is made again without it, and the provider remembers so that the next call of the
model is not refused.

The module imports the SDK; it is imported when a provider is first made.
"""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Final

from google.genai import types

from llm_gateway.errors import (
    LlmError,
    LlmModelNotFoundError,
    LlmNotConfiguredError,
    LlmUnsupportedError,
)
from llm_gateway.providers.attempts import Attempt, Refusals
from llm_gateway.providers.gemini.answer import Draft, read_vectors
from llm_gateway.providers.gemini.client import GEMINI_URL, Sent, make_client, options_until, watched
from llm_gateway.providers.gemini.errors import error_of, is_about_dimensions, refusal_of
from llm_gateway.providers.gemini.wire import OF_ONE_REQUEST, GeminiCall, gemini_call
from llm_gateway.request import EmbeddingRequest, GenerationRequest
from llm_gateway.response import EmbeddingAnswer, ProviderAnswer, TextDelta
from llm_gateway.tokens import count_tokens

TEXTS_OF_A_BATCH: Final = 100
"""More are refused: "at most 100 requests can be in one batch"."""

_MODEL: Final = re.compile(r"(?:models/|tunedModels/)?[A-Za-z0-9][A-Za-z0-9._-]*")


class GeminiProvider:
    """Gemini. `GOOGLE_API_KEY` or else `GEMINI_API_KEY`, and optionally `GOOGLE_GEMINI_BASE_URL` for a proxy, without
    its `/v1beta`. See `llm_gateway.providers.Provider`.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Raises LlmNotConfiguredError."""
        keys = (variables.get(name, "").strip() for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"))
        key = next(filter(None, keys), "")
        if not key:
            raise LlmNotConfiguredError("There is no GOOGLE_API_KEY, nor a GEMINI_API_KEY.")
        self._secrets = (key,)
        self._client, http = make_client(key, variables.get("GOOGLE_GEMINI_BASE_URL", "").strip() or GEMINI_URL)
        self._refusals = Refusals(OF_ONE_REQUEST)
        weakref.finalize(self, http.close)

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        """Continue the conversation."""
        attempt = self._first_attempt(model, request)
        while True:
            sent = Sent()
            try:
                call = _call(attempt)
                with watched(sent):
                    response = self._client.models.generate_content(
                        model=model, contents=list(call.contents), config=call.config
                    )
                draft = Draft()
                draft.add(response)
                answer = draft.finished(request, model, call.warnings)
                self._refusals.remember(attempt)
                return answer
            except Exception as error:  # the SDK lets through errors of httpx2, pydantic, json and others
                attempt = self._next_attempt(attempt, error, sent)

    def stream(self, model: str, request: GenerationRequest) -> Generator[TextDelta | ProviderAnswer, None, None]:
        """The same piece by piece; the whole answer comes last. Closing the iterator ends Gemini's stream."""
        attempt = self._first_attempt(model, request)
        has_begun = False
        while True:
            sent = Sent()
            try:
                with closing(self._stream(attempt, sent)) as pieces:
                    for piece in pieces:
                        has_begun = True
                        yield piece
                return
            except Exception as error:  # as above
                if has_begun:
                    raise self._error(error, sent) from None
                attempt = self._next_attempt(attempt, error, sent)

    def embed(self, model: str, request: EmbeddingRequest) -> EmbeddingAnswer:
        """One vector a text. No texts give no vectors, without a call; many are sent in several batches."""
        deadline = time.monotonic() + request.timeout_seconds
        vectors: list[tuple[float, ...]] = []
        tokens_in = 0
        for start in range(0, len(request.texts), TEXTS_OF_A_BATCH):
            texts = request.texts[start : start + TEXTS_OF_A_BATCH]
            found, tokens = self._embed(model, texts, request, deadline)
            vectors.extend(found)
            tokens_in += tokens
        return EmbeddingAnswer(tuple(vectors), tokens_in, model.removeprefix("models/"))

    def _embed(
        self, model: str, texts: tuple[str, ...], request: EmbeddingRequest, deadline: float
    ) -> tuple[tuple[tuple[float, ...], ...], int]:
        """Vectors and tokens of a batch."""
        sent = Sent()
        try:
            _check_model(model)
            config = types.EmbedContentConfig(
                output_dimensionality=request.dimensions, http_options=options_until(deadline)
            )
            # As contents of their own: texts alone would be taken by newer models for parts of a single one.
            contents: list[types.ContentUnion] = [types.Content(parts=[types.Part(text=text)]) for text in texts]
            with watched(sent):
                answer = self._client.models.embed_content(model=model, contents=contents, config=config)
            vectors = read_vectors(answer, len(texts), request)
        except Exception as error:  # as above
            if request.dimensions and is_about_dimensions(error):
                raise LlmUnsupportedError(f"The model gives no vectors of {request.dimensions} numbers.") from None
            raise self._error(error, sent) from None
        counted = answer.usage_metadata.prompt_token_count if answer.usage_metadata is not None else None
        return vectors, sum(map(count_tokens, texts)) if counted is None else counted

    def _stream(self, attempt: Attempt, sent: Sent) -> Generator[TextDelta | ProviderAnswer, None, None]:
        call = _call(attempt)
        draft = Draft()
        chunks = self._client.models.generate_content_stream(
            model=attempt.model, contents=list(call.contents), config=call.config
        )
        try:
            with watched(sent):  # the first chunk sends the request
                chunk = next(chunks, None)
            while chunk is not None:
                if text := draft.add(chunk):
                    yield TextDelta(text)
                chunk = next(chunks, None)
        finally:
            if sent.response is not None:  # which the SDK leaves open
                sent.response.close()
        answer = draft.finished(attempt.request, attempt.model, call.warnings)
        self._refusals.remember(attempt)
        yield answer

    def _first_attempt(self, model: str, request: GenerationRequest) -> Attempt:
        _check_model(model)
        return self._refusals.first_attempt(model, request)

    def _next_attempt(self, attempt: Attempt, error: Exception, sent: Sent) -> Attempt:
        """The attempt without what the model refuses. Raises the gateway's error where that is not what went wrong."""
        refusal = None
        if attempt.deadline > time.monotonic():
            refusal = refusal_of(error, _call(attempt).sent)
        if (following := attempt.without(refusal)) is None:
            raise self._error(error, sent) from None
        return following

    def _error(self, error: Exception, sent: Sent) -> LlmError:
        return error_of(error, sent.response, self._secrets)


def _call(attempt: Attempt) -> GeminiCall:
    """What is sent now."""
    return gemini_call(attempt.request, attempt.refused, options_until(attempt.deadline))


def _check_model(model: str) -> None:
    """A name is a part of the URL: one that is none must not lead elsewhere."""
    if not _MODEL.fullmatch(model):
        raise LlmModelNotFoundError(
            f"'{model[:100]}' is not a valid name of a model of Gemini. A valid one is gemini-2.5-flash."
        )
