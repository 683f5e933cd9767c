"""Expressions as JSONata 2.0.6 in Step Functions answers them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from infra.local.stepfunctions.jsonata import (
    Evaluator,
    JsonataError,
    SlowExpressionError,
    UndefinedResultError,
    UnsupportedResultError,
    evaluate,
    java_random,
)
from infra.local.stepfunctions.jsonata_source import in_jlens_dialect


@pytest.mark.parametrize(("seed", "number"), [(42, 0.7275636800328681), (0, 0.730967787376657)])
def test_a_seed_gives_the_number_of_java(seed: int, number: float) -> None:
    assert java_random(seed) == number
    assert evaluate("$random($s)", {"s": seed}) == number


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("$string(9007199254740993)", "9007199254740990"),
        ('9007199254740993 & ""', "9007199254740990"),
        ("$string(123456789012345678)", "123456789012346000"),
        ("$string(1e21)", "1e+21"),
        ("$string(1.5e300)", "1.5e+300"),
        ("$string(0.1 + 0.2)", "0.3"),
        ("$string(1/3)", "0.333333333333333"),
        ("$string(1e-6)", "0.000001"),
        ("$string(1.25e-7)", "1.25e-7"),
        ("$string(-0.5)", "-0.5"),
        ("$string(100)", "100"),
        (
            '$string({"a": 9007199254740993, "b": [null, true, "é\\n"]})',
            '{"a":9007199254740990,"b":[null,true,"é\\n"]}',
        ),
        ("$string(null)", "null"),
        ('null & "x" & true', "nullxtrue"),
        ('$nothing & "x"', "x"),
        ('[1, 2] & {"a": 1}', '[1,2]{"a":1}'),
        ('1 + 2 & "-" & 3 * 4', "3-12"),
        ('"a" & -1', "a-1"),
        ('($x := 1 & 2; $x & "&..")', "12&.."),
        ('$join(["a" & 1, $string([1..3])], "|")', "a1|[1,2,3]"),
        ("$string([1], true)", "[\n  1\n]"),
        ('true ? 1 & "" : 2', "1"),
        ('{"k" & 1: 2 & 3}.k1', "23"),
        ('$replace("a&b", /a&/, "x" & 1)', "x1b"),
        ('/* & */ 5 & ""', "5"),
        ('$map([7], function($v) { $v & "!" })', "7!"),
    ],
)
def test_numbers_become_text_with_fifteen_digits(expression: str, text: str) -> None:
    assert evaluate(expression, {}) == text


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1..3]", [1, 2, 3]),
        ("[3..1]", []),
        ("[-1..1, 5, 7..8]", [-1, 0, 1, 5, 7, 8]),
        ("[$nothing..3]", []),
        ("[1..$count([1..4])]", [1, 2, 3, 4]),
        ("$sum([1..100000])", 5000050000),
        ("[2..2]", [2]),
        ("[[1..2], [3..4]]", [[1, 2], [3, 4]]),
        ('$length("..")', 2),
    ],
)
def test_ranges(expression: str, value: Any) -> None:
    assert evaluate(expression, {}) == value


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("$sum([1..900000])", "D2014"),
        ("$count([1..9900000])", "D2014"),
        ("[1..1.5]", "T2004"),
        ('["a"..2]', "T2003"),
        ("$a ?? 1", "S0500"),
        ("$a ?: 1", "S0500"),
        ("+".join(["1"] * 150), "U1001"),
        ('$eval("1")', "T1006"),
        ("$missing(1)", "T1006"),
    ],
)
def test_what_step_functions_refuses(expression: str, code: str) -> None:
    with pytest.raises(JsonataError) as refused:
        evaluate(expression, {"a": None})
    assert refused.value.code == code


def test_an_evaluation_has_one_instant() -> None:
    moments = iter([1_700_000_000.25, 1_700_000_001.5])
    evaluator = Evaluator(lambda: next(moments))
    first = evaluator.evaluate("[$now(), $millis(), $now('[Y]'), $millis()]", {})
    assert first == ["2023-11-14T22:13:20.250Z", 1_700_000_000_250, "2023", 1_700_000_000_250]
    assert evaluator.evaluate("$millis()", {}) == 1_700_000_001_500


def test_randomness_is_given() -> None:
    texts = [Evaluator(randomness=random.Random(5)).evaluate("$uuid() & $random()", {}) for _ in range(2)]
    assert texts[0] == texts[1]


def test_an_expression_that_takes_longer_than_it_may_is_told_apart() -> None:
    with pytest.raises(SlowExpressionError):
        Evaluator().evaluate("($f := function($x){$f($x + 1)}; $f(0))", {}, seconds=0.05)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("null", None),
        ("$v.absent_or_null", None),
        ("[]", []),
        ("$v.text & '!'", 'q"\n\\!'),
        ("$range(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("$range(9, 1, -4)", [9, 5, 1]),
        ("$range(1, 9, 9)", 1),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$partition([0], 5)", [[0]]),
        ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("$hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("$random(7) = $random(7)", True),
        ("$length($uuid())", 36),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$parse('-0')", 0),
        ("$v.list[$ > 1]", [2, 3]),
        ("($partition := function($x) {$x}; $partition(1))", 1),
    ],
)
def test_functions_that_step_functions_adds(expression: str, value: Any) -> None:
    bindings = {"v": {"absent_or_null": None, "text": 'q"\n\\', "list": [1, 2, 3]}}
    assert evaluate(expression, bindings) == value


@pytest.mark.parametrize(
    "expression",
    [
        "1 +",
        "1 + 'x'",
        "$hash('a', 'CRC')",
        "$hash(1, 'MD5')",
        "$partition('ab', 1)",
        "$partition([1], 0.5)",
        "$partition([1], 0)",
        "$range(1, 5, 0)",
        "$range(1, 5000, 1)",
        "$random('seed')",
        "$parse('{')",
        "$parse('1 + 1')",
        "$parse(1)",
    ],
)
def test_a_wrong_expression_is_an_error_of_jsonata(expression: str) -> None:
    with pytest.raises(JsonataError):
        evaluate(expression, {})


@pytest.mark.parametrize("expression", ["$sum", "function($x) {$x}", "$fn := function($x) {$x}"])
def test_a_function_is_no_result(expression: str) -> None:
    with pytest.raises(UnsupportedResultError):
        evaluate(expression, {})


@pytest.mark.parametrize("expression", ["$", "$[0]", "x", "$states.missing", "$string()", "$x.y"])
def test_there_is_no_context_and_nothing_but_what_is_bound(expression: str) -> None:
    with pytest.raises(UndefinedResultError):
        evaluate(expression, {"states": {"input": 1}, "x": {"z": 1}})


@pytest.mark.parametrize("lets_others_run", [False, True])
@pytest.mark.parametrize(
    ("expression", "value"),
    [("$x", None), ("$x.y", None), ("$v.a & 'é'", "1é"), ("$v", {"a": 1, "b": [None]}), ("$`a b`", 3)],
)
def test_both_ways_of_evaluating_agree(expression: str, value: Any, lets_others_run: bool) -> None:
    bindings = {"x": None, "v": {"a": 1, "b": [None]}, "a b": 3}
    if expression == "$x.y" or "`" in expression:
        with pytest.raises((UndefinedResultError, JsonataError)):
            Evaluator().evaluate(expression, bindings, lets_others_run=lets_others_run)
    else:
        assert Evaluator().evaluate(expression, bindings, lets_others_run=lets_others_run) == value


@pytest.mark.parametrize("source", ["$a + 1", "$sum($x.y[0])", '"plain"', "$states.input.a.b"])
def test_what_needs_no_change_is_not_changed(source: str) -> None:
    assert in_jlens_dialect(source) == source
