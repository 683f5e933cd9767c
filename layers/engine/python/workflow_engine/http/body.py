"""The body of a request as JSON, read strictly: what two parsers could read in two ways is refused. And how large requests
and answers may be.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.errors import MalformedJsonError, PayloadTooLargeError, UnsupportedMediaTypeError
from workflow_engine.http.json_advice import json_advice
from workflow_engine.http.powertools import APIGatewayProxyEventV2
from workflow_engine.language.diagnostics import Json

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Lambda takes 6 MB per synchronous invocation ("Invocation payload", Lambda quotas). The event wraps the body,
escapes it as a JSON string, or encodes it in base64, so a body of this size fits in any of the three ways."""

MAX_ANSWER_BYTES: Final = 6_291_556
"""What Lambda takes from a function: the number is in its error Function.ResponseSizeTooLarge, the quotas say 6 MB
("Invocation payload"). An answer that is larger reaches the client as a 502 without a word."""

MAX_DEPTH: Final = 192
"""How deep lists and objects may be nested: what every reader behind this one can bear, with the few levels that steps add.
Python's limit depends on who calls, some 400 to 1,000 levels; results show 200 (`machines.history_text`)."""

_MANY_DIGITS: Final = re.compile(r"\d{309}")
"""As many as the largest double has. Only a text with so many is worth a look at each whole number."""


def json_body(event: APIGatewayProxyEventV2, *, when_empty: Json | None = None) -> Json:
    """The JSON value of the body.

    `when_empty` is what a request without a body means; None says that a body is needed.

    Raises `MalformedJsonError` for a body that is absent, not UTF-8 or not JSON of RFC 8259 with unique member
    names, `PayloadTooLargeError` for one over `MAX_BODY_BYTES`, and `UnsupportedMediaTypeError` for a form with parts.
    """
    media_type = str(event.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if media_type.startswith("multipart/"):
        raise UnsupportedMediaTypeError(
            f"This route takes no {media_type} body. Send a JSON document as application/json."
        )
    text = _text(event)
    if not text.strip():
        if when_empty is not None:
            return when_empty
        raise MalformedJsonError("The request has no body. Send a JSON document.")
    return parse_json(text)


def answer_bytes(answer: Mapping[str, Any]) -> int:
    """What an answer in API Gateway's form takes as the runtime hands it to Lambda: JSON, in UTF-8 since Python 3.12. The
    body is a string in it, so its quotes and backslashes are escaped.
    """
    return len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def parse_json(text: str) -> Json:
    """The JSON value of a text. Raises `MalformedJsonError` as `json_body` does, with line and column where there is one."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_members,
            parse_constant=_no_constant,
            parse_float=_finite_number,
            parse_int=_finite_whole_number if _MANY_DIGITS.search(text) else None,
        )
    except json.JSONDecodeError as error:
        where = f"at line {error.lineno}, column {error.colno}"
        raise MalformedJsonError(f"Not JSON: {error.msg} {where}.{json_advice(error)}") from None
    except RecursionError:
        raise _too_deep() from None
    _refuse_deep_nesting(text, value)
    _refuse_lone_surrogates(text, value)
    return value


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
        raise MalformedJsonError("The body is not UTF-8 text. JSON is UTF-8 (RFC 8259 section 8.1).") from None


def _too_large() -> PayloadTooLargeError:
    return PayloadTooLargeError(f"The body is larger than {MAX_BODY_BYTES:,} bytes.")


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in members if names.count(name) > 1)
        raise MalformedJsonError(f"An object has the member {json.dumps(twice)} twice. Remove one.")
    return members


def _no_constant(name: str) -> None:
    raise MalformedJsonError(f"{name} is not JSON. Use null or a string.")


def _finite_number(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise MalformedJsonError(f"The number {digits[:40]} is larger than a double can hold.")
    return number


def _finite_whole_number(digits: str) -> int:
    _finite_number(digits)
    return int(digits)


def _refuse_deep_nesting(text: str, value: Json) -> None:
    """Level by level, as recursion is what must be spared. Most texts have too few brackets to need a look."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    level, depth = [value], 0
    while level := [v for v in level if isinstance(v, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        level = [inner for v in level for inner in (v.values() if isinstance(v, dict) else v)]


def _too_deep() -> MalformedJsonError:
    return MalformedJsonError(
        f"Not readable JSON: lists or objects are nested too deeply, in more than {MAX_DEPTH} levels."
    )


def _refuse_lone_surrogates(text: str, value: Json) -> None:
    r"""A string such as "\ud800" is valid JSON grammar, but is no Unicode text and has no UTF-8 form."""
    if "\\ud" not in text and "\\uD" not in text:
        return
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedJsonError("A string holds half of a surrogate pair, which is not a valid character.") from None
