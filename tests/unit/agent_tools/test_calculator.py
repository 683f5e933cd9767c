"""The calculator: arithmetic, exactly, and nothing but arithmetic."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.toolbox import ToolFailedError
from agent_tools.builtin import ToolEnvironment
from agent_tools.errors import ToolError
from tests.support.speed import no_hang
from tests.unit.agent_tools.calling import call
from workflow_engine.agents.builtin_tools import MAX_EXPRESSION_CHARACTERS


def calculate(expression: str) -> object:
    return call("calculator", {"expression": expression}, ToolEnvironment())


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        (" (1 + 2) * 3 ", 9),
        ("-2 ** 2", -4),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("+5 - -5", 10),
        ("0.1 + 0.2", 0.1 + 0.2),
        ("1_000 * 2", 2000),
        ("1e3", 1000.0),
        ("0xff", 255),
        ("3 > 2", True),
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("2 == 2.0", True),
        ("2 != 2", False),
        ("sqrt(16)", 4.0),
        ("sin(pi / 2)", 1.0),
        ("log(e)", 1.0),
        ("log(8, 2)", 3.0),
        ("log10(1000)", math.log10(1000)),
        ("round(2.567, 2)", 2.57),
        ("round(2.5)", 2),
        ("round(1250, -2)", 1200),
        ("round(1250 * 1.19 ** 3, 2)", 2106.45),
        ("max(1, 5, 3) - min(4, 2)", 3),
        ("abs(-3)", 3),
        ("floor(2.9) + ceil(2.1)", 5),
        ("factorial(20)", 2432902008176640000),
        ("gcd(12, 18)", 6),
        ("hypot(3, 4)", 5.0),
        ("123456789123456789 * 10", 1234567891234567890),
        ("2 ** 1023", 2**1023),
        ("1 ** 999999999999", 1),
        ("(-1) ** 1000000001", -1),
        ("0 ** 0", 1),
    ],
)
def test_arithmetic_is_right(expression: str, value: float) -> None:
    result = calculate(expression)
    assert result == value
    assert type(result) is type(value)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.sampled_from("+-*"))
def test_whole_numbers_stay_exact(left: int, right: int, sign: str) -> None:
    expected = {"+": left + right, "-": left - right, "*": left * right}[sign]
    assert calculate(f"({left}) {sign} ({right})") == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 / 0", "divides by zero"),
        ("1 % 0", "divides by zero"),
        ("1.0 // 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("sqrt(-1)", "has no value"),
        ("log(0)", "has no value"),
        ("sqrt()", "has no value"),
        ("sqrt(1, 2)", "has no value"),
        ("max()", "has no value"),
        ("(-8) ** (1 / 3)", "not a real number"),
        ("factorial(-1)", "whole numbers from 0 to 170"),
        ("factorial(2.5)", "not a whole number"),
        ("gcd(1.5, 2)", "not a whole number"),
        ("2 +", "not a valid arithmetic expression"),
        ("", "not a valid arithmetic expression"),
        ("x = 1", "not a valid arithmetic expression"),
        ("1; 2", "not a valid arithmetic expression"),
        ("2^3", "does not know"),
        ("2 << 3", "does not know"),
        ("~2", "does not know"),
        ("x + 1", "does not know"),
        ("tau", "does not know"),
        ("foo(1)", "does not know"),
        ("sqrt", "not a real number"),
        ("max(sqrt, 1)", "not a real number"),
        ("True + 1", "not numbers"),
        ("None", "not a real number"),
        ("1j * 1j", "not a real number"),
        ("1e999", "too big"),
        ("exp(1000)", "too big"),
        ("1e308 * 10", "too big"),
        ("10.0 ** 400", "too big"),
    ],
)
def test_what_has_no_value_is_told_to_the_model(expression: str, said: str) -> None:
    if not expression:
        with pytest.raises(ToolFailedError):
            calculate(expression)
        expression = " "
    with pytest.raises(ToolError, match=said):
        calculate(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "9**9**9**9",
        "2**10**9",
        "(2**1000)**1000",
        "2.0**2**2**2**2**2",
        "10**300 * 10**300 * 10**300",
        "factorial(10**9)",
        "factorial(171)",
        "factorial(factorial(170))",
        "factorial(1e300)",
        "round(5, -10**9)",
        "round(10**300, 10**300)",
        "1 << 10**9",
        "().__class__",
        "().__class__.__bases__[0].__subclasses__()",
        "(1).__class__",
        "(1).real",
        "sqrt.__globals__",
        "max.__self__",
        "'a' * 10**9",
        '"a" + "b"',
        "b'a' * 9",
        "f'{1}'",
        "[1] * 10**9",
        "[1, 2][0]",
        "(1, 2)",
        "{1: 2}",
        "{1, 2}",
        "[x for x in (1, 2)]",
        "max(x for x in (1, 2))",
        "max(*[1, 2])",
        "round(number=1)",
        "lambda: 1",
        "(lambda: 1)()",
        "(x := 5)",
        "1 if 2 else 3",
        "1 and 2",
        "not 1",
        "1 in (1, 2)",
        "1 is 1",
        "...",
        "await x",
        "import os",
        "__import__('os').system('id')",
        "eval('1')",
        "open('/etc/passwd')",
        "sqrt(4)(5)",
        "1\n2",
        "\x00",
    ],
)
def test_hostile_expressions_are_refused_at_once(expression: str) -> None:
    with no_hang(), pytest.raises(ToolError):
        calculate(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 250 + "1" + ")" * 249,
        "-" * 499 + "1",
        "sqrt(" * 80 + "1" + ")" * 80,
        "+".join(["1"] * 250),
        "2**" * 160 + "2",
        "9" * 500,
        "max(" + ",".join(["1"] * 240) + ")",
    ],
)
def test_the_longest_and_deepest_expressions_end_soon_one_way_or_the_other(expression: str) -> None:
    assert len(expression) <= MAX_EXPRESSION_CHARACTERS
    with no_hang(), contextlib.suppress(ToolError):
        assert isinstance(calculate(expression), int | float)


def test_a_longer_expression_is_refused_unread() -> None:
    with pytest.raises(ToolFailedError, match="is too long"):
        calculate("1" + "+1" * MAX_EXPRESSION_CHARACTERS)


@given(st.text("0123456789+-*/%().eE <>=,pisqrtmaxogfclj_[]'\"", min_size=1, max_size=60))
def test_any_text_gives_a_finite_number_or_a_tool_error(text: str) -> None:
    try:
        result = calculate(text)
    except ToolError:
        return
    assert isinstance(result, int | float)
    assert math.isfinite(result)
