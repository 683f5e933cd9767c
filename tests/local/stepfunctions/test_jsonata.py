"""Expressions as JSONata 2.0.6 in Step Functions answers them."""

from __future__ import annotations

import random
from typing import Any

import jlens
import pytest

from infra.local.stepfunctions import jsonata
from infra.local.stepfunctions.jsonata import (
    LIMIT_CODE,
    Evaluator,
    JsonataError,
    SlowExpressionError,
    UndefinedResultError,
    UnsupportedResultError,
    evaluate,
    java_random,
)
from infra.local.stepfunctions.jsonata_source import in_jlens_dialect
from tests.support.jsonata_node import Case, evaluate_all


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
        ("$sum([1..900000])", "U1001"),
        ("$count([1..9900000])", "U1001"),
        ("$count($range(1, 360146, 1))", "U1001"),
        ("($p := function($s, $n) {$n = 0 ? $s : $p($s & $s, $n - 1)}; $length($p('x', 23)))", "U1001"),
        ("[1..1.5]", "T2004"),
        ('["a"..2]', "T2003"),
        ("$a ?? 1", "S0500"),
        ("$a ?: 1", "S0500"),
        ('$eval("1")', "T1006"),
        ("$missing(1)", "T1006"),
        ("1 +", "S0500"),
        ("1 + 'x'", "T2002"),
        ("$hash('a', 'CRC')", "D3137"),
        ("$hash(1, 'MD5')", "T0410"),
        ("$hash()", "T0410"),
        ("$partition('ab', 1)", "T0412"),
        ("$partition([1], -1)", "D3137"),
        ("$partition([1], 1, 1)", "T0410"),
        ("$range(1)", "T0410"),
        ("$random('seed')", "T0410"),
        ("$uuid(1)", "T0410"),
        ("$parse('{')", "D3137"),
        ("$parse('')", "D3137"),
        ("$parse('1 2')", "D3137"),
        ("$parse('NaN')", "D3137"),
        ('$parse(\'{"a": {"b": 1, "b": 2}}\')', "D3137"),
        ("$parse(1)", "T0410"),
    ],
)
def test_what_step_functions_refuses(expression: str, code: str) -> None:
    with pytest.raises(JsonataError) as refused:
        evaluate(expression, {"a": None})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("null", None),
        ("$a", None),
        ("[]", []),
        ("$count([1..873782])", 873_782),
        ("$count($range(1, 360145, 1))", 360_145),
        ("($p := function($s, $n) {$n = 0 ? $s : $p($s & $s, $n - 1)}; $length($p('x', 22)))", 2**22),
        ("$range(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("$range(9, 1, -4)", [9, 5, 1]),
        ("$range(1, 9, 9)", 1),
        ("$range(-1.7, 2, 1)", [-1, 0, 1, 2]),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$partition([1, 2, 3], 2.9)", [[1, 2], [3]]),
        ("$partition([0], 5)", [[0]]),
        ("$partition([1, 2])", [[1, 2]]),
        ("$hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("$parse('{\"a\": [1, null]}')", {"a": [1, None]}),
        ("$parse('-0')", 0),
        ("[1, 2, 3][$ > 1]", [2, 3]),
        ("($partition := function($x) {$x}; $partition(1))", 1),
        ("$map(['1', '2'], $parse)", [1, 2]),
    ],
)
def test_what_step_functions_answers(expression: str, value: Any) -> None:
    assert evaluate(expression, {"a": None}) == value


RECURSION = "($f := function($n) {$n > 0 ? $f($n - 1) %s : %s}; $f(%d))"


@pytest.mark.parametrize(
    ("deepest", "too_deep"),
    [
        ("+".join(["1"] * 100), "+".join(["1"] * 101)),
        ("(" * 99 + "1" + ")" * 99, "(" * 100 + "1" + ")" * 100),
        ("[" * 99 + "1" + "]" * 99, "[" * 100 + "1" + "]" * 100),
        ("1" + " ~> $abs()" * 98, "1" + " ~> $abs()" * 100),
        (RECURSION % ("+ 1", "0", 31), RECURSION % ("+ 1", "0", 32)),
        # As the evaluator gets them these are deeper, by what writes numbers as text and by what assigns variables.
        (RECURSION % ("& 'x'", "''", 31), RECURSION % ("& 'x'", "''", 32)),
        ("+".join(["$a"] * 100), "+".join(["$a"] * 101)),
        ("+".join(["$a"] * 99) + " & ''", "+".join(["$a"] * 100) + " & ''"),
    ],
    ids=["sum", "brackets", "arrays", "chain", "recursion", "text", "variables", "text of variables"],
)
def test_an_evaluation_is_as_deep_as_it_may_be_on_aws(deepest: str, too_deep: str) -> None:
    evaluate(deepest, {"a": 1})
    with pytest.raises(JsonataError, match="Stack overflow error") as refused:
        evaluate(too_deep, {"a": 1})
    assert refused.value.code == LIMIT_CODE


def test_what_is_deep_and_is_not_evaluated_is_no_harm() -> None:
    assert evaluate(f"true ? 1 : {'+'.join(['1'] * 110)}", {}) == 1


def test_depth_is_counted_as_jsonata_counts_it() -> None:
    sources = [
        "($x := 1; $y := 2; $x + $y)",
        "{'a': {'b': [1, {'c': 2}]}}",
        "[1, 2].($ + 1)",
        "[1, 2][$ > 1]",
        "[3, 1]^($)",
        "'a' ~> $uppercase() ~> $lowercase()",
        "$string([1, {'a': 2}])",
        "$each({'a': 1}, function($v, $k) {$k})",
        "[1..3].[1..3].$",
        "($c := function($n) {$n > 0 ? {'x': $c($n - 1)} : 0}; $c(5))",
        "($g := function($n) {$n = 0 ? 0 : $g($n - 1)}; $g(50))",
    ]
    for source, answer in zip(sources, evaluate_all([Case(source) for source in sources], measure=True), strict=True):
        program = jlens.Expression(source)
        program.evaluate(max_depth=answer.evaluation_depth)
        with pytest.raises(jlens.JlensError):
            program.evaluate(max_depth=answer.evaluation_depth - 1)


@pytest.mark.parametrize("expression", ["$sum", "function($x) {$x}", "$fn := function($x) {$x}"])
def test_a_function_is_no_result(expression: str) -> None:
    with pytest.raises(UnsupportedResultError):
        evaluate(expression, {})


def test_an_expression_that_loops_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonata, "EVALUATION_TIMEOUT_SECONDS", 0.2)
    with pytest.raises(JsonataError, match="Expression evaluation timeout: Check for infinite loop"):
        evaluate("($f := function($x) {$f($x + 1)}; $f(0))", {})


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
    "expression",
    [
        *("$", "$[0]", "x", "$states.missing", "$string()", "$x.y", "$nothing"),
        *("$range(1, 5, 0)", "$range(1, 5)", "$range(5, 1, 1)", "$partition([1], 0.5)", "$partition([], 1)"),
        *("$partition()", "$hash('a')", "$parse()"),
    ],
)
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
