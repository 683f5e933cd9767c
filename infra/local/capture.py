"""What step functions print and log on a laptop: told to the log of their run, and on the terminal with the run and the step before
each line.

Several functions run at once in threads of one process, which has one `sys.stdout`. So that and `sys.stderr` are stand-ins, which
find in a context variable whose call it is that writes. Threads and executors that a function starts inherit it. What writes to
the file descriptors (processes that a step starts, libraries in C) goes past it to the terminal.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, Final, cast

from infra.local.progress import prefix
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.redaction import Redactor, known_secrets
from workflow_engine.sdk import StepContext
from workflow_engine.store.logs import LogLine, Stream, fields_of, message_of, structured
from workflow_engine.timestamps import iso

MAX_LINE: Final = 64 * 1024
"""Characters of a line; one that goes on is broken."""

LOG = logging.getLogger(__name__)

Write = Callable[[str, LogLine], None]
"""Adds a line to the log of a run, by its execution id."""

_current: ContextVar[Invocation | None] = ContextVar("invocation", default=None)

_NOT_ADDED: Final = frozenset(logging.makeLogRecord({}).__dict__) | frozenset(
    {"asctime", "attempt", "execution_id", "message", "place", "step_id", "taskName", "tenant_id"}
)
"""Attributes of a record that are every record's, or that a line has by itself."""


