"""What was observed against what a case expects: each field of `expect` is one function of a table, and each failure names the
line that it contradicts, and the line of the mock where one is involved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from infra.local.mocking.durations import duration_text, seconds_of
from infra.local.mocking.model import Place
from infra.local.mocking.stage import Called
from infra.local.testing.flows import CONTAINERS, FlowStep
from infra.local.testing.matching import MISSING, Surroundings, equal, is_number, mismatches, path_text, shown
from infra.local.testing.model import Case
from infra.local.testing.running import Observed
from workflow_engine.state_names import role_of, step_of
from workflow_engine.suggestions import suggest

TRANSITION_USD: Final = 0.000025
"""AWS pricing page of Step Functions, Standard Workflows, us-east-1: what the API's cost_usd.transitions reckons with."""

_SAME_SECONDS: Final = 0.001
_RAN: Final = frozenset({"completed", "failed", "aborted", "running"})
_ADDRESS: Final = re.compile(r"(tool|agent|type|subflow|http):")
_INDEXES: Final = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as expected: a sentence, the line of the expectation, and that of the mock behind it."""

    told: str
    place: Place
    mock: Place | None = None

    def __str__(self) -> str:
        behind = f" (answered by the mock at {self.mock})" if self.mock is not None else ""
        return f"{self.place}: {self.told}{behind}"


@dataclass(frozen=True, slots=True)
class Context:
    """What an expectation is checked with."""

    case: Case
    observed: Observed
    steps: Mapping[str, FlowStep]
    snapshot: Callable[[str, Any], str | None] = lambda _path, _value: None

    def around(self) -> Surroundings:
        """The surroundings of matchers, new for each expectation."""
        return Surroundings(self.case.secrets)

    def fail(self, told: str, *path: str | int, mock: Place | None = None) -> Failure:
        """A failure of the expectation at a path."""
        return Failure(told, self.case.line_of(*path), mock)

    def unknown(self, name: str) -> str | None:
        """Why a name is no step's; None where it is one."""
        bare = _INDEXES.sub("", name).rpartition(".")[2]
        if bare in self.steps or _ADDRESS.match(name):
            return None
        return f"There is no step '{bare}'.{suggest(bare, self.steps)}"


def failures(context: Context) -> list[Failure]:
    """All that is not as the case expects, the run's own problems first."""
    observed, case = context.observed, context.case
    found = [Failure(problem.told, problem.place or case.place) for problem in observed.problems if problem.is_fatal]
    if observed.status is None and "findings" not in case.expect:
        if observed.findings:
            told = "; ".join(f"{f['code']} {f['pointer']} {f['detail']}" for f in observed.findings)
            found.append(Failure(f"the workflow is refused: {told}", case.place))
        return found
    for name, wanted in case.expect.items():
        if observed.status is not None or name == "findings":
            found += CHECKS[name](context, wanted)
    return found


def _status(context: Context, wanted: Any) -> Iterator[Failure]:
    observed = context.observed
    if observed.status != wanted:
        why = f": {error_text(observed.error)}" if observed.error else ""
        yield context.fail(
            f"status is {observed.status}, expected {wanted}{why}", "status", mock=_behind_error(observed)
        )


def error_text(error: Mapping[str, Any]) -> str:
    """A run's error in one line."""
    step = f"step {error['step_id']}: " if error.get("step_id") else ""
    return step + ": ".join(str(error[name]) for name in ("type", "message") if error.get(name))


def _behind_error(observed: Observed) -> Place | None:
    """The mock that answered last of the step that the run failed by."""
    step = (observed.error or {}).get("step_id")
    replies = [called.reply for called in observed.calls if called.step_id == step and called.reply is not None]
    return replies[-1].place if replies else None


def _value(name: str) -> Callable[[Context, Any], Iterator[Failure]]:
    def check(context: Context, wanted: Any) -> Iterator[Failure]:
        value = getattr(context.observed, name)
        for mismatch in mismatches(wanted, value, context.around()):
            told = f"{name}{_joined(mismatch.path)} {mismatch.told}"
            yield context.fail(
                told, name, *mismatch.path, mock=_behind_error(context.observed) if name == "error" else None
            )

    return check


