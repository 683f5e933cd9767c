"""The environment of this function: that of the engine (`workflow_engine.settings`)."""

from __future__ import annotations

from typing import Final

from workflow_engine.init_phase import once
from workflow_engine.usecases.engine import Engine

READ_SECONDS: Final = 70
"""GetActivityTask holds a request for 60 seconds, and who hangs up before may lose a task: 65 at least (API reference)."""


@once
def engine() -> Engine:
    """The engine that the environment describes, whose client of Step Functions waits as long as it takes, once."""
    from botocore.config import Config

    made = Engine.from_environment()
    made.client(
        "stepfunctions", Config(read_timeout=READ_SECONDS, retries={"mode": "standard", "total_max_attempts": 1})
    )
    return made


def clients() -> tuple[object, ...]:
    """The clients that an event may need."""
    return engine().dynamodb, engine().stepfunctions
