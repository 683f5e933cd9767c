"""What pictures show, whoever draws them."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.compiler import compile_workflow
from workflow_engine.compiler.reports.diagram import mermaid
from workflow_engine.compiler.reports.drawing import Drawing, drawing_of_machine, drawing_of_workflow
from workflow_engine.language import parse_workflow
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.language.syntax import Workflow
from workflow_engine.steps import builtin_catalogue


def step(step_id: str, *before: str, **fields: Any) -> dict[str, Any]:
    found = {"step_id": step_id, "step_type": "data_input", "dependencies": [*before], **fields}
    return {"config": {"input_type": "dynamic"}, **found} if found["step_type"] == "data_input" else found


def parsed(*steps: dict[str, Any], **fields: Any) -> Workflow:
    document = {"name": "drawn", "execution_pattern": "dependency", "steps": [*steps], **fields}
    found = parse_workflow(document, builtin_catalogue())
    assert found.workflow is not None, found.diagnostics
    return found.workflow


def arrows(drawing: Drawing) -> list[str]:
    names = [box.name for box in drawing.boxes]
    return [f"{names[a.source]} {'..' if a.is_dashed else '--'} {names[a.target]}" for a in drawing.arrows]


def test_an_arrow_that_another_way_implies_is_left_out() -> None:
    drawn = drawing_of_workflow(parsed(step("a"), step("b", "a"), step("c", "a", "b")))
    assert arrows(drawn) == ["a -- b", "b -- c"]


def test_what_may_be_skipped_or_may_fail_hangs_on_a_dashed_arrow_and_says_so() -> None:
    drawn = drawing_of_workflow(
        parsed(
            step("a"),
            step("b", "a", conditions="a.data.n > 3 and (a.data.x or not a.data.y)"),
            step("c", "a", critical=False),
        )
    )
    assert arrows(drawn) == ["a .. b", "a .. c"]
    assert drawn.boxes[1].notes == ("data_input", "if a.data.n > 3 and (a.data.x or not (a.data.y))")
    assert drawn.boxes[2].notes == ("data_input", "may fail")


def test_steps_of_a_sequential_workflow_follow_each_other_though_none_waits_for_another() -> None:
    drawn = drawing_of_workflow(
        parsed(
            step("a", step_order=2), step("b", step_order=1), step("c", step_order=3), execution_pattern="sequential"
        )
    )
    assert arrows(drawn) == ["b -- a", "a -- c"]


def test_a_switch_holds_its_cases_and_a_loop_its_turns() -> None:
    loop = step("turns", step_type="loop", config={"max_iterations": 3, "until": "index == 1", "steps": [step("turn")]})
    switch = step(
        "way",
        step_type="switch",
        config={"cases": [{"when": "input.x == 'a'", "steps": [loop]}], "default": [step("other")]},
    )
    (box,) = drawing_of_workflow(parsed(switch)).boxes
    assert [(part.title, [b.name for b in part.drawing.boxes]) for part in box.parts] == [
        ('if input.x == "a"', ["turns"]),
        ("else", ["other"]),
    ]
    (inner,) = box.parts[0].drawing.boxes
    assert [part.title for part in inner.parts] == ["until index == 1"]


def test_a_subflow_says_which_workflow_it_runs() -> None:
    (box,) = drawing_of_workflow(parsed(step("price", step_type="subflow", config={"workflow_id": "line-price"}))).boxes
    assert box.notes == ("subflow", "runs line-price")


def test_a_step_says_when_it_runs_if_not_as_usual() -> None:
    drawn = drawing_of_workflow(parsed(step("a", critical=False), step("b", "a", trigger_rule="one_failed")))
    assert drawn.boxes[1].notes == ("data_input", "runs on one_failed")


def test_a_circle_is_named_instead_of_drawn() -> None:
    with pytest.raises(InvalidWorkflowError, match="a -> b -> a"):
        drawing_of_workflow(parsed(step("a", "b"), step("b", "a")))


def test_what_a_machine_catches_is_a_dashed_arrow_and_its_branches_are_parts() -> None:
    words = {"step_type": "data_processing", "config": {"processing_type": "word_count"}}
    workflow = parsed(
        step("a", **words, input_mapping={"input": "input.a"}, critical=False),
        step("b", **words, input_mapping={"input": "input.b"}),
        step("c", "a", "b", trigger_rule="all_done"),
    )
    machine = drawing_of_machine(compile_workflow(workflow, builtin_catalogue()).machine)
    (parallel,) = [box for box in machine.boxes if box.notes == ("Parallel",)]
    (caught,) = [part.drawing for part in parallel.parts if "a" in [box.name for box in part.drawing.boxes]]
    assert any(arrow.is_dashed for arrow in caught.arrows)


def test_texts_of_a_condition_cannot_end_a_label_of_mermaid() -> None:
    drawn = mermaid(drawing_of_workflow(parsed(step("a"), step("b", "a", conditions="a.data.x == '\"]; <b>&#'"))))
    label = drawn.splitlines()[2]
    assert label.count('"') == 2
    assert "<b>" not in label
    assert "#60;b#62;#38;#35;" in label
