"""The environment of this function: that of the engine (`workflow_engine.settings`)."""

from __future__ import annotations

from workflow_engine.init_phase import once
from workflow_engine.usecases.engine import Engine


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


def clients() -> tuple[object, ...]:
    """The clients that a request may need."""
    return engine().dynamodb, engine().s3, engine().stepfunctions
