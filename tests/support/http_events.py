"""Events of an HTTP API and of SQS, as AWS sends them, with what a test wants to be different."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

EVENTS = Path(__file__).parent / "events"


def sample(name: str) -> dict[str, Any]:
    """A sample event, for the test to change."""
    return copy.deepcopy(_read(name))


def request(
    method: str,
    path: str,
    *,
    body: str | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    is_base64: bool = False,
) -> dict[str, Any]:
    """An HTTP API event, payload format 2.0, without an authoriser."""
    event = sample("http_api_post")
    event["routeKey"] = event["requestContext"]["routeKey"] = "$default"
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["rawQueryString"] = urlencode(query or {})
    event["headers"] |= headers or {}
    event["isBase64Encoded"] = is_base64
    del event["requestContext"]["authorizer"], event["body"], event["queryStringParameters"]
    if query:
        event["queryStringParameters"] = query
    if body is not None:
        event["body"] = body
    return event


@cache
def _read(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event
