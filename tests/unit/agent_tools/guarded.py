"""The two guarded clients, called alike."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Final

import anyio
import httpx2
import pytest

from agent_tools import guarded_http
from agent_tools.guarded_http import OriginToken
from workflow_engine.outbound import AddressPolicy, Lookup

HERE: Final = AddressPolicy.from_text("127.0.0.1")

Get = Callable[..., httpx2.Response]


def get_in_a_thread(
    url: str,
    policy: AddressPolicy = HERE,
    *,
    seconds: float = 5,
    max_bytes: int = 1_000_000,
    lookup: Lookup | None = None,
    verify: ssl.SSLContext | None = None,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    with guarded_http.client(
        policy, seconds=seconds, max_response_bytes=max_bytes, lookup=lookup, verify=verify
    ) as client:
        return client.get(url, headers=headers)


def get_in_a_task(
    url: str,
    policy: AddressPolicy = HERE,
    *,
    seconds: float = 5,
    max_bytes: int = 1_000_000,
    lookup: Lookup | None = None,
    verify: ssl.SSLContext | None = None,
    headers: dict[str, str] | None = None,
    token: OriginToken | None = None,
) -> httpx2.Response:
    async def get() -> httpx2.Response:
        async with guarded_http.async_client(
            policy, seconds=seconds, max_response_bytes=max_bytes, lookup=lookup, verify=verify, token=token
        ) as client:
            return await client.get(url, headers=headers)

    return anyio.run(get)


both = pytest.mark.parametrize("get", [get_in_a_thread, get_in_a_task])
