"""Sockets of the guarded clients: network backends of httpcore2 that look a host up once, have its addresses judged, and
connect to one of these.

`AddressRefusedError` passes through; all else becomes an error of httpcore2. The backend for threads also holds a
deadline, since the timeouts of httpcore2 are a limit on each wait, and a server that sends a byte a second never lets
one of them pass; for tasks, cancelling does that.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import anyio
import anyio.to_thread
import httpcore2

from workflow_engine.outbound import AddressPolicy, HostNotFoundError, Lookup

MAX_ADDRESSES_TRIED: Final = 4


class CheckedBackend(httpcore2.NetworkBackend):
    """Connects threads. `deadline` is of `time.monotonic`."""

    def __init__(self, policy: AddressPolicy, deadline: float, lookup: Lookup | None = None) -> None:
        self._policy = policy
        self._deadline = deadline
        self._lookup = lookup
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers. `timeout` is for each."""
        refused: Exception = httpcore2.ConnectError(f"'{host}' has no address")
        for address in self._addresses(host, port, timeout):
            seconds = _within(self._deadline, timeout, httpcore2.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                refused = error
            else:
                return _DeadlineStream(stream, self._deadline)
        raise refused

    def _addresses(self, host: str, port: int, timeout: float | None) -> tuple[str, ...]:
        seconds = _within(self._deadline, timeout, httpcore2.ConnectTimeout)
        try:
            found = self._policy.resolve_within(host, port, seconds, self._lookup)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from None
        except HostNotFoundError as error:
            raise httpcore2.ConnectError(error.detail) from error
        return found[:MAX_ADDRESSES_TRIED]


class AsyncCheckedBackend(httpcore2.AsyncNetworkBackend):
    """Connects tasks of anyio."""

    def __init__(self, policy: AddressPolicy, lookup: Lookup | None = None) -> None:
        self._policy = policy
        self._lookup = lookup
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers. `timeout` is for each."""
        refused: Exception = httpcore2.ConnectError(f"'{host}' has no address")
        for address in await self._addresses(host, port, timeout):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                refused = error
        raise refused

    async def _addresses(self, host: str, port: int, timeout: float | None) -> tuple[str, ...]:
        look_up = partial(self._policy.resolve, host, port, self._lookup)
        try:
            with anyio.fail_after(timeout):
                found = await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"looking up '{host}' took too long") from None
        except HostNotFoundError as error:
            raise httpcore2.ConnectError(error.detail) from error
        return found[:MAX_ADDRESSES_TRIED]


class _DeadlineStream(httpcore2.NetworkStream):
    """A connection on which nothing lasts beyond the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _within(self._deadline, timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _within(self._deadline, timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        seconds = _within(self._deadline, timeout, httpcore2.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # as in the base class: what it gives depends on `info`
        return self._stream.get_extra_info(info)


def _within(deadline: float, timeout: float | None, too_late: type[Exception]) -> float:
    """The seconds that a wait may last. Raises `too_late` when there are none left."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise too_late("the time allowed for all of it is over")
    return left if timeout is None else min(left, timeout)
