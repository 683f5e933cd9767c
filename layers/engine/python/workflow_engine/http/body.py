"""The body of a request as a JSON value, read strictly from JSON or YAML (`workflow_engine.documents`). And how large requests and
answers may be.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine.documents.json_text import parse_json
from workflow_engine.documents.limits import MAX_DOCUMENT_BYTES
from workflow_engine.errors import MalformedJsonError, PayloadTooLargeError, UnsupportedMediaTypeError
from workflow_engine.http.powertools import APIGatewayProxyEventV2
from workflow_engine.language.diagnostics import Json

MAX_BODY_BYTES: Final = MAX_DOCUMENT_BYTES

MAX_ANSWER_BYTES: Final = 6_291_556
"""What Lambda takes from a function: the number is in its error Function.ResponseSizeTooLarge, the quotas say 6 MB
("Invocation payload"). An answer that is larger reaches the client as a 502 without a word."""

YAML_TYPES: Final = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml")
"""RFC 9512 registers the first and names the others as in use. A type that ends in `+yaml` is one, too."""


def json_body(event: APIGatewayProxyEventV2, *, when_empty: Json | None = None) -> Json:
    """The value of the body: JSON, or YAML where the content type says so.

    `when_empty` is what a request without a body means; None says that a body is needed.

    Raises `MalformedDocumentError` for a body that is absent, not UTF-8, or neither JSON of RFC 8259 with unique member names nor
    what `parse_yaml` takes, `PayloadTooLargeError` for one over `MAX_BODY_BYTES`, and `UnsupportedMediaTypeError` for a form with
    parts.
    """
    media_type = media_type_of(str(event.headers.get("content-type") or ""))
    if media_type.startswith("multipart/"):
        raise UnsupportedMediaTypeError(
            f"This route takes no {media_type} body. Send a document as application/json or application/yaml."
        )
    text = _text(event)
    if not text.strip():
        if when_empty is not None:
            return when_empty
        raise MalformedJsonError("The request has no body. Send a JSON document.")
    return reader_of(media_type)(text)


def media_type_of(content_type: str) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


def reader_of(media_type: str) -> Callable[[str], Json]:
    """What reads a text of a media type: YAML for those of YAML, JSON for every other one. YAML is imported by who sends some."""
    if media_type in YAML_TYPES or media_type.endswith("+yaml"):
        from workflow_engine.documents.yaml_text import parse_yaml

        return parse_yaml
    return parse_json


def answer_bytes(answer: Mapping[str, Any]) -> int:
    """What an answer in API Gateway's form takes as the runtime hands it to Lambda: JSON, in UTF-8 since Python 3.12. The
    body is a string in it, so its quotes and backslashes are escaped.
    """
    return len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def raw_body(event: APIGatewayProxyEventV2) -> bytes:
    """The bytes of the body. Raises `PayloadTooLargeError`, and `binascii.Error` where the gateway's own encoding is broken."""
    raw = event.get("body") or ""
    if len(raw) > MAX_BODY_BYTES * 4 // 3 + 4:
        raise _too_large()
    is_encoded = event.get("isBase64Encoded")
    content = base64.b64decode(raw, validate=True) if is_encoded else raw.encode("utf-8", "surrogatepass")
    if len(content) > MAX_BODY_BYTES:
        raise _too_large()
    return content


def _text(event: APIGatewayProxyEventV2) -> str:
    try:
        content = raw_body(event)
        # What the gateway hands over as text is that, whatever half of a surrogate pair it holds.
        return content.decode("utf-8") if event.get("isBase64Encoded") else str(event.get("body") or "")
    except (binascii.Error, UnicodeDecodeError):
        raise MalformedJsonError(
            "The body is not UTF-8 text, as JSON and YAML are here (RFC 8259 section 8.1)."
        ) from None


def _too_large() -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The body is larger than {MAX_BODY_BYTES:,} bytes.")
