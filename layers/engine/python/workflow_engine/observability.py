"""Structured logs: fields bound for the length of a request go into every record logged meanwhile.

Lambda's JSON log format writes whatever attributes a record carries, so a filter is all that is needed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_fields: ContextVar[Mapping[str, str]] = ContextVar("log_fields")


@contextmanager
def log_fields(**fields: str | None) -> Iterator[None]:
    """Add these fields (tenant_id, execution_id, ...) to every record logged inside the block. None leaves a field out."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_BOUND)  # for the loggers of libraries, too
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
