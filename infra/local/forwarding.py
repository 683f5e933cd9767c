"""The console of a deployed API on this machine: its files from here, and its requests signed and sent on.

A browser holds no AWS credentials, and none are given to it: what signs is this process. So it answers its own page alone, under
the same rule as the local server (`infra.local.access`): any other page in the browser would act in the user's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from infra.local.access import Access
from infra.local.gateway import Gateway, HttpRequest, HttpResponse
from infra.local.server import HOST, ISOLATION, phrase, received_body, received_headers, refused
from workflow_engine.client.errors import ConnectionFailedError, NoCredentialsError
from workflow_engine.client.transport import Request, Stream, Transport
from workflow_engine.http.problem import Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from infra.local.server import Application

PAGE: Final = "/console"

_NOT_SENT_ON: Final = frozenset(
    [
        *("host", "origin", "referer", "cookie", "authorization", "connection", "content-length", "accept-encoding"),
        *("transfer-encoding", "user-agent", "x-forwarded-for"),
    ]
)
_NOT_GIVEN_BACK: Final = frozenset(
    ["content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "set-cookie"]
)
"""What is true of the connection there, or of a body that is packed: here it is not."""


def forwarding_application(pages: Gateway, api: Transport, port: int) -> Application:
    """A WSGI application that answers /console from `pages` and everything else from `api`."""
    access = Access.of(port, {"/", *pages.pages})

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = _own_answer(pages, access, environ)
        if answer is not None:
            return _begin(start_response, answer)
        body = received_body(environ)
        if body is None:
            return _begin(start_response, refused(_TOO_LARGE))
        try:
            stream = _opened(api, _request(environ, body))
        except NoCredentialsError as error:
            return _begin(start_response, refused(Problem(HTTPStatus.UNAUTHORIZED, "no_credentials", str(error))))
        except ConnectionFailedError as error:
            return _begin(start_response, refused(Problem(HTTPStatus.BAD_GATEWAY, "unreachable", str(error))))
        headers = {n: v for n, v in stream.headers.items() if n not in _NOT_GIVEN_BACK} | ISOLATION
        start_response(f"{stream.status} {phrase(stream.status)}", list(headers.items()))
        return _pieces(stream)

    return application


_TOO_LARGE: Final = Problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload_too_large", "The request is larger than an HTTP API takes."
)


def _own_answer(pages: Gateway, access: Access, environ: WSGIEnvironment) -> HttpResponse | None:
    """What this server answers by itself; None for a request of the console to the API."""
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    headers = received_headers(environ)
    refusal = access.refusal(method, path, headers)
    if refusal is not None:
        return refused(refusal)
    if path == "/":
        return HttpResponse(HTTPStatus.FOUND, {"location": "console/"}, b"")
    if path == PAGE or path.startswith(f"{PAGE}/"):
        return pages.handle(
            HttpRequest(method, path, environ.get("QUERY_STRING", ""), list(headers.items()), b"", HOST)
        )
    return None


def _request(environ: WSGIEnvironment, body: bytes) -> Request:
    """The request for the API. Its path stays encoded as it was, since an id may hold a slash."""
    path = urlsplit(environ["REQUEST_URI"]).path
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    headers = {
        name: value
        for name, value in received_headers(environ).items()
        if name not in _NOT_SENT_ON and not name.startswith("sec-")
    }
    return Request(environ["REQUEST_METHOD"], "/" + path.lstrip("/"), query, headers, body)


def _opened(api: Transport, request: Request) -> Stream:
    """The answer, or what it leads to at S3: the page may ask no other server, and S3 is shown no credentials."""
    stream = api.open(request)
    location = stream.headers.get("location", "")
    if request.method == "GET" and stream.status // 100 == 3 and location.startswith("https://"):
        stream.close()
        return api.open(Request("GET", location))
    return stream


def _pieces(stream: Stream) -> Iterator[bytes]:
    try:
        while (piece := stream.read()) is not None:
            yield piece
    except ConnectionFailedError:
        return  # its beginning was sent: the browser sees it end, and a stream of events is gone on with
    finally:
        stream.close()


def _begin(start_response: StartResponse, answer: HttpResponse) -> list[bytes]:
    headers: Mapping[str, Any] = {**answer.headers, **ISOLATION, "content-length": str(len(answer.body))}
    start_response(f"{answer.status} {phrase(answer.status)}", list(headers.items()))
    return [answer.body]
