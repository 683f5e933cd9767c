"""Requests made of the table of routes (`http.api`), and answers read: nothing here sends anything."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple, NoReturn, TypedDict
from urllib.parse import quote

from workflow_engine.client.errors import ApiProblem, AuthenticationError, UnexpectedAnswerError
from workflow_engine.client.transport import Request, Response
from workflow_engine.http.api import OPERATIONS
from workflow_engine.http.operation import Operation
from workflow_engine.http.queries import WAIT

QueryValue = str | int | float | bool | datetime | Iterable[str] | None
"""A query parameter: texts are joined by commas, a moment without a time zone is UTC; None is left out."""
Query = Mapping[str, QueryValue]
Moment = datetime | str | None
"""A moment, as text in ISO 8601; without a time zone it is UTC."""


class AboutRun(TypedDict, total=False):
    """What may be said of a run beside its input."""

    version: int
    """Of what is stored; the newest when absent."""
    session_id: str
    user_id: str
    """For whom the run is."""
    correlation_id: str
    tags: Any
    """Kept with the run, at most 64 KB of JSON; a list of texts to find it by."""
    metadata: Any
    """Kept with the run, at most 64 KB of JSON."""
    trigger: Any
    """Becomes the entry `trigger` of the input."""
    organization_id: str
    backend: str
    mocks: Any
    """What steps give in place of what they do; a laptop takes it."""


JSON: Final = "application/json"
PURE: Final = frozenset({"validate_workflow", "compile_workflow", "render_prompt"})
"""Routes that are POST for the sake of their body and change nothing."""
REPEATABLE: Final = frozenset(
    {
        "cancel_execution",
        "pause_workflow",
        "resume_workflow",
        "roll_back_workflow",
        "succeed_task",
        "fail_task",
        "beat_task",
    }
)
"""Routes without a key that may be repeated all the same: what is done already is answered in the same way."""


class Call(NamedTuple):
    """A request, and what may be made of it when it is not known whether it was carried out."""

    request: Request
    is_idempotent: bool
    """Whether sending it twice does what sending it once does."""
    deletes: bool = False
    """Whether it is in order that what it names is not found when it is sent again."""


def call(
    name: str,
    path: Mapping[str, str] | None = None,
    *,
    query: Query | None = None,
    body: Any = None,
    idempotency_key: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call:
    """The call of a route, by its name in `OPERATIONS`. What takes an idempotency key gets one of its own where none is given.

    Raises ValueError for a route, path variable or query parameter that there is not, and for a value of `body` that JSON does
    not have; TypeError for one that is not of JSON at all.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        raise ValueError(f"The API has no route '{name}'.")
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    content = b""
    if body is not None:
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)
        content = text.encode("utf-8", "backslashreplace")  # half of a surrogate pair only an escape can tell
        sent.setdefault("content-type", JSON)
    if operation.takes_key:
        sent["idempotency-key"] = idempotency_key or new_key()
    waits = (query or {}).get(WAIT.name)
    request = Request(
        operation.method,
        _path(operation, path or {}),
        _query(operation, query or {}),
        sent,
        content,
        held_back_seconds=waits if isinstance(waits, int | float) else 0.0,
    )
    return Call(request, _is_idempotent(operation, sent), deletes=operation.method == "DELETE")


def given(**fields: Any) -> dict[str, Any]:
    """A body of those fields that are given: to the API, null and left out are the same."""
    return {name: value for name, value in fields.items() if value is not None}


def new_key() -> str:
    """An idempotency key that no other request has."""
    return os.urandom(16).hex()


def parsed(response: Response) -> Any:
    """The JSON of an answer, None where it has none. Raises ApiProblem, UnexpectedAnswerError."""
    if response.status >= HTTPStatus.BAD_REQUEST:
        raise_problem(response)
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        where = response.headers.get("location", "somewhere else")
        raise UnexpectedAnswerError(
            f"The server has answered {response.status} and leads to {where}. Is that the address of the API?"
        )
    if not response.body:
        return None
    try:
        return json.loads(response.body)
    except ValueError:
        raise UnexpectedAnswerError(
            f"{_described(response)}, which is not JSON. Is this the address of the API?"
        ) from None


def raise_problem(response: Response) -> NoReturn:
    """Raise what an answer of 400 and more says. API Gateway's own is `{"message": ...}`; others come from proxies."""
    document: Any = None
    with contextlib.suppress(ValueError):
        document = json.loads(response.body)
    told = document if isinstance(document, dict) else {}
    is_known = isinstance(told.get("code"), str) and isinstance(told.get("detail"), str)
    error = AuthenticationError if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) else ApiProblem
    raise error(
        response.status,
        told["code"] if is_known else "gateway",
        told["detail"] if is_known else str(told.get("message") or f"{_described(response)}."),
        told.get("errors", ()) if is_known else (),
        response.headers,
    )


def _plain(value: object) -> Any:
    """What `json` does not take by itself: mappings that are no dict."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON: {value!r:.100}")


def _is_idempotent(operation: Operation, headers: Mapping[str, str]) -> bool:
    if operation.method == "POST":
        return operation.takes_key or operation.name in PURE | REPEATABLE
    # A PUT that only makes what is new would be refused by its own effect; one with If-Match would not (RFC 9110, section 13.1.1).
    return not (operation.method == "PUT" and "if-none-match" in headers)


def _path(operation: Operation, given: Mapping[str, str]) -> str:
    parts = []
    for part in operation.path.split("/"):
        if part.startswith("{"):
            value = given.get(part[1:-1])
            if not value:
                raise ValueError(f"'{part[1:-1]}' of {operation.key} is missing or empty.")
            part = quote(value, safe="")
        parts.append(part)
    unknown = given.keys() - {part[1:-1] for part in operation.path.split("/") if part.startswith("{")}
    if unknown:
        raise ValueError(f"{operation.key} has no '{min(unknown)}'.")
    return "/".join(parts)


def _query(operation: Operation, given: Query) -> tuple[tuple[str, str], ...]:
    unknown = given.keys() - {parameter.name for parameter in operation.query}
    if unknown:
        raise ValueError(f"{operation.key} takes no query parameter '{min(unknown)}'.")
    return tuple((name, text) for name, value in given.items() if (text := _text(value)) is not None)


def _text(value: QueryValue) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case datetime():
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
        case _:
            return ",".join(value) or None


def _described(response: Response) -> str:
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    return f"The server has answered {response.status} with {kind}"
