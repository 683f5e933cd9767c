"""Strategies for JSON data of any shape, and for steps whose data has a shape that nobody expects."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
KEYS = st.sampled_from(["a", "b", "active", "input", "data", "content", "0", "constructor", "a b"]) | TEXTS
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS

JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)

STEP_IDS = ["data", "first", "second", "third"]
MAPPINGS = st.dictionaries(KEYS, JSON, max_size=4)
DEPENDENCIES = st.lists(st.sampled_from(STEP_IDS), unique=True, min_size=1).flatmap(
    lambda ids: st.fixed_dictionaries({step_id: st.none() | st.tuples(JSON) for step_id in ids})
)
"""Of each dependency a tuple with its output, None when it did not complete."""
