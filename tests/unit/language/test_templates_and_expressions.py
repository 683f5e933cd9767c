"""Templates, JSONata expressions and patterns."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiled import compiled
from workflow_engine.language.expressions import parse_expression
from workflow_engine.language.references import MalformedTextError
from workflow_engine.language.regex import regex_literal
from workflow_engine.language.syntax import ScopeReference, StepReference, TemplateVariable
from workflow_engine.language.templates import parse_template

X = StepReference("a", "output", ("x",))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain {single} }} text", ("plain {single} }} text",)),
        ("{{a.x}}", (X,)),
        ("Hi {{ a.x }}!", ("Hi ", X, "!")),
        ("{{ a.x }}{{ input }}", (X, ScopeReference("input"))),
        ("{{{ a.x }}}", ("{{ a.x }}",)),
        ("a{{{b}}}c{{ a.x }}", ("a{{b}}c", X)),
        ('{{ a["}}"] }}', (StepReference("a", "output", ("}}",)),)),
        ("{{ uuid }} {{current_date}}", (TemplateVariable("uuid"), " ", TemplateVariable("current_date"))),
        ("{{ user_id }}/{{ current_year }}", (TemplateVariable("user_id"), "/", TemplateVariable("current_year"))),
        ("{{ uuid.output }}", (StepReference("uuid", "output"),)),
        ("{{ session_id.x }}", (StepReference("session_id", "output", ("x",)),)),
        ("{{ current_times }}", (StepReference("current_times", "output"),)),
    ],
)
def test_a_template_is_text_and_references_in_turn(text: str, parts: tuple[object, ...]) -> None:
    assert parse_template(text).parts == parts


@pytest.mark.parametrize("text", ["{{", "{{ }}", "{{ a.x", "{{ a x }}", "{{{ a }}", "{{ a. }}"])
def test_a_malformed_template_is_refused(text: str) -> None:
    with pytest.raises(MalformedTextError) as caught:
        parse_template(text)
    assert caught.value.code == "WFE-E303"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1 + 2", ("1 + 2",)),
        ('$ref("a.x")', (X,)),
        ("$sum( $ref ( 'a.x' ) ) & \"y\"", ("$sum( ", X, ' ) & "y"')),
        ("\"$ref('a')\" & $ref('a.x')", ("\"$ref('a')\" & ", X)),
        ("/* $ref('a') */ $ref('a.x')", ("/* $ref('a') */ ", X)),
        ("$match('x', /$ref\\('\\/(a|[b])/)", ("$match('x', /$ref\\('\\/(a|[b])/)",)),
        ("$ref('a.x') / 2 / $ref('a.x')", (X, " / 2 / ", X)),
        ("$ref('a.x').b.{'k': y, 'p': %.z}[0]", (X, ".b.{'k': y, 'p': %.z}[0]")),
        (
            "$map($ref('a.x'), function($v, $i) { $v.price * $i })",
            ("$map(", X, ", function($v, $i) { $v.price * $i })"),
        ),
        ("($f := function($n) { $n + 1 }; $f(2))", ("($f := function($n) { $n + 1 }; $f(2))",)),
        ("$uuid() & $hash('x', 'MD5')", ("$uuid() & $hash('x', 'MD5')",)),
        ("$count($partition([1..4], 2))", ("$count($partition([1..4], 2))",)),
    ],
)
def test_references_in_an_expression_are_found_and_nothing_else(text: str, parts: tuple[object, ...]) -> None:
    assert parse_expression(text).parts == parts


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1 +", "phone", "{'a': name}", "$", "$$.x", "$states.input", "$eval('1')", "$x", "$nothing(1)", "a ?? 1",
        "$ref('a') ?: 1", "$ref(a)", "$ref", "$ref('a', 1)", "$ref('a..b')", "'a%}'", "(" * 41 + "1" + ")" * 41,
        "+".join(["1"] * 2000), "/abc", "$count()" + " " * 10_000, "+".join(["1"] * 70),
        "($f := function($n){$n+x}; $f(1))", "($f := function($n){$string()}; $f(1))", "($f := function($n){$}; $f(1))",
        "($f := function($n){$n}; $f(1) & $string())", "(function($n){$n+x})(1)", "($f := function($n){$m}; $f(1))",
        "$map([1], function($v){name})", "($f := function($n){$g($n)}; $f(1))", "$f(?, 1)", "(($g := 1); $g)",
    ],
)  # fmt: skip
def test_what_depends_on_the_machine_or_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(MalformedTextError) as caught:
        parse_expression(text)
    assert caught.value.code in ("WFE-E304", "WFE-E208")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "($f := function($n){$n+total}; $f(1))",
            "'total' is read from nowhere. Read a step, input or variables by $ref(",
        ),
        ("$upercase('a')", "$upercase is neither a function nor defined in the expression. Did you mean '$uppercase'?"),
        ("+".join(["1"] * 70), "An expression's syntax has at most 60 levels. Write a chain of operators as $sum"),
    ],
)
def test_a_refused_expression_says_what_to_do(text: str, sentence: str) -> None:
    with pytest.raises(MalformedTextError) as caught:
        parse_expression(text)
    assert sentence in caught.value.detail


def test_the_deepest_expression_that_is_taken_fits_into_a_machine() -> None:
    deepest = "+".join(["1"] * 59) + '+$ref("input.n")'
    nested: dict[str, Any] = {"step_id": "e", "step_type": "work", "input_mapping": {"n": {"expression": deepest}}}
    for _ in range(4):
        step_id = nested["step_id"] + "m"
        nested = {
            "step_id": step_id,
            "step_type": "map",
            "config": {"items": "input.rows", "max_items": 2, "steps": [nested]},
        }
    assert compiled(nested).machine


def test_a_syntax_error_says_where_in_the_text_of_the_client() -> None:
    with pytest.raises(MalformedTextError, match="at character 19:"):
        parse_expression('$ref("a.b.c.d") + )')


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("^[a-z]+$", "/^[a-z]+$/"),
        ("a/b", r"/a\/b/"),
        ("[(/]", r"/[\(\/]/"),
        (r"\\(a)", r"/\x5c(a)/"),
        ("a{2,3}{x}", r"/a{2,3}\{x\}/"),
        ("%}", r"/%\}/"),
        ("é", "/é/"),
        ("a\nb", r"/a\u000ab/"),
        (r"\d+\.\d{2}", r"/\d+\.\d{2}/"),
        ("(?:a|b)(?=c)", "/(?:a|b)(?=c)/"),
    ],
)
def test_a_pattern_becomes_a_jsonata_literal(pattern: str, literal: str) -> None:
    assert regex_literal(pattern) == literal


@pytest.mark.parametrize(
    "pattern", ["", "(", "[a", "a**", "(?i)a", r"\p{L}", r"\A", "\\", "[[:alpha:]]", "[]", "x" * 1001]
)
def test_a_pattern_that_javascript_would_not_read_alike_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        regex_literal(pattern)
