"""What a step prints in Lambda: each line as JSON with the ids of run, step, place and attempt, by which it is found again.

Lambda writes what is printed as it is, in its JSON format too ("Log and monitor Python Lambda functions"). Lines that are JSON
objects already (loggers, metrics in CloudWatch's embedded format) stay as they are.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from workflow_engine.observability import log_fields
from workflow_engine.timestamps import iso


@contextlib.contextmanager
def lines_told(fields: Mapping[str, str | None], request_id: str | None) -> Iterator[None]:
    """Within the block, all that is printed or logged carries the fields; None leaves one out."""
    told = {name: value for name, value in {**fields, "requestId": request_id}.items() if value is not None}
    out, err = sys.stdout, sys.stderr
    lines = (_Lines("stdout", out, told), _Lines("stderr", err, told))
    sys.stdout, sys.stderr = cast(Any, lines[0]), cast(Any, lines[1])
    try:
        with log_fields(**fields):
            yield
    finally:
        sys.stdout, sys.stderr = out, err
        for stream in lines:
            stream.end()


class _Lines:
    """A text stream that writes whole lines to the one behind it."""

    def __init__(self, stream: str, behind: Any, fields: Mapping[str, str]) -> None:
        self._stream = stream
        self._behind = behind
        self._fields = fields
        self._begun: dict[int, str] = {}
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """As of a text stream. Threads have lines of their own."""
        thread = threading.get_ident()
        with self._lock:
            *lines, rest = (self._begun.pop(thread, "") + text).split("\n")
            if rest:
                self._begun[thread] = rest
            for line in lines:
                self._tell(line)
        return len(text)

    def end(self) -> None:
        """Write the lines that have no end yet."""
        with self._lock:
            for line in self._begun.values():
                self._tell(line)
            self._begun.clear()

    def _tell(self, line: str) -> None:
        if not (line.startswith("{") and line.endswith("}")):
            about = {"timestamp": iso(datetime.now(UTC)), "level": "INFO", "message": line, "stream": self._stream}
            line = json.dumps({**about, **self._fields}, ensure_ascii=False)
        self._behind.write(f"{line}\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)
