"""A configuration with what the run's data are filled into: each value as its place in the request needs it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from workflow_engine.outbound_headers import value_problem
from workflow_engine.sdk import InvalidStepInput

Piece = Mapping[str, Any]
"""`{"text": what the author wrote}` or `{"value": what a reference brought in}`."""

Texts = Mapping[str, Sequence[Piece]]
"""The pieces of each text that has references, by its pointer in the configuration."""

SAFE_IN_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:")


def text_of(value: Any) -> str:
    """A value as text: a text as it is, null as nothing, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def filled(value: Any, pointer: str, texts: Texts, *, keeps_types: bool = False) -> Any:
    """A part of the configuration, filled in at every depth. With `keeps_types` a text that is one reference alone becomes
    the value that it refers to, null where that is missing.
    """
    if isinstance(value, dict):
        return {k: filled(v, f"{pointer}/{_escaped(k)}", texts, keeps_types=keeps_types) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, f"{pointer}/{i}", texts, keeps_types=keeps_types) for i, v in enumerate(value)]
    pieces = texts.get(pointer)
    if pieces is None:
        return value
    if keeps_types and len(pieces) == 1 and "value" in pieces[0]:
        return pieces[0]["value"]
    return "".join(p["text"] if "text" in p else text_of(p["value"]) for p in pieces)


def url_of(url: str, texts: Texts, query: Mapping[str, Any]) -> str:
    """The address of the request. A value at the very beginning is the beginning of an address; one in the host is part of a
    name; in path and query it is percent-encoded whole, so that no data can lead elsewhere.

    Raises InvalidStepInput for what can be part of no host, for a path that would lose a part or climb, and for an address
    that is none.
    """
    pieces = texts.get("/url")
    built = url if pieces is None else _joined(pieces)
    try:
        parts = urlsplit(built)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        usable = False
    if not usable:
        raise InvalidStepInput("The URL is no address once it is filled in: http:// or https:// and a host.")
    parameters = [(name, text) for name, value in query.items() for text in _repeated(value)]
    own = quote(parts.query, safe="!$&'()*+,-./:;=?@_~%[]")
    joined = "&".join(filter(None, (own, urlencode(parameters, quote_via=quote))))
    path = quote(parts.path, safe="!$&'()*+,-./:;=@_~%")
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    return parts._replace(netloc=host, path=path, query=joined, fragment="").geturl()


def _joined(pieces: Sequence[Piece]) -> str:
    built = ""
    for place, piece in enumerate(pieces):
        if "text" in piece:
            built += piece["text"]
            continue
        text = text_of(piece["value"])
        if place == 0:
            built += text
        elif "?" in built:
            built += quote(text, safe="")
        elif "/" in built.partition("://")[2]:
            built += _in_path(text)
        else:
            built += _in_host(text)
    return built


def _in_path(text: str) -> str:
    if text in ("", ".", ".."):
        shown = f"'{text}'" if text else "empty"
        raise InvalidStepInput(
            f"A value that is filled into the URL's path is {shown}, and the request would go to another address."
        )
    return quote(text, safe="")


def _in_host(text: str) -> str:
    if not text or not SAFE_IN_HOST.issuperset(text):
        raise InvalidStepInput(
            "A value that is filled into the URL's host holds other characters than names of hosts do."
        )
    return text


def _repeated(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text_of(v) for v in values if v is not None]


def query_of(query: Mapping[str, Any], texts: Texts) -> dict[str, Any]:
    """The query's parameters; one that is a reference alone to a list is sent repeatedly, to null left out."""
    return {name: filled(value, f"/query/{_escaped(name)}", texts, keeps_types=True) for name, value in query.items()}


def headers_of(headers: Mapping[str, str], texts: Texts) -> dict[str, str]:
    """The headers. Raises InvalidStepInput for a value that no header can carry."""
    values = {name: filled(value, f"/headers/{_escaped(name)}", texts).strip() for name, value in headers.items()}
    for name, value in values.items():
        if problem := value_problem(value):
            raise InvalidStepInput(f"Header '{name}': {problem}")
    return values


def body_of(config: Mapping[str, Any], texts: Texts, input_data: Mapping[str, Any]) -> tuple[bytes, str | None]:
    """The body and its content type; no bytes and None where there is none. Raises InvalidStepInput."""
    if "body" in config:
        kind = config.get("body_format", "json")
        body = filled(config["body"], "/body", texts, keeps_types=kind != "text")
    elif "body" in input_data:
        kind, body = config.get("body_format", "json"), input_data["body"]
    else:
        return b"", None
    match kind:
        case "json":
            return json.dumps(body).encode(), "application/json"
        case "form" if isinstance(body, dict):
            fields = [(name, text) for name, value in body.items() for text in _repeated(value)]
            return urlencode(fields).encode(), "application/x-www-form-urlencoded"
        case "text" if isinstance(body, str):
            return body.encode(), "text/plain; charset=utf-8"
    raise InvalidStepInput(f"The body does not fit body_format {kind}: text takes a text, form an object.")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
