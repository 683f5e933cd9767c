"""The parser of JSONata 2.0.6: depth of the syntax tree, what is read, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workflow_engine.compiler.verify.expressions import analyse
from workflow_engine.language.jsonata.syntax import NestedTooDeepError, read_expression
from workflow_engine.language.jsonata.tokens import JsonataSyntaxError

# Typed nodes on the longest way down `jsonata(expression).ast()`, as npm jsonata@2.0.6 gave them.
DEPTHS = {
    "1": 1, "$x": 1, "$x.a.b": 2, "$x[a = 1]": 5, "$x.a[0].b": 4, "$f(1, $x)": 2, "[1, [2, [3]]]": 4, "[1..5]": 3,
    "{'a': {'b': $x.c}}": 4, "-1": 1, "-$x": 2, "1 + 2 + 3 + 4": 4, "$x ? 1 : $y ? 2 : 3": 3, "($a := 1; $a + 1)": 3,
    "function($a){$f($a)}": 4, "function($a){$a ? $f(1) : ($b; $g(2))}": 6, "$f(?, 1)": 2, "$x^(>a, <b.c)": 4,
    "$x{a: b}": 3, "$x.{'k': v}.w": 4, "$x ~> |a|{'b': 1}|": 4, "$x#$i[$i = 1]": 5, "$x@$v.b": 2,
    "$map($x, function($v, $i){$v.a & $i})": 5, "$f(1)[0].a": 4, "function($a){$f($a)[0]}": 4, "/a[/]b/i": 1, "$x[]": 1,
    "a and b or c in d": 4, "`a b`.c": 2, "λ($a){$f($a){$a: 1}}": 4,
}  # fmt: skip


@pytest.mark.parametrize("expression", DEPTHS)
def test_depth_is_that_of_the_reference_implementation(expression: str) -> None:
    assert read_expression(expression).depth == DEPTHS[expression]


CONTEXT = {
    "phone": ("phone",), "$": ("$",), "*": ("*",), "**.a": ("**",), "a.b[c].d": ("a",), "[a, {b: c}]": ("a", "b", "c"),
    "$f(a) + b": ("a", "b"), "function() { a }": ("a",), "$x ? a : b": ("a", "b"), "($v := a; $v)": ("a",),
    "'a'.b": ("a",), "and": ("and",), "$x.a": (), "$x[a = 1]": (), "$x[$.a = 1]": (), "$x.{'k': a, b: c}": (),
    "$x{a: b}": (), "$x^(a, >b)": (), "$x.(a; b)": (), "$x.$string(a)": (), "$x ~> |a|{'b': c}, ['d']|": (), "$x.*": (),
    "$x.$map(a, function($v) { b })": (), "'text' & \"a.b\" /* c */": (), "$x ~> /a/": (), "$x.`a b`": (), "-1e5": (),
}  # fmt: skip


@pytest.mark.parametrize("expression", CONTEXT)
def test_only_names_that_no_step_precedes_are_read_from_the_context(expression: str) -> None:
    assert read_expression(expression).context_names == CONTEXT[expression]


@pytest.mark.parametrize(
    "expression",
    ["", " ", "/* only a comment */", "1 +", "(1", "$x[", "{'a'}", "a b", "'open", "`open", "/open", "$a ?: 1",
     "$a ?? 1", "!$a", "1 := 2", "$x@1", "$x.1", "function($a, 1){2}", "$a ~ $b"],
)  # fmt: skip
def test_what_jsonata_2_0_6_refuses_is_a_syntax_error(expression: str) -> None:
    with pytest.raises(JsonataSyntaxError):
        read_expression(expression)
    assert analyse(expression).rule == "ASL-EXPRESSION-SYNTAX"


@pytest.mark.parametrize("expression", ["$match('a', /(/)", "%", "'\\x'", "$x{a: b}{c: d}"])
def test_what_only_a_full_implementation_can_check_is_refused_too(expression: str) -> None:
    assert analyse(expression).rule == "ASL-EXPRESSION-SYNTAX"


def test_reading_stops_where_nesting_would_exhaust_the_stack() -> None:
    with pytest.raises(NestedTooDeepError):
        read_expression("(" * 10_000 + "1" + ")" * 10_000)


def test_a_long_chain_is_measured_without_recursion() -> None:
    assert read_expression(" & ".join(["'a'"] * 20_000)).depth == 20_000


def test_steps_after_states_are_noted_through_filters_and_quotes() -> None:
    reading = read_expression('[$states.input.result, $states[0]."context", $states.`result`, $x.states.errorOutput]')
    assert reading.states_fields == {"input", "context", "result"}


def test_the_root_is_noted_wherever_it_stands() -> None:
    assert read_expression("$x.a[$$.b = 1]").reads_root
    assert not read_expression("$x.a[$.b = 1]").reads_root


def test_expressions_of_one_shape_keep_their_own_variables() -> None:
    for name in ("s0_a", "s0_b", "sum", "states"):
        reading = analyse(f"$lookup(${name}, 'k') & $string(${name}.input)").reading
        assert reading is not None
        assert reading.variables == {"lookup", "string", name}


PIECES = st.sampled_from(
    ["$a", "$states", ".input", ".result", " . ", "'q'", '"$b"', "`x y`", "[", "]", "(", ")", "{", "}", ":", ",", ";",
     ":=", "?", "1", "+", "-", "*", "/", "/re'/", "%", "~>", "|", "&", "and", "in", "function($v){", "$v", "$$", "$",
     "^(", "@", "#", "..", "/*", "*/", "'", "\\", "é", " ", ".function", "`function`(", "λ", "$_a", "$v0", "a", "x", ".b",
     "$map(", "!", "<", "\f", "\v", "\xa0", "\ud800", "<s:n>", ".$states", ".$b"]
)  # fmt: skip


@example("$$$a")
@example('$a"$b"')
@example('$a"b & "$c"')
@example('$a & "x" & $b"y"')
@example('"a"$b & $a.x"')
@example("\f$a")
@example("$a.b\f")
@example("$a'b' & $a'c'")
@example("$a.$states & $a.$map")
@example("function($a)<'<q's:n>{$a}")
@example("$x.`function`($a){$a} & $x.`b`($a)")
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=20))
def test_any_text_is_either_read_or_refused_and_its_shape_says_the_same(text: str) -> None:
    analysis = analyse(text)
    assert (analysis.reading is None) == (analysis.rule != "")
    # A comment in front keeps the meaning and takes away the shape.
    plain = analyse("/**/" + text)
    assert plain.reading == analysis.reading
    assert plain.rule == analysis.rule
