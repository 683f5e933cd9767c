"""What the outline notes of a workflow's references: those of what may fail, and of nothing else."""

from __future__ import annotations

from typing import Any

from tests.support.compiled import compiled, container, data, merged, work


def reads(*steps: dict[str, Any], **workflow: Any) -> dict[str, Any]:
    """The reads of each step, at whatever depth."""
    found: dict[str, Any] = {}
    stack = list(compiled(*steps, **workflow).outline["steps"])
    while stack:
        step = stack.pop()
        stack += step.get("body", {}).get("steps", [])
        if "reads" in step:
            found[step["id"]] = step["reads"]
    return found


def expression(text: str) -> dict[str, str]:
    return {"expression": text}


def test_an_entry_that_is_an_expression_has_its_references_once_each() -> None:
    mapping = {
        "sum": expression("$ref('a.data.n') + $ref('input.b') + $ref('a.output.data.n')"),
        "constant": expression("1 + 1"),
        "plain": "a.data.n",
        "text": {"template": "{{ a.data.n }}"},
        "value": {"value": 1},
    }
    assert reads(data("a", {"n": 1}), merged("t", input_mapping=mapping)) == {
        "t": {"input_mapping": {"sum": ["a.data.n", "input.b"], "constant": []}}
    }


def test_lists_and_what_is_inside_containers_are_noted_too() -> None:
    inner = work("t", for_each="item.xs", input_mapping={"n": expression("$ref('item') + $ref('index')")})
    case = {"when": "input.go", "steps": [inner]}
    steps = [container("sw", "switch", config={"cases": [case]})]
    assert reads(container("m", "map", config={"items": "input.rows", "steps": steps})) == {
        "m": {"items": "input.rows"},
        "t": {"for_each": "item.xs", "input_mapping": {"n": ["item", "index"]}},
    }


def test_the_time_of_a_delay_may_fail_without_an_expression() -> None:
    delay = {"step_id": "d", "step_type": "delay", "input_mapping": {"delay_seconds": "input.n"}}
    assert reads(delay) == {"d": {"input_mapping": {"delay_seconds": ["input.n"]}}}


def test_what_takes_any_data_is_not_noted() -> None:
    steps = [
        data("a", {"n": 1}),
        work("b", "a", conditions="a.data.n > 'x'", input_mapping={"t": {"template": "{{ input.x }}"}}),
        container("l", "loop", config={"max_iterations": 2, "until": "c.x > 1", "steps": [work("c")]}),
    ]
    assert reads(*steps, output={"x": "a.data.n"}) == {}
