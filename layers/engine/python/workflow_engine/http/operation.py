"""What a route and a query parameter are. The rows are named tuples: to make a frozen dataclass takes ten times as long, at every
start of every function.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Literal, NamedTuple

EVENT_STREAM: Final = "text/event-stream"
"""The media type of server-sent events."""

Kind = Literal["text", "number", "flag", "moment", "texts"]
"""How the text of a query parameter is read (`http.parameters`): a whole number within bounds, true or false, a moment in ISO
8601, texts joined by commas.
"""


class Query(NamedTuple):
    """A query parameter. `low` and `high` bound a number, both included; `shape` is a type of `usecases.answers` that
    a text has.
    """

    name: str
    kind: Kind = "text"
    low: int = 0
    high: int = 0
    shape: str | None = None


Answers = Mapping[int, str | None]
"""What a route answers when all goes well, by status: a type of `workflow_engine.usecases.answers`, None without a body."""

CHANGES: Final = ("PUT", "DELETE")
SERVICE_ROOTS: Final = ("health", "docs", "openapi.json")
CONSOLE_ROOT: Final = "console"


class Operation(NamedTuple):
    """One route: a method on a path. `name` is its key in the tables of handlers, and in camel case its `operationId`."""

    name: str
    key: str
    """API Gateway's route key: `GET /workflows/{workflow_id}`, `{...}` for one segment."""
    answers: Answers
    query: tuple[Query, ...] = ()
    """Any other query parameter is refused."""
    body: str | None = None
    """The type of the JSON body as `module:name` below `workflow_engine`: a pydantic model, or a JSON Schema."""
    form: str | None = None
    """What it takes as multipart/form-data, too: the schema of that, a name in `infra/openapi/prose.json`."""
    body_required: bool = True
    """False: no body means an empty object."""
    takes_key: bool = False
    """Whether it reads the header `Idempotency-Key`."""
    conflicts: bool = False
    """Whether it may answer 409; what takes a key always may."""
    has_etag: bool = False
    """Whether its answer has an ETag, which a GET compares with `If-None-Match`, a change with `If-Match` or `If-None-Match`."""
    asks_others: bool = False
    """Whether it may answer 424, since it asks a server that is not ours."""
    media_type: str = "application/json"
    is_open: bool = False
    """True for a route that asks for no credentials."""
    is_page: bool = False
    """True for a page to look at, which a link on any site may lead to."""
    is_asset: bool = False
    """True for a file that changes with releases only: it is compressed, and caches may keep it."""

    @property
    def method(self) -> str:
        """`GET`."""
        return self.key.partition(" ")[0]

    @property
    def path(self) -> str:
        """`/workflows/{workflow_id}`."""
        return self.key.partition(" ")[2]

    @property
    def root(self) -> str:
        """The first segment of the path, which one function has to itself: `workflows`."""
        return self.path.split("/")[1]

    @property
    def is_about_itself(self) -> bool:
        """Whether it tells of the API alone, and so asks nothing of AWS."""
        return self.root in (*SERVICE_ROOTS, CONSOLE_ROOT)

    @property
    def problems(self) -> tuple[int, ...]:
        """Statuses of the problems that it may answer, in order.

        422 always: every route refuses unknown query parameters. 429 always: the gateway throttles. 413 also where no body is
        sent: Lambda takes 6 MB of an answer. 503 where AWS is asked (`workflow_engine.aws`).
        """
        found = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR}
        if self.body is not None:
            found |= {HTTPStatus.BAD_REQUEST, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        if not self.is_about_itself:
            found |= {HTTPStatus.SERVICE_UNAVAILABLE}
            if any(answer is not None for answer in self.answers.values()):
                found |= {HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        if not self.is_open:
            found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
        if "{" in self.path:
            found |= {HTTPStatus.NOT_FOUND}
        if self.takes_key or self.conflicts:
            found |= {HTTPStatus.CONFLICT}
        if self.has_etag and self.method in CHANGES:
            found |= {HTTPStatus.PRECONDITION_FAILED}
        if self.asks_others:
            found |= {HTTPStatus.FAILED_DEPENDENCY}
        return tuple(sorted(found))
