"""Expressions and templates of a state: what they read, and what becomes of one that cannot be evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from infra.local.stepfunctions.definition import Exit, Expression, State, Template
from infra.local.stepfunctions.failures import QUERY_EVALUATION_ERROR, StateError
from infra.local.stepfunctions.jsonata import (
    LIMIT_CODE,
    JsonataError,
    SlowExpressionError,
    UndefinedResultError,
    UnsupportedResultError,
)
from infra.local.stepfunctions.limits import Variables, check_result, in_javascript_order, json_text
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from infra.local.stepfunctions.history import Frame

# So much of the loop's time an expression gets; one that needs more goes on in a thread.
_SECONDS_IN_THE_LOOP: Final = 0.05

_JSON_TYPES: Final = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}


class Payload(NamedTuple):
    """A value with its JSON text. Values are never changed in place."""

    value: Any
    text: str

    @classmethod
    def of(cls, value: Any) -> Payload:
        """A value that was evaluated, in the order that JavaScript keeps fields in."""
        return cls(*in_javascript_order(value, json_text(value)))


@dataclass(slots=True)
class Scope:
    """What expressions of one state read: `$states` and the variables."""

    states: dict[str, Any]
    variables: Variables
    input: Payload

    @property
    def context(self) -> dict[str, Any]:
        """The context object."""
        context: dict[str, Any] = self.states["context"]
        return context

    def without_result(self) -> None:
        """Forget the result of an attempt that failed after it."""
        self.states.pop("result", None)


class Leaving(NamedTuple):
    """How a state is left: where to, with what output, and with which variables and their JSON texts assigned."""

    next: str | None
    output: Payload
    values: dict[str, Any]
    texts: dict[str, str]


async def leave(frame: Frame, state: State, scope: Scope, way: Exit, default: Payload) -> Leaving:
    """Evaluate what a way out of a state assigns and gives, side by side on the values at its entry.

    Raises StateError for what cannot be evaluated or is too large.
    """
    values: dict[str, Any] = {}
    texts: dict[str, str] = {}
    if way.assign is not None:
        assigned = await evaluated(frame, way.assign, scope)
        for name, value in assigned.items():
            values[name], texts[name] = Payload.of(value)
    output = default if way.output is None else Payload.of(await evaluated(frame, way.output, scope))
    check_result(state.name, output.text)
    if texts:
        frame.variables.check(state.name, texts)
    return Leaving(way.next, output, values, texts)


class _EvaluationError(Exception):
    """An expression could not be evaluated: why, in AWS's words, and the place of the expression."""

    def __init__(self, cause: str, location: str | None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.location = location


async def evaluated(frame: Frame, template: Template, scope: Scope) -> Any:
    """The value of a template. Raises StateError (States.QueryEvaluationError), with its event in the history."""
    past = frame.past_evaluation_failure()
    if past is not None:
        raise past
    if template.is_constant:
        return template.value
    evaluator = frame.run.engine.evaluator
    bindings = {**scope.variables, "states": scope.states}

    def fill(value: Any, seconds: float | None) -> Any:
        if isinstance(value, Expression):
            return _value_of(value, seconds)
        if isinstance(value, dict):
            return {name: fill(item, seconds) for name, item in value.items()}
        if isinstance(value, list):
            return [fill(item, seconds) for item in value]
        return value

    def _value_of(expression: Expression, seconds: float | None) -> Any:
        try:
            return evaluator.evaluate(expression.source, bindings, seconds=seconds, lets_others_run=seconds is None)
        except JsonataError as error:
            problem = f"threw an error during evaluation{':' if error.code == LIMIT_CODE else '.'} {error}"
        except UndefinedResultError:
            problem = "returned nothing (undefined)."
        except UnsupportedResultError:
            problem = "returned an unsupported result type."
        told = f"The JSONata expression '{expression.source}' specified for the field '{expression.location}' {problem}"
        raise _EvaluationError(told, expression.location)

    try:
        try:
            return fill(template.value, _SECONDS_IN_THE_LOOP)
        except SlowExpressionError:
            return await frame.run.engine.helpers.call(fill, template.value, None)
    except _EvaluationError as error:
        raise frame.evaluation_failed(QUERY_EVALUATION_ERROR, error.cause, error.location) from None


def wrong_value(frame: Frame, cause: str, location: str | None) -> StateError:
    """The failure of a field whose value is not what the field takes."""
    return frame.evaluation_failed(QUERY_EVALUATION_ERROR, cause, location)


async def evaluated_as(frame: Frame, template: Template, scope: Scope, field: str, expected: str) -> Any:
    """The value of a field that takes only one JSON type ("boolean", "array", "string", "number")."""
    value = await evaluated(frame, template, scope)
    found = "null" if value is None else _JSON_TYPES[type(value)]
    if found == expected:
        return value
    expression = template.expression
    source, location = ("", field) if expression is None else (expression.source, expression.location)
    raise wrong_value(
        frame,
        f"The JSONata expression '{source}' specified for the field '{location}' returned an unexpected result type. "
        f"Expected '{expected}', but was '{found}' for value: {json_text(value)}",
        location,
    )
