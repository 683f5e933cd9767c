"""`http_request`: sends a request to an address and reads its answer. A Task on `step_http`.

The texts of url, query, headers and body are templates. What they bring in is filled by the function, which knows what a value
means at its place: a part of a path or of a query is percent-encoded, a text that is one reference alone keeps its JSON type in a
JSON body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from workflow_engine.aws_quotas import FUNCTION_SECONDS
from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.json_schema import Path
from workflow_engine.outbound_headers import CREDENTIAL, header_problem, may_carry_key, secret_may_go_to
from workflow_engine.schema_parts import Schema, object_schema, output_schema, property_schema
from workflow_engine.settings import STEP_HTTP
from workflow_engine.steps.registered import HAND_OVER_SECONDS
from workflow_engine.steps.step_type import StepType

NAME: Final = "http_request"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SURELY_NOT_DONE: Final = ("HttpThrottledError", "SecretUnavailableError")
WITHOUT_BODY: Final = ("GET", "HEAD")
DEFAULT_SECONDS: Final = 30
DEFAULT_PAGES: Final = 10
MOST_PAGES: Final = 100
MOST_SECONDS: Final = FUNCTION_SECONDS - 2 * HAND_OVER_SECONDS
FILLED: Final = ("url", "query", "headers", "body")

_SCALAR: Final = ["string", "number", "boolean", "null"]
_ABSOLUTE: Final = re.compile(r"https?://", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(r"\{\{")
_AUTHORITY: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_PATH: Final = r"^[^.\s]+(\.[^.\s]+)*$"

AUTH: Final[Mapping[str, tuple[str, ...]]] = {
    "bearer": ("secret",),
    "basic": ("username", "secret"),
    "api_key": ("header", "secret"),
    "sigv4": ("service", "region", "secret"),
}
"""By type of auth, the fields that it has beside its type."""

_AUTH: Final = property_schema(
    "Auth",
    "How the server knows its caller. The secret is named, never written.",
    examples=[{"type": "bearer", "secret": "STEP_SECRET_SHOP"}],
    **object_schema(
        {
            "type": property_schema("Type", "The kind.", enum=list(AUTH)),
            "secret": property_schema(
                "Secret",
                "The name of a variable of the tenant's own secret. For sigv4 its text is a JSON object of access_key_id, "
                "secret_access_key and, if there is one, session_token.",
                type="string",
                pattern="^STEP_SECRET_[A-Z0-9_]{1,52}$",
                examples=["STEP_SECRET_SHOP"],
            ),
            "username": property_schema(
                "User name", "For type basic: who asks.", type="string", maxLength=256, examples=["shop"]
            ),
            "header": property_schema(
                "Header",
                "For type api_key: the header that carries the key.",
                type="string",
                maxLength=100,
                examples=["X-API-Key"],
            ),
            "service": property_schema(
                "Service",
                "For type sigv4: the service, as AWS signs it.",
                examples=["execute-api"],
                type="string",
                pattern="^[a-z0-9-]{1,64}$",
            ),
            "region": property_schema(
                "Region",
                "For type sigv4: the region of the service.",
                type="string",
                pattern="^[a-z0-9-]{1,64}$",
                examples=["eu-central-1"],
            ),
        },
        required=["type", "secret"],
    ),
)
_PAGINATION: Final = property_schema(
    "Pagination",
    "How an answer leads to the next page. The output's body is then the list of all items.",
    examples=[{"type": "link"}],
    **object_schema(
        {
            "type": property_schema(
                "Type", "link: the Link header of rel next; cursor: a value in the answer.", enum=["link", "cursor"]
            ),
            "cursor_path": property_schema(
                "Cursor path",
                "For type cursor: where the answer has it.",
                examples=["meta.next"],
                type="string",
                pattern=_PATH,
            ),
            "cursor_parameter": property_schema(
                "Cursor parameter",
                "For type cursor: the query parameter that it is sent in. Without one, it is the address of the next page.",
                examples=["cursor"],
                type="string",
                minLength=1,
                maxLength=100,
            ),
            "items_path": property_schema(
                "Items path",
                "Where the list of a page is. Without one, a page that is no list is one item.",
                examples=["data.items"],
                type="string",
                pattern=_PATH,
            ),
            "max_pages": property_schema(
                "Page limit",
                "How many pages are read at most.",
                default=DEFAULT_PAGES,
                type="integer",
                minimum=1,
                maximum=MOST_PAGES,
            ),
        },
        required=["type"],
    ),
)


def examine(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What the schema cannot say: places in the configuration, and what is wrong there."""
    yield from _wrong_url(config)
    for name in config.get("query", {}):
        if CREDENTIAL.fullmatch(name) and not _is_filled(config["query"][name]):
            detail = f"The query parameter '{name}' looks like a credential, and it would be shown. Use 'auth'."
            yield ("query", name), detail
    seen: set[str] = set()
    for name, value in config.get("headers", {}).items():
        text = None if _is_filled(value) else value
        if problem := header_problem(name, text, seen, may_set=("content-type",)):
            yield ("headers", name), problem
        seen.add(name.lower())
    yield from _wrong_body(config)
    yield from _wrong_auth(config)
    yield from _wrong_pagination(config.get("pagination", {}))


