"""Arithmetic on numbers, and on nothing else.

Expressions are parsed by Python's own parser and evaluated by `simpleeval`, of whose node types only those of
arithmetic are left: no attribute, subscript, text, comprehension, lambda or conditional can be evaluated. All numbers
on the way stay within the range of a double (about 1.8e308 in size), integers too, so that no expression of the allowed
length takes long or much memory.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import simpleeval  # type: ignore[import-untyped]  # it has no annotations

from agent_tools.errors import ToolError

Number = int | float

MAX_BITS: Final = 1024
"""Of an integer: what is longer has no double."""

MAX_FACTORIAL: Final = 170
"""The last one that has a double."""

MAX_ROUND_DIGITS: Final = 308

_WHAT_IS_THERE: Final = (
    "There are numbers, + - * / // % **, < <= > >= == !=, parentheses, pi, e, "
    "and functions such as sqrt, round and min."
)


def evaluate(expression: str) -> Number:
    """The value of an expression: an int, a finite float, or a bool for a comparison. ToolError for one that has none,
    is no arithmetic or goes beyond the range of numbers.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # the parser's, of what is odd but legal, such as `1if`
            tree = ast.parse(expression.strip(), mode="eval").body
        value = _evaluator().eval(expression, previously_parsed=tree)
    except ToolError:
        raise
    except (SyntaxError, MemoryError, RecursionError):  # the latter two: nested too deeply for the parser or for Python
        raise ToolError(
            f"This is not a valid arithmetic expression, or it is nested too deeply. {_WHAT_IS_THERE}"
        ) from None
    except ZeroDivisionError:
        raise ToolError("The expression divides by zero.") from None
    except OverflowError:
        raise _too_big() from None
    except (simpleeval.InvalidExpression, KeyError):  # KeyError: an operator among comparisons, such as `in`
        raise ToolError(f"The expression holds what the calculator does not know. {_WHAT_IS_THERE}") from None
    except (TypeError, ValueError) as error:
        raise ToolError(f"The expression has no value: {error}.") from None
    return value if isinstance(value, bool) else _number(value)


def _number(value: Any) -> Number:
    """A value that may be counted on with. ToolError for a complex number, infinity, a function, an integer too long."""
    if not isinstance(value, int | float):
        raise ToolError(f"The expression, or a part of it, is not a real number. {_WHAT_IS_THERE}")
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise _too_big()
    elif not math.isfinite(value):
        raise _too_big()
    return value


def _too_big() -> ToolError:
    return ToolError("A number in the expression becomes too big: only numbers up to about 1.8e308 can be used.")


def _power(base: Number, exponent: Number) -> Number:
    """Python's power, refused before it is computed where the integer would be too long."""
    whole = isinstance(base, int) and isinstance(exponent, int) and exponent > 1
    # An integer of n bits is at least 2 ** (n - 1), so this never refuses a power that is short enough.
    if whole and (int(base).bit_length() - 1) * exponent > MAX_BITS:
        raise _too_big()
    result: Number = base**exponent
    return result


def _factorial(number: Number) -> int:
    if not 0 <= number <= MAX_FACTORIAL:
        raise ToolError(f"factorial takes whole numbers from 0 to {MAX_FACTORIAL}.")
    return math.factorial(_whole(number))


def _round(number: Number, digits: Number = 0) -> Number:
    """Python's round; without digits, or with 0, a whole number. Bounded, since it computes 10 ** -digits."""
    places = _whole(digits)
    if abs(places) > MAX_ROUND_DIGITS:
        raise ToolError(f"round takes at most {MAX_ROUND_DIGITS} digits.")
    return round(number, places) if places else round(number)


def _gcd(*numbers: Number) -> int:
    return math.gcd(*map(_whole, numbers))


def _whole(number: Number) -> int:
    if number != int(number):
        raise ToolError(f"{number} is not a whole number, where one is needed.")
    return int(number)


def _checked(function: Callable[..., Any]) -> Callable[..., Number]:
    """A function that takes and gives nothing but numbers in range."""

    def call(*arguments: Any) -> Number:
        for argument in arguments:
            _number(argument)
        result = function(*arguments)
        return result if isinstance(result, bool) else _number(result)

    return call


_OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    **{name: getattr(math, name) for name in (
        "acos", "asin", "atan", "atan2", "ceil", "cos", "degrees", "exp", "floor", "hypot", "log", "log10", "log2",
        "radians", "sin", "sqrt", "tan", "trunc",
    )},
    "abs": abs,
    "factorial": _factorial,
    "gcd": _gcd,
    "max": max,
    "min": min,
    "round": _round,
}  # fmt: skip
_NAMES: Final = {"pi": math.pi, "e": math.e}
_NODES: Final = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Call, ast.Name)


def _evaluator() -> Any:
    evaluator = simpleeval.SimpleEval(
        operators={kind: _checked(function) for kind, function in _OPERATORS.items()},
        functions={name: _checked(function) for name, function in _FUNCTIONS.items()},
        names=_NAMES,
    )
    evaluator.nodes = {kind: evaluator.nodes[kind] for kind in _NODES}
    evaluator.nodes[ast.Constant] = _constant
    return evaluator


def _constant(node: ast.Constant) -> Number:
    if isinstance(node.value, bool):
        raise ToolError(f"True and False are not numbers. {_WHAT_IS_THERE}")
    return _number(node.value)
