"""What was observed against what a case expects: each field of `expect` is one function of a table, and each failure names the
line that it contradicts, and the line of the mock where one is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from infra.local.mocking.durations import duration_text
from infra.local.mocking.model import Place
from infra.local.testing.checks import INDEXES, SAME_SECONDS, Context, Failure, Path, joined, outside, seconds_in
from infra.local.testing.expected_calls import check_calls
from infra.local.testing.flows import CONTAINERS
from infra.local.testing.matching import MISSING, equal, mismatches, shown
from infra.local.testing.observed import Observed
from workflow_engine.aws_quotas import USD_PER_MILLION_TRANSITIONS
from workflow_engine.state_names import role_of, step_of

_RAN: Final = frozenset({"completed", "failed", "aborted", "running"})


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
            told = f"{name}{joined(mismatch.path)} {mismatch.told}"
            yield context.fail(
                told, name, *mismatch.path, mock=_behind_error(context.observed) if name == "error" else None
            )

    return check


def key_of(name: str, results: Mapping[str, Any]) -> str | None:
    """The key of a step in step_results: as it is told, or of an inner step the one with these indexes; of turns the last."""
    if name in results:
        return name
    bare = INDEXES.sub("", name)
    indexes = INDEXES.findall(name)
    found = [key for key in results if INDEXES.sub("", key).rpartition(".")[2] == bare]
    if indexes:
        found = [key for key in found if INDEXES.findall(key) == indexes]
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
                told = f"{part} of step {name}{joined(mismatch.path)} {mismatch.told}"
                yield context.fail(told, "steps", name, part, *mismatch.path, mock=mock)


def step_of_key(key: str) -> str:
    """The step id at the end of a key of step_results."""
    return INDEXES.sub("", key).rpartition(".")[2]


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


def _duration(context: Context, wanted: Any) -> Iterator[Failure]:
    lasted = context.observed.duration
    if (told := outside(lasted, seconds_in(wanted), duration_text, slack=SAME_SECONDS)) is not None:
        yield context.fail(f"the run took {duration_text(lasted)}, expected {told}", "duration")


def _cost(context: Context, wanted: Any) -> Iterator[Failure]:
    cost = (context.observed.results.get("cost_usd") or {}).get("total")
    if cost is None:
        yield context.fail(
            "what the run cost is not known: a model has no known price. Give usage.cost_usd in its mock", "cost_usd"
        )
    elif (told := outside(cost, wanted, slack=1e-12)) is not None:
        yield context.fail(f"the run cost {cost:g} USD, expected {told}", "cost_usd")


def _transitions(context: Context, wanted: Any) -> Iterator[Failure]:
    cost = (context.observed.results.get("cost_usd") or {}).get("transitions")
    if cost is None:
        yield context.fail("the number of transitions is not known", "transitions")
        return
    number = round(cost * 1_000_000 / USD_PER_MILLION_TRANSITIONS)
    if (told := outside(number, wanted)) is not None:
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
    "calls": check_calls,
    "order": _order,
    "never": _never,
    "duration": _duration,
    "cost_usd": _cost,
    "transitions": _transitions,
    "check": _check,
    "snapshot": _snapshot,
    "findings": _findings,
}
