"""The environment of this function: that of the engine (`workflow_engine.settings`) and `MACHINE_IDLE_DAYS`."""

from __future__ import annotations

from workflow_engine.init_phase import once
from workflow_engine.settings import InvalidSettingError, required
from workflow_engine.usecases.engine import Engine


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


def clients() -> tuple[object, ...]:
    """The clients that a request may need."""
    return engine().dynamodb, engine().stepfunctions


def idle_days() -> int:
    """For how many days a machine must not have been used before it goes."""
    days = required("MACHINE_IDLE_DAYS")
    try:
        return int(days)
    except ValueError:
        raise InvalidSettingError(
            f"The environment variable MACHINE_IDLE_DAYS must be a number, not '{days}'."
        ) from None
