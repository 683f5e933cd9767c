"""The output of each built-in data step, in Python: one function a step type, of `(config, input_data, now)`.

The results are those of the JSONata that `workflow_engine.steps` generates for pure steps; what they mean is written
there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from functions.step_data.merging import MERGE_STRATEGIES
from functions.step_data.processing import PROCESSING_TYPES
from workflow_engine.sdk import InvalidStepInput

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entered:
    """Which step is computed, and when, as its output says it."""

    step_id: str
    at: str


def output_of(step_type: str, config: Object, input_data: Object, *, at: datetime, step_id: str) -> dict[str, Any]:
    """The step's output; `at` (UTC) is the time that stands in it.

    Raises `InvalidStepInput` for a step type or a processing that is unknown here, and for data nested too deeply.
    """
    compute = _STEPS.get(step_type)
    if compute is None:
        raise InvalidStepInput(f"step_data has no step type '{step_type}'.")
    try:
        return compute(config, input_data, Entered(step_id, _timestamp(at)))
    except RecursionError:
        raise InvalidStepInput("The data is nested too deeply.") from None


def _timestamp(at: datetime) -> str:
    """As Step Functions writes times: UTC, milliseconds, `Z`."""
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _working_data(input_data: Object) -> Any:
    if len(input_data) == 1 and (name := next(iter(input_data))) in ("input", "data"):
        return input_data[name]
    return input_data


def _data_input(config: Object, _input_data: Object, now: Entered) -> dict[str, Any]:
    if config.get("input_type", "static") != "static":
        raise InvalidStepInput(
            "A dynamic data_input reads the input of the run and takes no expression in input_mapping."
        )
    return {"data": config.get("data", {}), "input_type": "static", "timestamp": now.at, "success": True}


def _data_processing(config: Object, input_data: Object, now: Entered) -> dict[str, Any]:
    processing_type = config.get("processing_type", "passthrough")
    process = PROCESSING_TYPES.get(processing_type)
    if process is None:
        raise InvalidStepInput(f"There is no processing type '{processing_type}'.")
    options = config.get("options") or {}
    output = {
        "result": process(_working_data(input_data), options),
        "processing_type": processing_type,
        "processed_at": now.at,
        "success": True,
    }
    return {**output, "metadata": options["metadata"]} if "metadata" in options else output


def _data_merge(config: Object, input_data: Object, now: Entered) -> dict[str, Any]:
    strategy = config.get("merge_strategy", "combine")
    merge = MERGE_STRATEGIES.get(strategy)
    if merge is None:
        raise InvalidStepInput(f"There is no merge strategy '{strategy}'.")
    return {
        "result": merge(input_data),
        "merge_strategy": strategy,
        "sources": list(input_data),
        "merged_at": now.at,
        "success": True,
    }


def _merge(config: Object, input_data: Object, _now: Entered) -> dict[str, Any]:
    mode = config.get("mode", "wait_all")
    combine_mode = config.get("combine_mode", "first" if mode == "first_available" else "object")
    completed = {name: value for name, value in input_data.items() if value is not None}
    taken = dict(list(completed.items())[:1]) if mode == "first_available" else completed
    shapes = {"object": taken, "array": list(taken.values()), "first": next(iter(taken.values()), None)}
    if combine_mode not in shapes:
        raise InvalidStepInput(f"There is no combine mode '{combine_mode}'.")
    return {
        "mode": mode,
        "data": shapes[combine_mode],
        "sources": list(taken),
        "completed_count": len(completed),
        "total_dependencies": len(input_data),
    }


def _output(config: Object, input_data: Object, now: Entered) -> dict[str, Any]:
    return {
        "step_id": now.step_id,
        "label": config.get("label", "Output"),
        "format": config.get("format", "json"),
        "data": _working_data(input_data),
        "success": True,
    }


_STEPS: Final[Mapping[str, Callable[[Object, Object, Entered], dict[str, Any]]]] = {
    "data_input": _data_input,
    "data_processing": _data_processing,
    "data_merge": _data_merge,
    "merge": _merge,
    "output": _output,
}
