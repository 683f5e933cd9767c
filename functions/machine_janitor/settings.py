"""The environment of this function: that of the engine (`workflow_engine.settings`) and `MACHINE_IDLE_DAYS`."""

from __future__ import annotations

import os
from functools import cache

from workflow_engine.usecases.engine import Engine


@cache
def engine() -> Engine:
    """The engine, made at the first event from the environment and kept while the function stays warm."""
    return Engine.from_environment()


def idle_days() -> int:
    """For how many days a machine must not have been used before it goes."""
    return int(os.environ["MACHINE_IDLE_DAYS"])
