"""What a client does, written once for programs with and without an event loop.

A flow is a generator: it yields what is to be done (`Send`, `Pause`, `Open`, `Read`), is given what came of it, and returns its
result; one that gives many things yields each as an `Item`. It does nothing itself. `Sync` and `Async` do what flows ask for,
by a transport of their kind.

A flow is written as a method of `Methods`, under `@operation` or `@listing`. Of a class that is made on `Sync` as well these are
plain methods and iterators, of one made on `Async` coroutines and asynchronous iterators, to type checkers too.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from http import HTTPStatus
from types import MethodType
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, overload

from workflow_engine.client.calls import Call, parsed
from workflow_engine.client.errors import ConnectionFailedError
from workflow_engine.client.retries import Retries
from workflow_engine.client.transport import AsyncStream, AsyncTransport, Request, Response, Stream, Transport

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Send(NamedTuple):
    """Send a request; gives the `Response`."""

    request: Request


class Pause(NamedTuple):
    """Wait; gives None."""

    seconds: float


class Open(NamedTuple):
    """Send a request whose answer is read in pieces, in place of what is open; gives a `Response` with an empty body."""

    request: Request


class Read(NamedTuple):
    """Read on in what is open; gives the next bytes, None at the end."""


class Item(NamedTuple, Generic[T]):
    """Hand something over to whoever iterates; gives None."""

    value: T


Effect = Send | Pause | Open | Read
Flow = Generator[Effect, Any, T]
Items = Generator[Effect | Item[T], Any, None]


class Methods:
    """What the methods of a client stand on: sending again what may be sent again."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries

    def _exchange(self, call: Call) -> Flow[Response]:
        """The answer of a call, whatever it is. Raises ConnectionFailedError."""
        may_be_done = False
        attempt = 0
        while True:
            attempt += 1
            try:
                response: Response = yield Send(call.request)
            except ConnectionFailedError as error:
                pause = self._retries.after_failure(error, attempt, is_idempotent=call.is_idempotent)
                if pause is None:
                    raise
                may_be_done = may_be_done or error.was_sent
            else:
                if call.deletes and may_be_done and response.status == HTTPStatus.NOT_FOUND:
                    return Response(HTTPStatus.NO_CONTENT, {}, b"")
                pause = self._retries.after_answer(response, attempt, is_idempotent=call.is_idempotent)
                if pause is None:
                    return response
                may_be_done = may_be_done or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            yield Pause(pause)

    def _answer(self, call: Call) -> Flow[Any]:
        """The JSON that a call is answered with. Raises ConnectionFailedError, ApiProblem, UnexpectedAnswerError."""
        return parsed((yield from self._exchange(call)))


class Sync(Methods):
    """Does what flows ask for in the thread that calls."""

    def __init__(self, transport: Transport, retries: Retries) -> None:
        super().__init__(retries)
        self._transport = transport

    def _run(self, flow: Flow[R]) -> R:
        steps: Generator[Any, None, R] = self._iterate(flow)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: R = end.value
                return result

    def _iterate(self, flow: Generator[Effect | Item[T], Any, R]) -> Generator[T, None, R]:
        """The items of a flow. What it has open is closed when the iteration ends, however it does."""
        from time import sleep

        stream: Stream | None = None
        given: Any = None
        failure: ConnectionFailedError | None = None
        try:
            while True:
                try:
                    effect = flow.send(given) if failure is None else flow.throw(failure)
                except StopIteration as end:
                    result: R = end.value
                    return result
                given = failure = None
                try:
                    match effect:
                        case Item(value):
                            yield value
                        case Send(request):
                            given = self._transport.send(request)
                        case Pause(seconds):
                            sleep(seconds)
                        case Open(request):
                            if stream is not None:
                                stream.close()
                            stream = self._transport.open(request)
                            given = Response(stream.status, stream.headers, b"")
                        case Read():
                            assert stream is not None
                            given = stream.read()
                except ConnectionFailedError as error:
                    failure = error
        finally:
            flow.close()
            if stream is not None:
                stream.close()


class Async(Methods):
    """Does what flows ask for in an event loop."""

    def __init__(self, transport: AsyncTransport, retries: Retries) -> None:
        super().__init__(retries)
        self._transport = transport

    async def _run(self, flow: Flow[R]) -> R:
        results: list[R] = []

        def kept() -> Generator[Effect, Any, None]:
            results.append((yield from flow))

        async for _ in self._iterate(kept()):
            pass
        return results[0]

    async def _iterate(self, flow: Items[T]) -> AsyncGenerator[T, None]:
        """As that of `Sync`."""
        from anyio import CancelScope, sleep

        stream: AsyncStream | None = None
        given: Any = None
        failure: ConnectionFailedError | None = None
        try:
            while True:
                try:
                    effect = flow.send(given) if failure is None else flow.throw(failure)
                except StopIteration:
                    return
                given = failure = None
                try:
                    match effect:
                        case Item(value):
                            yield value
                        case Send(request):
                            given = await self._transport.send(request)
                        case Pause(seconds):
                            await sleep(seconds)
                        case Open(request):
                            if stream is not None:
                                await stream.close()
                            stream = await self._transport.open(request)
                            given = Response(stream.status, stream.headers, b"")
                        case Read():
                            assert stream is not None
                            given = await stream.read()
                except ConnectionFailedError as error:
                    failure = error
        finally:
            flow.close()
            if stream is not None:
                with CancelScope(shield=True):  # what is cancelled closes its connection all the same
                    await stream.close()


class operation(Generic[P, R]):  # noqa: N801 - a decorator
    """A method that gives one thing."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[R]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, methods: None, owner: type) -> Callable[..., Flow[R]]: ...
    @overload
    def __get__(self, methods: Sync, owner: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, methods: Async, owner: type) -> Callable[P, Coroutine[Any, Any, R]]: ...
    def __get__(self, methods: Sync | Async | None, owner: type) -> Callable[..., Any]:
        if methods is None:
            return self._flow

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return methods._run(self._flow(methods, *args, **kwargs))

        return functools.update_wrapper(method, MethodType(self._flow, methods))


class listing(Generic[P, T]):  # noqa: N801 - a decorator
    """A method that gives many things, one after another, read as they are asked for."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Items[T]]) -> None:
        self._flow = flow
        self.__doc__ = flow.__doc__

    @overload
    def __get__(self, methods: None, owner: type) -> Callable[..., Items[T]]: ...
    @overload
    def __get__(self, methods: Sync, owner: type) -> Callable[P, Generator[T, None, None]]: ...
    @overload
    def __get__(self, methods: Async, owner: type) -> Callable[P, AsyncGenerator[T, None]]: ...
    def __get__(self, methods: Sync | Async | None, owner: type) -> Callable[..., Any]:
        if methods is None:
            return self._flow

        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return methods._iterate(self._flow(methods, *args, **kwargs))

        return functools.update_wrapper(method, MethodType(self._flow, methods))
