"""Logs of runs in files of a folder, or in memory, for one process and its threads.

A file has the lines of one run, each a JSON object; a position is a number of bytes. Each line is written as it comes: what a step
printed before its process was killed is there. What a run prints over `MAX_RUN_BYTES` is not kept, which a last line tells.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from workflow_engine.language.diagnostics import Json
from workflow_engine.store.logs import PAGE_BYTES, LoggedRun, LogLine, LogPage, is_of_step

MAX_RUN_BYTES: Final = 16 * 1024 * 1024
MAX_MEMORY_BYTES: Final = 4 * MAX_RUN_BYTES
"""Of all runs together, where nothing is kept in files; the oldest go first."""
MAX_OPEN_FILES: Final = 64
LOOK_AT_BYTES: Final = 4 * 1024 * 1024
"""A page is looked for in so much of a log, so that it comes soon where few lines are of the step that is asked for."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""Execution names, "StartExecution" `name`, as far as they are names of files."""

_SUFFIX: Final = ".jsonl"


class FileLogs:
    """`store.logs.StepLogs` on a laptop, and where its lines are written."""

    def __init__(self, folder: Path | None = None) -> None:
        """Logs in a folder, which is made when there is something to log; None keeps them in memory."""
        self._folder = folder
        self._lock = threading.Lock()
        self._open: OrderedDict[str, IO[bytes]] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._total = 0

    def write(self, execution_id: str, line: LogLine) -> None:
        """Add a line to the log of a run. OSError where the disk takes nothing more."""
        if not _NAME.fullmatch(execution_id):
            return
        told = {name: value for name, value in _told(line) if value not in (None, {})}
        content = json.dumps(told, separators=(",", ":"), default=str).encode() + b"\n"
        with self._lock:
            file = self._file(execution_id)
            size = self._sizes[execution_id]
            if size > MAX_RUN_BYTES:
                return
            if size + len(content) > MAX_RUN_BYTES:
                message = f"What this run prints over {MAX_RUN_BYTES // 1024 // 1024} MB is not kept."
                content = json.dumps(told | {"m": message, "l": "WARNING"}).encode() + b"\n"
                self._sizes[execution_id] = MAX_RUN_BYTES
            file.seek(0, io.SEEK_END)
            file.write(content)
            self._sizes[execution_id] += len(content)
            self._total += len(content)
            while self._folder is None and self._total > MAX_MEMORY_BYTES and len(self._open) > 1:
                gone, _ = self._open.popitem(last=False)
                self._total -= self._sizes.pop(gone)

    def page(self, run: LoggedRun, position: Json, limit: int, step: str | None) -> LogPage:
        """Lines from a number of bytes on."""
        at = position if isinstance(position, int) else 0
        lines: list[LogLine] = []
        taken = 0
        stop = at + LOOK_AT_BYTES
        for line, after in self._read(run.execution_id, at):
            if is_of_step(line.place, step):
                taken += len(line.message)
                if len(lines) == limit or (lines and taken > PAGE_BYTES):
                    return LogPage(lines, at, is_end=False)
                lines.append(line)
            at = after
            if at >= stop:
                return LogPage(lines, at, is_end=False)
        return LogPage(lines, at, is_end=run.ended_at is not None)

    def lines(self, execution_id: str, after: int, limit: int) -> list[tuple[LogLine, int]]:
        """Lines by the number of bytes up to their end."""
        return list(itertools.islice(self._read(execution_id, after), limit))

    def delete(self, execution_id: str) -> None:
        """Remove the file of a run."""
        with self._lock:
            self._total -= self._sizes.pop(execution_id, 0)
            if (file := self._open.pop(execution_id, None)) is not None:
                file.close()
            if self._folder is not None and _NAME.fullmatch(execution_id):
                self._path(execution_id).unlink(missing_ok=True)

    def runs(self) -> Iterator[tuple[str, os.stat_result]]:
        """The runs that have a file, and what is known of it."""
        if self._folder is not None and self._folder.is_dir():
            for file in sorted(self._folder.glob(f"*{_SUFFIX}")):
                yield file.stem, file.stat()

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for file in self._open.values():
                file.close()
            self._open.clear()
            self._sizes.clear()

    def _path(self, execution_id: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{execution_id}{_SUFFIX}"

    def _file(self, execution_id: str) -> IO[bytes]:
        """The file of a run, open, the last one used at the end."""
        if execution_id in self._open:
            self._open.move_to_end(execution_id)
            return self._open[execution_id]
        file: IO[bytes] = io.BytesIO()
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = open(self._path(execution_id), "ab", buffering=0)  # noqa: SIM115  # closed when it was not used for long
            while len(self._open) >= MAX_OPEN_FILES:
                gone, oldest = self._open.popitem(last=False)
                oldest.close()
                self._sizes.pop(gone, None)
        self._open[execution_id] = file
        self._sizes[execution_id] = file.seek(0, io.SEEK_END)
        return file

    def _read(self, execution_id: str, at: int) -> Iterator[tuple[LogLine, int]]:
        """The lines of a run from a number of bytes on, each with the number where it ends. One that is being written, or that an
        older process was writing when it ended, is none yet.
        """
        with self._opened(execution_id) as file:
            file.seek(at)
            for content in file:
                if not content.endswith(b"\n"):
                    return
                at += len(content)
                if (line := _line(content)) is not None:
                    yield line, at

    def _opened(self, execution_id: str) -> IO[bytes]:
        if self._folder is None:
            with self._lock:
                held = self._open.get(execution_id)
                return io.BytesIO(held.getvalue() if isinstance(held, io.BytesIO) else b"")
        if not _NAME.fullmatch(execution_id):
            return io.BytesIO()
        try:
            return open(self._path(execution_id), "rb")
        except FileNotFoundError:
            return io.BytesIO()


def _told(line: LogLine) -> Iterator[tuple[str, Any]]:
    yield "t", line.timestamp
    yield "m", line.message
    yield "s", line.stream
    yield "p", line.place
    yield "i", line.step_id
    yield "a", line.attempt
    yield "l", line.level
    yield "r", line.request_id
    yield "n", line.logger
    yield "f", dict(line.fields)


def _line(content: bytes) -> LogLine | None:
    try:
        told = json.loads(content)
        return LogLine(
            told["t"],
            told["m"],
            told["s"],
            told["p"],
            told["i"],
            told.get("a"),
            told.get("l"),
            told.get("r"),
            told.get("n"),
            told.get("f", {}),
        )
    except (ValueError, KeyError, TypeError):
        return None  # half a line, behind which another process went on