def _joined(path: Sequence[str | int]) -> str:
    text = path_text(path)
    return f".{text}" if text and not text.startswith("[") else text


def key_of(name: str, results: Mapping[str, Any]) -> str | None:
    """The key of a step in step_results: as it is told, or of an inner step the one with these indexes; of turns the last."""
    if name in results:
        return name
    bare = _INDEXES.sub("", name)
    indexes = _INDEXES.findall(name)
    found = [key for key in results if _INDEXES.sub("", key).rpartition(".")[2] == bare]
    if indexes:
        found = [key for key in found if _INDEXES.findall(key) == indexes]
    return found[-1] if found else None


def _steps(context: Context, wanted: Mapping[str, Any]) -> Iterator[Failure]:
    for name, expected in wanted.items():
        if (told := context.unknown(name)) is not None:
            yield context.fail(told, "steps", name)
            continue
        key = key_of(name, context.observed.steps)
        result = context.observed.steps.get(key or name, {"status": "pending"})
        if isinstance(expected, str):
            expected = {"status": expected}
        yield from _step(context, name, key or name, result, expected)


def _step(
    context: Context, name: str, key: str, result: Mapping[str, Any], expected: Mapping[str, Any]
) -> Iterator[Failure]:
    mock = next(
        (c.reply.place for c in reversed(context.observed.calls_of(step_of_key(key))) if c.reply is not None), None
    )
    if "status" in expected and result["status"] != expected["status"]:
        why = f": {result.get('error_type')}: {result.get('error_message')}" if result.get("error_type") else ""
        yield context.fail(
            f"step {name} is {result['status']}, expected {expected['status']}{why}", "steps", name, mock=mock
        )
    actual = {
        "output": result.get("output_data"),
        "error": {"type": result.get("error_type"), "message": result.get("error_message")},
        "input": next((c.value for c in reversed(context.observed.calls_of(step_of_key(key)))), MISSING),
    }
    for part in ("output", "error", "input"):
        if part in expected:
            for mismatch in mismatches(expected[part], actual[part], context.around()):
                told = f"{part} of step {name}{_joined(mismatch.path)} {mismatch.told}"
                yield context.fail(told, "steps", name, part, *mismatch.path, mock=mock)


def step_of_key(key: str) -> str:
    """The step id at the end of a key of step_results."""
    return _INDEXES.sub("", key).rpartition(".")[2]


def _began(context: Context) -> list[str]:
    """Step ids as they began."""
    own = [
        step_of(name)
        for name in context.observed.order
        if role_of(name) in ("", "each", "switch", "until", "while", "try", "start")
    ]
    return list(dict.fromkeys(own))


def _order(context: Context, wanted: Sequence[Any]) -> Iterator[Failure]:
    began = _began(context)
    last = -1
    for index, names in enumerate(wanted):
        group = [names] if isinstance(names, str) else list(names)
        for name in group:
            if (told := _not_told_apart(context, name)) is not None:
                yield context.fail(told, "order", index)
                return
            if name not in began:
                yield context.fail(f"{name} did not run, expected after {_before(wanted, index)}", "order", index)
                return
        positions = [began.index(name) for name in group]
        if min(positions) <= last:
            actual = [name for name in began if name in _flat(wanted)]
            yield context.fail(f"the order was {', '.join(actual)}, expected {_order_text(wanted)}", "order", index)
            return
        last = max(positions)


def _not_told_apart(context: Context, name: str) -> str | None:
    if (told := context.unknown(name)) is not None:
        return told
    step = context.steps.get(name)
    if step is not None and not step.has_state and step.step_type not in CONTAINERS:
        return f"'{name}' is computed within the state of another step, so nothing tells when it began. Leave it out of 'order'."
    return None


def _before(wanted: Sequence[Any], index: int) -> str:
    return _order_text(wanted[:index]) or "the start"


