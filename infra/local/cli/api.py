"""The client, with the headers of an answer for those who need its ETag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.client import Client
from workflow_engine.client.calls import Query, call, parsed


class Api(Client):
    """The client that commands use."""

    def answer(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        *,
        query: Query | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """The JSON of an answer of any route, None where there is none, and its headers."""
        response = self._run(self._exchange(call(name, path, query=query, body=body, headers=headers)))
        return parsed(response), response.headers
