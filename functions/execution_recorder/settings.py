"""The environment of this function: that of the engine (`workflow_engine.settings`)."""

from __future__ import annotations

from typing import Any

from workflow_engine.init_phase import once
from workflow_engine.usecases.engine import Engine


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


def sqs() -> Any:
    """A client of SQS, which messages are put back with."""
    from botocore.config import Config

    return engine().client("sqs", Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}))


def clients() -> tuple[object, ...]:
    """The clients that an event may need."""
    return engine().dynamodb, engine().s3, engine().stepfunctions, sqs()
