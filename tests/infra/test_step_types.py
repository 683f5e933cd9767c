"""The page of what step types become is what the code makes of them."""

from __future__ import annotations

import re

import pytest

from infra.catalog import FUNCTIONS
from infra.step_types import LAPTOP, ROOT, SAMPLES, as_markdown, rows

PAGE = (ROOT / "docs" / "step-types.md").read_text(encoding="utf-8")
TRIED = re.compile(r"^(\| `\w+` \|)( (?:\w+/test_\w+\.py(?:, )?)* )\|", re.MULTILINE)
"""Of a type, which tests the page names."""


def test_the_page_is_made_of_the_code() -> None:
    assert TRIED.sub(r"\1", PAGE) == TRIED.sub(r"\1", as_markdown()), "make generate writes it anew"


def test_the_tests_that_the_page_names_have_such_steps() -> None:
    """They need not be those that come first now: a new test is no reason to write the page anew."""
    named = {name.strip("| `"): re.findall(r"[\w/]+\.py", tests) for name, tests in TRIED.findall(PAGE)}
    assert named.keys() == {row.name for row in rows()}
    for row in rows():
        assert set(named[row.name]) <= set(row.tests), row.name
        assert bool(named[row.name]) == bool(row.tests), row.name


def test_the_page_has_every_function_that_steps_run_in() -> None:
    used = {function.name for row in rows() for function in row.functions}
    assert used == {function.name for function in FUNCTIONS if function.kind == "step"}


@pytest.mark.parametrize(
    ("name", "lowered_to", "states", "events"),
    [
        ("data_merge", "Pass", "1", "2"),
        ("data_processing", "Task `lambda:invoke`", "1", "5"),
        ("human_approval", "Task `lambda:invoke.waitForTaskToken`", "1 to 3", "6 to 14"),
        ("subflow", "Task `states:startExecution.sync:2`", "1", "6"),
        ("map", "Map", "1 to 2", "4 to 8"),
        ("activity", "Task `activity`", "1", "5"),
    ],
)
def test_a_type_is_told_by_what_it_compiles_to(name: str, lowered_to: str, states: str, events: str) -> None:
    (row,) = [row for row in rows() if row.name == name]
    assert (row.lowered_to, row.states, row.events) == (lowered_to, states, events)


def test_every_type_is_tried_in_a_test_or_an_example() -> None:
    assert [row.name for row in rows() if not row.tests and not row.examples] == []


def test_nothing_is_told_of_types_that_there_are_not() -> None:
    known = {row.name for row in rows()}
    assert (set(SAMPLES) | set(LAPTOP)) - known == set()