def _flat(wanted: Sequence[Any]) -> list[str]:
    return [name for names in wanted for name in ([names] if isinstance(names, str) else names)]


def _order_text(wanted: Sequence[Any]) -> str:
    return ", ".join(names if isinstance(names, str) else f"[{', '.join(names)}]" for names in wanted)


def _never(context: Context, wanted: Sequence[str]) -> Iterator[Failure]:
    for index, name in enumerate(wanted):
        if (told := context.unknown(name)) is not None:
            yield context.fail(told, "never", index)
            continue
        calls = context.observed.calls_of(name)
        if calls:
            mock = calls[0].reply.place if calls[0].reply is not None else None
            told = f"{name} was called at {duration_text(calls[0].at)} with {shown(calls[0].value)}, expected never"
            yield context.fail(told, "never", index, mock=mock)
            continue
        ran = [key for key, result in context.observed.steps.items() if _is_of(key, name) and result["status"] in _RAN]
        if ran:
            yield context.fail(
                f"{ran[0]} is {context.observed.steps[ran[0]]['status']}, expected never to run", "never", index
            )


def _is_of(key: str, name: str) -> bool:
    return key == name or step_of_key(key) == name


def _calls(context: Context, wanted: Mapping[str, Any]) -> Iterator[Failure]:
    for name, expected in wanted.items():
        if (told := context.unknown(name)) is not None:
            yield context.fail(told, "calls", name)
            continue
        calls = context.observed.calls_of(name)
        if is_number(expected) or set(expected) <= {"min", "max"}:
            yield from _count(context, name, calls, expected, ("calls", name))
            continue
        for field, value in expected.items():
            yield from _OF_CALLS[field](context, name, calls, value, ("calls", name, field))


Path = tuple[str | int, ...]


def _count(context: Context, name: str, calls: Sequence[Called], wanted: Any, path: Path) -> Iterator[Failure]:
    if (told := _outside(len(calls), wanted)) is not None:
        mock = calls[-1].reply.place if calls and calls[-1].reply is not None else None
        yield context.fail(f"{name} was called {_times(len(calls))}, expected {told}", *path, mock=mock)


