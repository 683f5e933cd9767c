"""The run's output at the end of a machine: what is carried there, what is guarded, what is left to the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infra.local.stepfunctions.jsonata import evaluate
from tests.support.compiled import compiled, container, data, merged, work
from workflow_engine import aws_quotas
from workflow_engine.compiler.jsonata.fragments import Text
from workflow_engine.compiler.jsonata.run_outputs import output_is_marked, output_of_run
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.run_output import MARKER, run_output

_MARK = dict(MARKER)


@pytest.mark.parametrize(
    ("value", "output", "marked"),
    [
        ({"_failed": []}, {}, False),
        ({"a": [1], "b": None, "_failed": ["x"]}, {"a": [1], "b": None}, False),
        ({"a": _MARK, "_failed": []}, {"a": _MARK}, True),
        ({"_in_history": True, "_failed": []}, {}, True),
        ({"a": 1, "_failed": [_MARK]}, {"a": 1}, False),
    ],
)
def test_a_machine_reads_what_another_one_gave(value: Any, output: Any, marked: bool) -> None:
    bindings = {"states": {"result": value}}
    result = Text("$states.result")
    assert evaluate(output_of_run(result).source()[0], bindings) == output
    assert evaluate(output_is_marked(result).source()[0], bindings) is marked


# --- what machines give ---


def last(machine: Mapping[str, Any]) -> Any:
    """The Output of the only state that ends the machine."""
    (ends,) = [s for s in machine["States"].values() if s.get("End") or s["Type"] == "Succeed"]
    return ends["Output"]


def test_the_last_task_gives_the_output_of_the_run_without_a_state_more() -> None:
    machine = compiled(work("a"), work("b", "a")).machine
    output = last(machine)
    assert list(machine["States"]) == ["a", "b"]
    assert output.keys() == {"b", "_failed"}
    assert output["b"].endswith("$z($states.result.Payload,239000)) %}")
    assert output["_failed"] == []


def test_a_share_divides_what_may_be_returned_among_the_sinks() -> None:
    first = compiled(work("a"), work("b"), work("c")).machine["States"]["a.parallel"]["Branches"][0]["States"]["a"]
    assert ",79000))" in first["Output"]["_vars"]["s1_a"]["output"]


def test_the_record_of_a_pass_that_ends_the_run_is_no_part_of_its_output() -> None:
    machine = compiled(work("a"), merged("b", "a"), merged("c", "b")).machine
    ends = machine["States"]["c"]
    assert ends["Output"].keys() == {"c", "_failed"}
    assert ends["Assign"].keys() == {"record0"}
    assert "Assign" not in ends["Assign"]


def test_an_explicit_output_stands_beside_the_failures_that_were_tolerated() -> None:
    machine = compiled(work("a", critical=False), output={"x": "a.status"}).machine
    assert last(machine) == {"x": "{% $s0_a.status %}", "_failed": '{% [($s0_a.status="failed"?"a":[])] %}'}


def test_a_sink_that_may_be_skipped_is_in_the_output_if_it_has_completed() -> None:
    machine = compiled(work("a"), work("b", "a", conditions="a.x == 1")).machine
    assert machine["States"]["b.end"]["Output"] == (
        '{% $merge([($s0_b.status="completed"?{"b":$s0_b.output}:{}),{"_failed":[]}]) %}'
    )


def test_the_output_of_a_container_is_carried_if_it_is_explicit() -> None:
    steps = [work("inner")]
    implicit = container("m", "map", config={"items": "input.list", "steps": steps})
    explicit = container("m", "map", config={"items": "input.list", "steps": steps, "output": {"x": "inner.x"}})
    assert last(compiled(implicit).machine)["m"] == _MARK
    assert "$states.result" in last(compiled(explicit).machine)["m"]


def test_failures_that_a_container_tolerates_inside_are_in_the_history() -> None:
    tolerant = container("m", "map", config={"items": "input.list", "steps": [work("inner", critical=False)]})
    assert run_output(
        {"a": 1, "_failed": evaluate(last(compiled(tolerant, work("a", "m")).machine)["_failed"][2:-2], {})}
    ).marked


def test_beside_what_a_later_step_reads_no_sink_leaves_a_parallel() -> None:
    steps = [work("a"), work("b"), work("c", "b"), work("sink", "a", "b"), work("last", "c")]
    seconds = [1, 1, 10, 1, 10]
    machine = compiled(*({**s, "estimated_seconds": n} for s, n in zip(steps, seconds, strict=True))).machine
    assert last(machine)["sink"] == _MARK
    assert "$states.result.Payload" in last(machine)["last"]


def test_beside_the_record_of_a_pass_a_sink_leaves_a_parallel() -> None:
    judged = [merged("publish", "a", conditions="a.x == 1"), work("improve", "a", conditions="a.x == 2")]
    machine = compiled(work("a"), *judged).machine
    branch = machine["States"]["publish.parallel"]["Branches"][0]["States"]["publish"]
    assert branch["Output"].keys() == {"_vars"}
    assert branch["Assign"].keys() == {"record1"}
    told = last(machine).replace('?$v:{"_in_history":true}', "")
    assert "improve" in told
    assert "_in_history" not in told


def test_so_many_sinks_that_each_would_have_next_to_nothing_are_all_in_the_history() -> None:
    many = [work(f"step_number_{i}") for i in range(900)]
    assert last(compiled(*many, execution_pattern="sequential").machine) == {**_MARK, "_failed": []}


def test_an_output_cannot_have_the_name_of_what_is_none() -> None:
    with pytest.raises(InvalidWorkflowError) as refused:
        compiled(work("a"), output={"_failed": "a.x"})
    (found,) = refused.value.diagnostics
    assert (found.code, found.pointer) == ("WFE-E201", "/output/_failed")


def test_of_more_failures_than_a_run_tells_the_first_are_told() -> None:
    many = [work(f"s{i}", critical=False) for i in range(120)]
    machine = compiled(*many, execution_pattern="sequential", output={"x": "s0.status"}).machine
    listed = last(machine)["_failed"]
    failed = {f"s0_s{i}": {"status": "failed" if i > 5 else "completed"} for i in range(120)}
    assert evaluate(listed[2:-2], failed) == [f"s{i}" for i in range(6, 106)]


def test_what_a_run_output_takes_never_makes_a_definition_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [work(f"s{i}") for i in range(20)]
    room = compiled(*many).plan["definition_bytes"] - 1
    monkeypatch.setattr(aws_quotas, "DEFINITION_BYTES", room)
    assert last(compiled(*many).machine) == {**_MARK, "_failed": []}


def test_of_what_is_known_before_the_run_only_the_large_is_guarded() -> None:
    def kept(size: int) -> str:
        machine = compiled(
            work("a"), data("b", "x" * size, "a"), work("c", "a"), execution_pattern="sequential"
        ).machine
        return str(machine["States"]["b"]["Assign"]["s0_b"]["output"])

    assert "_in_history" in kept(130_000)
    assert "_in_history" not in kept(1_000)


def test_a_branch_in_which_a_run_may_fail_tells_what_it_tolerated() -> None:
    steps = [work("a", critical=False), work("b", "a", trigger_rule="all_done"), work("c"), work("d", "c")]
    machine = compiled(*steps, on_failure=[work("tell")]).machine
    branch = machine["States"]["a.parallel"]["Branches"][0]
    ends = [state["Output"] for state in branch["States"].values() if "_failures" in state.get("Output", ())]
    assert len(ends) == 1
    (listed,) = [output["_failed"] for output in ends]
    assert evaluate(listed[2:-2], {"s1_a": {"status": "failed"}}) == ["a"]
    assert "$exists($s1_a.status)" in listed  # where it had not begun, Step Functions knows no such variable
