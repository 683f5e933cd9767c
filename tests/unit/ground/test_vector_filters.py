"""Filters on the metadata of vectors."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.vector_filters import matches, problems

REPORT = {"kind": "report", "year": 2024, "draft": False, "tags": ["a", "b"]}


@pytest.mark.parametrize(
    "filter_",
    [
        {"kind": "report"},
        {"kind": {"$eq": "report"}, "year": {"$gte": 2024, "$lt": 2025}},
        {"tags": "b"},
        {"tags": {"$in": ["x", "a"]}},
        {"tags": {"$nin": ["x"]}},
        {"nothing": {"$exists": False}},
        {"nothing": {"$ne": 1}},
        {"draft": False},
        {"$or": [{"kind": "letter"}, {"year": {"$gt": 2000}}]},
        {"$and": [{"kind": "report"}, {"year": {"$lte": 2024}}]},
    ],
)
def test_metadata_fits(filter_: dict[str, Any]) -> None:
    assert list(problems(filter_)) == []
    assert matches(REPORT, filter_)


@pytest.mark.parametrize(
    "filter_",
    [
        {"kind": "letter"},
        {"kind": "report", "year": 2023},
        {"tags": {"$ne": "a"}},
        {"tags": {"$nin": ["b"]}},
        {"nothing": 1},
        {"nothing": {"$gt": 1}},
        {"kind": {"$gt": 1}},
        {"kind": {"$exists": False}},
        {"draft": 0},
        {"draft": {"$lt": 1}},
        {"$or": [{"kind": "letter"}, {"year": {"$gt": 2025}}]},
    ],
)
def test_metadata_does_not_fit(filter_: dict[str, Any]) -> None:
    assert list(problems(filter_)) == []
    assert not matches(REPORT, filter_)


@pytest.mark.parametrize(
    ("filter_", "path"),
    [
        ({}, ()),
        ([], ()),
        ({"a": None}, ("a",)),
        ({"a": {}}, ("a",)),
        ({"a": {"$like": "x"}}, ("a", "$like")),
        ({"a": {"$in": []}}, ("a", "$in")),
        ({"a": {"$in": "x"}}, ("a", "$in")),
        ({"a": {"$gt": "x"}}, ("a", "$gt")),
        ({"a": {"$exists": 1}}, ("a", "$exists")),
        ({"$not": []}, ("$not",)),
        ({"$and": []}, ("$and",)),
        ({"$and": [{"b": {"$in": 1}}]}, ("$and", 0, "b", "$in")),
        ({"text": "x"}, ("text",)),
    ],
)
def test_a_wrong_filter_is_told_at_its_place(filter_: Any, path: Any) -> None:
    ((place, _),) = problems(filter_)
    assert place == path


def test_a_filter_that_is_nested_without_end_is_refused() -> None:
    filter_: dict[str, Any] = {"a": 1}
    for _ in range(1000):
        filter_ = {"$and": [filter_]}
    assert any("nested deeper" in sentence for _, sentence in problems(filter_))
