"""The strategies of `data_merge`, each a function of the sources by name; all give an object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Sources = Mapping[str, Any]

_LARGEST_SUMMAND: Final = 1e290
"""Beyond it a sum may leave the range of a double, so there is none."""


def _combine(sources: Sources) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in sources.items():
        if isinstance(value, dict):
            result.update(value)
        elif value is not None:
            result[name] = value
    return result


def _override(sources: Sources) -> dict[str, Any]:
    result: Any = {}
    last = ""
    for name, value in sources.items():
        if value is None:
            continue
        last = name
        result = {**result, **value} if isinstance(result, dict) and isinstance(value, dict) else value
    return result if isinstance(result, dict) else {last: result}


def _list(sources: Sources) -> dict[str, Any]:
    return {"merged_data": list(sources.values())}


def _concatenate(sources: Sources) -> dict[str, Any]:
    values = [value for value in sources.values() if value is not None]
    if values and all(isinstance(value, str) for value in values):
        return {"concatenated_text": "".join(values)}
    elements = [element for value in values for element in (value if isinstance(value, list) else [value])]
    return {"merged_data": elements}


def _sum(sources: Sources) -> dict[str, float | None]:
    numbers = list(_numbers(sources))
    if any(abs(number) > _LARGEST_SUMMAND for number in numbers):
        return {"sum": None}
    total: float = 0
    for number in numbers:  # sum() of Python 3.12 rounds otherwise than JSONata
        total += number
    return {"sum": total}


def _numbers(sources: Sources) -> Iterator[float]:
    for value in sources.values():
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        yield from (part for part in parts if isinstance(part, int | float) and not isinstance(part, bool))


MERGE_STRATEGIES: Final[Mapping[str, Callable[[Sources], Mapping[str, Any]]]] = {
    "combine": _combine,
    "override": _override,
    "list": _list,
    "concatenate": _concatenate,
    "sum": _sum,
}
