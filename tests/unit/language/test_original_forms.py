"""Forms of the original system: what a document may leave out, and what its known fields mean."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.catalogue import fake_catalogue
from tests.support.editor_schema import OF_FAKES
from tests.support.json_strategies import task
from workflow_engine.language import parse_workflow
from workflow_engine.language.step_ids import with_step_ids
from workflow_engine.language.syntax import ScopeReference, StepReference, Workflow


def fits(document: Any) -> bool:
    return bool(OF_FAKES.is_valid(document))


def parsed(document: dict[str, Any]) -> Workflow:
    found = parse_workflow(document, fake_catalogue())
    assert found.workflow is not None, found.diagnostics
    assert fits(document)
    return found.workflow


def codes(document: dict[str, Any]) -> list[tuple[str, str]]:
    found = parse_workflow(document, fake_catalogue())
    return [(d.code, d.pointer) for d in found.diagnostics]


def nameless(**fields: Any) -> dict[str, Any]:
    return {k: v for k, v in task("x", **fields).items() if k != "step_id"}


def ids_of(document: dict[str, Any]) -> list[str]:
    return [step.step_id for step in parsed(document).steps]


def test_a_workflow_without_a_name_is_called_unnamed() -> None:
    assert (
        parsed({"steps": [task("a")]}).name == parsed({"name": None, "steps": [task("a")]}).name == "Unnamed workflow"
    )


def test_a_step_without_an_id_is_called_by_its_place_in_the_list() -> None:
    assert ids_of({"steps": [nameless(), task("b"), nameless(), {**task("x"), "step_id": None}]}) == [
        "step_1",
        "b",
        "step_3",
        "step_4",
    ]


def test_an_id_that_another_step_has_is_passed_over() -> None:
    assert ids_of({"steps": [nameless(), nameless(), task("step_1"), task("step_3")]}) == [
        "step_2",
        "step_4",
        "step_1",
        "step_3",
    ]


def test_steps_inside_containers_are_named_too_and_no_name_is_given_twice() -> None:
    inner: dict[str, Any] = {"steps": [nameless(), nameless()]}
    document = {
        "steps": [
            {"step_type": "map", "config": {"items": "input.l", **inner}},
            {"step_type": "switch", "parameters": {"cases": [{"when": "input.a", **inner}], "default": [nameless()]}},
            nameless(),
        ]
    }
    named = with_step_ids(document)
    assert [s["step_id"] for s in named["steps"]] == ["step_1", "step_4", "step_8"]
    assert [s["step_id"] for s in named["steps"][0]["config"]["steps"]] == ["step_2", "step_3"]
    assert [s["step_id"] for s in named["steps"][1]["parameters"]["cases"][0]["steps"]] == ["step_5", "step_6"]
    assert [s["step_id"] for s in named["steps"][1]["parameters"]["default"]] == ["step_7"]
    assert "step_id" not in document["steps"][0]


def test_names_may_be_referred_to_and_pointers_lead_into_what_was_posted() -> None:
    steps = [nameless(), nameless(input_mapping={"x": "step_1.data"}, dependencies=["step_1"])]
    assert parsed({"steps": steps}).steps[1].input_mapping == {"x": StepReference("step_1", "output", ("data",))}
    assert codes({"steps": [nameless(), nameless(dependencies=["step_3"])]}) == [
        ("WFE-E202", "/steps/1/dependencies/0")
    ]


@pytest.mark.parametrize("value", [1, [], {}, "a b", "", "a\n"])
def test_an_id_of_a_wrong_form_is_refused_and_not_replaced(value: Any) -> None:
    document = {"steps": [{**task("a"), "step_id": value}]}
    assert codes(document) == [("WFE-E103", "/steps/0/step_id")]
    assert not fits(document)


@pytest.mark.parametrize("step_id", ["1st", "2-b", "1e", "1e5x", "0x1f", "3_4", "12a", "1-5"])
def test_an_id_may_begin_with_a_digit_and_be_read_everywhere(step_id: str) -> None:
    steps = [
        task(step_id),
        task(
            "b",
            conditions=f"{step_id}.status == 'completed' and {step_id}.n > 1e5 and {step_id}.n != -12",
            input_mapping={"x": f"{step_id}.data[0]", "t": {"template": f"{{{{ {step_id}.data }}}}"}},
        ),
    ]
    mapping = parsed({"steps": steps}).steps[1].input_mapping
    assert mapping is not None
    assert mapping["x"] == StepReference(step_id, "output", ("data", 0))


@pytest.mark.parametrize("step_id", ["12", "0", "1e5", "1E5", "1e-5", "007"])
def test_an_id_that_reads_as_a_number_is_refused(step_id: str) -> None:
    document = {"steps": [task(step_id)]}
    assert codes(document) == [("WFE-E103", "/steps/0/step_id")]
    assert not fits(document)


def test_numbers_in_conditions_are_numbers_still() -> None:
    condition = "input.n == 12 or input.n == 1e-5 or input.n == 1.5 or input.n in [1, 2e3]"
    step = parsed({"steps": [task("a", conditions=condition)]}).steps[0]
    values = [part.right.value for part in step.condition.parts]  # type: ignore[union-attr]  # a disjunction of tests
    assert values == [12, 1e-5, 1.5, [1, 2000]]
    assert step.condition.parts[0].left == ScopeReference("input", ("n",))  # type: ignore[union-attr]  # as above


def test_dependency_based_is_dependency() -> None:
    assert parsed({"execution_pattern": "dependency_based", "steps": [task("a")]}).pattern == "dependency"


def test_a_retry_strategy_of_none_retries_nothing() -> None:
    assert parsed({"steps": [task("a", retry_strategy="none", max_retries=3)]}).steps[0].retry is None


@pytest.mark.parametrize(("seconds", "whole"), [(0.5, 1), (1.0, 1), (2, 2), (2.1, 3)])
def test_a_delay_between_attempts_is_rounded_up_and_said(seconds: float, whole: int) -> None:
    document = {"steps": [task("a", max_retries=1, retry_delay_seconds=seconds)]}
    retry = parsed(document).steps[0].retry
    assert retry is not None
    assert (retry.delay_seconds, type(retry.delay_seconds)) == (whole, int)
    said = [("WFE-W106", "/steps/0/retry_delay_seconds")] if whole != seconds else []
    assert codes(document) == said


@pytest.mark.parametrize("seconds", [0, -1, "1", True, 31_622_400])
def test_a_delay_that_is_none_is_refused(seconds: Any) -> None:
    document = {"steps": [task("a", max_retries=1, retry_delay_seconds=seconds)]}
    assert codes(document) == [("WFE-E103", "/steps/0/retry_delay_seconds")]
    assert not fits(document)


@pytest.mark.parametrize(
    "fields", [{"id": 7}, {"id": "x"}, {"status": "active"}, {"template_id": None}, {"workflow_id": "7-days"}]
)
def test_fields_that_are_kept_are_no_mistake(fields: dict[str, Any]) -> None:
    assert codes({**fields, "steps": [task("a")]}) == []


@pytest.mark.parametrize("workflow_id", ["", "a b", "-a", "x" * 65, 7, "a\n"])
def test_a_workflow_id_of_a_wrong_form_is_refused(workflow_id: Any) -> None:
    document = {"workflow_id": workflow_id, "steps": [task("a")]}
    assert codes(document) == [("WFE-E103", "/workflow_id")]
    assert not fits(document)
