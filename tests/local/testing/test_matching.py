"""What matches and what does not. For each matcher there is a value that must fail: an assertion that never compares is the worst
that a kit of tests can have.
"""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.testing.matching import (
    MATCHERS,
    MISSING,
    Surroundings,
    UnknownMatcherError,
    check_matchers,
    mismatches,
)

SECRETS = {"KEY": "k-test"}

TABLE: list[tuple[str, Any, Any, Any]] = [
    ("$any", {"$any": True}, None, MISSING),
    ("$any", {"$any": False}, MISSING, None),
    ("$type", {"$type": "string"}, "a", 1),
    ("$type", {"$type": "integer"}, 1, 1.5),
    ("$type", {"$type": "number"}, 1.5, True),
    ("$type", {"$type": "boolean"}, False, 0),
    ("$type", {"$type": "array"}, [], {}),
    ("$type", {"$type": "object"}, {}, []),
    ("$type", {"$type": "null"}, None, MISSING),
    ("$match", {"$match": "^a.c$"}, "abc", "abcd"),
    ("$match", {"$match": "1"}, "1", 1),
    ("$contains", {"$contains": "ears"}, "Two years", "Two weeks"),
    ("$contains", {"$contains": {"a": 1}}, [{"b": 2}, {"a": 1, "c": 3}], [{"a": 2}]),
    ("$contains", {"$contains": "a"}, {"a": 1}, {"b": 1}),
    ("$contains", {"$contains": "a"}, ["a"], 5),
    ("$length", {"$length": 2}, [1, 2], [1]),
    ("$length", {"$length": {"$min": 2}}, "ab", "a"),
    ("$length", {"$length": 0}, {}, None),
    ("$min", {"$min": 2}, 2, 1.9),
    ("$min", {"$min": "b"}, "b", "a"),
    ("$min", {"$min": 0}, 0, True),
    ("$max", {"$max": 2}, 2, 2.1),
    ("$max", {"$max": 2}, -5, "1"),
    ("$not", {"$not": {"a": 1}}, {"a": 2}, {"a": 1, "b": 2}),
    ("$not", {"$not": None}, 0, None),
    ("$exact", {"$exact": {"a": 1}}, {"a": 1.0}, {"a": 1, "b": 2}),
    ("$exact", {"$exact": []}, [], [1]),
    ("$secret", {"$secret": "KEY"}, "Bearer k-test", "Bearer k-tests"),
    ("$secret", {"$secret": "KEY"}, "k-test", "other"),
    ("$secret", {"$secret": "KEY"}, "k-test", None),
    ("plain", 1, 1.0, True),
    ("plain", "a", "a", "A"),
    ("plain", None, None, 0),
    ("plain", None, None, MISSING),
    ("plain", False, False, 0),
    ("plain", {"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 2}}),
    ("plain", {"a": 1}, {"a": 1}, {}),
    ("plain", {}, {"a": 1}, []),
    ("plain", [1, 2], [1, 2], [2, 1]),
    ("plain", [1, 2], [1, 2], [1]),
    ("plain", [1, 2], [1, 2], [1, 2, 3]),
    ("plain", [], [], {}),
    ("both", {"$min": 1, "$max": 2}, 2, 3),
    ("both", {"$min": 1, "$max": 2}, 1, 0),
]


@pytest.mark.parametrize(("matcher", "expected", "right", "wrong"), TABLE)
def test_a_matcher_takes_the_right_value_and_no_other(matcher: str, expected: Any, right: Any, wrong: Any) -> None:
    check_matchers(expected)
    assert list(mismatches(expected, right, Surroundings(SECRETS))) == []
    assert list(mismatches(expected, wrong, Surroundings(SECRETS))) != []


def test_every_matcher_is_in_the_table() -> None:
    assert {matcher for matcher, *_ in TABLE} - {"plain", "both"} == set(MATCHERS) - {"$same"}


def test_the_same_value_is_expected_each_time() -> None:
    around = Surroundings()
    expected = {"key": {"$same": True}, "other": {"$same": True}}
    assert list(mismatches(expected, {"key": "a", "other": "b"}, around)) == []
    assert list(mismatches(expected, {"key": "a", "other": "b"}, around)) == []
    assert [str(m) for m in mismatches(expected, {"key": "c", "other": "b"}, around)] == [
        'key: is "c", expected the same as the first time: "a"'
    ]
    assert list(mismatches({"key": {"$same": True}}, {}, Surroundings())) != []


def test_a_difference_is_told_at_its_own_path() -> None:
    found = list(mismatches({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}))
    assert [str(m) for m in found] == ["a[1].b: is 3, expected 2"]


def test_a_secret_that_the_case_does_not_have_matches_nothing() -> None:
    assert "no secret 'OTHER'" in str(next(mismatches({"$secret": "OTHER"}, "k-test", Surroundings(SECRETS))))


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"$contain": "a"}, "Did you mean '$contains'?"),
        ({"a": {"$min": 1, "b": 2}}, "stands among fields"),
        ({"$match": "("}, "regular expression"),
        ({"$type": "text"}, "is one of string"),
        ({"$same": False}, "is true"),
        ([{"$any": 1}], "true or false"),
        ({"$not": {"$contian": 1}}, "$contains"),
    ],
)
def test_a_matcher_that_could_never_hold_is_refused(expected: Any, told: str) -> None:
    with pytest.raises(UnknownMatcherError) as refused:
        check_matchers(expected)
    assert told in str(refused.value)


def test_an_exact_value_may_have_fields_that_look_like_matchers() -> None:
    check_matchers({"$exact": {"$ref": "#/a"}})
    assert list(mismatches({"$exact": {"$ref": "#/a"}}, {"$ref": "#/a"})) == []
