"""Amazon Bedrock, by boto3's `bedrock-runtime`: Converse and ConverseStream for any model, InvokeModel for embeddings.

Permissions: bedrock:InvokeModel, and bedrock:InvokeModelWithResponseStream to stream.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from llm_gateway.errors import LlmError, LlmInvalidRequestError, LlmTimeoutError
from llm_gateway.providers.bedrock.answer import StreamedAnswer, answer_of
from llm_gateway.providers.bedrock.clients import BedrockClients, BedrockRuntime
from llm_gateway.providers.bedrock.embeddings import Invoked, embed
from llm_gateway.providers.bedrock.errors import error_of, validation_message
from llm_gateway.providers.bedrock.refusals import WARNINGS, Spared, refusal_in
from llm_gateway.providers.bedrock.wire import ConverseCall, converse_call, has_tools
from llm_gateway.request import EmbeddingRequest, GenerationRequest
from llm_gateway.response import EmbeddingAnswer, ProviderAnswer, TextDelta

Pieces = Generator[TextDelta | ProviderAnswer, None, None]


class BedrockProvider:
    """Bedrock with the credentials, region and endpoint that the variables name (`clients`).

    What a model refuses is remembered for the life of the instance, so it is asked in vain only once.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._clients = BedrockClients(variables)
        self._lock = threading.Lock()
        self._spared: dict[str, Spared] = {}

    def generate(self, model: str, request: GenerationRequest) -> ProviderAnswer:
        """See `Provider`. A model that refuses a part of the request is asked again without, within the same time."""
        spared, clock = self._spared_of(model), _Clock(request.timeout_seconds)
        while True:
            client = self._client(model, clock)
            call = self._call(client, model, request, spared, is_streamed=False)
            try:
                return answer_of(client.converse(**call.arguments), model, call.warnings)
            except Exception as error:
                spared = self._without_what_is_refused(error, model, call, spared)

    def stream(self, model: str, request: GenerationRequest) -> Pieces:
        """See `Provider`. A model that does not stream answers in one piece."""
        spared, clock = self._spared_of(model), _Clock(request.timeout_seconds)
        while True:
            if "streaming" in spared.features or ("streaming_tools" in spared.features and has_tools(request)):
                yield from self._in_one_piece(model, request, spared, clock)
                return
            client = self._client(model, clock)
            call = self._call(client, model, request, spared, is_streamed=True)
            collected = StreamedAnswer()
            try:
                yield from self._deltas(client, call, collected, clock)
                yield answer_of(collected.response(), model, call.warnings)
                return
            except Exception as error:
                if collected.has_begun:  # what was said cannot be unsaid, so nothing is asked again
                    raise self._error(error, model) from None
                spared = self._without_what_is_refused(error, model, call, spared)

    def embed(self, model: str, request: EmbeddingRequest) -> EmbeddingAnswer:
        """See `Provider`. LlmUnsupportedError for models other than Titan, Cohere Embed and Nova."""
        clock = _Clock(request.timeout_seconds)

        def invoke(body: dict[str, Any]) -> Invoked:
            response = self._client(model, clock).invoke_model(
                modelId=model, body=json.dumps(body), contentType="application/json", accept="application/json"
            )
            return Invoked(json.loads(response["body"].read()), response["ResponseMetadata"]["HTTPHeaders"])

        try:
            return embed(model, request, invoke)
        except Exception as error:
            raise self._error(error, model) from None

    def _in_one_piece(self, model: str, request: GenerationRequest, spared: Spared, clock: _Clock) -> Pieces:
        answer = self.generate(model, replace(request, timeout_seconds=clock.remaining()))
        if answer.text:
            yield TextDelta(answer.text)
        warning = WARNINGS["streaming" if "streaming" in spared.features else "streaming_tools"]
        yield replace(answer, warnings=(*answer.warnings, warning))

    def _deltas(
        self, client: BedrockRuntime, call: ConverseCall, collected: StreamedAnswer, clock: _Clock
    ) -> Generator[TextDelta, None, None]:
        # Closing the event stream closes its connection, which ends the model's work.
        with closing(client.converse_stream(**call.arguments)["stream"]) as events:
            for event in events:
                if text := collected.add(event):
                    yield TextDelta(text)
                if not collected.has_ended:
                    clock.remaining()  # the client's timeout is for each event, not for all of them

    def _call(
        self, client: BedrockRuntime, model: str, request: GenerationRequest, spared: Spared, *, is_streamed: bool
    ) -> ConverseCall:
        has_output_config = _has_output_config(client)
        try:
            return converse_call(model, request, spared, has_output_config=has_output_config, is_streamed=is_streamed)
        except (TypeError, ValueError, RecursionError):
            raise LlmInvalidRequestError("The request cannot be written as JSON.") from None

    def _client(self, model: str, clock: _Clock) -> BedrockRuntime:
        try:
            return self._clients.client(clock.remaining())
        except Exception as error:
            raise self._error(error, model) from None

    def _error(self, error: Exception, model: str) -> LlmError:
        return error_of(error, model, self._clients.secrets)

    def _without_what_is_refused(self, error: Exception, model: str, call: ConverseCall, spared: Spared) -> Spared:
        """What to spare the model if the error says what it refuses; else raises the gateway's error for it."""
        message = validation_message(error)
        max_tokens = call.arguments.get("inferenceConfig", {}).get("maxTokens")
        refusal = None if message is None else refusal_in(message, frozenset(call.used), max_tokens)
        if refusal is None:
            raise self._error(error, model) from None
        if refusal.is_lasting:
            with self._lock:
                self._spared[model] = self._spared.get(model, Spared()).and_also(refusal)
        return spared.and_also(refusal)

    def _spared_of(self, model: str) -> Spared:
        with self._lock:
            return self._spared.get(model, Spared())


class _Clock:
    """The time that a call may take, however often the model is asked in it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start: float | None = None

    def remaining(self) -> float:
        """Seconds left, all of them at first. LlmTimeoutError if there are none."""
        now = time.monotonic()
        if self._start is None:
            self._start = now
        left = self._seconds - (now - self._start)
        if left <= 0:
            raise LlmTimeoutError("Bedrock did not answer in time.")
        return left


def _has_output_config(client: BedrockRuntime) -> bool:
    """Whether this boto3 knows structured output; that of Lambda's runtime may be older."""
    members = client.meta.service_model.operation_model("Converse").input_shape.members
    return "outputConfig" in members and "textFormat" in members["outputConfig"].members
