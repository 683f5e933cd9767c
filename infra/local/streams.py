"""Open streams of events, all in one thread: an event loop that holds their connections, and one reader for each run.

The local server hands a connection over when its function has answered with the beginning of a stream. From then on the stream
costs a socket and a few kilobytes: what its client has not taken yet is not made, so a slow client holds up nobody and
collects nothing. A client that goes away is seen at once, by what can be read from its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final

from infra.local.run_changes import Changes
from workflow_engine.errors import NotFoundError
from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs.event_places import Place
from workflow_engine.usecases.runs.live_events import EVENTS_AT_ONCE, HEARTBEAT, stream_text
from workflow_engine.usecases.runs.watch_run import TOLD_PAUSE_SECONDS, RunWatch

LOG = logging.getLogger(__name__)

MOST_STREAMS: Final = 500
"""A process has 1,024 files, if nobody gave it more. Beyond, streams are answered in pieces, as in the cloud."""

HEARTBEAT_SECONDS: Final = 15.0
STALLED_SECONDS: Final = 60.0
"""A client that takes nothing for so long is given up; it comes back to where it was."""
READ_PAUSE_SECONDS: Final = 0.02
"""The least time between two reads of one run's history: a run that does much is told in pieces."""

_LAST_CHUNK: Final = b"0\r\n\r\n"


class Streams:
    """The streams of a local server. They are all of the one tenant that a laptop has."""

    def __init__(self, changes: Changes, engine: Callable[[], Engine] = Engine.from_environment) -> None:
        self._changes = changes
        self._engine = functools.cache(engine)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._channels: dict[str, _Channel] = {}
        self._clients: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._clients)

    @property
    def has_room(self) -> bool:
        """Whether another may be opened."""
        return not self._is_closed and self.count < MOST_STREAMS

    def take_over(self, connection: socket.socket, execution_id: str, place: Place) -> None:
        """Go on with a stream whose head was sent, with chunked encoding, and what stands before a place."""
        connection.setblocking(False)
        with self._lock:
            if self._is_closed:
                connection.close()
                return
            loop = self._started()
        loop.call_soon_threadsafe(self._begin, connection, execution_id, place)

    def close(self) -> None:
        """End all streams, in the middle of them: their clients come back."""
        with self._lock:
            self._is_closed = True
            loop, thread = self._loop, self._thread
        if loop is not None and thread is not None and thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._serve, args=(self._loop,), daemon=True, name="streams")
            self._thread.start()
        return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    # In the loop

    def _begin(self, connection: socket.socket, execution_id: str, place: Place) -> None:
        task = asyncio.get_running_loop().create_task(self._stream(connection, execution_id, place))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _stream(self, connection: socket.socket, execution_id: str, place: Place) -> None:
        loop = asyncio.get_running_loop()
        me = asyncio.current_task()
        assert me is not None
        try:
            loop.add_reader(connection, _gone, connection, me)
            with self._channel(execution_id) as channel:
                await _send_all(connection, channel, place)
        except (OSError, TimeoutError, NotFoundError):
            pass  # the client is gone, or as good as gone, or the run was deleted
        except Exception:
            LOG.exception("a stream of %s has ended", execution_id)
        finally:
            loop.remove_reader(connection)
            connection.close()

    @contextlib.contextmanager
    def _channel(self, execution_id: str) -> Iterator[_Channel]:
        channel = self._channels.get(execution_id)
        if channel is None:
            channel = self._channels[execution_id] = _Channel(self._engine, self._changes, execution_id)
        channel.watchers += 1
        try:
            yield channel
        finally:
            channel.watchers -= 1
            if not channel.watchers:
                self._channels.pop(execution_id)
                channel.close()


class _Channel:
    """One run that is watched, however many watch it."""

    def __init__(self, engine: Callable[[], Engine], changes: Changes, execution_id: str) -> None:
        self._engine = engine
        self._changes = changes
        self._execution_id = execution_id
        self._loop = asyncio.get_running_loop()
        self._has_changed = asyncio.Event()
        self._is_told = False
        self._news = asyncio.Condition()
        self._watch: RunWatch | None = None
        self._pieces: dict[Place, asyncio.Task[tuple[bytes, Place, bool]]] = {}
        self.generation = 0
        self.watchers = 0
        self._reading = self._loop.create_task(self._read())

    def close(self) -> None:
        self._reading.cancel()

    async def piece(self, place: Place) -> tuple[bytes, Place, bool]:
        """What stands after a place, the place after it, and whether nothing follows. Made once for all who are at that place."""
        task = self._pieces.get(place)
        if task is None:
            task = self._pieces[place] = self._loop.create_task(asyncio.to_thread(self._made, place))
        return await asyncio.shield(task)

    async def wait(self, generation: int) -> None:
        """Wait until more was read than at a generation."""
        async with self._news:
            await self._news.wait_for(lambda: self.generation != generation)

    def _opened(self) -> RunWatch:
        if self._watch is None:
            engine = self._engine()
            self._watch = RunWatch(engine, engine.executions.get(LOCAL_TENANT, self._execution_id))
        return self._watch

    def _made(self, place: Place) -> tuple[bytes, Place, bool]:
        found = self._opened().after(place, EVENTS_AT_ONCE)
        after = found.events[-1].place if found.events else place
        return stream_text(found).encode(), after, found.has_ended

    async def _read(self) -> None:
        with self._changes.listening(self._execution_id, self._tell):
            while True:
                self._is_told = False
                self._has_changed.clear()
                try:
                    await asyncio.to_thread(lambda: self._opened().read_on())
                except Exception:
                    LOG.exception("the history of %s cannot be read", self._execution_id)
                async with self._news:
                    self.generation += 1
                    self._pieces.clear()
                    self._news.notify_all()
                await asyncio.sleep(READ_PAUSE_SECONDS)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._has_changed.wait(), TOLD_PAUSE_SECONDS)

    def _tell(self) -> None:
        """In the engine's thread, for each event."""
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._has_changed.set)


async def _send_all(connection: socket.socket, channel: _Channel, place: Place) -> None:
    """Send a stream to its end."""
    while True:
        generation = channel.generation
        content, place, has_ended = await channel.piece(place)
        if content:
            await _send(connection, content)
        elif has_ended:
            await _send_raw(connection, _LAST_CHUNK)
            return
        else:
            try:
                await asyncio.wait_for(channel.wait(generation), HEARTBEAT_SECONDS)
            except TimeoutError:
                await _send(connection, HEARTBEAT.encode())


async def _send(connection: socket.socket, content: bytes) -> None:
    await _send_raw(connection, b"%x\r\n%s\r\n" % (len(content), content))


async def _send_raw(connection: socket.socket, content: bytes) -> None:
    sending = asyncio.get_running_loop().sock_sendall(connection, content)
    await asyncio.wait_for(sending, STALLED_SECONDS)


def _gone(connection: socket.socket, task: asyncio.Task[None]) -> None:
    """Something can be read of a client that has nothing more to say: that it has closed the connection."""
    try:
        if connection.recv(4096):
            return
    except BlockingIOError:
        return
    except OSError:
        pass
    asyncio.get_running_loop().remove_reader(connection)
    task.cancel()
