"""Faults between botocore and moto: what a network, a busy service or a killed function do to single calls.

A fault happens to each sending of one call, below botocore's own retries, which go on as they do against AWS (their pauses
and their quota apart). moto has its effect, or has not, and the answer arrives, or does not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

Sending = Callable[[], Any]
"""Hands a request to moto and gives its response."""

Outcome = Callable[["Wire", Any, Sending], Any]
"""What becomes of one sending: gives the response that arrives, or raises what botocore raises."""


class FunctionKilledError(BaseException):
    """The function that made the call is no more: it cannot even clean up."""


class Wire:
    """All calls on their way. `calls` are their operations, `happened` tells whether the planned fault did."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.happened = False
        self._target: int | str | None = None
        self._outcomes: tuple[Outcome, ...] = ()
        self._invocations: list[str] = []
        self._is_dead = False

    @contextmanager
    def fault_at(self, call: int | str, outcomes: tuple[Outcome, ...]) -> Iterator[None]:
        """The call of this number, from 0, or every call of this operation, is met by `outcomes`: the first sending by the
        first of them, and so on, then by the last.
        """
        self._target, self._outcomes = call, outcomes
        self.calls, self._invocations, self.happened = [], [], False
        try:
            yield
        finally:
            self._target, self._is_dead = None, False

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Calls that belong to somebody else."""
        target, self._target, invocations = self._target, None, self._invocations
        try:
            yield
        finally:
            self._target, self._invocations = target, invocations

    def kill(self) -> None:
        self._is_dead = True

    def send(self, operation: str, request: Any, to_moto: Sending) -> Any:
        if self._is_dead:
            raise FunctionKilledError
        if self._target is None:
            return to_moto()
        invocation = _text(request.headers["amz-sdk-invocation-id"])
        if invocation not in self._invocations:
            self._invocations.append(invocation)
            self.calls.append(operation)
        if self._target not in (operation, self._invocations.index(invocation)):
            return to_moto()
        self.happened = True
        sending = int(_text(request.headers["amz-sdk-request"]).split(";")[0].removeprefix("attempt="))
        return self._outcomes[min(sending, len(self._outcomes)) - 1](self, request, to_moto)


@contextmanager
def wire() -> Iterator[Wire]:
    """Faults may be planned meanwhile. botocore's retries neither pause nor run out of quota."""
    made = Wire()
    stock = BotocoreStubber.__call__

    def send(self: BotocoreStubber, event_name: str, request: Any, **kwargs: Any) -> Any:
        operation = event_name.rpartition(".")[2]
        return made.send(operation, request, lambda: stock(self, event_name, request, **kwargs))

    with (
        mock.patch.object(BotocoreStubber, "__call__", send),
        mock.patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None, time=time.time)),
        mock.patch("botocore.retries.quota.RetryQuota.acquire", return_value=True),
    ):
        yield made


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header


def _refused(status: int, code: str) -> Outcome:
    def outcome(_wire: Wire, request: Any, _to_moto: Sending) -> Any:
        body = json.dumps({"__type": f"com.amazonaws#{code}", "message": "Injected."})
        headers = {"x-amzn-requestid": "injected", "content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, status, headers, MockRawResponse(body))  # type: ignore[arg-type]  # as moto does

    return outcome


def passes(_wire: Wire, _request: Any, to_moto: Sending) -> Any:
    """No fault."""
    return to_moto()


def _timed_out(_wire: Wire, request: Any, _to_moto: Sending) -> Any:
    raise ReadTimeoutError(endpoint_url=request.url)


def _reset(_wire: Wire, request: Any, _to_moto: Sending) -> Any:
    raise ConnectionClosedError(endpoint_url=request.url)


def _lost(_wire: Wire, request: Any, to_moto: Sending) -> Any:
    to_moto()
    raise ReadTimeoutError(endpoint_url=request.url)


def _fails_late(wire_: Wire, request: Any, to_moto: Sending) -> Any:
    to_moto()
    return server_fault(wire_, request, to_moto)


def _killed_before(wire_: Wire, _request: Any, _to_moto: Sending) -> Any:
    wire_.kill()
    raise FunctionKilledError


def _killed_after(wire_: Wire, _request: Any, to_moto: Sending) -> Any:
    to_moto()
    wire_.kill()
    raise FunctionKilledError


throttled: Final = _refused(400, "ThrottlingException")
denied: Final = _refused(400, "AccessDeniedException")
server_fault: Final = _refused(500, "InternalServerError")

FAULTS: Final[dict[str, tuple[Outcome, ...]]] = {
    "throttled once": (throttled, passes),
    "throttled": (throttled,),
    "server fault": (server_fault,),
    "server fault after the effect": (_fails_late,),
    "timeout before the effect": (_timed_out,),
    "one answer lost": (_lost, passes),
    "every answer lost": (_lost,),
    "answer lost, then throttled": (_lost, throttled),
    "connection reset": (_reset,),
    "access denied": (denied,),
    "killed before the effect": (_killed_before,),
    "killed after the effect": (_killed_after,),
}
