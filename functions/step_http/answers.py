"""What an endpoint's answer is as the output of a step, and how it is shown in an error."""

from __future__ import annotations

import base64
import codecs
import json
import math
import re
from collections.abc import Iterable
from email.message import Message
from typing import Any, Final

from workflow_engine.endpoint_errors import HttpAnswerError, HttpAnswerTooLargeError
from workflow_engine.outbound_http import Answer

SHOWN_BYTES: Final = 1024
HIDDEN: Final = b"[secret]"
LEAST_HIDDEN: Final = 6
"""A shorter secret is found in texts that have nothing to do with it."""

_UNTYPED: Final = "application/octet-stream"
_JSON: Final = re.compile(r"(application|text)/([\w.+-]+\+)?json")
_TEXT: Final = re.compile(
    r"text/.+|application/([\w.+-]+\+)?(xml|yaml|x-yaml|x-www-form-urlencoded|javascript|x-ndjson)"
)


def output_of(answer: Answer, hidden: Iterable[str], max_bytes: int) -> Any:
    """The JSON of an answer; null where there is no content; `{content_type, text}` or `{content_type, base64}` of any other.
    A secret that the endpoint sends back is left out.

    Raises HttpAnswerError for what calls itself JSON and is not, HttpAnswerTooLargeError.
    """
    content = content_of(answer, hidden, max_bytes)
    if isinstance(content, str) and not _is_json(answer):
        return {"content_type": _content_type(answer)[0] or _UNTYPED, "text": content}
    return content


def content_of(answer: Answer, hidden: Iterable[str], max_bytes: int, *, wanted: str = "auto") -> Any:
    """The JSON of an answer; null where there is no content; a text; `{content_type, base64}` of what is neither. With `wanted`
    json, text or base64 it is that, whatever it calls itself.

    Raises HttpAnswerError for what is not as it calls itself or was wanted, HttpAnswerTooLargeError.
    """
    body = without(answer.body, hidden)
    if not body.strip():
        return None
    media_type, charset = _content_type(answer)
    if wanted == "json" or (wanted == "auto" and _is_json(answer)):
        try:
            return _strict_json(body)
        except ValueError as error:
            called = f"calls itself {media_type} and is not" if wanted == "auto" else "is no JSON, which was asked for"
            raise HttpAnswerError(f"The endpoint's answer {called}: {error}.") from None
    if wanted == "auto" and not media_type:
        try:
            return _strict_json(body)
        except ValueError:
            media_type = _UNTYPED
    is_text = wanted == "text" or (wanted == "auto" and (charset or _TEXT.fullmatch(media_type)))
    text = _text(body, charset) if is_text else None
    if text is not None:
        return text
    if wanted == "text":
        raise HttpAnswerError("The endpoint's answer is no text, which was asked for.")
    if len(body) * 4 / 3 > max_bytes:
        raise HttpAnswerTooLargeError(f"The answer has {len(body):,} bytes, too many to be kept as base64.")
    return {"content_type": media_type or _UNTYPED, "base64": base64.b64encode(body).decode()}


def _is_json(answer: Answer) -> bool:
    return bool(_JSON.fullmatch(_content_type(answer)[0]))


def shown(answer: Answer, hidden: Iterable[str]) -> str:
    """The beginning of an answer's body, without the secrets that it may repeat."""
    text = without(answer.body, hidden)[:SHOWN_BYTES].decode("utf-8", "replace").strip()
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text) or "(no content)"


def without(body: bytes, hidden: Iterable[str]) -> bytes:
    for secret in hidden:
        if len(secret) >= LEAST_HIDDEN:
            for form in {secret, json.dumps(secret)[1:-1]}:
                body = body.replace(form.encode(), HIDDEN)
    return body


def _content_type(answer: Answer) -> tuple[str, str | None]:
    message = Message()
    message["content-type"] = answer.headers.get("content-type", "")
    if not message["content-type"]:
        return "", None
    return message.get_content_type()[:100], message.get_content_charset()


def _text(body: bytes, charset: str | None) -> str | None:
    """The text, None where it cannot be decoded."""
    try:
        text = body.decode(codecs.lookup(charset or "utf-8").name)
    except (LookupError, ValueError):
        return None
    return text.removeprefix("\ufeff")


def _strict_json(body: bytes) -> Any:
    """A JSON value that every reader takes alike. Raises ValueError."""
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except UnicodeError:
        raise ValueError("it is not UTF-8, or holds half a surrogate pair") from None
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"it holds {name}")


def _whole(digits: str) -> int:
    _finite(digits)
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:40]} is larger than a double can hold")
    return number
