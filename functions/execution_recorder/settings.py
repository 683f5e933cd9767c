"""The environment of this function: that of the engine (`workflow_engine.settings`)."""

from __future__ import annotations

from functools import cache
from typing import Any

from workflow_engine.usecases.engine import Engine


@cache
def engine() -> Engine:
    """The engine, made at the first event from the environment and kept while the function stays warm."""
    return Engine.from_environment()


@cache
def sqs() -> Any:
    """A client of SQS, made when a message is first put back."""
    import boto3
    from botocore.config import Config

    return boto3.client("sqs", config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}))
