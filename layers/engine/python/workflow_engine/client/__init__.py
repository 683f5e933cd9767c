"""A client of the HTTP API, for programs with and without an event loop.

    with Client("http://127.0.0.1:8006") as client:
        results = client.runs.execute("orders", {"n": 3})

`calls` makes requests of the table of routes and reads answers; `flows` is how methods are written once for both kinds of
program; `runs`, `workflows`, `approvals`, `steps` and `definitions` are those methods; `http` is the way there. What is answered
has the types of `workflow_engine.usecases.answers`, and is the JSON as it came: fields that come later are there, too.

Imported with it are neither boto3 nor pydantic, and httpx2 not before the first client of an address is made.
"""

from __future__ import annotations

from workflow_engine.client.authentication import Auth, BearerToken, SigV4
from workflow_engine.client.clients import AsyncClient, Client
from workflow_engine.client.errors import (
    ApiProblem,
    AuthenticationError,
    ClientError,
    ConnectionFailedError,
    ConnectionLostError,
    NoCredentialsError,
    RefusedError,
    TimedOutError,
    TlsError,
    UnexpectedAnswerError,
    UnreachableError,
    WaitOverError,
)
from workflow_engine.client.following import StreamedEvent
from workflow_engine.client.retries import Retries

__all__ = (
    "ApiProblem",
    "AsyncClient",
    "Auth",
    "AuthenticationError",
    "BearerToken",
    "Client",
    "ClientError",
    "ConnectionFailedError",
    "ConnectionLostError",
    "NoCredentialsError",
    "RefusedError",
    "Retries",
    "SigV4",
    "StreamedEvent",
    "TimedOutError",
    "TlsError",
    "UnexpectedAnswerError",
    "UnreachableError",
    "WaitOverError",
)
