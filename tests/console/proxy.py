"""A server in front of the API, as a domain of one's own is: it maps the API below a prefix, and can have a provider of identities
beside it, which signs everybody in at once.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

PREFIX: Final = "/stage"
CLIENT: Final = "console-client"


@dataclass
class Provider:
    """Who is signed in, and what was asked. Each token is another, and only the last one is taken by the API."""

    gives_refresh: bool = True
    refuses: bool = False
    tokens: int = 0
    revoked: int = 0
    grants: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    challenges: dict[str, str] = field(default_factory=dict)

    def takes(self, authorization: str | None) -> bool:
        return self.tokens > self.revoked and authorization == f"Bearer header.payload.{self.tokens}"

    def discovery(self, issuer: str) -> dict[str, Any]:
        endpoints = {"authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token"}
        return {"issuer": issuer, **endpoints}

    def authorize(self, query: dict[str, str], issuer: str) -> str:
        """Where the browser is sent back to."""
        expected = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256", "scope": "openid"}
        self.problems += [f"{name} is {query.get(name)}" for name, v in expected.items() if query.get(name) != v]
        answer = {"state": query["state"], "iss": issuer}
        if self.refuses:
            answer |= {"error": "access_denied", "error_description": "You are not one of us."}
        else:
            answer["code"] = f"code-{len(self.challenges)}"
            self.challenges[answer["code"]] = query["code_challenge"]
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.grants.append(form["grant_type"])
        if form["grant_type"] == "authorization_code":
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if self.challenges.pop(form["code"], None) != challenge:
                return 400, {"error": "invalid_grant"}
        elif form.get("refresh_token") != f"refresh-{self.tokens}":
            return 400, {"error": "invalid_grant"}
        self.tokens += 1
        refresh = {"refresh_token": f"refresh-{self.tokens}"} if self.gives_refresh else {}
        return 200, {"access_token": f"header.payload.{self.tokens}", "expires_in": 3600, **refresh}


@contextmanager
def running_proxy(api: str, provider: Provider | None = None) -> Iterator[str]:
    """The proxy while the context lasts; gives the address that the API has there."""
    there = urlsplit(api).netloc

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            url = urlsplit(self.path)
            if provider is not None and url.path.startswith("/id/"):
                self._identify(
                    provider, url.path.removeprefix("/id"), {k: v[0] for k, v in parse_qs(url.query).items()}
                )
            elif not url.path.startswith(f"{PREFIX}/"):
                self._answer(404, b"outside of the prefix", "text/plain")
            elif provider is not None and url.path == f"{PREFIX}/console/config.json":
                config = {"auth": "jwt", "issuer": self._issuer, "client_id": CLIENT, "scopes": "openid"}
                self._answer(200, json.dumps(config).encode())
            elif (
                provider is not None
                and not url.path.startswith(f"{PREFIX}/console")
                and not provider.takes(self.headers.get("authorization"))
            ):
                self._answer(401, b'{"message":"Unauthorized"}')
            else:
                self._forward(self.path.removeprefix(PREFIX))

        @property
        def _issuer(self) -> str:
            return f"http://{self.headers['host']}/id"

        def _identify(self, by: Provider, path: str, query: dict[str, str]) -> None:
            if path == "/authorize":
                self.send_response(302)
                self.send_header("location", by.authorize(query, self._issuer))
                self.send_header("content-length", "0")
                self.end_headers()
            elif path == "/token":
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                status, told = by.token({name: values[0] for name, values in form.items()})
                self._answer(status, json.dumps(told).encode())
            else:
                self._answer(200, json.dumps(by.discovery(self._issuer)).encode())

        def _forward(self, target: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            connection = http.client.HTTPConnection(there, timeout=60)
            dropped = ("host", "origin", "authorization", "connection")
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            connection.request(self.command, target, body, headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
            connection.close()

        def _answer(self, status: int, body: bytes, media_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  # names of the base class

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A browser that closes a stream."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PREFIX}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