def _is_filled(value: Any) -> bool:
    return isinstance(value, str) and bool(_PLACEHOLDER.search(value))


def _wrong_url(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    url = config["url"]
    own = url.split("{{")[0]
    if own and not _ABSOLUTE.match(own):
        yield ("url",), "The URL begins with http:// or https://, or with a {{ reference }} to one that does."
        return
    if not _is_filled(url):
        try:
            parts = urlsplit(url)
            if not parts.hostname or parts.username is not None or (parts.port or 1) < 1:
                raise ValueError
        except ValueError:
            yield ("url",), "This is not an address: http:// or https://, a host, no user or password."
            return
    if "#" in url:
        yield ("url",), "The URL has a fragment, which no server is sent. Remove it."
    for name, value in parse_qsl(url.partition("?")[2]):
        if CREDENTIAL.fullmatch(name) and not _is_filled(value):
            yield ("url",), f"The query parameter '{name}' looks like a credential, and URLs are shown. Use 'auth'."


def _wrong_body(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    method, body, form = config.get("method", "GET"), config.get("body"), config.get("body_format", "json")
    if "body" in config and method in WITHOUT_BODY:
        yield ("body",), f"A {method} has no body. Choose another 'method', or put the values into 'query'."
    elif "body" in config and form == "text" and not isinstance(body, str):
        yield ("body",), "With body_format text the body is a text."
    elif "body" in config and form == "form" and not isinstance(body, dict):
        yield ("body",), "With body_format form the body is an object of values by name."
    elif form == "form" and isinstance(body, dict):
        for name, value in body.items():
            parts = value if isinstance(value, list) else [value]
            if any(isinstance(part, dict | list) for part in parts):
                yield ("body", name), "A field of a form is a text, a number, true, false, or a list of these."


def _wrong_auth(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    auth = config.get("auth")
    if not auth:
        return
    needed = AUTH[auth["type"]]
    for name in needed:
        if name not in auth:
            yield ("auth",), f"Auth of type '{auth['type']}' needs '{name}'."
    for name in sorted(auth.keys() - {"type", *needed}):
        yield ("auth", name), f"Auth of type '{auth['type']}' has no '{name}'."
    if ":" in auth.get("username", "") or not auth.get("username", "").isprintable():
        yield ("auth", "username"), "A user name has no colon and no control characters (RFC 7617, 2)."
    if "header" in needed and not may_carry_key(auth.get("header", "x-api-key").lower()):
        yield ("auth", "header"), f"'{auth['header']}' cannot carry an API key. Usual is X-API-Key."
    authority = _AUTHORITY.match(config["url"])
    if authority is None or "{{" in authority[0]:
        yield ("url",), "Where a secret is sent, the host is written out: no data may decide who gets it."
    elif not _is_private(authority[0]):
        yield ("url",), "A secret is sent over https only. Give an https address."


def _is_private(authority: str) -> bool:
    try:
        parts = urlsplit(authority)
        return secret_may_go_to(parts.scheme, (parts.hostname or "").removesuffix("."))
    except ValueError:
        return True  # it is told as no address


def _wrong_pagination(pagination: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    if pagination.get("type") == "cursor" and "cursor_path" not in pagination:
        yield ("pagination",), "Pagination of type 'cursor' needs 'cursor_path'."
    for name in ("cursor_path", "cursor_parameter"):
        if pagination.get("type") == "link" and name in pagination:
            yield ("pagination", name), f"Pagination of type 'link' has no '{name}'."


def _lower(config: Mapping[str, Any]) -> Lowering:
    from workflow_engine.endpoint_errors import FINAL_ERRORS, TRANSIENT_ERRORS

    seconds = config.get("timeout_seconds", DEFAULT_SECONDS)
    if "pagination" in config:
        seconds = min(MOST_SECONDS, seconds * config["pagination"].get("max_pages", DEFAULT_PAGES))
    # What may be done twice is tried again by itself (RFC 9110, 9.2.2); what may have had its effect though its answer was lost,
    # only where it surely had none.
    method = config.get("method", "GET")
    return TaskLowering(
        STEP_HTTP,
        int(seconds) + HAND_OVER_SECONDS,
        transient_errors=SURELY_NOT_DONE if method in ("POST", "PATCH") else TRANSIENT_ERRORS,
        final_errors=FINAL_ERRORS,
        fills_texts=True,
        memory_mb=MEMORY_MB[STEP_HTTP],
    )


_VALUES: Final[Schema] = {"type": _SCALAR}

HTTP_REQUEST: Final = StepType(
    name=NAME,
    description="Sends an HTTP request and gives its answer. No server of one's own is needed, nor a registration.",
    config_schema=object_schema(
        {
            "url": property_schema(
                "URL",
                "Where the request goes. May hold {{ references }}: what they bring into path and query is percent-encoded.",
                examples=["https://example.com/orders/{{ order.data.id }}"],
                type="string",
                minLength=1,
                maxLength=2048,
            ),
            "method": property_schema("Method", "The method of the request.", enum=list(METHODS), default="GET"),
            "query": property_schema(
                "Query",
                "Parameters beside those in the URL; may hold {{ references }}. null is left out, a list is sent repeatedly.",
                examples=[{"page": 1, "status": ["open", "paid"]}],
                type="object",
                additionalProperties={"anyOf": [_VALUES, {"type": "array", "items": _VALUES}]},
            ),
            "headers": property_schema(
                "Headers",
                "Headers of the request, 50 at most; may hold {{ references }}.",
                type="object",
                maxProperties=50,
                additionalProperties={"type": "string"},
                examples=[{"Accept": "application/json"}],
            ),
            "body": property_schema(
                "Body",
                "What is sent; may hold {{ references }}. Without it, the entry `body` of the step's input, if there is one.",
                examples=[{"total": "{{ order.data.total }}"}],
            ),
            "body_format": property_schema(
                "Body format", "How the body is written.", enum=["json", "form", "text"], default="json"
            ),
            "auth": _AUTH,
            "expect": property_schema(
                "Expected statuses",
                "The statuses that are no failure, redirects included. Without it, every 2xx.",
                examples=[[200, 404]],
                type="array",
                minItems=1,
                maxItems=50,
                items={"type": "integer", "minimum": 200, "maximum": 599},
            ),
            "pagination": _PAGINATION,
            "response_format": property_schema(
                "Response format",
                "auto: by the answer's content type, JSON as its value, text as a text, the rest as {content_type, base64}.",
                enum=["auto", "json", "text", "base64"],
                default="auto",
            ),
            "timeout_seconds": property_schema(
                "Time limit",
                "How many seconds one answer may take.",
                default=DEFAULT_SECONDS,
                type="integer",
                minimum=1,
                maximum=MOST_SECONDS,
            ),
        },
        required=["url"],
    ),
    output_schema=output_schema(
        {
            "status_code": property_schema("Status", "Of the last answer.", type="integer"),
            "headers": property_schema("Headers", "Of the last answer, names in lower case.", type="object"),
            "body": property_schema(
                "Body", "The answer's content, null where it has none; with pagination the list of all items."
            ),
            "attempts": property_schema(
                "Attempts",
                "How often the last page was asked for, earlier attempts of the step included.",
                type="integer",
                minimum=1,
            ),
            "pages": property_schema("Pages", "With pagination: how many were read.", type="integer", minimum=1),
            "has_more": property_schema("More", "With pagination: the page limit ended it.", type="boolean"),
        },
        optional=["pages", "has_more"],
    ),
    lower=_lower,
    examine=examine,
    nested_template_fields=FILLED,
)
