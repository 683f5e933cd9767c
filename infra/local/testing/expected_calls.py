"""Calls against what a case expects of them: how many, with what, when, and how many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from infra.local.mocking.durations import duration_text
from infra.local.mocking.stage import Called
from infra.local.testing.checks import SAME_SECONDS, Context, Failure, Path, joined, outside, seconds_in
from infra.local.testing.matching import Surroundings, is_number, mismatches, shown


def check_calls(context: Context, wanted: Mapping[str, Any]) -> Iterator[Failure]:
    """What is not as `calls` of a case expects."""
    for name, expected in wanted.items():
        if (told := context.unknown(name)) is not None:
            yield context.fail(told, "calls", name)
            continue
        calls = context.observed.calls_of(name)
        if is_number(expected) or set(expected) <= {"min", "max"}:
            yield from _count(context, name, calls, expected, ("calls", name))
            continue
        for field, value in expected.items():
            yield from OF_CALLS[field](context, name, calls, value, ("calls", name, field))


def _count(context: Context, name: str, calls: Sequence[Called], wanted: Any, path: Path) -> Iterator[Failure]:
    if (told := outside(len(calls), wanted)) is not None:
        mock = calls[-1].reply.place if calls and calls[-1].reply is not None else None
        yield context.fail(f"{name} was called {_times(len(calls))}, expected {told}", *path, mock=mock)


def _times(count: int) -> str:
    return {0: "no times", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _inputs(
    context: Context, name: str, calls: Sequence[Called], wanted: Sequence[Any], path: Path
) -> Iterator[Failure]:
    if len(calls) != len(wanted):
        given = "; ".join(shown(called.value) for called in calls)
        yield context.fail(
            f"{name} was called {_times(len(calls))}, and {len(wanted)} inputs are expected{': ' if given else ''}{given}",
            *path,
        )
    for index, (called, expected) in enumerate(zip(calls, wanted, strict=False)):
        yield from _input(context, name, index, called, expected, context.around(), (*path, index))


def _each(context: Context, name: str, calls: Sequence[Called], wanted: Any, path: Path) -> Iterator[Failure]:
    if not calls:
        yield context.fail(f"{name} was never called, and 'each' expects calls", *path)
    around = context.around()
    for index, called in enumerate(calls):
        found = list(_input(context, name, index, called, wanted, around, path))
        yield from found
        if found:
            return  # what is wrong with one is wrong with most


def _input(
    context: Context, name: str, index: int, called: Called, wanted: Any, around: Surroundings, path: Path
) -> Iterator[Failure]:
    for mismatch in mismatches(wanted, called.value, around):
        told = f"call {index + 1} of {name}: input{joined(mismatch.path)} {mismatch.told}"
        yield context.fail(told, *path, *mismatch.path, mock=called.reply.place if called.reply is not None else None)


def _moments(
    moments: Sequence[float], wanted: Sequence[Any], told: Callable[[int], str], context: Context, path: Path
) -> Iterator[Failure]:
    if len(moments) != len(wanted):
        actual = ", ".join(map(duration_text, moments)) or "none"
        yield context.fail(f"{told(-1)} {actual}, expected {len(wanted)}", *path)
    for index, (moment, expected) in enumerate(zip(moments, wanted, strict=False)):
        if (wrong := outside(moment, seconds_in(expected), duration_text, slack=SAME_SECONDS)) is not None:
            yield context.fail(f"{told(index)} {duration_text(moment)}, expected {wrong}", *path, index)


def _gaps(context: Context, name: str, calls: Sequence[Called], wanted: Sequence[Any], path: Path) -> Iterator[Failure]:
    between = [later.at - earlier.at for earlier, later in pairwise(calls)]

    def told(index: int) -> str:
        return f"the gaps between calls of {name} are" if index < 0 else f"the gap before call {index + 2} of {name} is"

    yield from _moments(between, wanted, told, context, path)


def _at(context: Context, name: str, calls: Sequence[Called], wanted: Sequence[Any], path: Path) -> Iterator[Failure]:
    def told(index: int) -> str:
        return f"the calls of {name} are at" if index < 0 else f"call {index + 1} of {name} is at"

    yield from _moments([called.at for called in calls], wanted, told, context, path)


def _parallel(context: Context, name: str, _calls: Sequence[Called], wanted: Any, path: Path) -> Iterator[Failure]:
    most = context.observed.most_at_once[name]
    if (told := outside(most, wanted)) is not None:
        yield context.fail(f"{most} calls of {name} were under way at once, expected {told}", *path)


OF_CALLS: Final[Mapping[str, Callable[[Context, str, Sequence[Called], Any, Path], Iterator[Failure]]]] = {
    "count": _count,
    "inputs": _inputs,
    "each": _each,
    "gaps": _gaps,
    "at": _at,
    "parallel": _parallel,
}
