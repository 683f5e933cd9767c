"""What Lambda hands a handler beside its event."""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import field
from typing import Final

from workflow_engine.lazy_dataclass import dataclass

# AWS page "Lambda quotas", "Function timeout".
LONGEST_SECONDS: Final = 900.0


def request_id() -> str:
    """An id for a request. Not from the system's randomness: that lets other threads run, which costs more than a step."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _longest() -> float:
    return time.monotonic() + LONGEST_SECONDS


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The second argument of a handler, with the attributes of Lambda's Python runtime. `deadline` is on the clock of
    `time.monotonic`.
    """

    function_name: str
    invoked_function_arn: str
    aws_request_id: str = field(default_factory=request_id)
    deadline: float = field(default_factory=_longest)
    memory_limit_in_mb: str = "512"
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's time is over."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))
