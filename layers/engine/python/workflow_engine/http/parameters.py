"""Query parameters and headers of requests: pages, waiting, idempotency keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from workflow_engine.errors import InvalidRequestError
from workflow_engine.http.operation import Query
from workflow_engine.http.powertools import APIGatewayProxyEventV2
from workflow_engine.http.queries import CURSOR, LIMIT
from workflow_engine.suggestions import suggest

DEFAULT_PAGE: Final = 50

_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ENTITY_TAG: Final = re.compile(r'\*|(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_ENTITY_TAGS: Final = re.compile(rf"\s*(?:\*|{_ENTITY_TAG.pattern[3:]}(?:\s*,\s*{_ENTITY_TAG.pattern[3:]})*)\s*")
_BARE_PLUS: Final = re.compile(r"(?<=:\d\d) (?=\d\d:?\d\d$)|(?<=\.\d{3}) (?=\d\d:?\d\d$)")


class Page(NamedTuple):
    """Which part of a list is asked for: at most `limit` items after the opaque `cursor` of the page before."""

    limit: int = DEFAULT_PAGE
    cursor: str | None = None


def query_parameter(event: APIGatewayProxyEventV2, query: Query) -> str | None:
    """The value of a query parameter, None when it is absent or empty. API Gateway joins repeated ones by commas."""
    return (event.query_string_parameters or {}).get(query.name) or None


def page(event: APIGatewayProxyEventV2) -> Page:
    """`?limit&cursor`. Raises `InvalidRequestError` for a limit out of bounds."""
    limit = whole_number(event, LIMIT)
    return Page(DEFAULT_PAGE if limit is None else limit, query_parameter(event, CURSOR))


def moment(event: APIGatewayProxyEventV2, query: Query) -> datetime | None:
    """A moment in ISO 8601, in UTC unless it has an offset, None when absent. A date is its first moment.

    Raises `InvalidRequestError` for anything else. A `+` that was not percent-encoded reaches us as a space and is read
    as the sign of an offset.
    """
    text = query_parameter(event, query)
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(_BARE_PLUS.sub("+", text))
        value = value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
        if not 1970 <= value.year < 9999:
            raise ValueError
    except (ValueError, OverflowError):
        raise InvalidRequestError(
            f"The query parameter {query.name} must be a moment in ISO 8601, such as 2026-01-31T08:00:00Z."
        ) from None
    return value


def one_moment(event: APIGatewayProxyEventV2, queries: Sequence[Query]) -> datetime | None:
    """The moment that a parameter of several names gives. InvalidRequestError where two of them are given."""
    given = [query for query in queries if query_parameter(event, query) is not None]
    if len(given) > 1:
        raise InvalidRequestError(
            f"The query parameters {' and '.join(q.name for q in given)} mean the same. Give one."
        )
    return moment(event, given[0]) if given else None


def refuse_unknown(event: APIGatewayProxyEventV2, known: Collection[str]) -> None:
    """Raises `InvalidRequestError` for a query parameter that a route does not have: a filter with a typing error must
    not answer everything.
    """
    unknown = [name for name in event.query_string_parameters or {} if name not in known]
    if not unknown:
        return
    name = unknown[0]
    takes = f"This route takes {', '.join(known)}." if known else "This route takes none."
    raise InvalidRequestError(f"There is no query parameter '{name[:100]}'.{suggest(name[:100], known)} {takes}")


def idempotency_key(event: APIGatewayProxyEventV2) -> str | None:
    """The `Idempotency-Key` header. Raises `InvalidRequestError` unless it is 1 to 255 visible ASCII characters."""
    key = event.headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequestError("The header Idempotency-Key must have 1 to 255 visible ASCII characters.")
    return key


def entity_tags(event: APIGatewayProxyEventV2, header: str) -> tuple[str, ...] | None:
    """The entity tags of If-Match or If-None-Match with their quotes, or `*`; None when the header is absent. Weak ones are left
    out: all of ours are strong. Raises `InvalidRequestError` for anything else.
    """
    text = event.headers.get(header.lower())
    if text is None:
        return None
    if not _ENTITY_TAGS.fullmatch(text):
        raise InvalidRequestError(
            f'The header {header} must be *, or ETags in their double quotes, such as "3-1f3a9c".'
        )
    return tuple(found[0] for found in _ENTITY_TAG.finditer(text) if not found[0].startswith("W/"))


def whole_number(event: APIGatewayProxyEventV2, query: Query) -> int | None:
    """A whole number, None when absent. Raises `InvalidRequestError` for anything else, and out of the parameter's bounds."""
    text = (event.query_string_parameters or {}).get(query.name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or not query.low <= int(text) <= query.high:
        rule = f"a whole number from {query.low} to {query.high}"
        raise InvalidRequestError(f"The query parameter {query.name} must be {rule}.")
    return int(text)


def flag(event: APIGatewayProxyEventV2, query: Query) -> bool:
    """Whether a parameter is `true`; when absent it is not. Raises `InvalidRequestError` for what is neither true nor false."""
    value = query_parameter(event, query)
    if value not in (None, "true", "false"):
        raise InvalidRequestError(f"The query parameter {query.name} must be true or false.")
    return value == "true"
