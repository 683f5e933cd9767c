"""Generated JSONata of conditions: every operator over every kind of value, on the local evaluator and on AWS's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.expression_world import (
    ALL,
    MAX_SYNTAX_DEPTH,
    MISSING,
    World,
    assert_values,
    output,
    source_of,
    world_of,
)
from tests.support.jsonata_node import Case, evaluate_all
from workflow_engine.compiler.jsonata.conditions import all_of, any_of, condition_fragment, not_fragment
from workflow_engine.compiler.jsonata.fragments import Fragment, Infix, Text
from workflow_engine.language.syntax import (
    And,
    Check,
    Comparison,
    Condition,
    LiteralValue,
    Not,
    Operand,
    Or,
    Segment,
    Truthy,
)


def assert_holds(rows: list[tuple[Any, str, Any, bool]]) -> None:
    """Rows of (left value, operator, right value, result); also the negation, and the operands' kinds swapped."""
    cases = []
    for left, operator, right, expected in rows:
        world = world_of({"left": left, "right": right})
        operands: list[tuple[Operand, Operand]] = [
            (output("left"), output("right")),
            (output("left"), LiteralValue(right)),
            (LiteralValue(left), output("right")),
        ]
        for one, other in operands:
            condition = Comparison(operator, one, other)  # type: ignore[arg-type]  # rows are plain strings
            cases.append((condition_fragment(condition, world), world, expected))
            cases.append((condition_fragment(Not(condition), world), world, not expected))
    assert_values(cases)


def test_equality_is_deep_and_of_json_values() -> None:
    assert_holds(
        [
            (1, "==", 1.0, True),
            (1, "==", True, False),
            ("1", "==", 1, False),
            (None, "==", None, True),
            (None, "==", 0, False),
            ([], "==", [], True),
            ([], "==", {}, False),
            ([[1]], "==", [1], False),
            ([1], "==", 1, False),
            ({"x": [1, None], "y": 2}, "==", {"y": 2, "x": [1, None]}, True),
            ({"x": None}, "!=", {}, True),
            ({"hasOwnProperty": 1, "x": 2}, "==", {"x": 2, "hasOwnProperty": 1}, True),
            ("%}", "==", "%}", True),
            (-1.5, "==", -1.5, True),
        ]
    )


def test_missing_equals_null() -> None:
    world = world_of(MISSING)
    assert_values(
        [
            (condition_fragment(Comparison("==", output("x"), LiteralValue(None)), world), world, True),
            (condition_fragment(Comparison("!=", output(), LiteralValue(None)), world), world, False),
            (condition_fragment(Comparison("==", output("x"), output("y", ALL)), world), world, True),
        ]
    )


def test_only_numbers_strings_and_numeric_strings_have_an_order() -> None:
    assert_holds(
        [
            (2, ">", 1, True),
            (2, ">=", 2, True),
            (1, "<", 1, False),
            (1, "<=", 1, True),
            ("b", ">", "a", True),
            ("10", "<", "9", True),
            ("10", ">", 9, True),
            (9, "<", "10", True),
            ("1e3", ">=", 1000, True),
            ("-0.5", "<=", 0, True),
            ("", "<", 1, False),
            (" 1", "<", 2, False),
            ("0x10", ">", 1, False),
            ("1" * 400, ">", 1, False),
            ("1e999", ">", 1, False),
            ("٣", ">", 1, False),
            (True, ">", 0, False),
            (None, "<=", None, False),
            ([2], ">", 1, False),
            ({}, ">=", {}, False),
        ]
    )


def test_contains_looks_into_strings_lists_and_objects_and_in_is_its_mirror() -> None:
    rows: list[tuple[Any, Any, bool]] = [
        ("abc", "b", True),
        ("abc", "", True),
        ("a5", 5, False),
        ([1, [2]], [2], True),
        ([1, [2]], 2, False),
        ([{"x": 1}], {"x": 1}, True),
        ([None], None, True),
        ([], None, False),
        (["a"], "a", True),
        ("a", ["a"], False),
        ({"k": 0}, "k", True),
        ({"k": 0}, "toString", False),
        ({"k": 0}, ["k"], False),
        (None, None, False),
        (5, 5, False),
        (False, False, False),
    ]
    assert_holds([(container, "contains", element, expected) for container, element, expected in rows])
    assert_holds([(container, "not_contains", element, not expected) for container, element, expected in rows])
    assert_holds([(element, "in", container, expected) for container, element, expected in rows])
    assert_holds([(element, "not_in", container, not expected) for container, element, expected in rows])


