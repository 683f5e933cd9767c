"""Conditions in all forms: precedence, literals, longest match, and the object form's rule for right operands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.catalogue import fake_catalogue
from tests.support.json_strategies import task
from workflow_engine.language import parse_workflow
from workflow_engine.language.condition_text import parse_condition_text
from workflow_engine.language.references import MalformedTextError
from workflow_engine.language.syntax import (
    And,
    Check,
    Comparison,
    Condition,
    LiteralValue,
    Not,
    Or,
    ScopeReference,
    StepReference,
    Truthy,
)

A = StepReference("a", "output")
B = StepReference("b", "output")
C = StepReference("c", "output")
X = StepReference("a", "output", ("x",))


def condition_of(value: Any) -> Condition | None:
    """The condition of a step that comes after steps a and b."""
    parsed = parse_workflow(
        {"name": "w", "steps": [task("a"), task("b"), task("c", conditions=value)]}, fake_catalogue()
    )
    assert parsed.workflow is not None, parsed.diagnostics
    return parsed.workflow.steps[2].condition


def test_not_binds_tighter_than_and_which_binds_tighter_than_or() -> None:
    expected = Or((Truthy(A), And((Not(Truthy(B)), Truthy(C)))))
    assert parse_condition_text("a or not b and c") == expected


def test_not_negates_the_whole_comparison_behind_it() -> None:
    assert parse_condition_text("not a == 1") == Not(Comparison("==", A, LiteralValue(1)))


def test_parentheses_override_precedence() -> None:
    assert parse_condition_text("(a or b) and c") == And((Or((Truthy(A), Truthy(B))), Truthy(C)))


def test_chains_of_one_connective_are_flat() -> None:
    assert parse_condition_text("a and (b and c)") == And((Truthy(A), Truthy(B), Truthy(C)))


@pytest.mark.parametrize("name", ["order", "android", "not_inside", "input_x", "is_empty2", "truex", "in-stock"])
def test_words_are_read_as_long_as_possible(name: str) -> None:
    assert parse_condition_text(name) == Truthy(StepReference(name, "output"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'text'", "text"),
        ('"text"', "text"),
        (r"'it\'s'", "it's"),
        (r"'a\\b'", "a\\b"),
        (r"'\d+\"'", '\\d+\\"'),
        ("''", ""),
        ("1", 1),
        ("-1", -1),
        ("1.5", 1.5),
        ("2e3", 2000.0),
        ("true", True),
        ("null", None),
        ("[]", []),
        ("[1, 'b', [true], {'k': null, \"l\": {}}]", [1, "b", [True], {"k": None, "l": {}}]),
    ],
)
def test_literals(text: str, value: Any) -> None:
    condition = parse_condition_text(f"a.x == {text}")
    assert isinstance(condition, Comparison)
    assert isinstance(condition.right, LiteralValue)
    assert condition.right.value == value
    assert type(condition.right.value) is type(value)


@pytest.mark.parametrize("space", ["", " ", "\n\t"])
def test_white_space_around_symbols_does_not_matter(space: str) -> None:
    assert parse_condition_text(f"a.x{space}>={space}1") == Comparison(">=", X, LiteralValue(1))


def test_a_list_may_follow_in_at_once() -> None:
    assert parse_condition_text("a.x in['p']") == Comparison("in", X, LiteralValue(["p"]))


@pytest.mark.parametrize("operator", ["is_empty", "is_not_empty", "is_null", "is_not_null", "exists"])
def test_checks_stand_behind_their_operand(operator: str) -> None:
    assert parse_condition_text(f"a.x {operator}") == Check(operator, X)  # type: ignore[arg-type]  # every one is a check


def test_the_three_object_forms_and_the_list_say_the_same_as_text() -> None:
    text = condition_of("a.x == 1 and not (b exists or input.y > 2)")
    assert text == condition_of(
        [
            {"left_operand": "a.x", "operator": "==", "right_operand": 1},
            {
                "logical_operator": "not",
                "conditions": [
                    {
                        "logical_operator": "or",
                        "conditions": [{"left_operand": "b", "operator": "exists"}, "input.y > 2"],
                    }
                ],
            },
        ]
    )


@pytest.mark.parametrize("value", [None, []])
def test_no_condition_is_none(value: Any) -> None:
    assert condition_of(value) is None


@pytest.mark.parametrize(
    ("right", "operand"),
    [
        ("b.x", StepReference("b", "output", ("x",))),
        ("b.status", StepReference("b", "status")),
        ("input.x", ScopeReference("input", ("x",))),
        ("b", LiteralValue("b")),
        ("input", LiteralValue("input")),
        ("example.com", LiteralValue("example.com")),
        ("b.x is long", LiteralValue("b.x is long")),
        ({"value": "b.x"}, LiteralValue("b.x")),
        ({"value": 1, "more": 2}, LiteralValue({"value": 1, "more": 2})),
        (None, LiteralValue(None)),
        (["b.x"], LiteralValue(["b.x"])),
    ],
)
def test_a_right_operand_is_a_literal_unless_it_is_a_reference_with_a_path(right: Any, operand: Any) -> None:
    condition = condition_of({"left_operand": "a.x", "operator": "==", "right_operand": right})
    assert condition == Comparison("==", X, operand)


def test_a_pattern_must_be_a_literal() -> None:
    with pytest.raises(MalformedTextError) as caught:
        parse_condition_text("a regex_match b.pattern")
    assert caught.value.code == "WFE-E302"


def test_twenty_levels_and_a_hundred_tests_are_allowed() -> None:
    assert parse_condition_text("(" * 19 + "a" + ")" * 19) == Truthy(A)
    condition = condition_of(" or ".join(["a.x == 1"] * 100))
    assert isinstance(condition, Or)
    assert len(condition.parts) == 100