@dataclass(eq=False, slots=True)
class Invocation:
    """One call of a step function: whose lines are written, and what was printed of lines that have not ended."""

    context: StepContext
    request_id: str
    write: Write
    _begun: dict[tuple[int, Stream], str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _redactor: Redactor | None = None

    def prints(self, stream: Stream, text: str) -> list[str]:
        """Take what is printed, by any thread; gives the lines that it ends."""
        key = (threading.get_ident(), stream)
        with self._lock:
            *lines, rest = (self._begun.pop(key, "") + text).split("\n")
            while len(rest) > MAX_LINE:
                lines.append(rest[:MAX_LINE])
                rest = rest[MAX_LINE:]
            if rest:
                self._begun[key] = rest
        for line in lines:
            self._tell_printed(stream, line)
        return lines

    def logs(self, record: logging.LogRecord) -> str:
        """Take what is logged; gives it as a text."""
        text = logging.Formatter().format(record)
        added = {k: v for k, v in record.__dict__.items() if k not in _NOT_ADDED}
        fields = json.loads(json.dumps(added, default=str)) if added else {}
        self._tell(text, "log", record.levelname, record.name, fields)
        return text

    def ends(self) -> Iterator[tuple[Stream, str]]:
        """The lines that were begun and not ended."""
        with self._lock:
            begun = [(stream, line) for (_, stream), line in self._begun.items()]
            self._begun.clear()
        for stream, line in begun:
            self._tell_printed(stream, line)
            yield stream, line

    def _tell_printed(self, stream: Stream, line: str) -> None:
        line = line.removesuffix("\r")
        read = structured(line)
        if read is None:
            for at in range(0, len(line) or 1, MAX_LINE):
                self._tell(line[at : at + MAX_LINE], stream, None, None, {})
            return
        named = read.get("logger") or read.get("service")
        self._tell(message_of(read), stream, read.get("level"), named, fields_of(read))

    def _tell(
        self, text: str, stream: Stream, level: str | None, logger: str | None, fields: Mapping[str, Any]
    ) -> None:
        if self._redactor is None:
            redactor = Redactor(known_secrets())
            redactor.learn(self.context.event)
            self._redactor = redactor
        context = self.context
        line = LogLine(
            timestamp=iso(datetime.now(UTC)),
            message=self._redactor.text(text)[:MAX_LINE],
            stream=stream,
            place=context.place or context.step_id,
            step_id=context.step_id,
            attempt=context.attempt or None,
            level=level,
            request_id=self.request_id,
            logger=logger,
            fields=self._redactor.value(fields),
        )
        try:
            self.write(context.execution_id, line)
        except OSError:
            _say_once()

    @property
    def prefix(self) -> str:
        """What stands before its lines on the terminal: the run and the step."""
        return prefix(self.context.execution_id, self.context.place or self.context.step_id)


@contextlib.contextmanager
def capturing(write: Write) -> Iterator[Callable[[Any, str], contextlib.AbstractContextManager[None]]]:
    """Gives what a call of a step function is to be made in, `(event, request id)`, so that its lines are taken. While the block
    lasts, records of loggers are told from INFO on, as Lambda does.
    """
    root, handler = logging.getLogger(), _Records()
    level = root.level
    with contextlib.ExitStack() as ending:
        ending.callback(_let_go)
        ending.callback(root.setLevel, level)
        root.setLevel(min(level, logging.INFO))
        root.addHandler(handler)
        ending.callback(root.removeHandler, handler)
        ending.enter_context(_inherited())

        def called(event: Any, request_id: str) -> contextlib.AbstractContextManager[None]:
            context = StepContext.from_event(event if isinstance(event, Mapping) else {})
            if not context.execution_id:
                return contextlib.nullcontext()  # as a tool of an agent, say, whose lines are those of the agent
            return _Called(Invocation(context, request_id, write))

        yield called


class _Called:
    """While a step function is called."""

    __slots__ = ("_invocation", "_token")

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def __enter__(self) -> None:
        _stand_in()
        self._token = _current.set(self._invocation)

    def __exit__(self, *_: object) -> None:
        for stream, line in self._invocation.ends():
            _show(self._invocation, sys.stdout if stream == "stdout" else sys.stderr, line)
        _current.reset(self._token)


class StandIn:
    """In the place of `sys.stdout` or `sys.stderr`: what belongs to a step is taken and shown with a prefix, all else passes."""

    def __init__(self, stream: Stream, behind: Any) -> None:
        self.stream: Final[Stream] = stream
        self.behind: Final = behind

    def write(self, text: str) -> int:
        """As of a text stream."""
        invocation = _current.get()
        if invocation is None or not isinstance(text, str):
            passed: int = self.behind.write(text)
            return passed
        for line in invocation.prints(self.stream, text):
            _show(invocation, self, line)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As of a text stream."""
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> Any:
        """What takes bytes."""
        return _Bytes(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


class _Bytes:
    """The binary stream of a stand-in."""

    def __init__(self, text: StandIn) -> None:
        self._text = text

    def write(self, content: Any) -> int:
        if _current.get() is None:
            written: int = self._text.behind.buffer.write(content)
            return written
        self._text.write(bytes(content).decode("utf-8", "replace"))
        return len(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._text.behind.buffer, name)


class _Records(logging.Handler):
    """On the root logger: takes what steps log. Of all else it shows what Python would, were it not there."""

    def __init__(self) -> None:
        # Not 0: werkzeug adds no handler of its own where another would take all that it logs.
        super().__init__(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            invocation = _current.get()
            if invocation is not None:
                text = invocation.logs(record)
                if record.levelno >= logging.WARNING:
                    for line in text.split("\n"):
                        _show(invocation, sys.stderr, line)
                return
            is_shown = record.levelno >= logging.WARNING or record.name == "werkzeug"
            if is_shown and logging.lastResort is not None and logging.getLogger().handlers == [self]:
                logging.lastResort.handle(record)
        except Exception:  # as every handler: what a step logs wrongly is told, and no error of the step
            self.handleError(record)


def _show(invocation: Invocation, stream: Any, line: str) -> None:
    """Show a line on the terminal. What stands behind may write by way of a stand-in, which must not take the line once more."""
    token = _current.set(None)
    try:
        behind = stream.behind if isinstance(stream, StandIn) else stream
        behind.write(f"{invocation.prefix}{line}\n")
    except (OSError, ValueError):
        pass  # nobody looks any more
    finally:
        _current.reset(token)


def _stand_in() -> None:
    """Put stand-ins in place, also where somebody has put streams of their own there since (a progress bar, a test)."""
    if not isinstance(sys.stdout, StandIn):
        sys.stdout = cast(Any, StandIn("stdout", sys.stdout))
    if not isinstance(sys.stderr, StandIn):
        sys.stderr = cast(Any, StandIn("stderr", sys.stderr))


def _let_go() -> None:
    out: Any = sys.stdout
    err: Any = sys.stderr
    sys.stdout = out.behind if isinstance(out, StandIn) else out
    sys.stderr = err.behind if isinstance(err, StandIn) else err


@contextlib.contextmanager
def _inherited() -> Iterator[None]:
    """Threads that a step starts, and work that it gives to executors, are the step's."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def started(thread: threading.Thread) -> None:
        invocation = _current.get()
        if invocation is not None:
            run = thread.run

            def run_inside() -> None:
                _current.set(invocation)
                run()

            vars(thread)["run"] = run_inside
        start(thread)

    def submitted(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        invocation = _current.get()  # also None: the pool's thread may have been started in a call

        def inside() -> Any:
            token = _current.set(invocation)
            try:
                return function(*args, **kwargs)
            finally:
                _current.reset(token)

        return submit(pool, inside)

    # Python has no other way to see a thread start, or work being given.
    with _replaced(threading.Thread, "start", started), _replaced(ThreadPoolExecutor, "submit", submitted):
        yield


@contextlib.contextmanager
def _replaced(owner: type, name: str, method: Callable[..., Any]) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, method)
    try:
        yield
    finally:
        setattr(owner, name, before)


_said = threading.Event()


def _say_once() -> None:
    """That lines are lost, on the terminal and not in the log, which cannot take them."""
    if _said.is_set():
        return
    _said.set()
    token = _current.set(None)
    try:
        LOG.warning("What steps print cannot be kept: the disk takes nothing more.")
    finally:
        _current.reset(token)
