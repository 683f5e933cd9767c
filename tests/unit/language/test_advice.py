"""Authors who know other systems are told how what they wrote is said here."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue

STEP: dict[str, Any] = {"step_id": "a", "step_type": "data_input", "config": {"data": 1}}


def said(*steps: dict[str, Any], **fields: Any) -> str:
    """The one finding: its pointer and sentence."""
    (found,) = parse_workflow({"name": "w", "steps": list(steps), **fields}, builtin_catalogue()).diagnostics
    return f"{found.pointer}: {found.detail}"


@pytest.mark.parametrize(
    ("step_type", "advice"),
    [
        ("python", "register it as a step type with POST /steps/register"),
        ("code", "register it as a step type with POST /steps/register"),
        ("http", '"execution_type": "http"'),
        ("parallel", "'execution_pattern': \"dependency\""),
        ("conditional", "'conditions', or put them into the cases of a 'switch'"),
        ("If-Else", "'conditions', or put them into the cases of a 'switch'"),
        ("for_each", "'for_each'; several steps do in a 'map'"),
        ("llm_step", "'agent_execution'"),
        ("sleep", "'delay'"),
        ("data_procesing", "Did you mean 'data_processing'?"),
    ],
)
def test_a_step_type_of_another_system_names_ours(step_type: str, advice: str) -> None:
    sentence = said({"step_id": "a", "step_type": step_type})
    assert sentence.startswith("/steps/0/step_type: There is no step type ")
    assert advice in sentence


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("retry", {"max_attempts": 3}, "'max_retries'"),
        ("depends_on", ["b"], "'dependencies'"),
        ("when", "x", "'conditions'"),
        ("next", "b", "'dependencies'"),
        ("catch", [], "'critical': false"),
        ("inputs", {}, "'input_mapping'"),
        ("timeout", 3, "'timeout_seconds'"),
        ("input_type", "static", "It belongs into the step's 'config'."),
        ("max_iterations", 3, "It belongs into the step's 'config'."),
        ("dependancies", [], "Did you mean 'dependencies'?"),
        ("colour", "red", "Remove it."),
    ],
)
def test_a_field_of_another_system_names_ours(field: str, value: Any, advice: str) -> None:
    sentence = said({**STEP, field: value})
    assert sentence.startswith(f"/steps/0/{field}: There is no field '{field}' here.")
    assert advice in sentence


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"execution_pattern": "dag"}, "Did you mean 'dependency'?"),
        ({"outputs": {}}, "What the run gives is 'output'"),
        ({"timeout_seconds": "30s"}, "Write the number of seconds, without unit and quotes."),
        ({"timeout_seconds": "30"}, "Write 30, without quotes."),
        ({"timeout_seconds": "{{ input.t }}"}, "No template is filled in here."),
    ],
)
def test_a_value_of_another_system_names_ours(fields: dict[str, Any], advice: str) -> None:
    assert advice in said(STEP, **fields)


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("critical", "false", "Write false, without quotes."),
        ("critical", "no", "Write false, without quotes."),
        ("config", "delay_seconds:5", "In YAML a space stands after a colon: delay_seconds: 5"),
        ("max_retries", "1_000", "Write 1000, without quotes."),
        ("on_error", "ignore", "Did you mean 'continue'?"),
        ("trigger_rule", "always", "Did you mean 'all_done'?"),
        ("max_retries", "3", "Write 3, without quotes."),
    ],
)
def test_a_value_of_a_step_as_another_system_writes_it(field: str, value: Any, advice: str) -> None:
    assert advice in said({**STEP, field: value})


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("{{ a.data }} > 1", "Write 'a.data', and nothing around it."),
        ("${a.data} > 1", "Write 'a.data', and nothing around it."),
        ("$.a.data > 1", "Write 'a.data', and nothing around it."),
        ("a.data == paid", "A text is written in quotes: 'paid'."),
        ("a.data == None", "Did you mean null?"),
        ("a.data in ('x', 'y')", "A list is written in square brackets."),
        ("a.data == \u2019x\u2019", "Use straight quotes"),
        ("'x' == 'x'", "This condition reads nothing"),
    ],
)
def test_a_condition_as_another_language_writes_it(condition: str, advice: str) -> None:
    sentence = said(STEP, {"step_id": "b", "step_type": "output", "dependencies": ["a"], "conditions": condition})
    assert sentence.startswith("/steps/1/conditions: ")
    assert advice in sentence


@pytest.mark.parametrize(
    ("reference", "advice"),
    [
        ("{{ a.data }}", "Write 'a.data', and nothing around it."),
        ("{a.data}", "Write 'a.data', and nothing around it."),
        ("<% a.data %>", "Write 'a.data', and nothing around it."),
        ("$.a.data", "Write 'a.data', and nothing around it."),
        ("steps.a.data", "A step is read by its id alone: 'a.data'."),
        ("it is {{ a.data }}", 'Text with references in it is written {"template": "it is {{ a.data }}"}.'),
        ("hello world", 'A text is written {"value": "hello world"}.'),
        ("hello", 'A text is written {"value": "hello"}.'),
    ],
)
def test_a_reference_as_another_language_writes_it(reference: str, advice: str) -> None:
    sentence = said(STEP, {"step_id": "b", "step_type": "output", "input_mapping": {"x": reference}})
    assert sentence.startswith("/steps/1/input_mapping/x: ")
    assert advice in sentence


@pytest.mark.parametrize("name", ["retry_strategy", "retry_delay_seconds", "max_retry_delay_seconds"])
def test_settings_of_retries_without_any_are_a_warning(name: str) -> None:
    value = "fixed_delay" if name == "retry_strategy" else 5
    assert said({**STEP, name: value}).startswith(f"/steps/0/{name}: '{name}' has no effect without 'max_retries'")
    assert (
        parse_workflow(
            {"name": "w", "steps": [{**STEP, name: value, "max_retries": 1}]}, builtin_catalogue()
        ).diagnostics
        == ()
    )


@pytest.mark.parametrize("pattern", ["sequential", "parallel"])
def test_work_on_nothing_is_a_warning(pattern: str) -> None:
    sentence = said(STEP, {"step_id": "b", "step_type": "data_processing"}, execution_pattern=pattern)
    assert sentence.startswith("/steps/1: 'b' has nothing to work on. The order of steps hands nothing on")