def test_prefix_and_suffix_are_of_strings_only() -> None:
    assert_holds(
        [
            ("é😀x", "starts_with", "é😀", True),
            ("é😀x", "ends_with", "😀x", True),
            ("ab", "ends_with", "xab", False),
            ("ab", "starts_with", "abc", False),
            ("", "ends_with", "", True),
            ("ab", "starts_with", "", True),
            (12, "starts_with", "1", False),
            (["a"], "starts_with", "a", False),
            (None, "ends_with", None, False),
        ]
    )


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("^a/b$", "a/b", "ab"),
        (r"[(\[{/]\\$", "x(\\", "\\"),
        ("a{2}%}", "aa%}", "a%}"),
        ("a\nb", "a\nb", "ab"),
        ("(a|b)+c", "abc", "c"),
        (r"^\d+$", "12", "٣"),
        ("^é", "é1", "1é"),
    ],
)
def test_a_pattern_is_searched_for_in_strings(pattern: str, matching: str, other: str) -> None:
    cases = []
    for value, expected in [(matching, True), (other, False), (5, False), (None, False), ([matching], False)]:
        world = world_of(value)
        condition = Comparison("regex_match", output(), LiteralValue(pattern))
        cases.append((condition_fragment(condition, world), world, expected))
        cases.append((condition_fragment(Not(condition), world), world, not expected))
    assert_values(cases)


def test_truth_and_emptiness_do_not_look_into_lists() -> None:
    #             value: truthy, empty
    rows: list[tuple[Any, bool, bool]] = [
        (None, False, True),
        (MISSING, False, True),
        (False, False, False),
        (0, False, False),
        ("", False, True),
        ([], False, True),
        ({}, False, True),
        ([0], True, False),
        ([[]], True, False),
        ([None, None], True, False),
        ({"length": 0}, True, False),
        ("false", True, False),
        (-1, True, False),
        (True, True, False),
    ]
    cases: list[tuple[Fragment, World, Any]] = []
    for value, truthy, empty in rows:
        world = world_of(value)
        null = value is None or value is MISSING
        conditions: list[tuple[Condition, bool]] = [
            (Truthy(output()), truthy),
            (Not(Truthy(output())), not truthy),
            (Check("is_empty", output()), empty),
            (Check("is_not_empty", output()), not empty),
            (Check("is_null", output()), null),
            (Check("is_not_null", output()), not null),
            (Check("exists", output()), not null),
        ]
        cases.extend((condition_fragment(condition, world), world, expected) for condition, expected in conditions)
    assert_values(cases)


def test_literals_alone_are_decided_when_compiling() -> None:
    assert condition_fragment(Truthy(LiteralValue([0])), World()) == Text("true")
    assert condition_fragment(Not(Truthy(LiteralValue(""))), World()) == Text("true")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 300])
def test_groups_of_any_size_are_shallow(count: int) -> None:
    world = World()
    yes, no = Text("1=1"), Infix(" or ", (Text("false"), Text("false")))
    answers = assert_values(
        [
            (all_of([yes] * count), world, True),
            (any_of([no] * count), world, False),
            (all_of([yes] * count + [no]), world, False),
            (any_of([no] * count + [yes]), world, True),
            (not_fragment(all_of([yes] * count)), world, False),
            (not_fragment(any_of([no] * count)), world, True),
        ]
    )
    assert max(answer.syntax_depth for answer in answers) <= 9


def test_negating_twice_adds_nothing() -> None:
    plain = Infix(" or ", (Text("$x"), Text("$y")))
    condition = condition_fragment(Comparison("==", output("x"), LiteralValue(1)), world_of({}))
    assert not_fragment(not_fragment(condition)) == condition
    assert not_fragment(condition).source()[0] == '$n($s0_a.output,"x")!=1'
    assert not_fragment(not_fragment(plain)).source()[0] == "($x or $y)"


def test_depth_does_not_grow_with_nested_groups() -> None:
    world = world_of({"x": 1})
    condition: Condition = Comparison(">", output("x"), LiteralValue(0))
    for level in range(40):
        others = (Truthy(output("x")), Not(Truthy(output("y"))))
        condition = Not(And((condition, *others))) if level % 2 else Or((condition, Truthy(output("y"))))
    shallow, deep = assert_values(
        [
            (condition_fragment(And((Truthy(output("x")),)), world), world, True),
            (condition_fragment(condition, world), world, True),
        ]
    )
    assert deep.evaluation_depth <= shallow.evaluation_depth + 10


def nested(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "path", [("x",) * 20, (0,) * 20, (ALL,) * 20, (*[ALL] * 19, "x"), (ALL, "x") * 10, (ALL, 0) * 10]
)
def test_the_longest_paths_stay_within_the_evaluation_depth_of_aws(path: tuple[Segment, ...]) -> None:
    for data in (nested({"x": nested({"x": 1}, 5)}, 24), {"x": nested({"x": {"x": nested({"x": 1}, 5)}}, 5)}):
        world = world_of(data)
        inner = Comparison("<=", output(*path), output(*path))
        condition = And((Or((And((inner, Truthy(output()))), Check("is_null", output()))), Truthy(output())))
        source = source_of(condition_fragment(condition, world))
        (answer,) = evaluate_all([Case(source, world.bindings())], measure=True)
        assert isinstance(answer.value, bool)
        assert answer.syntax_depth <= MAX_SYNTAX_DEPTH
        assert answer.evaluation_depth < 90
