"""Generated JSONata: the traps of its evaluators, one by one, on the local evaluator and on the one AWS runs."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.stepfunctions.jsonata import JsonataError, evaluate
from tests.support.expression_world import (
    ALL,
    MISSING,
    TEMPLATE_VARIABLES,
    UUID,
    World,
    assert_values,
    output,
    source_of,
    world_of,
)
from tests.support.jsonata_node import Case, evaluate_all
from workflow_engine.compiler.asl.expressions import expression
from workflow_engine.compiler.jsonata.conditions import condition_fragment
from workflow_engine.compiler.jsonata.fragments import object_fragment
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.jsonata.sources import source_fragment, template_fragment
from workflow_engine.language.expressions import parse_expression
from workflow_engine.language.syntax import (
    Comparison,
    Expression,
    LiteralValue,
    ScopeReference,
    Segment,
    StepReference,
    Template,
    TemplateVariable,
    TemplateVariableName,
)
from workflow_engine.language.templates import VARIABLES


def assert_reads(rows: list[tuple[Any, tuple[Segment, ...], Any]]) -> None:
    """Rows of (output of the step, path, value)."""
    worlds = [(world_of(value), path, expected) for value, path, expected in rows]
    assert_values((reference_fragment(output(*path), world), world, expected) for world, path, expected in worlds)


# --- references ---


def test_a_whole_output_is_read_without_any_helper() -> None:
    assert expression(reference_fragment(output(), world_of(1))) == "{% $s0_a.output %}"
    assert expression(reference_fragment(StepReference("a", "status"), world_of(1))) == "{% $s0_a.status %}"


@pytest.mark.parametrize(
    "value", [None, [], [[]], [[1]], [None], [{"x": 1}], "", 0, False, {}, {"x": []}, "é😀\u2028", "z" * 100_000, 2**53]
)
def test_a_whole_output_comes_back_as_it_is(value: Any) -> None:
    assert_reads(
        [(value, (), value), ({"x": value}, ("x",), value), ([value], (0,), value), ([value], (ALL,), [value])]
    )


def test_what_is_missing_is_null() -> None:
    assert_reads(
        [
            (MISSING, (), None),
            (MISSING, ("x", 0, ALL), None),
            ({}, ("x",), None),
            ({"x": None}, ("x", "y", "z"), None),
            ("text", ("length",), None),
            (5, (0,), None),
            (None, (ALL,), None),
            ({"x": 1}, (0,), None),
            ({"x": 1}, (ALL, "x"), None),
        ]
    )


def test_a_path_through_a_list_gives_a_list_of_the_same_length() -> None:
    assert_reads(
        [
            ([], ("x",), []),
            ([{"x": 1}], ("x",), [1]),
            ([{"x": 1}, {}, None, 5, {"x": None}], ("x",), [1, None, None, None, None]),
            ([{"x": [1]}, {"x": []}], ("x",), [[1], []]),
            ([[{"x": 1}], []], ("x",), [[1], []]),
            ({"l": [{"o": {"l": [{"x": 1}]}}]}, ("l", "o", "l", "x"), [[1]]),
            ({"l": [{"x": 1}, {"x": 2}]}, ("l", "x", 0), 1),
            ({"l": [{"x": [1, 2]}, {"x": []}, 3]}, ("l", ALL, "x", 0), [1, None, None]),
            ({"l": [{"x": [1, 2]}]}, ("l", ALL, "x", ALL), [[1, 2]]),
        ]
    )


def test_lists_in_lists_are_followed_for_four_levels() -> None:
    assert_reads(
        [
            ([[[[{"x": 1}]]]], ("x",), [[[[1]]]]),
            ([[[[[{"x": 1}]]]]], ("x",), [[[[None]]]]),
            ([[[[[]]]]], ("x",), [[[[None]]]]),
        ]
    )


def test_an_index_counts_from_the_end_when_negative_and_may_lie_outside() -> None:
    assert_reads(
        [
            ([1, 2, 3], (-1,), 3),
            ([1, 2, 3], (-4,), None),
            ([1, 2, 3], (3,), None),
            ([1], (10**400,), None),
            ([[], [1]], (0,), []),
            ({"0": 1}, ("0",), 1),
        ]
    )


def test_any_key_can_be_read_and_inherited_ones_are_missing() -> None:
    names = [
        "",
        "`",
        '"',
        "'",
        "\\",
        "a.b",
        "a b",
        "$x",
        "%}",
        "é😀",
        "\n",
        "null",
        "in",
        "__proto__",
        "constructor",
        "length",
    ]
    assert_reads([({name: 1}, (name,), 1) for name in names] + [({"z": 1}, (name,), None) for name in names])
    assert_reads([([{"toString": 1}, {}], ("toString",), [1, None])])


def test_the_execution_is_the_same_everywhere() -> None:
    world = World()
    assert_values(
        [
            (reference_fragment(ScopeReference("execution", ("id",)), world), world, "exec-1"),
            (reference_fragment(ScopeReference("execution", ("workflow_id",)), world), world, "wf-1"),
            (reference_fragment(ScopeReference("execution", ("id", "x")), world), world, None),
            (reference_fragment(ScopeReference("execution", ("no",)), world), world, None),
        ]
    )


# --- templates and sources ---


def test_a_template_shows_values_as_text() -> None:
    rows: list[tuple[Any, str]] = [
        (None, ""),
        (MISSING, ""),
        ("", ""),
        ('say "é😀"\n', 'say "é😀"\n'),
        (True, "true"),
        (0, "0"),
        (2.50, "2.5"),
        (1e-7, "1e-7"),
        (9007199254740991, "9007199254740991"),
        (-1234567890123456, "-1234567890123456"),
        (1e21, "1e+21"),
        (0.1 + 0.2, "0.3"),
        ([], "[]"),
        ([[]], "[[]]"),
        ([1, None, "x"], '[1,null,"x"]'),
        ({"b": {"a": 1.5}, "a": "\u2028"}, '{"b":{"a":1.5},"a":"\u2028"}'),
        ("z" * 100_000, "z" * 100_000),
    ]
    cases = []
    for value, text in rows:
        world = world_of(value)
        cases.append((template_fragment(Template((output(),)), world, world.literal), world, text))
        many = Template(("<", output(), "> %} <", output(), ">"))
        cases.append((template_fragment(many, world, world.literal), world, f"<{text}> %}} <{text}>"))
    assert_values(cases)


def test_the_text_of_a_template_is_placed_as_one_literal() -> None:
    world = world_of(1)
    template_fragment(Template(("a", output(), "b", "c", output("x"), "", "d")), world, world.literal)
    template_fragment(Template(("only ", "text")), world, world.literal)
    template_fragment(Template((output(), " end")), world, world.literal)
    template_fragment(Template((output(),)), world, world.literal)
    assert world.literals == [["a", "bc", "d"], "only text", " end"]


def test_template_variables_come_from_the_entry_of_the_state() -> None:
    world = World()
    template = Template(
        (
            TemplateVariable("current_date"),
            "T",
            TemplateVariable("current_time"),
            " ",
            TemplateVariable("execution_id"),
        )
    )
    unique = Template((TemplateVariable("uuid"),))
    assert_values(
        [
            (template_fragment(template, world, world.literal), world, "2031-02-03T04:05:06 exec-1"),
            (template_fragment(unique, world, world.literal), world, UUID),
            (template_fragment(Template(()), world, world.literal), world, ""),
        ]
    )


@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "uuid"])
def test_each_template_variable_shows_the_run_and_the_time_of_entry(name: TemplateVariableName) -> None:
    world = World()
    template = Template(("<", TemplateVariable(name), ">"))
    expected = f"<{TEMPLATE_VARIABLES[name]}>"
    assert_values([(template_fragment(template, world, world.literal), world, expected)])


def test_literals_go_where_the_compiler_places_them() -> None:
    world = World()
    values: list[Any] = [None, [], [[1]], {"template": "{{ a }}"}, "{% $states %}"]
    assert_values([(source_fragment(LiteralValue(value), world, world.literal), world, value) for value in values])
    assert world.literals == values


def test_an_expression_sees_its_references_and_gives_null_for_undefined() -> None:
    world = world_of({"x": [{"y": 2}], "n": 3})
    sources: list[tuple[tuple[Any, ...], Any]] = [
        ((output("n"), " * 2"), 6),
        (("$sum(", output("x", "y"), ") + ", output("n")), 5),
        (("$nothing",), None),
        ((output("x"), "[y=5]"), None),
        (("($n := 4; $o := 1; $ref0 := 2; $n + $ref0 + ", output("x", ALL, "y"), "[0])"), 8),
        (('"a%\\u007d" & ', output("n")), "a%}3"),
        (("1 /* ", output("n"), " */"), 1),
    ]
    assert_values(
        [(source_fragment(Expression(parts), world, world.literal), world, value) for parts, value in sources]
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("($f := function($n){$n+1}; $f($ref('a.n')))", 4),
        ("($f := λ($n){$n.y}; $f($ref('a.x[0]')))", 2),
        ("($f := function($n)<n:n>{$n*2}; $ref('a.n') ~> $f)", 6),
        ("($fact := function($n){$n<=1 ? 1 : $n*$fact($n-1)}; $fact($ref('a.n')))", 6),
        ("($even := function($n){$n=0 or $odd($n-1)}; $odd := function($n){$n!=0 and $even($n-1)}; $even($ref('a.n')))", False),
        ("($add := function($a,$b){$a+$b}; $inc := $add(1, ?); $inc($ref('a.n')))", 4),
        ("($first := $substring(?, 0, 2); $first($ref('a.t')))", "te"),
        ("($adder := function($a){function($b){$a+$b}}; $adder($ref('a.n'))(4))", 7),
        ("(function($v){$v & '!'})($ref('a.t'))", "text!"),
        ("($shout := $trim ~> $uppercase; $shout($ref('a.t')))", "TEXT"),
        ("($twice := function($g, $v){$g($g($v))}; $twice(function($v){$v*3}, $ref('a.n')))", 27),
        ("$map($ref('a.x'), function($v){($k := function($o){$o.y}; $k($v))})", 2),
        ("($f := function($o){$o.x[y=2].y}; $f($ref('a')))", 2),
    ],
)  # fmt: skip
def test_an_expression_may_make_functions_and_give_them_references(text: str, value: Any) -> None:
    world = world_of({"x": [{"y": 2}], "n": 3, "t": "text"})
    assert_values([(source_fragment(parse_expression(text), world, world.literal), world, value)])


def test_an_expression_may_raise() -> None:
    world = world_of("text")
    source = source_of(source_fragment(Expression((output(), " + 1")), world, world.literal))
    with pytest.raises(JsonataError):
        evaluate(source, world.bindings())
    assert evaluate_all([Case(source, world.bindings())])[0].error is not None


def test_fragments_put_together_define_each_helper_once() -> None:
    world = world_of({"x": "5", "y": [1]})
    template = template_fragment(Template((output("x"), "/", output("y", 0))), world, world.literal)
    whole = object_fragment(
        {
            "%}": template,
            "over": condition_fragment(Comparison(">", output("x"), LiteralValue(4)), world),
            "y": reference_fragment(output("y"), world),
        }
    )
    assert_values([(whole, world, {"%}": "5/1", "over": True, "y": [1]})])
    text = expression(whole)
    assert text.count("$n:=") == text.count("$u:=") == 1
    assert "$w:=" not in text
