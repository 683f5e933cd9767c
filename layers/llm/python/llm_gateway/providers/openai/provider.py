"""OpenAI, and every server that speaks its Chat Completions format: vLLM, Ollama, LM Studio, llama.cpp, SGLang.

Chat Completions rather than Responses, because the servers on one's own premises speak the former. A call is written by
`wire`, read by `answer`, and its errors are sorted by `errors`. Where a model refuses a parameter, the call is made again
without it, and the provider remembers so that the next call of the model is not refused.

The module imports the SDK; it is imported when one of its providers is first made.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx2
import openai
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from llm_gateway.errors import (
    LlmError,
    LlmMalformedAnswerError,
    LlmNotConfiguredError,
    LlmUnavailableError,
    LlmUnsupportedError,
)
from llm_gateway.providers.attempts import Attempt, Refusals
from llm_gateway.providers.http_clock import CONNECT_SECONDS, seconds_until, start_clock, watch_clock
from llm_gateway.providers.openai.answer import Draft, read_embeddings
from llm_gateway.providers.openai.errors import (
    error_of,
    error_of_response,
    is_about_dimensions,
    read_body,
    read_error,
    refusal_of,
)
from llm_gateway.providers.openai.wire import OF_ONE_REQUEST, ON_PREM, OPENAI, ChatCall, Dialect, chat_call
from llm_gateway.request import EmbeddingRequest, GenerationRequest
from llm_gateway.response import EmbeddingAnswer, ProviderAnswer, TextDelta

OPENAI_URL: Final = "https://api.openai.com/v1"


class _ChatProvider:
    """A server that speaks OpenAI's format. See `llm_gateway.providers.Provider`."""

    def __init__(self, dialect: Dialect, key: str, url: str) -> None:
        """A key of "" sends none. Raises LlmNotConfiguredError."""
        self._dialect = dialect
        self._client, self._secrets = _client(key, url)
        self._headers: Mapping[str, str | openai.Omit] = {} if key else {"Authorization": openai.omit}
        self._refusals = Refusals(OF_ONE_REQUEST)
        weakref.finalize(self, self._client.close)

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        """Continue the conversation."""
        attempt = self._first_attempt(model, request)
        while True:
            try:
                call = self._call(attempt, stream=False)
                completion = self._client.chat.completions.create(
                    **call.parameters, extra_headers=self._headers, timeout=_timeout(attempt.deadline)
                )
                return self._read(attempt, call, completion)
            except Exception as error:  # the SDK lets through errors of httpx2, json and others
                attempt = self._next_attempt(attempt, error, stream=False)

    def stream(self, model: str, request: GenerationRequest) -> Generator[TextDelta | ProviderAnswer, None, None]:
        """The same piece by piece; the whole answer comes last. Closing it ends the server's stream."""
        attempt = self._first_attempt(model, request)
        has_begun = False
        while True:
            try:
                with closing(self._stream(attempt)) as pieces:
                    for piece in pieces:
                        yield piece
                        has_begun = True
                return
            except Exception as error:  # as above
                if has_begun:
                    raise self._error(error) from None
                attempt = self._next_attempt(attempt, error, stream=True)

    def embed(self, model: str, request: EmbeddingRequest) -> EmbeddingAnswer:
        """One vector a text. No texts give no vectors, without a call.

        A call holds all texts: OpenAI takes 2,048, and 300,000 tokens (API reference, "Create embeddings").
        """
        if not request.texts:
            return EmbeddingAnswer((), 0, model)
        try:
            answer = self._client.embeddings.create(
                model=model,
                input=list(request.texts),
                dimensions=openai.omit if request.dimensions is None else request.dimensions,
                encoding_format="float",  # the SDK's own default, base64, is not known to all servers
                extra_headers=self._headers,
                timeout=_timeout(time.monotonic() + request.timeout_seconds),
            )
            if not isinstance(answer, CreateEmbeddingResponse):
                raise LlmMalformedAnswerError(
                    f"{self._dialect.server} gave an answer that is not a list of embeddings."
                )
            piece = answer.to_dict(warnings=False)
            self._raise_error_in(piece)
            return read_embeddings(piece, request, model, self._dialect.server)
        except Exception as error:  # as above
            if request.dimensions and isinstance(error, openai.APIError) and is_about_dimensions(error):
                raise LlmUnsupportedError(f"The model gives no vectors of {request.dimensions} numbers.") from None
            raise self._error(error) from None

    def _stream(self, attempt: Attempt) -> Generator[TextDelta | ProviderAnswer, None, None]:
        call = self._call(attempt, stream=True)
        draft = Draft(self._dialect.server)
        chunks = self._client.chat.completions.create(
            **call.parameters, stream=True, extra_headers=self._headers, timeout=_timeout(attempt.deadline)
        )
        with chunks:
            for chunk in chunks:
                if not isinstance(chunk, ChatCompletionChunk):
                    raise LlmMalformedAnswerError(
                        f"{self._dialect.server} sent a piece of an answer that is not a chunk of a completion."
                    )
                piece = chunk.to_dict(warnings=False)
                self._raise_error_in(piece)
                if text := draft.add(piece):
                    yield TextDelta(text)
        if not draft.finish_reason:
            raise LlmUnavailableError(f"{self._dialect.server} ended its stream in the middle of the answer.")
        self._refusals.remember(attempt)
        yield draft.finished(attempt.request, attempt.model, call.warnings)

    def _read(self, attempt: Attempt, call: ChatCall, completion: object) -> ProviderAnswer:
        draft = Draft(self._dialect.server)
        if isinstance(completion, ChatCompletion):
            piece = completion.to_dict(warnings=False)
            self._raise_error_in(piece)
            draft.add(piece)
        if not draft.has_begun:
            raise LlmMalformedAnswerError(f"{self._dialect.server} gave an answer that is not a chat completion.")
        self._refusals.remember(attempt)
        return draft.finished(attempt.request, attempt.model, call.warnings)

    def _first_attempt(self, model: str, request: GenerationRequest) -> Attempt:
        return self._refusals.first_attempt(model, request, self._dialect.known_refusals(model))

    def _call(self, attempt: Attempt, *, stream: bool) -> ChatCall:
        return chat_call(attempt.model, attempt.request, attempt.refused, self._dialect, stream=stream)

    def _next_attempt(self, attempt: Attempt, error: Exception, *, stream: bool) -> Attempt:
        """The attempt without what the model refuses. Raises the gateway's error where that is not what went wrong."""
        refusal = None
        if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
            refusal = refusal_of(read_error(error), self._call(attempt, stream=stream).parameters)
        if (following := attempt.without(refusal)) is None:
            raise self._error(error) from None
        return following

    def _raise_error_in(self, piece: Mapping[str, object]) -> None:
        """llama.cpp has answered errors with status 200, and vLLM has sent them as pieces of a stream."""
        body = piece if piece.get("object") == "error" else piece.get("error")
        if body and not piece.get("choices"):
            raise error_of_response(read_body(body), self._dialect.server, self._secrets)

    def _error(self, error: Exception) -> LlmError:
        return error_of(error, self._dialect.server, self._secrets)


