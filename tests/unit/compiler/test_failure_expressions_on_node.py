"""What is generated for failure steps, on npm jsonata 2.0.6, the version Step Functions runs: the values of jlens, no error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.support.compiled import compiled, container, states, work
from tests.support.jsonata_node import Case, evaluate_all
from tests.unit.steps.evaluation import evaluate

VALUES: Final[list[Any]] = [
    None,
    0,
    "",
    "a😀",
    [],
    [[]],
    [None],
    [[1], [2]],
    {},
    {"a": [1]},
    {"_failed_element": 1},
    "x" * 90_000,
]
MARK: Final = {"_failed_element": {"type": "E", "message": "m"}}
RESULTS: Final[list[list[Any]]] = [
    [],
    [None],
    [MARK],
    [MARK, MARK],
    [[1]],
    [[], MARK, None],
    ["x", {"a": [MARK]}, [MARK]],
]


def expressions(node: Any) -> Iterator[str]:
    if isinstance(node, str) and node.startswith("{%"):
        yield node[2:-2]
    elif isinstance(node, dict):
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def found(machine: Any, state: str, *places: str | int) -> str:
    """The one expression at a place of a state."""
    node: Any = states(machine)[state]
    for place in places:
        node = node[place]
    (expression,) = expressions(node)
    return expression


def check(cases: list[Case]) -> list[Any]:
    answers = evaluate_all(cases)
    for case, answer in zip(cases, answers, strict=True):
        assert answer.error is None, case
        assert not answer.undefined, case
        assert answer.value == evaluate(case.expression, case.bindings), case
    return [answer.value for answer in answers]


def test_records_that_leave_a_branch_after_a_failure() -> None:
    read = work("tell", input_mapping={"a": "a", "b": "b"})
    machine = compiled(work("a"), work("b", "a"), work("z"), on_failure=[read])
    end = found(machine, "b.end", "Output", "_vars")
    notes = found(machine, "b.end", "Output", "_failures")
    note = {"step_id": "b", "error_type": "E", "message": "m", "at": 1, "order": 1}
    cases = [Case(end), Case(notes), Case(notes, {"failures1": [note]})]
    large = {"status": "completed", "output": VALUES[-1]}
    assert check([Case(end, {"s1_a": large})])[0]["s1_a"] == large  # nothing has failed
    failed = {"failures1": [note]}
    cases += [Case(end, failed | {"s1_a": {"status": "completed", "output": value}}) for value in VALUES]
    told = check(cases)
    assert told[0] == {"s1_a": {"status": "pending"}, "s1_b": {"status": "pending"}}
    assert (told[1], told[2]) == ([], [note])
    outputs = [one["s1_a"]["output"] for one in told[3:]]
    assert outputs == [*VALUES[:-1], {"too_large": 90_000}]


def test_what_failed_of_the_branches_of_a_parallel() -> None:
    machine = compiled(work("a"), work("b"), work("z", "a", "b"), on_failure=[work("tell")])
    collected = found(machine, "a.parallel", "Assign", "failures0").replace("$states.result", "$result")
    failed = found(machine, "a.join", "Choices", 0, "Condition")
    first = found(machine, "a.join", "Choices", 0, "Assign", "failure")
    notes = [{"step_id": s, "error_type": "E", "message": "", "at": 1, "order": i} for i, s in enumerate("ab")]
    a_failed, b_failed = ({"_failures": [note]} for note in notes)
    all_branches: list[list[dict[str, Any]]] = [[{}, {}], [{"_failures": []}, {}], [a_failed, {}], [b_failed, a_failed]]
    for branches in all_branches:
        (together,) = check([Case(collected, {"result": branches})])
        assert together == [note for branch in branches for note in branch.get("_failures", [])]
        (is_failed,) = check([Case(failed, {"failures0": together})])
        assert is_failed is bool(together)
        if together:
            (told,) = check([Case(first, {"failures0": together})])
            assert told["step_id"] == min(together, key=lambda note: note["order"])["step_id"]
            assert len(told["others"]) == len(together) - 1


def test_elements_that_failed_and_those_that_are_undone() -> None:
    each = work("e", for_each="input.list", compensate=[work("u")], conditions="item ends_with 'x' or index >= 0")
    machine = compiled(each, work("z", "e"))
    failed = found(machine, "e.join", "Choices", 0, "Condition")
    undone = found(machine, "u", "Items").replace("$states.context.Execution.Input", "$run")
    run: dict[str, Any] = {"input": {"list": ["x", [1], None]}}
    for result in RESULTS:
        has_failed = any(isinstance(one, dict) and "_failed_element" in one for one in result)
        completed = [
            (i, one) for i, one in enumerate(result) if not (isinstance(one, dict) and "_failed_element" in one)
        ]
        record = {"status": "failed", "elements": result} if has_failed else {"status": "completed", "output": result}
        told = check([Case(failed, {"s0_e": {"output": result}}), Case(undone, {"s0_e": record, "run": run})])
        assert told[0] is has_failed
        assert [(one["index"], one["output"]) for one in told[1]] == completed
        assert [one["item"] for one in told[1]] == [(["x", [1], None])[i] for i, _ in completed]
    gone: list[dict[str, Any]] = [{}, {"s0_e": {"status": "failed"}}, {"s0_e": {"status": "skipped"}}]
    assert check([Case(undone, {**bindings, "run": {"input": {"list": None}}}) for bindings in gone]) == [[], [], []]


def test_the_name_of_an_error_that_only_the_run_tells() -> None:
    machine = compiled(
        {"step_id": "f", "step_type": "fail", "config": {"error": "{{ input.e }}", "message": "{{ input.m }}"}}
    )
    name, text = (
        found(machine, "f.fail", field).replace("$states.context.Execution.Input", "$run")
        for field in ("Error", "Cause")
    )
    bindings = [{"run": {"input": {"e": value, "m": value}}} for value in [*VALUES, "States.ALL", "Statesman"]]
    names = check([Case(name, one) for one in bindings])
    assert names[:2] == ["StepFailed", "0"]
    assert names[-2:] == ["StepFailed", "Statesman"]
    assert max(map(len, names)) == 256
    assert max(map(len, check([Case(text, one) for one in bindings]))) == 32_768


def test_the_record_of_a_container_that_fails_at_a_join() -> None:
    config = {"cases": [{"when": "input.x", "steps": [work("p"), work("q"), work("r", "p", "q")]}]}
    told = work("tell", input_mapping={"why": "s.error.message"})
    machine = compiled(container("s", "switch", config=config), on_failure=[told])
    record = states(machine)["p.join"]["Choices"][0]["Assign"]["s0_s"]
    notes = [{"step_id": s, "error_type": f"E{s}", "message": s, "at": 1, "order": 1} for s in "pq"]
    cases = [Case(text, {"failures0": notes[:n]}) for text in expressions(record) for n in (1, 2)]
    assert check(cases) == ["Ep", "Ep", "p", "p"]
