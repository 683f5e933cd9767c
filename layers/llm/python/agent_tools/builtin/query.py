"""JMESPath on JSON data, with a bound on what a query may build up.

A query of a few hundred characters can double a list a hundred times over (`[@,@][] | [@,@][] | ...`), so each
intermediate value is measured before the next part of the query gets it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import jmespath  # type: ignore[import-untyped]  # it has no annotations
from jmespath import functions, visitor

from agent_tools.builtin.tool import Json
from agent_tools.errors import ToolError

MAX_SIZE: Final = 1_000_000
"""Of any value on the way: characters of texts and keys, and one for each value."""

MAX_VISITS: Final = 200_000
"""Evaluated parts of the query, each counted as often as it is evaluated; some tenths of a second."""


def search(query: str, data: Json) -> Json:
    """What a query finds, None where it finds nothing. ToolError for a query that cannot be read, does not fit the data or
    builds up too much.
    """
    try:
        parsed = jmespath.compile(query)
        found = _Interpreter().visit(parsed.parsed, data)
    except ToolError:
        raise
    except RecursionError:
        raise ToolError("The query or the data are nested too deeply.") from None
    except (jmespath.exceptions.JMESPathError, TypeError, ValueError) as error:
        # TypeError: `max_by` and the like compare what cannot be compared. ValueError: a step of 0 in a slice, a number
        # of too many digits.
        said = " ".join(str(error).split())[:300]
        raise ToolError(f"The JMESPath query failed: {said}. Literals stand in backticks: [?a > `1`].") from None
    return _without_infinity(found)


class _Functions(functions.Functions):  # type: ignore[misc]  # the base class has no annotations
    """JMESPath's functions, of which one alone multiplies sizes."""

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})  # type: ignore[untyped-decorator]  # as above
    def _func_join(self, separator: str, array: list[str]) -> str:
        if len(separator) * len(array) > MAX_SIZE:
            raise _too_much()
        return separator.join(array)


class _Interpreter(visitor.TreeInterpreter):  # type: ignore[misc]  # the base class has no annotations
    """JMESPath's interpreter, which counts its steps and measures what each gives."""

    def __init__(self) -> None:
        super().__init__(jmespath.Options(custom_functions=_Functions()))
        self._visits = 0
        self._sizes: dict[int, int] = {}
        self._measured: list[Any] = []

    def visit(self, node: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Evaluate one part of the query. Raises ToolError when it is one too many, or gives too much."""
        self._visits += 1
        if self._visits > MAX_VISITS:
            raise _too_much()
        value = super().visit(node, *args, **kwargs)
        if self._size(value) > MAX_SIZE:
            raise _too_much()
        return value

    def _size(self, value: Any) -> int:
        """A value's size as it would be written out. A part that stands in several places counts in each, but is measured
        once; it is kept, since Python may give its id to another value otherwise.
        """
        if isinstance(value, str):
            return 1 + len(value)
        if not isinstance(value, list | dict):
            return 1
        known = self._sizes.get(id(value))
        if known is None:
            if isinstance(value, list):
                known = 1 + sum(map(self._size, value))
            else:
                known = 1 + sum(len(key) + self._size(item) for key, item in value.items())
            self._sizes[id(value)] = known
            self._measured.append(value)
        return known


def _too_much() -> ToolError:
    return ToolError("The query builds up too much. Pick or filter first, and ask for less at a time.")


def _without_infinity(value: Json) -> Json:
    """`to_number` makes an infinity of a long number; JSON has none, so it is null."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case list():
            return [_without_infinity(item) for item in value]
        case dict():
            return {key: _without_infinity(item) for key, item in value.items()}
        case _:
            return value
