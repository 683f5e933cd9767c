"""The environment of this function: that of the engine (`workflow_engine.settings`) and of callers
(`workflow_engine.http.caller`).
"""

from __future__ import annotations

from functools import cache

from workflow_engine.usecases.engine import Engine


@cache
def engine() -> Engine:
    """The engine, made at the first request from the environment and kept while the function stays warm."""
    return Engine.from_environment()
