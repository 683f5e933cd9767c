"""`@step`: a plain function becomes the handler of a step Lambda."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from workflow_engine.errors import InvalidStepInput
from workflow_engine.sdk.context import StepContext

LambdaHandler = Callable[[Any, Any], Any]
"""`handler(event, lambda_context)`, as Lambda calls it."""

_PARAMETERS: Final = ("config", "input_data", "context")


def step(function: Callable[..., Any]) -> LambdaHandler:
    """Make a Lambda handler of `function`, which takes any of `config`, `input_data` and `context`, by these names.

    `config` and `input_data` are dicts, or instances of the pydantic model that the parameter is annotated with; what does
    not fit the model raises `InvalidStepInput`. `context` is a `StepContext`. The result must be JSON; a pydantic model is
    dumped. Raises `TypeError` for a parameter of another name without a default, `NameError` for an unknown annotation.
    """
    models = _models(function)
    wanted = _wanted(function)

    @functools.wraps(function)
    def handler(event: Any, lambda_context: Any = None) -> Any:
        arguments: dict[str, Any] = {}
        values = _read_event(event, lambda_context)
        for name in wanted:
            model = models.get(name)
            arguments[name] = values[name] if model is None else _validated(model, name, values[name])
        result = function(**arguments)
        return result.model_dump(mode="json") if hasattr(result, "model_dump") else result

    # functools.wraps would show the wrapped function's signature; Lambda's is another.
    del handler.__wrapped__
    return handler


def _wanted(function: Callable[..., Any]) -> tuple[str, ...]:
    wanted = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in _PARAMETERS and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            wanted.append(parameter.name)
        elif parameter.default is parameter.empty:
            raise TypeError(f"A step takes config, input_data and context; '{parameter.name}' is none of them.")
    return tuple(wanted)


def _models(function: Callable[..., Any]) -> dict[str, Any]:
    """The pydantic models that config and input_data are annotated with, known by a method, so without an import."""
    annotations = inspect.get_annotations(function, eval_str=True)
    return {n: a for n, a in annotations.items() if n in ("config", "input_data") and hasattr(a, "model_validate")}


def _read_event(event: Any, lambda_context: Any) -> dict[str, Any]:
    """config, input_data and context of an event. `InvalidStepInput` when it has not the shape the engine sends."""
    if not isinstance(event, Mapping):
        raise InvalidStepInput("The event is not an object.")
    step_config = event.get("step_config", {})
    if not isinstance(step_config, Mapping):
        raise InvalidStepInput("step_config is not an object.")
    config = step_config.get("config")
    return {
        "config": {} if config is None else _require_object(config, "step_config.config"),
        "input_data": _require_object(event.get("input_data", {}), "input_data"),
        "context": StepContext.from_event(event, lambda_context),
    }


def _require_object(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise InvalidStepInput(f"{name} is not an object.")
    return value


def _validated(model: Any, name: str, value: Any) -> Any:
    # A pydantic model is there, so pydantic is imported already.
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, (name, *problem['loc'])))}: {problem['msg']}" for problem in error.errors()
        )
        raise InvalidStepInput(problems) from error
