"""Which patterns of `regex_match` are refused because a backtracking engine may take exponential time for them."""

from __future__ import annotations

import pytest

from workflow_engine.language.backtracking import BacktrackingError, check_backtracking
from workflow_engine.language.expressions import parse_expression
from workflow_engine.language.references import MalformedTextError
from workflow_engine.language.regex import regex_literal


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "^(a*)*b",
        "^(a|a)*$",
        "^(a|ab|b)*c$",
        r"^(\w+\s?)*$",
        r"^([a-zA-Z0-9]+)*@",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(x+x+)+y",
        r"^(?:\d+|\d+x?)+z",
        r"^(a{1,20}){1,20}$",
        r"^(a?){30}a{30}$",
        "a?" * 30 + "a" * 30,
        ".*" * 8 + "x",
        r"^(?=(a+)+$)",
        r"^(?!(a+)+b)a*$",
        r"^((ab)*(ab)*)*c",
        r"^(a|\u0061)+$",
        r"(?:(?:a+b?)+)+c",
        r"^(.|\n)*(x|.)*y(.*)*$",
        r"^(a+?)+?$",
        r"^(\s|\s+x?)*$",
        "(.*a){500}",
        "(a|aa){60}",
        r"(?:\d+\.?){40,}",
        "((x+x+){30})*",
    ],
)
def test_a_pattern_that_can_backtrack_exponentially_is_refused(pattern: str) -> None:
    with pytest.raises(BacktrackingError, match=r"\.$"):
        check_backtracking(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^a+$",
        r"^[A-Z]{2}\d{4,8}$",
        r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?$",
        r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$",
        r"^(\d{1,3}\.){3}\d{1,3}$",
        r"^([a-f0-9]{1,4}:){7}[a-f0-9]{1,4}$",
        r"^(foo|bar|baz)+$",
        r"^(ab?)*$",
        r"^([^,]*,)*[^,]*$",
        r"^\w+(\s\w+)*$",
        r"^(?:[^\"\\]|\\.)*$",
        r"error|warn(ing)?|fatal",
        r"(a+)+",
        r"(a*){500}",
        r"(\d{3}-?){10}",
        r"^https?://[^/]+(/[^?#]*)?(\?[^#]*)?(#.*)?$",
        r".*foo.*bar.*",
        r"^(?=.*\d)(?=.*[a-z]).{8,}$",
        r"(\w)\1",
        r"^\s*$",
        r"^(?:a|b|c|d)*e$",
    ],
)
def test_a_pattern_with_one_way_to_read_each_text_is_taken(pattern: str) -> None:
    check_backtracking(pattern)


def test_a_condition_says_why_its_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match=r"may take for ever.*Write \(a\+\)\+ as a\+"):
        regex_literal("^(a+)+$")


def test_a_pattern_that_grows_without_end_by_references_to_its_groups_is_refused_as_too_complex() -> None:
    doubling = "(a)" + "".join(f"(\\{group}\\{group})" for group in range(1, 20))

    with pytest.raises(BacktrackingError, match="too complex"):
        check_backtracking(doubling)


def test_a_regular_expression_in_an_expression_is_judged_too() -> None:
    with pytest.raises(MalformedTextError, match="character 27: the regular expression is refused"):
        parse_expression('$contains($ref("a.text"), /^(a+)+$/)')
    assert parse_expression('$contains($ref("a.text"), /^a+$/i)')