def _times(count: int) -> str:
    return {0: "no times", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _outside(
    value: float, wanted: Any, text: Callable[[float], str] = lambda v: f"{v:g}", *, slack: float = 0.0
) -> str | None:
    """What a number should have been; None where it is so. `wanted` is exact, or min and max."""
    if not isinstance(wanted, Mapping):
        return None if abs(value - wanted) <= slack else text(wanted)
    lower, upper = wanted.get("min"), wanted.get("max")
    if lower is not None and value < lower - slack:
        return f"at least {text(lower)}"
    if upper is not None and value > upper + slack:
        return f"at most {text(upper)}"
    return None


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
        told = f"call {index + 1} of {name}: input{_joined(mismatch.path)} {mismatch.told}"
        yield context.fail(told, *path, *mismatch.path, mock=called.reply.place if called.reply is not None else None)


def _seconds(wanted: Any) -> Any:
    if isinstance(wanted, Mapping):
        return {name: seconds_of(value) for name, value in wanted.items()}
    return seconds_of(wanted)


def _moments(
    moments: Sequence[float], wanted: Sequence[Any], told: Callable[[int], str], context: Context, path: Path
) -> Iterator[Failure]:
    if len(moments) != len(wanted):
        actual = ", ".join(map(duration_text, moments)) or "none"
        yield context.fail(f"{told(-1)} {actual}, expected {len(wanted)}", *path)
    for index, (moment, expected) in enumerate(zip(moments, wanted, strict=False)):
        if (wrong := _outside(moment, _seconds(expected), duration_text, slack=_SAME_SECONDS)) is not None:
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
    if (told := _outside(most, wanted)) is not None:
        yield context.fail(f"{most} calls of {name} were under way at once, expected {told}", *path)


_OF_CALLS: Final[Mapping[str, Callable[[Context, str, Sequence[Called], Any, Path], Iterator[Failure]]]] = {
    "count": _count,
    "inputs": _inputs,
    "each": _each,
    "gaps": _gaps,
    "at": _at,
    "parallel": _parallel,
}


def _duration(context: Context, wanted: Any) -> Iterator[Failure]:
    lasted = context.observed.duration
    if (told := _outside(lasted, _seconds(wanted), duration_text, slack=_SAME_SECONDS)) is not None:
        yield context.fail(f"the run took {duration_text(lasted)}, expected {told}", "duration")


def _cost(context: Context, wanted: Any) -> Iterator[Failure]:
    cost = (context.observed.results.get("cost_usd") or {}).get("total")
    if cost is None:
        yield context.fail(
            "what the run cost is not known: a model has no known price. Give usage.cost_usd in its mock", "cost_usd"
        )
    elif (told := _outside(cost, wanted, slack=1e-12)) is not None:
        yield context.fail(f"the run cost {cost:g} USD, expected {told}", "cost_usd")


def _transitions(context: Context, wanted: Any) -> Iterator[Failure]:
    cost = (context.observed.results.get("cost_usd") or {}).get("transitions")
    if cost is None:
        yield context.fail("the number of transitions is not known", "transitions")
        return
    number = round(cost / TRANSITION_USD)
    if (told := _outside(number, wanted)) is not None:
        yield context.fail(f"the run took {number} transitions, expected {told}", "transitions")


def _check(context: Context, wanted: Any) -> Iterator[Failure]:
    observed = context.observed
    document = {**observed.results, "steps": observed.steps, "input": context.case.input}
    document["calls"] = {
        name: [c.value for c in observed.calls_of(name)] for name in {c.step_id for c in observed.calls}
    }
    many = isinstance(wanted, list)
    for index, source in enumerate(wanted if many else [wanted]):
        path: Path = ("check", index) if many else ("check",)
        try:
            value = observed.evaluate(source, document)
        except ValueError as error:
            yield context.fail(f"{source} cannot be evaluated: {error}", *path)
            continue
        if value is not True:
            yield context.fail(f"{source} is {shown(value)}, expected true; output is {shown(observed.output)}", *path)


def _snapshot(context: Context, wanted: Sequence[str]) -> Iterator[Failure]:
    for index, path in enumerate(wanted):
        value = value_at(context, path)
        if value is MISSING:
            yield context.fail(f"there is no '{path}' to be compared", "snapshot", index)
        elif (told := context.snapshot(path, value)) is not None:
            yield context.fail(told, "snapshot", index)


def value_at(context: Context, path: str) -> Any:
    """What a snapshot is of: output, error, or of a step a field of its calls, else of its output. MISSING where there is none."""
    first, *rest = path.split(".")
    observed = context.observed
    if first in ("output", "error", "status"):
        return _within(getattr(observed, first), rest)
    calls = observed.calls_of(first)
    values = [_within(called.value, rest) for called in calls]
    if values and not any(value is MISSING for value in values):
        return values
    key = key_of(first, observed.steps)
    return MISSING if key is None else _within(observed.steps[key].get("output_data"), rest)


def _within(value: Any, path: Sequence[str]) -> Any:
    for name in path:
        if isinstance(value, list) and name.isdigit() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            return MISSING
    return value


def _findings(context: Context, wanted: Sequence[str]) -> Iterator[Failure]:
    found = sorted({finding["code"] for finding in context.observed.findings})
    if not equal(found, sorted(set(wanted))):
        told = f"the findings are {', '.join(found) or 'none'}, expected {', '.join(sorted(set(wanted))) or 'none'}"
        yield context.fail(told, "findings")


CHECKS: Final[Mapping[str, Callable[[Context, Any], Iterator[Failure]]]] = {
    "status": _status,
    "output": _value("output"),
    "error": _value("error"),
    "steps": _steps,
    "calls": _calls,
    "order": _order,
    "never": _never,
    "duration": _duration,
    "cost_usd": _cost,
    "transitions": _transitions,
    "check": _check,
    "snapshot": _snapshot,
    "findings": _findings,
}
