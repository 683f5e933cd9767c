"""Who wants to know that something has happened in a run, by the run's name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[], None]


class Changes:
    """Tells listeners of what the engine writes into histories."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._waiters: set[threading.Event] = set()
        self._is_closed = False

    def tell(self, arn: str) -> None:
        """Something has happened in a run. Called in the engine's thread for each event of every run, so it does nothing where
        nobody listens.
        """
        if self._listeners:
            for listener in self._listeners.get(arn.rpartition(":")[2], ()):
                listener()

    @contextmanager
    def listening(self, name: str, listener: Listener) -> Iterator[None]:
        """Call a listener, which returns at once, for each change of a run while the block lasts."""
        with self._lock:
            self._listeners[name] = (*self._listeners.get(name, ()), listener)
        try:
            yield
        finally:
            with self._lock:
                others = tuple(other for other in self._listeners[name] if other is not listener)
                if others:
                    self._listeners[name] = others
                else:
                    del self._listeners[name]

    @contextmanager
    def following(self, name: str) -> Iterator[Callable[[float], bool]]:
        """`Engine.following`: what waits, at most so many seconds, until something has happened since the beginning of the block,
        or since it last returned. It gives False once this is closed.
        """
        waiter = threading.Event()

        def wait(seconds: float) -> bool:
            if not self._is_closed and waiter.wait(seconds):
                waiter.clear()
            return not self._is_closed

        with self.listening(name, waiter.set):
            with self._lock:
                self._waiters.add(waiter)
            try:
                yield wait
            finally:
                with self._lock:
                    self._waiters.discard(waiter)

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._lock:
            self._is_closed = True
            for waiter in self._waiters:
                waiter.set()
