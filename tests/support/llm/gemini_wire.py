"""Answers in the Gemini API's wire format, field for field as its reference shows them: "GenerateContentResponse", the
stream of `streamGenerateContent?alt=sse`, "batchEmbedContents", and errors with the details of google.rpc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from llm_gateway.providers import Provider, make_provider
from llm_gateway.request import GenerationRequest, Image, Message, Text
from llm_gateway.response import ProviderAnswer
from tests.support.llm.vendor_server import Reply, VendorServer, json_reply, sse_event, sse_reply

KEY: Final = "AIzaSyD-abcdefghijklmnopqrstuvwxyz01234"
MODEL: Final = "gemini-2.5-flash"

_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def gemini_at(server: VendorServer | str, **variables: str) -> Provider:
    """Gemini's provider, led to a server."""
    url = server if isinstance(server, str) else server.url
    return make_provider("gemini", {"GOOGLE_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": url, **variables})


def ask(*parts: Text | Image, **fields: Any) -> GenerationRequest:
    """A conversation of one message, "Hello!" unless parts are given; `fields` are the request's other fields."""
    return GenerationRequest((Message("user", parts or (Text("Hello!"),)),), **{"timeout_seconds": 5.0, **fields})


def generate(reply: Reply, request: GenerationRequest | None = None, model: str = MODEL) -> ProviderAnswer:
    """What the provider makes of a reply."""
    with VendorServer(reply) as server:
        return gemini_at(server).generate(model, request or ask())


def sent(*replies: Reply, request: GenerationRequest, model: str = MODEL) -> tuple[list[Any], ProviderAnswer]:
    """The bodies that a request sends, and its answer; after the replies comes a plain answer."""
    with VendorServer(*replies, json_reply(response(text("Hi.")))) as server:
        answer = gemini_at(server).generate(model, request)
    return [received.body for received in server.requests], answer


def usage(prompt: int = 8, candidates: int | None = 10, **more: int) -> dict[str, Any]:
    """The usage; `thoughtsTokenCount` and `cachedContentTokenCount` may be among `more`. Gemini leaves out counts of 0."""
    counted = {} if candidates is None else {"candidatesTokenCount": candidates}
    total = prompt + (candidates or 0) + more.get("thoughtsTokenCount", 0)
    details = [{"modality": "TEXT", "tokenCount": prompt}]
    return {"promptTokenCount": prompt, **counted, "totalTokenCount": total, "promptTokensDetails": details, **more}


def text(words: str, **more: Any) -> dict[str, Any]:
    """A part of text."""
    return {"text": words, **more}


def thought(words: str) -> dict[str, Any]:
    """A part of thoughts, as they come with `includeThoughts`."""
    return {"text": words, "thought": True}


def function_call(
    name: str, arguments: Mapping[str, Any] | None, call_id: str | None = None, signature: str | None = None
) -> dict[str, Any]:
    """A part that calls a function; `signature` is base64."""
    call = {"name": name, **({} if arguments is None else {"args": dict(arguments)})}
    part = {"functionCall": call if call_id is None else {**call, "id": call_id}}
    return part if signature is None else {**part, "thoughtSignature": signature}


def response(*parts: Mapping[str, Any], finish_reason: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    """A GenerateContentResponse of one candidate, without content if there are no parts; `fields` replace those of the
    whole object. Chunks of a stream have the same form, all but the last without a reason.
    """
    candidate: dict[str, Any] = {"index": 0}
    if parts:
        candidate["content"] = {"parts": list(parts), "role": "model"}
    if finish_reason is not None:
        candidate["finishReason"] = finish_reason
    return {
        "candidates": [candidate],
        "usageMetadata": usage(),
        "modelVersion": MODEL,
        "responseId": "XNcdaKvoKfmRvdIPuovH2QI",
        **fields,
    }


def answer(words: str, *, model: str = MODEL) -> dict[str, Any]:
    """A whole answer of text."""
    return response(text(words), modelVersion=model)


def chunk(*parts: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A chunk that is not the last."""
    return response(*parts, finish_reason=None, **{"usageMetadata": usage(8, None), **fields})


def stream_reply(*chunks: Any, **timing: Any) -> Reply:
    """A stream of these chunks; Gemini sends no mark of the end."""
    return sse_reply(*map(sse_event, chunks), **timing)


def blocked(reason: str = "PROHIBITED_CONTENT") -> dict[str, Any]:
    """What comes for a prompt that is blocked: no candidates."""
    return {
        "promptFeedback": {"blockReason": reason},
        "usageMetadata": usage(8, None),
        "modelVersion": MODEL,
        "responseId": "XNcdaKvoKfmRvdIPuovH2QI",
    }


def error(message: str, code: int = 400, *details: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an error."""
    body: dict[str, Any] = {"code": code, "message": message, "status": _STATUSES.get(code, "UNKNOWN")}
    return {"error": {**body, "details": list(details)} if details else body}


def error_reply(
    message: str, code: int = 400, *details: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Reply:
    """An error's answer."""
    return Reply(code, headers or {}, error(message, code, *details))


def error_info(reason: str) -> dict[str, Any]:
    """google.rpc.ErrorInfo."""
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }


def retry_info(delay: str) -> dict[str, Any]:
    """google.rpc.RetryInfo; a delay is such as `23s`."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota_failure(per: str, value: str = "10") -> dict[str, Any]:
    """google.rpc.QuotaFailure; a quota is per `Minute` or `Day`."""
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "quotaId": f"GenerateRequestsPer{per}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": MODEL},
        "quotaValue": value,
    }
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


def embeddings(*vectors: Sequence[float], **fields: Any) -> Reply:
    """A BatchEmbedContentsResponse."""
    return json_reply({"embeddings": [{"values": list(vector)} for vector in vectors], **fields})
