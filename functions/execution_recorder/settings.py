"""The environment of this function: that of the engine (`workflow_engine.settings`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workflow_engine.aws import LIMITS
from workflow_engine.init_phase import once
from workflow_engine.usecases.engine import Engine


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


def sqs() -> Any:
    """A client of SQS, made when a message is first put back: most functions never see one that must be."""
    from botocore.config import Config

    return engine().client("sqs", Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}))


def clients() -> tuple[object, ...]:
    """The clients that every event needs, but for that of DynamoDB as they are anywhere. That one tries once: the queue delivers
    again what the table did not take, while botocore's pauses, of up to a second, would hold up a whole batch.
    """
    once_only = replace(LIMITS["dynamodb"], attempts=1).config()
    return engine().client("dynamodb", once_only), engine().s3, engine().stepfunctions
