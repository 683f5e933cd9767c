"""Lists that come in pages, read to their end: who iterates cannot forget the next page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.client.calls import Query, call
from workflow_engine.client.errors import UnexpectedAnswerError
from workflow_engine.client.flows import Item, Items, Methods

MOST_OF_A_PAGE: Final = 100


def paged(
    methods: Methods,
    name: str,
    path: Mapping[str, str] | None = None,
    *,
    query: Query | None = None,
    page_size: int | None = None,
    key: str = "items",
    until_empty: bool = False,
) -> Items[Any]:
    """What a route lists under `key`. A page may be empty and yet not be the last one; `until_empty` ends with such a page, for
    what goes on and always has a next one.
    """
    cursor: str | None = None
    limit = MOST_OF_A_PAGE if page_size is None else page_size
    while True:
        page = yield from methods._answer(call(name, path, query={**(query or {}), "limit": limit, "cursor": cursor}))
        if not isinstance(page, dict) or not {key, "next_cursor"} <= page.keys():
            raise UnexpectedAnswerError(f"The answer to {name} has no '{key}'. Is this the address of the API?")
        for item in page[key]:
            yield Item(item)
        cursor = page["next_cursor"]
        if cursor is None or (until_empty and not page[key]):
            return
