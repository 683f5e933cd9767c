"""Step Functions on a laptop: moto's interpreter, made to do what AWS does.

`apply()` changes moto 5.2.5 in this process, once and for good. Then `mock_aws(config=MOCK_CONFIG)` serves Step
Functions that run JSONata machines, with Lambda functions registered by `register_lambda`. The seams themselves, each
with what it mends, are in `infra.local.seams`.
"""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import Any, Final

from infra.local.seams import (
    api,
    containers,
    definitions,
    expressions,
    failures,
    history,
    integrations,
    lambdas,
    limits,
    runs,
    states,
    text,
    waiting,
)
from infra.local.seams.lambdas import Invocation, invoke_lambda, register_lambda, unregister_lambda
from infra.local.seams.patching import parser
from infra.local.seams.runs import ExecutionEnded, on_execution_ended, remove_on_execution_ended
from infra.local.seams.waiting import set_time_scale
from infra.local.stepfunctions.lambdas import Handler, LambdaContext

__all__ = [
    "MOCK_CONFIG",
    "MOTO_VERSION",
    "ExecutionEnded",
    "Handler",
    "Invocation",
    "LambdaContext",
    "apply",
    "invoke_lambda",
    "on_execution_ended",
    "register_lambda",
    "remove_on_execution_ended",
    "set_time_scale",
    "unregister_lambda",
]

MOTO_VERSION: Final = "5.2.5"

MOCK_CONFIG: Final[Any] = {"stepfunctions": {"execute_state_machine": True}}
"""For `mock_aws(config=...)`: without it moto answers for executions but runs none."""

_SEAMS: Final = (
    text,
    failures,
    waiting,
    history,
    expressions,
    definitions,
    limits,
    states,
    containers,
    lambdas,
    integrations,
    runs,
    api,
)

_lock = threading.Lock()
_is_applied = False


def apply() -> None:
    """Put every seam in place, for the life of the process. Calling it again does nothing.

    Raises RuntimeError for another version of moto than the one that the seams were written for.
    """
    global _is_applied
    with _lock:
        if _is_applied:
            return
        installed = version("moto")
        if installed != MOTO_VERSION:
            raise RuntimeError(f"The seams are written for moto {MOTO_VERSION}, but {installed} is installed")
        # The whole interpreter, so that a function it imports by name is found in every module that did.
        parser("models")
        for seam in _SEAMS:
            seam.install()
        _is_applied = True