class OpenAiProvider(_ChatProvider):
    """OpenAI. `OPENAI_API_KEY`, and optionally `OPENAI_BASE_URL` for a proxy or a region."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        key = variables.get("OPENAI_API_KEY", "").strip()
        if not key:
            raise LlmNotConfiguredError("There is no OPENAI_API_KEY.")
        super().__init__(OPENAI, key, variables.get("OPENAI_BASE_URL", "").strip() or OPENAI_URL)


class OnPremProvider(_ChatProvider):
    """A server of one's own. `ONPREM_BASE_URL`, with its `/v1`, and optionally `ONPREM_API_KEY`."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        url = variables.get("ONPREM_BASE_URL", "").strip()
        if not url:
            raise LlmNotConfiguredError("There is no ONPREM_BASE_URL.")
        super().__init__(ON_PREM, variables.get("ONPREM_API_KEY", "").strip(), url)


def _client(key: str, url: str) -> tuple[openai.OpenAI, tuple[str, ...]]:
    """The SDK's client, and what must not be said. Nothing comes from the environment but the network's own settings:
    proxies and certificates.
    """
    if not (key.isascii() and key.isprintable()):
        raise LlmNotConfiguredError("The API key holds characters that no key has.")
    address, user, password = _address(url)
    http = openai.DefaultHttpxClient(
        auth=(user, password) if user else None,
        event_hooks={"request": [start_clock], "response": [watch_clock]},
    )
    client = openai.OpenAI(
        api_key=key,
        admin_api_key="",
        organization="",
        project="",
        webhook_secret="",
        base_url=address,
        max_retries=0,
        http_client=http,
        _enforce_credentials=False,
    )
    # "" kept the SDK from reading the environment; None keeps it from sending empty headers.
    client.organization = client.project = client.admin_api_key = client.webhook_secret = None
    # OPENAI_CUSTOM_HEADERS has no argument that it gives way to; a test notices if these lines stop working.
    client._custom_headers = {}
    return client, tuple(secret for secret in (key, password) if secret)


def _address(url: str) -> tuple[str, str, str]:
    """A URL without its user and password, and these: httpx2 logs the URLs it asks. Raises LlmNotConfiguredError."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
        host = parts.hostname or ""
    except ValueError:
        raise LlmNotConfiguredError("The base URL of the model's server is not a valid URL.") from None
    if parts.scheme not in ("http", "https") or not host or not url.isascii():
        raise LlmNotConfiguredError("The base URL of the model's server must begin with http:// or https://.")
    name = f"[{host}]" if ":" in host else host
    address = parts._replace(netloc=f"{name}{port}", fragment="").geturl()
    return address, unquote(parts.username or ""), unquote(parts.password or "")


def _timeout(deadline: float) -> httpx2.Timeout:
    """What is left until a deadline, as the SDK wants it. Raises LlmTimeoutError when nothing is."""
    seconds = seconds_until(deadline)
    return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
