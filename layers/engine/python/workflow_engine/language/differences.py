"""What is different between two documents, as changes with JSON pointers. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from workflow_engine.language.diagnostics import Json, pointer

ChangeKind = Literal["added", "removed", "changed", "reordered"]

_STEP_ID: Final = "step_id"


class Change(NamedTuple):
    """One change. `pointer` leads into the later document, of what was removed into the earlier one. `before` and `after` are the
    values, None where there is none; of what was only brought into another order, the keys or ids.
    """

    kind: ChangeKind
    pointer: str
    before: Json
    after: Json


def differences(before: Json, after: Json, place: str = "", earlier: str = "") -> Iterator[Change]:
    """The changes from one JSON value to another, outermost first, in the order of the later one.

    Steps are compared by their ids, wherever they stand; other lists element by element between what is the same at their
    beginnings and ends. `place` and `earlier` are the pointers of the two values. The order of keys counts, since it is that
    of a step's inputs.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _objects(before, after, place, earlier)
    elif isinstance(before, list) and isinstance(after, list):
        ids = _step_ids(before), _step_ids(after)
        if ids[0] is not None and ids[1] is not None:
            yield from _steps(before, after, ids[0], ids[1], place, earlier)
        else:
            yield from _lists(before, after, place, earlier)
    elif not _is_same(before, after):
        yield Change("changed", place, before, after)


def _objects(before: dict[str, Json], after: dict[str, Json], place: str, earlier: str) -> Iterator[Change]:
    for name, value in before.items():
        if name not in after:
            yield Change("removed", earlier + pointer(name), value, None)
    common = [name for name in before if name in after], [name for name in after if name in before]
    if common[0] != common[1]:
        yield Change("reordered", place, *common)
    for name, value in after.items():
        if name in before:
            yield from differences(before[name], value, place + pointer(name), earlier + pointer(name))
        else:
            yield Change("added", place + pointer(name), None, value)


def _steps(
    before: list[Json], after: list[Json], ids: list[str], new_ids: list[str], place: str, earlier: str
) -> Iterator[Change]:
    old = {step_id: at for at, step_id in enumerate(ids)}
    new = set(new_ids)
    for step_id, at in old.items():
        if step_id not in new:
            yield Change("removed", earlier + pointer(at), before[at], None)
    common = [step_id for step_id in ids if step_id in new], [step_id for step_id in new_ids if step_id in old]
    if common[0] != common[1]:
        yield Change("reordered", place, *common)
    for at, step_id in enumerate(new_ids):
        if step_id not in old:
            yield Change("added", place + pointer(at), None, after[at])
        else:
            there = old[step_id]
            yield from differences(before[there], after[at], place + pointer(at), earlier + pointer(there))


def _lists(before: list[Json], after: list[Json], place: str, earlier: str) -> Iterator[Change]:
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if not _is_same(before[i], after[i])), shorter)
    end = next((i for i in range(shorter - start) if not _is_same(before[-1 - i], after[-1 - i])), shorter - start)
    old, new = range(start, len(before) - end), range(start, len(after) - end)
    for i, j in zip(old, new, strict=False):
        yield from differences(before[i], after[j], place + pointer(j), earlier + pointer(i))
    for i in old[len(new) :]:
        yield Change("removed", earlier + pointer(i), before[i], None)
    for j in new[len(old) :]:
        yield Change("added", place + pointer(j), None, after[j])


def _step_ids(values: Sequence[Json]) -> list[str] | None:
    """The ids of a list of steps; None for any other list."""
    ids = [value.get(_STEP_ID) for value in values if isinstance(value, dict)]
    texts = [step_id for step_id in ids if isinstance(step_id, str)]
    return texts if len(texts) == len(values) == len(set(texts)) else None


def _is_same(before: Json, after: Json) -> bool:
    """Whether there is nothing to tell. By their text: to Python, 1, 1.0 and true are equal, and in any order of keys."""
    return json.dumps(before) == json.dumps(after)
