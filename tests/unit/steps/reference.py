"""What pure steps are to give, in Python: what their JSONata is held against. The words are in `workflow_engine.steps`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.unit.steps.evaluation import ENTERED, STEP_ID

Object = Mapping[str, Any]
Sources = Mapping[str, Any]

_LARGEST_SUMMAND: Final = 1e290
"""Beyond it a sum may leave the range of a double, so there is none."""


def _combine(sources: Sources) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in sources.items():
        if isinstance(value, dict):
            result.update(value)
        elif value is not None:
            result[name] = value
    return result


def _override(sources: Sources) -> dict[str, Any]:
    result: Any = {}
    last = ""
    for name, value in sources.items():
        if value is None:
            continue
        last = name
        result = {**result, **value} if isinstance(result, dict) and isinstance(value, dict) else value
    return result if isinstance(result, dict) else {last: result}


def _list(sources: Sources) -> dict[str, Any]:
    return {"merged_data": list(sources.values())}


def _concatenate(sources: Sources) -> dict[str, Any]:
    values = [value for value in sources.values() if value is not None]
    if values and all(isinstance(value, str) for value in values):
        return {"concatenated_text": "".join(values)}
    elements = [element for value in values for element in (value if isinstance(value, list) else [value])]
    return {"merged_data": elements}


def _sum(sources: Sources) -> dict[str, float | None]:
    numbers = list(_numbers(sources))
    if any(abs(number) > _LARGEST_SUMMAND for number in numbers):
        return {"sum": None}
    total: float = 0
    for number in numbers:  # sum() of Python 3.12 rounds otherwise than JSONata
        total += number
    return {"sum": total}


def _numbers(sources: Sources) -> Iterator[float]:
    for value in sources.values():
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        yield from (part for part in parts if isinstance(part, int | float) and not isinstance(part, bool))


_STRATEGIES: Final[Mapping[str, Callable[[Sources], Object]]] = {
    "combine": _combine,
    "override": _override,
    "list": _list,
    "concatenate": _concatenate,
    "sum": _sum,
}


def _data_merge(config: Object, input_data: Object) -> dict[str, Any]:
    strategy = config.get("merge_strategy", "combine")
    return {
        "result": _STRATEGIES[strategy](input_data),
        "merge_strategy": strategy,
        "sources": list(input_data),
        "merged_at": ENTERED,
        "success": True,
    }


def _merge(config: Object, input_data: Object) -> dict[str, Any]:
    mode = config.get("mode", "wait_all")
    combine_mode = config.get("combine_mode", "first" if mode == "first_available" else "object")
    completed = {name: value for name, value in input_data.items() if value is not None}
    taken = dict(list(completed.items())[:1]) if mode == "first_available" else completed
    shapes = {"object": taken, "array": list(taken.values()), "first": next(iter(taken.values()), None)}
    return {
        "mode": mode,
        "data": shapes[combine_mode],
        "sources": list(taken),
        "completed_count": len(completed),
        "total_dependencies": len(input_data),
    }


def _output(config: Object, input_data: Object) -> dict[str, Any]:
    return {
        "step_id": STEP_ID,
        "label": config.get("label", "Output"),
        "format": config.get("format", "json"),
        "data": _working_data(input_data),
        "success": True,
    }


def _data_processing(config: Object, input_data: Object) -> dict[str, Any]:
    processing_type = config.get("processing_type", "passthrough")
    options = config.get("options", {})
    output = {
        "result": _PROCESSING[processing_type](_working_data(input_data), options),
        "processing_type": processing_type,
        "processed_at": ENTERED,
        "success": True,
    }
    return {**output, "metadata": options["metadata"]} if "metadata" in options else output


def _working_data(input_data: Object) -> Any:
    if len(input_data) == 1 and (name := next(iter(input_data))) in ("input", "data"):
        return input_data[name]
    return input_data


def _count(data: Any, _options: Object) -> dict[str, int]:
    if data is None:
        return {"count": 0}
    return {"count": len(data) if isinstance(data, list | dict | str) else 1}


def _filter(data: Any, options: Object) -> Any:
    if isinstance(data, list):
        return [element for element in data if _matches(element, options)]
    if not isinstance(data, dict):
        return None
    key = options["filter_key"]
    kept = key in data and ("filter_value" not in options or json_equal(data[key], options["filter_value"]))
    return {key: data[key]} if kept else {}


def _matches(element: Any, options: Object) -> bool:
    if not isinstance(element, dict):
        return False
    value = element.get(options["filter_key"])
    return json_equal(value, options["filter_value"]) if "filter_value" in options else value is not None


def json_equal(left: Any, right: Any) -> bool:
    """Deep equality of JSON values: 1 equals 1.0, but neither equals true, as they do in Python."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(json_equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


_PROCESSING: Final[Mapping[str, Callable[[Any, Object], Any]]] = {
    "identity": lambda data, _: data,
    "passthrough": lambda data, _: data,
    "count": _count,
    "filter": _filter,
}

_STEPS: Final[Mapping[str, Callable[[Object, Object], dict[str, Any]]]] = {
    "data_merge": _data_merge,
    "merge": _merge,
    "output": _output,
    "data_processing": _data_processing,
}


def expected_output(step_type: str, config: Object, input_data: Object) -> dict[str, Any]:
    """The output of a step with an `input_mapping`, `input_data` being what that gives."""
    return _STEPS[step_type](config, input_data)
