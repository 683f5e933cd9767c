"""What Bedrock answers to Converse and ConverseStream, as an answer of the gateway.

A stream is collected into the shape of a whole response
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html), so both are read alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from llm_gateway.errors import LlmContextTooLongError, LlmError, LlmMalformedAnswerError
from llm_gateway.json_reader import read_arguments
from llm_gateway.providers.bedrock.wire import replay_of
from llm_gateway.request import ToolCall
from llm_gateway.response import FinishReason, ProviderAnswer, Tokens

_FINISH: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_MALFORMED: Final = frozenset({"malformed_model_output", "malformed_tool_use"})
_CUT_CALL: Final = "The answer ended within a tool call, so that call was left out."

Json = dict[str, Any]


def answer_of(response: Mapping[str, Any], model: str, warnings: Iterable[str]) -> ProviderAnswer:
    """Read a response.

    Raises LlmMalformedAnswerError for one that cannot be read or that Bedrock itself calls malformed, and
    LlmContextTooLongError if the context was full before the answer was whole.
    """
    try:
        content, stop_reason = response["output"]["message"]["content"], str(response["stopReason"])
    except (KeyError, TypeError):
        raise LlmMalformedAnswerError("Bedrock gave an answer without a message.") from None
    tokens = _tokens(response)
    try:
        return _answer_of(response, content, stop_reason, model, tokens, warnings)
    except LlmError as error:
        error.tokens = tokens
        raise


def _answer_of(
    response: Mapping[str, Any],
    content: list[Mapping[str, Any]],
    stop_reason: str,
    model: str,
    tokens: Tokens,
    warnings: Iterable[str],
) -> ProviderAnswer:
    if stop_reason in _MALFORMED:
        raise LlmMalformedAnswerError(f"The model gave an answer that Bedrock could not read ({stop_reason}).")
    if stop_reason == "model_context_window_exceeded":
        raise LlmContextTooLongError("The model's context was full before its answer was whole.")
    said = list(warnings)
    finish = _FINISH.get(stop_reason, "stop")
    # Cut off within a call, its arguments may lack what matters; what is not whole must not be carried out.
    if finish == "length" and content and "toolUse" in content[-1]:
        content = content[:-1]
        said.append(_CUT_CALL)
    calls = _tool_calls(content, model)
    if finish in ("stop", "tool_calls"):
        finish = "tool_calls" if calls else "stop"
    text = "".join(block["text"] for block in content if "text" in block)
    answered = _model_of(response, model)
    return ProviderAnswer(
        text, calls, finish, tokens.tokens_in, tokens.tokens_out, answered, tokens.cached, tuple(said)
    )


def _tokens(response: Mapping[str, Any]) -> Tokens:
    """Bedrock's inputTokens are those that were neither read from a cache nor written to it
    (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html); the gateway counts all.
    """
    usage = response.get("usage") or {}
    cached = int(usage.get("cacheReadInputTokens", 0))
    tokens_in = int(usage.get("inputTokens", 0)) + cached + int(usage.get("cacheWriteInputTokens", 0))
    return Tokens(tokens_in, int(usage.get("outputTokens", 0)), cached)


class StreamedAnswer:
    """Collects the events of a stream. `has_begun` once the model has said something, `has_ended` once it is done."""

    def __init__(self) -> None:
        self.has_begun = False
        self._blocks: dict[int, Json] = {}
        self._stop_reason: str | None = None
        self._rest: Json = {}

    @property
    def has_ended(self) -> bool:
        """Whether the model is done; what it took may still come."""
        return self._stop_reason is not None

    def add(self, event: Mapping[str, Any]) -> str:
        """Take an event in; gives the piece of text that it brought, "" without one."""
        match event:
            case {"contentBlockStart": {"contentBlockIndex": int(index), "start": {"toolUse": {**call}}}}:
                self.has_begun = True
                self._blocks[index] = {"toolUse": {**call, "input": ""}}
            case {"contentBlockDelta": {"contentBlockIndex": int(index), "delta": {}}}:
                self.has_begun = True
                return self._add_delta(index, event["contentBlockDelta"]["delta"])
            case {"messageStop": {"stopReason": str(stop_reason)}}:
                self._stop_reason = stop_reason
            case {"metadata": {**metadata}}:
                self._rest = {name: metadata[name] for name in ("usage", "trace") if name in metadata}
        return ""

    def response(self) -> Json:
        """The whole as Converse gives it. LlmMalformedAnswerError for a stream that ended too early."""
        if self._stop_reason is None:
            raise LlmMalformedAnswerError("Bedrock's stream ended before the answer was whole.")
        content = [self._blocks[index] for index in sorted(self._blocks)]
        return {"output": {"message": {"content": content}}, "stopReason": self._stop_reason, **self._rest}

    def _add_delta(self, index: int, delta: Mapping[str, Any]) -> str:
        match delta:
            case {"text": str(text)}:
                block = self._blocks.setdefault(index, {"text": ""})
                block["text"] += text
                return text
            case {"toolUse": {"input": str(piece)}}:
                self._blocks[index]["toolUse"]["input"] += piece
            case {"reasoningContent": {"redactedContent": bytes(piece)}}:
                block = self._blocks.setdefault(index, {"reasoningContent": {"redactedContent": b""}})
                block["reasoningContent"]["redactedContent"] += piece
            case {"reasoningContent": {**reasoning}}:
                block = self._blocks.setdefault(index, {"reasoningContent": {"reasoningText": {"text": ""}}})
                thought = block["reasoningContent"]["reasoningText"]
                for name in ("text", "signature"):
                    if name in reasoning:
                        thought[name] = thought.get(name, "") + reasoning[name]
        return ""


def _tool_calls(content: Iterable[Mapping[str, Any]], model: str) -> tuple[ToolCall, ...]:
    """The calls; those that Bedrock itself carries out (`server_tool_use`) are none. The first keeps the reasoning."""
    blocks = [block["toolUse"] for block in content if "toolUse" in block]
    asked = [block for block in blocks if block.get("type") != "server_tool_use"]
    replay = replay_of(model, (block["reasoningContent"] for block in content if "reasoningContent" in block))
    calls = []
    for position, block in enumerate(asked):
        try:
            call_id, name, given = block["toolUseId"], block["name"], block["input"]
        except KeyError:
            raise LlmMalformedAnswerError("The model called a tool without saying which, or with what.") from None
        arguments, problem = read_arguments(given)  # a stream gives JSON text, empty for a call without arguments
        calls.append(ToolCall(call_id, name, arguments, None if position else replay, problem))
    return tuple(calls)


def _model_of(response: Mapping[str, Any], model: str) -> str:
    """Bedrock names the model that answered only if a prompt router chose it."""
    router = (response.get("trace") or {}).get("promptRouter") or {}
    return str(router.get("invokedModelId") or model)
