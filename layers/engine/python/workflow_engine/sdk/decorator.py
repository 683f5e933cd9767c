"""`@step`: a plain function becomes the handler of a step Lambda."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, overload

from workflow_engine.errors import InvalidStepInput, StepInputError, StepOutputError, StepTransientError
from workflow_engine.init_phase import IN_LAMBDA
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.sdk.context import StepContext

LambdaHandler = Callable[[Any, Any], Any]
"""`handler(event, lambda_context)`, as Lambda calls it."""

Model = Any
"""A pydantic model, known by its methods, so without an import."""

TRANSIENT: Final = (TimeoutError, ConnectionError)
"""Exceptions of the standard library that pass by themselves."""

_PARAMETERS: Final = ("config", "input_data", "input", "context")
_DEFINITION: Final = "__step__"


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """What `@step` was told: the name of the step type, the models, and which exceptions pass by themselves. Without `is_told`
    it was `@step` alone.
    """

    name: str
    description: str = ""
    config: Model = None
    input: Model = None
    output: Model = None
    transient: tuple[type[Exception], ...] = ()
    idempotent: bool = False
    is_told: bool = False

    def registration(self) -> dict[str, Any]:
        """Fields of a registration (`POST /steps/register`): name, description, and the schemas of the models."""
        schemas = {"config_schema": (self.config, "validation"), "output_schema": (self.output, "serialization")}
        return {
            "step_type": self.name,
            **({"description": self.description} if self.description else {}),
            **{n: model.model_json_schema(mode=mode) for n, (model, mode) in schemas.items() if model is not None},
        }


def definition_of(handler: object) -> StepDefinition | None:
    """What `@step` was told where it made this handler; None for anything else."""
    found = getattr(handler, _DEFINITION, None)
    return found if isinstance(found, StepDefinition) else None


@overload
def step(function: Callable[..., Any], /) -> LambdaHandler: ...


@overload
def step(
    *,
    name: str | None = None,
    config: Model = None,
    input: Model = None,  # the word that authors know
    output: Model = None,
    transient: tuple[type[Exception], ...] = (),
    idempotent: bool = False,
) -> Callable[[Callable[..., Any]], LambdaHandler]: ...


def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    config: Model = None,
    input: Model = None,
    output: Model = None,
    transient: tuple[type[Exception], ...] = (),
    idempotent: bool = False,
) -> Any:
    """Make a Lambda handler of a function that takes any of `config`, `input` (or `input_data`) and `context`, by these names.

    `config` and `input` are dicts, or instances of the pydantic models that are given, or that the parameters are annotated
    with; `context` is a `StepContext`. The result must be JSON; a pydantic model is dumped.

    `@step` alone raises `InvalidStepInput` for what does not fit a model, and leaves all else to the function. With parentheses
    it raises `StepInputError` and `StepOutputError` for what does not fit (final), `StepTransientError` in the place of
    exceptions that pass by themselves: `TRANSIENT`, and those of `transient` (retried); it tells in log, metrics and trace how
    each call goes, and with `idempotent` does the work of a place of a run once (`sdk.idempotency`). `name` is the step type that
    the function is registered under from a folder of steps, by default its own.

    Raises `TypeError` for a parameter of another name without a default, `NameError` for an unknown annotation.
    """
    if function is not None:
        return _handler(function, StepDefinition(_name(function), inspect.getdoc(function) or ""))

    def decorate(wrapped: Callable[..., Any]) -> LambdaHandler:
        given = _models(wrapped)
        definition = StepDefinition(
            name or _name(wrapped),
            inspect.getdoc(wrapped) or "",
            config or given.get("config"),
            input or given.get("input") or given.get("input_data"),
            output or given.get("return"),
            (*TRANSIENT, *transient),
            idempotent,
            is_told=True,
        )
        return _handler(wrapped, definition)

    return decorate


def _name(function: Callable[..., Any]) -> str:
    """A function called `handler` has the name of its module, as a Lambda function has that of its folder."""
    return function.__module__.rpartition(".")[2] if function.__name__ == "handler" else function.__name__


def _handler(function: Callable[..., Any], definition: StepDefinition) -> LambdaHandler:
    wanted = _wanted(function)
    call = _told_call(function, definition, wanted) if definition.is_told else _plain_call(function, wanted)

    @functools.wraps(function)
    def handler(event: Any, lambda_context: Any = None) -> Any:
        if not os.environ.get(IN_LAMBDA):
            return call(event, lambda_context)
        from workflow_engine.sdk.printing import lines_told

        context = StepContext.from_event(event if isinstance(event, Mapping) else {})
        with lines_told(context.log_fields, getattr(lambda_context, "aws_request_id", None)):
            return call(event, lambda_context)

    # functools.wraps would show the wrapped function's signature; Lambda's is another.
    del handler.__wrapped__
    setattr(handler, _DEFINITION, definition)
    return handler


def _plain_call(function: Callable[..., Any], wanted: tuple[str, ...]) -> LambdaHandler:
    models = _models(function)

    def call(event: Any, lambda_context: Any) -> Any:
        values = _read_event(event, lambda_context)
        arguments = {
            name: values[name] if models.get(name) is None else _validated(models[name], name, values[name])
            for name in wanted
        }
        return _dumped(function(**arguments))

    return call


def _told_call(function: Callable[..., Any], definition: StepDefinition, wanted: tuple[str, ...]) -> LambdaHandler:
    models = {"config": definition.config, "input": definition.input, "input_data": definition.input}

    def work(event: Any, lambda_context: Any) -> Any:
        try:
            values = _read_event(event, lambda_context)
            arguments = {
                name: values[name] if models.get(name) is None else _validated(models[name], name, values[name])
                for name in wanted
            }
        except InvalidStepInput as error:
            raise StepInputError(str(error)) from error
        try:
            result = function(**arguments)
        except definition.transient as error:
            # Lambda tells the frames of what is raised alone, and those that matter are the cause's.
            told = StepTransientError(f"{type(error).__name__}: {error}")
            raise told.with_traceback(error.__traceback__) from error
        return _checked_output(definition.output, result)

    def call(event: Any, lambda_context: Any) -> Any:
        from workflow_engine.sdk.telemetry import told

        context = StepContext.from_event(event if isinstance(event, Mapping) else {}, lambda_context)
        with told(context.step_type, context.log_fields):
            if not definition.idempotent:
                return work(event, lambda_context)
            from workflow_engine.sdk.idempotency import once_for

            return once_for(context.idempotency_key, lambda: work(event, lambda_context), lambda_context)

    return call


def _wanted(function: Callable[..., Any]) -> tuple[str, ...]:
    wanted = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in _PARAMETERS and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            wanted.append(parameter.name)
        elif parameter.default is parameter.empty:
            raise TypeError(
                f"A step takes config, input (or input_data) and context; '{parameter.name}' is none of them."
            )
    return tuple(wanted)


def _models(function: Callable[..., Any]) -> dict[str, Model]:
    """The pydantic models that config, input and the result are annotated with."""
    annotations = inspect.get_annotations(function, eval_str=True)
    return {n: a for n, a in annotations.items() if n in (*_PARAMETERS, "return") and hasattr(a, "model_validate")}


def _read_event(event: Any, lambda_context: Any) -> dict[str, Any]:
    """config, input and context of an event. `InvalidStepInput` when it has not the shape the engine sends."""
    if not isinstance(event, Mapping):
        raise InvalidStepInput("The event is not an object.")
    step_config = event.get("step_config", {})
    if not isinstance(step_config, Mapping):
        raise InvalidStepInput("step_config is not an object.")
    config = step_config.get("config")
    input_data = _require_object(event.get("input_data", {}), "input_data")
    return {
        "config": {} if config is None else _require_object(config, "step_config.config"),
        "input_data": input_data,
        "input": input_data,
        "context": StepContext.from_event(event, lambda_context),
    }


def _require_object(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise InvalidStepInput(f"{name} is not an object.")
    return value


def _validated(model: Model, name: str, value: Any) -> Any:
    # A pydantic model is there, so pydantic is imported already.
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidStepInput(_problems(error, name)) from error


def _checked_output(model: Model, result: Any) -> Any:
    if model is None:
        return _dumped(result)
    from pydantic import ValidationError

    try:
        if isinstance(result, model):  # also one of its own may have been changed since it was made
            checked = model.model_validate(_values(result), by_alias=True, by_name=True)
        else:
            checked = model.model_validate(_dumped(result))
        return checked.model_dump(mode="json", by_alias=True, warnings=False)  # as its schema has it
    except ValidationError as error:
        raise StepOutputError(_problems(error, "output")) from error


def _values(value: Any) -> Any:
    """What a model was made of, at every depth. Its dump may have other names, and texts that none of its fields takes."""
    if getattr(value, "__pydantic_root_model__", False):
        return _values(value.root)
    if hasattr(value, "model_dump"):
        return {name: _values(v) for name, v in value}
    if isinstance(value, list):
        return [_values(v) for v in value]
    if isinstance(value, dict):
        return {name: _values(v) for name, v in value.items()}
    return value


def _dumped(result: Any) -> Any:
    return result.model_dump(mode="json", warnings=False) if hasattr(result, "model_dump") else result


def _problems(error: Any, name: str) -> str:
    return "; ".join(f"{'.'.join(map(str, (name, *problem['loc'])))}: {problem['msg']}" for problem in error.errors())
