"""Structured logs: fields bound for the length of a request go into every record logged meanwhile.

Lambda's JSON log format writes whatever attributes a record carries, so inside Lambda a filter is all that is needed;
elsewhere `JsonFormatter` writes the same shape to stderr.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_fields: ContextVar[Mapping[str, str]] = ContextVar("log_fields")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def log_fields(**fields: str | None) -> Iterator[None]:
    """Add these fields (tenant_id, execution_id, ...) to every record logged inside the block. None leaves a field
    out.
    """
    token = _fields.set({**_fields.get({}), **{k: v for k, v in fields.items() if v is not None}})
    try:
        yield
    finally:
        _fields.reset(token)


class _BoundFields(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        for key, value in _fields.get({}).items():
            setattr(record, key, value)
        return True


_BOUND: Final = _BoundFields()


def get_logger(name: str) -> logging.Logger:
    """The logger of a module, with the bound fields in its records."""
    logger = logging.getLogger(name)
    logger.addFilter(_BOUND)  # adding the same filter twice has no effect
    return logger


class JsonFormatter(logging.Formatter):
    """One JSON object a line: timestamp, level, logger, message, the record's own fields, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        line = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **extra,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
