"""The client, with the headers of an answer for those who need its ETag, and single pages for those who want no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.client import Client, UnexpectedAnswerError
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

    def page(self, name: str, query: Query) -> tuple[list[Any], str | None]:
        """One page of what a route lists, and where the next one begins. Raises UnexpectedAnswerError."""
        page, _ = self.answer(name, query=query)
        if not isinstance(page, dict) or not {"items", "next_cursor"} <= page.keys():
            raise UnexpectedAnswerError(f"The answer to {name} has no 'items'. Is this the address of the API?")
        return page["items"], page["next_cursor"]
