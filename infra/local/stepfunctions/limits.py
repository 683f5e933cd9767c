"""JSON text as Step Functions writes it, its size, the quotas on what a run may carry, and checks of what requests bring."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from infra.local.stepfunctions.failures import DATA_LIMIT_EXCEEDED, ServiceError, StateError
from workflow_engine.aws_quotas import ASSIGN_BYTES, EXECUTION_NAME_LENGTH, PAYLOAD_BYTES, VARIABLES_BYTES_PER_RUN

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
# API reference, CreateStateMachine, `name`.
_NAME: Final = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]+""")
_INTEGER_KEY: Final = re.compile(r'"(?:0|[1-9][0-9]*)":')


def json_text(value: Any) -> str:
    """The compact JSON text of a value: UTF-8, no escapes that JSON does not need."""
    return _encode(value)


def parsed(text: str, fields: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The value of a JSON text that came from outside, `fields` making an object of its names and values. Raises ValueError
    for what is no JSON, NaN included.

    A surrogate without its other half, which no UTF-8 text can hold, becomes the replacement character.
    """
    value = _decode(text) if fields is None else _decoder(fields).decode(text)
    return json.loads(in_utf8(json_text(value))) if "\\u" in text or not text.isascii() else value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _decoder(fields: Callable[[list[tuple[str, Any]]], Any] | None) -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=fields)


# Made once: to make it takes as long as to read a short text.
_decode: Final = _decoder(None).decode


def in_utf8(text: str) -> str:
    """The text as UTF-8 can hold it: pairs of surrogates are one character, single ones the replacement character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def utf8_size(text: str) -> int:
    """Bytes of a text in UTF-8, the unit of AWS's payload quotas."""
    # An ASCII string knows that it is one, so the common case costs nothing.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def in_javascript_order(value: Any, text: str) -> tuple[Any, str]:
    """A value and its text with the fields of each object as JavaScript keeps them: integer-like names first, ascending.

    Step Functions evaluates JSONata in JavaScript, so this is the order in which its results come.
    """
    if _INTEGER_KEY.search(text) is None:
        return value, text
    ordered = _ordered(value)
    return ordered, json_text(ordered)


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    indices = sorted((key for key in value if _is_index(key)), key=int)
    names = [*indices, *(key for key in value if not _is_index(key))] if indices else list(value)
    return {key: _ordered(value[key]) for key in names}


def _is_index(key: str) -> bool:
    """Whether JavaScript takes a property's name for an array index: a canonical integer below 2**32 - 1."""
    return key.isascii() and key.isdigit() and (key == "0" or key[0] != "0") and int(key) < 2**32 - 1


def check_result(name: str, text: str) -> None:
    """Raise States.DataLimitExceeded for the result of a task, or the output of a state, that is too large."""
    if utf8_size(text) > PAYLOAD_BYTES:
        cause = f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."
        raise StateError(DATA_LIMIT_EXCEEDED, cause)


def check_input(name: str, text: str) -> None:
    """Raise States.DataLimitExceeded for what a task is given, if that is too large."""
    if utf8_size(text) > PAYLOAD_BYTES:
        cause = f"The state/task '{name}' was given an input with a size exceeding the maximum number of bytes service limit."
        raise StateError(DATA_LIMIT_EXCEEDED, cause)


class Variables(dict[str, Any]):
    """The variables of a scope, with the sizes that count against the quota of the whole run.

    An inner scope begins as a copy of its outer one. The sizes of variables of branches that run at the same time are
    not added up.
    """

    def __init__(self, outer: Variables | None = None) -> None:
        super().__init__(outer or {})
        self.sizes: dict[str, int] = dict(outer.sizes) if outer is not None else {}

    def check(self, state: str, texts: dict[str, str]) -> None:
        """Raise States.DataLimitExceeded if one Assign, or all variables with it, are too large."""
        sizes = {name: utf8_size(text) for name, text in texts.items()}
        if sum(sizes.values()) > ASSIGN_BYTES:
            cause = f"The variables assigned in the state '{state}' exceed {ASSIGN_BYTES} bytes."
            raise StateError(DATA_LIMIT_EXCEEDED, cause)
        if sum({**self.sizes, **sizes}.values()) > VARIABLES_BYTES_PER_RUN:
            cause = f"The variables of the execution exceed {VARIABLES_BYTES_PER_RUN} bytes in the state '{state}'."
            raise StateError(DATA_LIMIT_EXCEEDED, cause)

    def assign(self, values: dict[str, Any], texts: dict[str, str]) -> None:
        """Set variables, given with their JSON texts."""
        self.update(values)
        self.sizes.update((name, utf8_size(text)) for name, text in texts.items())


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
