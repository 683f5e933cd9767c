"""Which reply a call gets: by address, by what it is called with, and by what was served before."""

from __future__ import annotations

import fnmatch
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from infra.local.mocking.model import ANY, Mock, Reply
from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call. `element` is the place of the enclosing elements of lists, without turns of loops: who is in one
    element counts together. `attempt` and `turn` count from 1; a turn is that of an agent, else of the enclosing loop.
    """

    element: str = ""
    index: int | None = None
    item: Any = None
    attempt: int = 1
    turn: int = 1
    input: Any = None
    config: Any = None

    def as_document(self) -> dict[str, Any]:
        """What expressions read."""
        names = ("index", "item", "attempt", "turn", "input", "config")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class ExhaustedError(Exception):
    """All replies of a list have been served, and another call came."""

    def __init__(self, mock: Mock, served: int) -> None:
        self.mock = mock
        super().__init__(
            f"'{mock.address}' is called once more than it has replies: {served} were served. Add one, or let the last repeat with "
            "'times: any'."
        )


class ExpressionError(Exception):
    """An expression of a mock cannot be evaluated."""

    def __init__(self, reply: Reply, told: str) -> None:
        self.reply = reply
        super().__init__(told)


Evaluate = Callable[[str, Any], Any]
"""The value of a JSONata expression over a document. Raises ValueError."""


@dataclass(slots=True)
class Book:
    """The mocks of a run, and how often each reply was served in each element. For any thread."""

    mocks: dict[str, Mock]
    evaluate: Evaluate
    _served: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def mock(self, addresses: Iterable[str]) -> Mock | None:
        """The mock of the first of these addresses that has one."""
        return next((self.mocks[address] for address in addresses if address in self.mocks), None)

    def http(self, method: str, url: str) -> Mock | None:
        """The mock that a request falls under, the first in order."""
        for address, mock in self.mocks.items():
            kind, _, rest = address.partition(":")
            wanted, _, pattern = rest.partition(" ")
            if kind == "http" and fnmatch.fnmatchcase(method, wanted) and fnmatch.fnmatchcase(url, pattern.strip()):
                return mock
        return None

    def peek(self, mock: Mock, facts: Facts) -> Reply | None:
        """The reply that a call would get; None where the list is at its end. Raises ExpressionError."""
        with self._lock:
            found = self._find(mock, facts)
        return None if found is None else mock.replies[found]

    def take(self, mock: Mock, facts: Facts) -> Reply:
        """The reply to a call, which counts it. Raises ExhaustedError, ExpressionError."""
        with self._lock:
            found = self._find(mock, facts)
            if found is None:
                served = sum(
                    n
                    for (address, element, _), n in self._served.items()
                    if (address, element) == (mock.address, facts.element)
                )
                raise ExhaustedError(mock, served)
            self._served[mock.address, facts.element, found] += 1
        return mock.replies[found]

    def _find(self, mock: Mock, facts: Facts) -> int | None:
        for position, reply in enumerate(mock.replies):
            most = _times(reply, mock)
            if most is not None and self._served[mock.address, facts.element, position] >= most:
                continue
            if reply.when is None or self._holds(reply, facts):
                return position
        return None

    def _holds(self, reply: Reply, facts: Facts) -> bool:
        assert reply.when is not None
        try:
            return self.evaluate(reply.when, facts.as_document()) is True
        except ValueError as error:
            raise ExpressionError(reply, f"'when' cannot be evaluated: {error}") from None

    def unused(self) -> list[tuple[Mock, Reply | None]]:
        """The mocks of the case that served nothing, and of those that did each reply that never was."""
        used = {(address, position) for (address, _, position), n in self._served.items() if n}
        found: list[tuple[Mock, Reply | None]] = []
        for mock in self.mocks.values():
            if not mock.is_own:
                continue
            idle = [reply for position, reply in enumerate(mock.replies) if (mock.address, position) not in used]
            if len(idle) == len(mock.replies):
                found.append((mock, None))
            else:
                found += [(mock, reply) for reply in idle]
        return found

    def renew(self, mocks: Mapping[str, Mock]) -> None:
        """Put other mocks in the place of those of the same address, to be served from their beginning."""
        with self._lock:
            self.mocks.update(mocks)
            for key in [key for key in self._served if key[0] in mocks]:
                del self._served[key]


def _times(reply: Reply, mock: Mock) -> int | None:
    """How often a reply serves in one element; None for any number."""
    if isinstance(reply.times, int):
        return reply.times
    if reply.times == ANY or reply.when is not None or not mock.is_list:
        return None
    return 1
