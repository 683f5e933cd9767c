"""What a client needs of the way to the API. `client.http` goes over HTTP, `infra.local` calls the gateway in this process.

A transport sends what it is given and gives back what is answered, whatever the status. It neither retries nor follows
redirections; what it raises is a `ConnectionFailedError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import quote, urlencode

USER_AGENT = "workflow-engine-client"


class Request(NamedTuple):
    """A request. `path` is percent-encoded and begins with a slash, below the base address of the API; or it is a whole address of
    somewhere else, such as S3, where no credentials are sent. Values of `query` are not encoded yet.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""
    held_back_seconds: float = 0.0
    """For how long the API may keep the answer back, as was asked, beyond what any answer takes."""

    @property
    def target(self) -> str:
        """Path and query, encoded as signatures of AWS need it: all but letters, digits and `-_.~` (IAM user guide, "Create a
        signed API request").
        """
        return f"{self.path}?{urlencode(self.query, quote_via=quote, safe='-_.~')}" if self.query else self.path

    @property
    def is_elsewhere(self) -> bool:
        """Whether it goes to another server than the API's."""
        return not self.path.startswith("/")


class Response(NamedTuple):
    """An answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stream(Protocol):
    """An answer that is read while it comes, by one reader."""

    status: int
    headers: Mapping[str, str]

    def read(self) -> bytes | None:
        """The next piece as soon as there is one, None at the end. Raises ConnectionFailedError."""

    def close(self) -> None:
        """Read no more of it. It may be called more than once."""


class Transport(Protocol):
    """The way to the API. Threads may use one at the same time."""

    def send(self, request: Request) -> Response:
        """Send a request and read its answer. Raises ConnectionFailedError."""

    def open(self, request: Request) -> Stream:
        """Send a request and read no more than the head of its answer. Raises ConnectionFailedError."""

    def close(self) -> None:
        """End all connections."""


class AsyncStream(Protocol):
    """`Stream` for a program with an event loop."""

    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes | None:
        """The next piece as soon as there is one, None at the end. Raises ConnectionFailedError."""

    async def close(self) -> None:
        """Read no more of it. It may be called more than once."""


class AsyncTransport(Protocol):
    """`Transport` for a program with an event loop."""

    async def send(self, request: Request) -> Response:
        """Send a request and read its answer. Raises ConnectionFailedError."""

    async def open(self, request: Request) -> AsyncStream:
        """Send a request and read no more than the head of its answer. Raises ConnectionFailedError."""

    async def close(self) -> None:
        """End all connections."""
