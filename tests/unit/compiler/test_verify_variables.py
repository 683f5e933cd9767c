"""Where a variable certainly has a value, and where it may have none."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.compiler.verify import verify

Json = Any
ASSIGN_X: dict[str, Json] = {"Assign": {"x": 1}}


def machine(**states: Json) -> dict[str, Json]:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def step(then: str | None = None, **fields: Json) -> dict[str, Json]:
    return {"Type": "Pass", **({"Next": then} if then else {"End": True}), **fields}


def branch(to: str, otherwise: str, rule: dict[str, Json] | None = None, **fields: Json) -> dict[str, Json]:
    rules = [{"Condition": "{% $states.input.c %}", "Next": to, **(rule or {})}]
    return {"Type": "Choice", "Choices": rules, "Default": otherwise, **fields}


def unassigned(machine_: dict[str, Json]) -> list[str]:
    """Pointers of the reads that may find no value; the machine breaks no other rule."""
    found = verify(machine_)
    assert {v.rule for v in found} <= {"RUN-UNASSIGNED"}
    return [v.pointer for v in found]


READ_X = step(Output="{% $x %}")


def test_a_variable_assigned_on_both_ways_to_a_join_may_be_read_there() -> None:
    assert unassigned(machine(c=branch("a", "b"), a=step("j", **ASSIGN_X), b=step("j", **ASSIGN_X), j=READ_X)) == []


def test_a_variable_assigned_on_one_way_only_may_not_be_read_at_the_join() -> None:
    assert unassigned(machine(c=branch("a", "j"), a=step("j", **ASSIGN_X), j=READ_X)) == ["/States/j/Output"]


def test_a_choice_rule_that_assigns_counts_for_its_own_target() -> None:
    assert unassigned(machine(c=branch("j", "a", ASSIGN_X), a=step("j", **ASSIGN_X), j=READ_X)) == []


def test_the_assign_of_a_choice_counts_for_its_default_only() -> None:
    assert unassigned(machine(c=branch("e", "j", **ASSIGN_X), j=READ_X, e=step())) == []
    assert unassigned(machine(c=branch("j", "e", **ASSIGN_X), j=READ_X, e=step())) == ["/States/j/Output"]


def test_a_state_does_not_see_what_it_assigns_itself() -> None:
    found = unassigned(machine(a=step(Assign={"x": 1, "y": "{% $x %}"}, Output="{% $x %}")))
    assert sorted(found) == ["/States/a/Assign/y", "/States/a/Output"]


def test_after_a_catch_only_the_catcher_has_assigned() -> None:
    catcher: dict[str, Json] = {"ErrorEquals": ["A"], "Next": "j"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "j", **ASSIGN_X}
    assert unassigned(machine(t={**task, "Catch": [catcher]}, j=READ_X)) == ["/States/j/Output"]
    assert unassigned(machine(t={**task, "Catch": [{**catcher, **ASSIGN_X}]}, j=READ_X)) == []


def test_a_loop_may_read_what_was_assigned_before_it_but_not_what_only_its_body_assigns() -> None:
    body = step("c", Assign={"n": "{% $n + 1 %}", "y": 1})
    states = {"c": branch("b", "e"), "b": body}
    assert unassigned(machine(a=step("c", Assign={"n": 0}), **states, e=step(Output="{% $n %}"))) == []
    assert unassigned(machine(a=step("c", Assign={"n": 0}), **states, e=step(Output="{% $y %}"))) == [
        "/States/e/Output"
    ]


def test_a_branch_sees_what_was_assigned_before_its_parallel_and_not_the_parallels_own_assign() -> None:
    inner = {"StartAt": "i", "States": {"i": step(Output="{% $x %}")}}
    parallel = {"Type": "Parallel", "Branches": [inner], "Next": "e"}
    assert unassigned(machine(a=step("p", **ASSIGN_X), p=parallel, e=step())) == []
    assert unassigned(machine(p={**parallel, **ASSIGN_X}, e=READ_X)) == ["/States/p/Branches/0/States/i/Output"]


def test_variables_of_a_branch_are_not_seen_outside_or_in_a_sibling() -> None:
    writer = {"StartAt": "w", "States": {"w": step(**ASSIGN_X)}}
    reader = {"StartAt": "r", "States": {"r": READ_X}}
    found = unassigned(machine(p={"Type": "Parallel", "Branches": [writer, reader], "Next": "j"}, j=READ_X))
    assert sorted(found) == ["/States/j/Output", "/States/p/Branches/1/States/r/Output"]


def test_variables_of_the_expression_itself_are_no_workflow_variables() -> None:
    expressions = [
        "($a := 1; $f := function($n) { $n < 1 ? $a : $f($n - 1) }; $f(3))",
        "$map($states.input, function($v, $i) { $v & $i })",
        "$states.input.list@$l#$i[$l.a = $i]",
        "($g := function() { $later }; $later := 2; $g())",
        "$partition($range(1, 4, 1), 2) ~> $map($uuid) ~> $filter(function($v) { $hash($v, 'MD5') = $random() })",
    ]
    assert [e for e in expressions if unassigned(machine(a=step(Output="{% " + e + " %}")))] == []


def test_a_local_variable_ends_with_its_block_and_starts_with_its_binding() -> None:
    for expression in ("[($a := 1; $a), $a]", "($b := $a; $a := 1)", "[function($a) { $a }(1), $a]"):
        assert unassigned(machine(s=step(Output="{% " + expression + " %}"))) == ["/States/s/Output"]


def test_a_machine_of_two_thousand_states_and_variables_is_verified() -> None:
    states = {
        f"s{i}": step(
            f"s{i + 1}" if i < 1999 else None, Assign={f"v{i}": f"{{% $string($v{i - 1}.a) & 'x' %}}" if i else 1}
        )
        for i in range(2000)
    }
    assert unassigned(machine(**states)) == []


@pytest.mark.parametrize(
    "read",
    [
        '{% $exists($x)?$x:{"status":"pending"} %}',
        '{% ($exists($x.status)?$x.status:"pending")="completed" %}',
        "{% ($exists($x.a)?$x.a:($exists($x.b)?$x.b:[])) %}",
        "{% $exists($x) and $states.input.c %}",
    ],
)
def test_what_is_asked_for_before_it_is_read_may_have_no_value(read: str) -> None:
    assert unassigned(machine(c=branch("a", "j"), a=step("j", **ASSIGN_X), j=step(Output=read))) == []


@pytest.mark.parametrize(
    "read",
    [
        "{% $exists($x)?$x.a:$x %}",
        "{% $exists($y)?$x:0 %}",
        "{% $exists($x.a)?$x.b:0 %}",
        "{% ($exists($x)?$x:0)=$x %}",
        "{% $exists($x)?0:$x %}",
    ],
)
def test_another_read_of_it_than_the_one_that_was_asked_for_needs_a_value(read: str) -> None:
    found = unassigned(machine(c=branch("a", "j"), a=step("j", **ASSIGN_X), j=step(Output=read)))
    assert found == ["/States/j/Output"]
