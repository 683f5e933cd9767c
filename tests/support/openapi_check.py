"""Answers compared with what the OpenAPI document promises of them."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from infra.local.gateway import match_path
from tests.support.http_client import Answer


def assert_documented(document: dict[str, Any], method: str, path: str, answer: Answer) -> None:
    """Fail unless the document knows the route, the status, the media type and the shape of the answer.

    Routes that do not exist, whose answer is 404 or 405, are in no document. A path with a slash at its end is the one
    without, HEAD is the GET without its body, and OPTIONS has none.
    """
    if method == "OPTIONS":
        assert (answer.status, answer.body) == (204, None) or answer.status == 404
        return
    wanted = "GET" if method == "HEAD" else method
    operation = _operation(document, wanted, path.partition("?")[0].removesuffix("/"))
    if operation is None:
        assert answer.status in (404, 405), f"{method} {path} is not documented"
        return
    assert str(answer.status) in operation["responses"], f"{method} {path}: {answer.status} is not documented"
    contents = _resolved(document, operation["responses"][str(answer.status)]).get("content")
    if contents is None or method == "HEAD":
        assert answer.body is None
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in contents, f"{method} {path}: {media_type} is not documented"
    schema = {**contents[media_type]["schema"], "components": document["components"]}
    error = best_match(Draft202012Validator(schema).iter_errors(answer.body))
    assert error is None, f"{method} {path}: {error}"


def _operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    matching = [p for p in document["paths"] if match_path(p, path) is not None]
    if path in matching:  # written out, it is no instance of another
        matching = [path]
    for template in sorted(matching, key=lambda p: p.count("{")):
        if method.lower() in document["paths"][template]:
            operation: dict[str, Any] = document["paths"][template][method.lower()]
            return operation
    return None


def _resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """A part of the document, or what it refers to."""
    found: Any = document
    for segment in value.get("$ref", "").removeprefix("#/").split("/"):
        found = found[segment] if segment else value
    return dict(found)
