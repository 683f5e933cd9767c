"""From one page of answers to the next, and the items of all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from workflow_engine.endpoint_errors import HttpAnswerError
from workflow_engine.outbound_http import Answer

_LINK: Final = re.compile(r"<([^<>]*)>([^<]*)")
_REL: Final = re.compile(r";\s*rel\s*=\s*(\"[^\"]*\"|[^\s;,]+)", re.IGNORECASE)


def items_of(body: Any, pagination: Mapping[str, Any]) -> list[Any]:
    """The items of a page. Raises HttpAnswerError where `items_path` leads to no list."""
    path = pagination.get("items_path")
    if path is None:
        return body if isinstance(body, list) else [body]
    found = at_path(body, path)
    if not isinstance(found, list):
        raise HttpAnswerError(f"There is no list at '{path}' of the answer (pagination.items_path).")
    return found


def next_url(url: str, answer: Answer, body: Any, pagination: Mapping[str, Any]) -> str | None:
    """The address of the next page; None after the last.

    Raises HttpAnswerError for one on another host, which would be sent what is meant for this one, and for one that leads to
    the page it stands on.
    """
    following = _following(url, answer, body, pagination)
    if following is None:
        return None
    if _origin(following) != _origin(url):
        host = urlsplit(following).hostname
        raise HttpAnswerError(f"The next page lies on another host, port or scheme ('{host}'), and is not asked for.")
    if following == url:
        raise HttpAnswerError("The answer names itself as the next page.")
    return following


def _following(url: str, answer: Answer, body: Any, pagination: Mapping[str, Any]) -> str | None:
    if pagination["type"] == "link":
        target = _next_link(answer.headers.get("link", ""))
        return None if target is None else _absolute(url, target)
    path = pagination["cursor_path"]
    cursor = at_path(body, path)
    if cursor in (None, "", False) or cursor == []:
        return None
    if isinstance(cursor, bool) or not isinstance(cursor, str | int | float):
        raise HttpAnswerError(f"What stands at '{path}' of the answer is no cursor (pagination.cursor_path).")
    parameter = pagination.get("cursor_parameter")
    return _absolute(url, str(cursor)) if parameter is None else _with_parameter(url, parameter, str(cursor))


def _next_link(header: str) -> str | None:
    """The target of rel next (RFC 8288, 3)."""
    for target, parameters in _LINK.findall(header):
        rel = _REL.search(parameters)
        if rel and "next" in rel[1].strip('"').lower().split():
            return str(target)
    return None


def _absolute(url: str, target: str) -> str:
    try:
        parts = urlsplit(urljoin(url, target))._replace(fragment="")
        _ = parts.port
    except ValueError:
        raise HttpAnswerError("The address of the next page cannot be read.") from None
    return parts._replace(
        path=quote(parts.path, safe="!$&'()*+,-./:;=@_~%"), query=quote(parts.query, safe="!$&'()*+,-./:;=?@_~%[]")
    ).geturl()


def _with_parameter(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    kept = [(n, v) for n, v in parse_qsl(parts.query, keep_blank_values=True) if n != name]
    return parts._replace(query=urlencode([*kept, (name, value)], quote_via=quote)).geturl()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def at_path(value: Any, path: str) -> Any:
    """What lies at a path such as `meta.pages.0.next`; None where nothing does."""
    for name in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
