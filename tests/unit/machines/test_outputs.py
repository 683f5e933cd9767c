"""Outputs of a run: in a file, put together by reference, and in the payload store where there are too many."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from workflow_engine.machines.outputs import Joined, Kept, Outputs, Text


class Store:
    """Keeps what it is given under a number."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []

    def __call__(self, pieces: Iterable[bytes]) -> str:
        self.texts.append(b"".join(pieces))
        return str(len(self.texts) - 1)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def outputs(store: Store) -> Outputs:
    return Outputs(store)


VALUES: list[Any] = [0, "", "é\n\"'", [], {}, [1, [None, {"a": 1.5}]], {"é": None, "b": [True]}, "x" * 5_000_000]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_what_is_held_comes_back_and_has_its_size(outputs: Outputs, value: Any) -> None:
    outputs.add("before")
    held = outputs.add(value)
    outputs.add("after")
    assert held is not None
    assert outputs.value(held) == value
    assert held.size == len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def test_null_is_none(outputs: Outputs) -> None:
    assert outputs.add(None) is None
    assert outputs.value(None) is None


def test_lists_and_objects_of_outputs_are_what_their_parts_make(outputs: Outputs, store: Store) -> None:
    a, b = outputs.add({"é": 1}), outputs.add([2])
    joined = outputs.named({"a": a, "ö": None, "c": outputs.listed([b, None, outputs.listed([]), outputs.named({})])})
    value: dict[str, Any] = {"a": {"é": 1}, "ö": None, "c": [[2], None, [], {}]}
    assert outputs.value(joined) == value
    assert dict(joined.fields())["a"] is a
    link = outputs.link(joined, store)
    assert link == "0"
    assert json.loads(store.texts[0]) == value
    assert joined.size == len(store.texts[0])


def test_an_element_is_held_once_however_often_it_is_told(outputs: Outputs, store: Store) -> None:
    elements = [outputs.add("x" * 1000) for _ in range(100)]
    listed = outputs.listed(elements)
    outputs.named({"all": listed, "again": outputs.listed(elements)})
    outputs.value(listed)
    assert outputs.length == 100 * 1002
    empty = [outputs.add({}) for _ in range(1000)]
    assert len(set(empty)) == 1
    assert store.texts == []


def test_what_the_file_has_no_room_for_goes_to_the_store(store: Store) -> None:
    outputs = Outputs(store, spool_bytes=50)
    first, second = outputs.add("x" * 40), outputs.add("y" * 40)
    assert isinstance(first, Text)
    assert second == Kept("0", 42)
    assert store.texts == [b'"' + b"y" * 40 + b'"']
    assert outputs.is_whole(first)
    assert outputs.link(second, store) == "0"


def test_what_lies_in_both_places_is_not_put_together(store: Store) -> None:
    outputs = Outputs(store, spool_bytes=50)
    parts = [outputs.add("x" * 40), outputs.add("y" * 40)]
    both = outputs.named({"inner": outputs.listed(parts)})
    assert isinstance(both, Joined)
    assert not outputs.is_whole(both)
    assert outputs.link(both, store) is None
    assert both.size == len(f'{{"inner":["{"x" * 40}","{"y" * 40}"]}}')


def test_nothing_larger_than_the_file_is_put_together(store: Store) -> None:
    outputs = Outputs(store, spool_bytes=50)
    part = outputs.add("x" * 20)
    assert outputs.link(outputs.listed([part, part]), store) == "0"
    assert outputs.link(outputs.listed([part, part, part]), store) is None
