"""What requests bring from outside, checked as the API checks it."""

from __future__ import annotations

import re
from typing import Final

from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.limits import in_utf8, json_text, parsed, utf8_size
from workflow_engine.aws_quotas import EXECUTION_NAME_LENGTH, PAYLOAD_BYTES

# API reference, CreateStateMachine, `name`.
_NAME: Final = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]+""")


def check_name(name: str) -> str:
    """A name for a machine or an execution. Raises ServiceError (InvalidName)."""
    if len(name) > EXECUTION_NAME_LENGTH or _NAME.fullmatch(name) is None or name != in_utf8(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
    return name


def checked_input(text: str) -> str:
    """The input of an execution. Raises ServiceError (ValidationException, InvalidExecutionInput) for what is refused."""
    if utf8_size(text) > PAYLOAD_BYTES:
        rule = f"Member must have length less than or equal to {PAYLOAD_BYTES}"
        message = f"1 validation error detected: Value at 'input' failed to satisfy constraint: {rule}"
        raise ServiceError("ValidationException", message)
    try:
        parsed(text)
    except (ValueError, RecursionError) as error:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
    return in_utf8(text)


def checked_output(text: str) -> str:
    """The output of SendTaskSuccess as compact JSON text. Raises ServiceError (InvalidOutput)."""
    try:
        value = parsed(text)
    except (ValueError, RecursionError) as error:
        raise ServiceError("InvalidOutput", f"Invalid Output: '{error}'") from error
    if utf8_size(text) > PAYLOAD_BYTES:
        raise ServiceError("InvalidOutput", f"Invalid Output: over {PAYLOAD_BYTES} bytes")
    return json_text(value)
