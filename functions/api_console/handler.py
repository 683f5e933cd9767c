"""The console: a page, and the files that it is made of. What it shows it reads from the API, as any client does."""

from __future__ import annotations

import os
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from functions.api_console.settings import INDEX, Asset, asset, has_build
from workflow_engine.errors import NotFoundError
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.request import Handlers, Request
from workflow_engine.http.resolver import api_resolver

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ConsoleConfig

ALWAYS_ASKED_FOR: Final = "no-cache"
NEVER_CHANGES: Final = "public, max-age=31536000, immutable"
"""For a file whose name has a hash of what is in it."""

NOT_BUILT: Final = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>The console is not built</title></head>
<body>
<h1>The console is not built yet</h1>
<p>Run <code>make console</code> in the folder of the project, and load this page again.</p>
<p>The API works without it: <a href="../docs">its documentation</a>.</p>
</body>
</html>
"""


def _page(request: Request) -> Response[Any]:
    if not request.asked_path.endswith("/"):
        # Files are named relatively, since a domain of one's own may map the API to a path below its root.
        asked = request.event.raw_query_string
        location = "console/" + (f"?{asked}" if asked else "")
        return Response(HTTPStatus.PERMANENT_REDIRECT, headers={"Location": location})
    if not has_build():
        return Response(HTTPStatus.OK, "text/html; charset=utf-8", NOT_BUILT, headers=_headers(ALWAYS_ASKED_FOR))
    return _answer(request, INDEX, ALWAYS_ASKED_FOR)


def _config(_: Request) -> ConsoleConfig:
    is_jwt = os.environ.get("AUTH_MODE") == "jwt"
    return {
        "auth": {"iam": "iam", "jwt": "jwt"}.get(os.environ.get("AUTH_MODE", ""), "none"),
        "issuer": os.environ.get("CONSOLE_ISSUER") or None if is_jwt else None,
        "client_id": os.environ.get("CONSOLE_CLIENT_ID") or None if is_jwt else None,
        "scopes": os.environ.get("CONSOLE_SCOPES") or None if is_jwt else None,
    }


def _file(request: Request) -> Response[Any]:
    return _answer(request, request.path["file"], NEVER_CHANGES)


def _answer(request: Request, name: str, caching: str) -> Response[Any]:
    found = asset(name)
    if found is None:
        raise NotFoundError(
            f"The console has no file '{name[:80]}'. It may have been deployed anew: load the page again."
        )
    body, encoding = _encoded(request, found)
    return Response(HTTPStatus.OK, found.media_type, body, headers={**_headers(caching), **encoding})


def _encoded(request: Request, found: Asset) -> tuple[bytes, dict[str, str]]:
    if "gzip" in (request.event.headers.get("accept-encoding") or ""):
        return found.packed, {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return found.plain, {"Vary": "Accept-Encoding"}


def _headers(caching: str) -> dict[str, str]:
    return {
        "Cache-Control": caching,
        "Content-Security-Policy": content_security_policy(os.environ.get("CONSOLE_CONNECT_TO", "")),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def content_security_policy(connect_to: str) -> str:
    """Nothing but the console's own files runs and loads. `connect_to` are addresses, with spaces between, of the provider of
    identities, whose origins it may ask.
    """
    origins = {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, connect_to.split()) if url.scheme == "https"}
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "worker-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": " ".join(["'self'", *sorted(origins)]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


HANDLERS: Final[Handlers] = {"console": _page, "console_config": _config, "console_file": _file}

app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)
