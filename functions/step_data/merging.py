"""The strategies of `data_merge`, each a function of the sources by name."""

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


def _override(sources: Sources) -> Any:
    result: Any = None
    for value in sources.values():
        if isinstance(result, dict) and isinstance(value, dict):
            result = {**result, **value}
        elif value is not None:
            result = value
    return result


def _list(sources: Sources) -> list[Any]:
    return list(sources.values())


def _concatenate(sources: Sources) -> Any:
    values = [value for value in sources.values() if value is not None]
    if values and all(isinstance(value, str) for value in values):
        return "".join(values)
    return [element for value in values for element in (value if isinstance(value, list) else [value])]


def _sum(sources: Sources) -> float | None:
    numbers = list(_numbers(sources))
    if any(abs(number) > _LARGEST_SUMMAND for number in numbers):
        return None
    total: float = 0
    for number in numbers:  # sum() of Python 3.12 rounds otherwise than JSONata
        total += number
    return total


def _numbers(sources: Sources) -> Iterator[float]:
    for value in sources.values():
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        yield from (part for part in parts if isinstance(part, int | float) and not isinstance(part, bool))


MERGE_STRATEGIES: Final[Mapping[str, Callable[[Sources], Any]]] = {
    "combine": _combine,
    "override": _override,
    "list": _list,
    "concatenate": _concatenate,
    "sum": _sum,
}
