"""A client of the HTTP API that knows nothing of how it is served: a base URL, the standard library, JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

ENDED: Final = frozenset({"completed", "failed", "cancelled", "timed_out"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `body` is the JSON value, the text of other media types, None without a body."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Sends requests to `base_url`; one connection a request. `check` looks at each answer: method, path, answer."""

    base_url: str
    check: Callable[[str, str, Answer], None] | None = None

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send JSON (`body`) or raw bytes (`content`). A redirection that keeps the method is followed, once."""
        answer = self._sent(method, path, body, content, headers)
        if answer.status == 308:
            answer = self._sent(method, urljoin(path, answer.headers["location"]), body, content, headers)
        if self.check is not None:
            self.check(method, path, answer)
        return answer

    def _sent(self, method: str, path: str, body: Any, content: bytes | None, headers: dict[str, str] | None) -> Answer:
        url = urlsplit(self.base_url)
        connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = connect(url.netloc, timeout=60)
        if content is None and body is not None:
            content = json.dumps(body).encode()
        try:
            given = {"content-type": "application/json", **(headers or {})}
            connection.request(method, url.path.rstrip("/") + path, content, given)
            response = connection.getresponse()
            raw = response.read()
            answered = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        text: Any = raw.decode() if raw else None
        if text is not None and "json" in answered.get("content-type", ""):
            text = json.loads(text)
        return Answer(response.status, answered, text)

    def get(self, path: str) -> Answer:
        """GET a path."""
        return self.call("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST JSON to a path; `idempotency_key="k"` sends the header Idempotency-Key."""
        return self.call("POST", path, body, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def execute(
        self, workflow: dict[str, Any], path: str = "/workflows/execute", seconds: float = 180
    ) -> dict[str, Any]:
        """Start a run and wait for its results. Fails when it has not ended after `seconds`."""
        started = self.post(path, workflow)
        assert started.status == 202, started.body
        return self.results(started.body["execution_id"], seconds)

    def results(self, execution_id: str, seconds: float = 180) -> dict[str, Any]:
        """The results of a run, once it has ended."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.get(f"/executions/{execution_id}/results?wait=10")
            assert answer.status == 200, answer.body
            if answer.body["status"] in ENDED:
                results: dict[str, Any] = answer.body
                return results
            assert time.monotonic() < deadline, answer.body
