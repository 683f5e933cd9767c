"""`delay`: waits for a number of seconds or until a point in time.

Either stands in `config`, or comes by `input_mapping` under the same name. Seconds are rounded down, a rest of time
until a timestamp up; neither is less than 0, and a rest no more than the 99,999,999 that a Wait state accepts (Step
Functions, Wait state, `Seconds`). Anything that is no number, or no timestamp such as `2030-01-31T08:00:00Z`, fails the
step, and so does a number of seconds that no execution outlives: one of more than a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.aws_quotas import EXECUTION_SECONDS, STATE_SECONDS
from workflow_engine.compiler.catalogue import Lowering, PureContext, WaitLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, Text, json_literal, object_fragment
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, object_schema, output_schema, property_schema
from workflow_engine.steps.sources import apply
from workflow_engine.steps.step_type import StepType

_MONTH_AND_DAY: Final = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))"
)
TIMESTAMP_PATTERN: Final = (
    rf"^[0-9]{{4}}-{_MONTH_AND_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,9}})?"
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""Timestamps that $toMillis reads without raising. 29 February is read as 1 March in a year that has none."""

_CLAMP: Final = f"$s<0?0:$s>{STATE_SECONDS}?{STATE_SECONDS}:$s"
_FROM_NUMBER: Final = f'$type($v)="number"?($v>{EXECUTION_SECONDS}?null:($s:=$floor($v);$s<0?0:$s)):null'
_FROM_TIMESTAMP: Final = (
    f'$type($v)="string"?$contains($v,/{TIMESTAMP_PATTERN}/)?'
    f"($s:=$ceil(($toMillis($v)-$millis())/1000);{_CLAMP}):null:null"
)


def _requested(context: PureContext) -> tuple[str, Fragment]:
    """Which of the two keys is asked for, and its value: config first, then input_mapping."""
    for key in ("delay_seconds", "until"):
        if key in context.static_config:
            return key, context.config(key)
    for key in ("delay_seconds", "until"):
        for entry in context.inputs:
            if entry.name == key and entry.present is None:
                return key, entry.value
    return "delay_seconds", json_literal(None)


def _seconds(context: PureContext) -> Fragment:
    key, value = _requested(context)
    return apply(_FROM_NUMBER if key == "delay_seconds" else _FROM_TIMESTAMP, {"v": value})


MAX_INPUT_CHARACTERS: Final = 60_000
"""A state's output holds 256 KiB (Step Functions quotas, "Maximum input or output size"), and a Wait can catch nothing:
what it received is repeated only where it fits even if all of its characters have four bytes."""

# The clock of an expression stands still, so this is the time between `started_at` and `completed_at`.
_ACTUAL: Final = "($s:=($millis()-$toMillis($at))/1000;$s<0?0:$s)"
_RECEIVED: Final = f"$length($string($d))>{MAX_INPUT_CHARACTERS}?null:$d"


def _build(context: PureContext) -> Fragment:
    return object_fragment(
        {
            "delay_requested": _requested(context)[1],
            "delay_actual": apply(_ACTUAL, {"at": context.entered}),
            "started_at": context.entered,
            # A Wait's Output is evaluated when the wait is over.
            "completed_at": Text("$now()"),
            "input_data": apply(_RECEIVED, {"d": context.input_data}),
            "success": json_literal(True),
        }
    )


def _lower(config: Mapping[str, Any]) -> Lowering:
    return WaitLowering(_seconds, _build, config.get("delay_seconds"))


DELAY: Final = StepType(
    name="delay",
    description="Waits for a number of seconds, or until a point in time; free of charge however long.",
    config_schema=object_schema(
        {
            "delay_seconds": property_schema(
                "Seconds",
                "How long to wait, at most a year; parts of a second are dropped. May come by input_mapping instead.",
                examples=[60],
                type="number",
                minimum=0,
                maximum=EXECUTION_SECONDS,
            ),
            "until": property_schema(
                "Until",
                "The point in time to wait for, in ISO 8601 with a time zone. May come by input_mapping instead.",
                examples=["2030-01-31T08:00:00Z"],
                type="string",
                pattern=TIMESTAMP_PATTERN,
            ),
        },
        maxProperties=1,
    ),
    output_schema=output_schema(
        {
            "delay_requested": property_schema(
                "Requested", "The seconds or the timestamp that was asked for.", type=["number", "string"]
            ),
            "delay_actual": property_schema(
                "Actual", "The seconds between started_at and completed_at.", type="number", minimum=0
            ),
            "started_at": TIMESTAMP,
            "completed_at": TIMESTAMP,
            "input_data": property_schema(
                "Input",
                f"What the step received; null where that has more than {MAX_INPUT_CHARACTERS:,} characters as JSON.",
                type=["object", "null"],
            ),
            "success": SUCCESS,
        }
    ),
    lower=_lower,
)
