"""From a document to a `Workflow`: fields, defaults, aliases, sources, containers and what steps read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.catalogue import FakeStepType, fake_catalogue
from tests.support.json_strategies import full_workflow, task
from workflow_engine.language import parse_workflow
from workflow_engine.language.findings import MAX_DIAGNOSTICS
from workflow_engine.language.reads import Read, nested_steps, step_reads
from workflow_engine.language.syntax import (
    Check,
    Comparison,
    Expression,
    ForEach,
    LiteralValue,
    LoopBody,
    MapBody,
    RetryPolicy,
    ScopeReference,
    Step,
    StepReference,
    SwitchBody,
    Template,
    TemplateVariable,
    Workflow,
)


def workflow_of(*steps: Any, **fields: Any) -> Workflow:
    """The workflow of a document that must be valid."""
    parsed = parse_workflow({"name": "w", "steps": list(steps), **fields}, fake_catalogue())
    assert parsed.workflow is not None, parsed.diagnostics
    assert parsed.diagnostics == ()
    return parsed.workflow


def codes_of(*steps: Any, **fields: Any) -> list[tuple[str, str]]:
    """Code and pointer of every finding in a document."""
    parsed = parse_workflow({"name": "w", "steps": list(steps), **fields}, fake_catalogue())
    return [(d.code, d.pointer) for d in parsed.diagnostics]


def test_defaults_of_a_workflow_and_a_step() -> None:
    workflow = workflow_of(task("a"))
    assert workflow == Workflow("w", "sequential", (Step("a", "task", "/steps/0"),), {}, None, None, 31_536_000)


def test_null_is_the_same_as_absent() -> None:
    optional = (
        "dependencies",
        "input_mapping",
        "config",
        "conditions",
        "critical",
        "for_each",
        "max_retries",
        "timeout_seconds",
    )
    assert workflow_of(task("a", **dict.fromkeys(optional)), output=None) == workflow_of(task("a"))


def test_empty_mappings_conditions_and_outputs_are_none() -> None:
    assert workflow_of(task("a", input_mapping={}, conditions=[], config={}), output={}) == workflow_of(task("a"))


@pytest.mark.parametrize("name", ["variables", "global_config", "global_variables"])
def test_variables_have_three_names(name: str) -> None:
    assert workflow_of(task("a"), **{name: {"x": 1}}).variables == {"x": 1}


def test_config_wins_over_parameters_and_pointers_know_where_a_field_was_sent() -> None:
    sent = {"parameters": {"mode": "upper", "limit": 1}, "config": {"limit": 2}}
    step = workflow_of({"step_id": "a", "step_type": "processing", **sent}).steps[0]
    assert step.config == {"mode": "upper", "limit": 2}
    assert step.sent_as_parameters == {"mode"}


@pytest.mark.parametrize(
    ("fields", "critical"),
    [({}, True), ({"critical": False}, False), ({"on_error": "continue"}, False), ({"on_error": "fail"}, True)],
)
def test_on_error_continue_is_not_critical(fields: dict[str, Any], critical: bool) -> None:
    assert workflow_of(task("a", **fields)).steps[0].critical is critical


def test_retries_have_defaults_and_the_longest_delay_is_never_below_the_first() -> None:
    assert workflow_of(task("a", max_retries=0)).steps[0].retry is None
    assert workflow_of(task("a", max_retries=2)).steps[0].retry == RetryPolicy(2, "exponential_backoff", 1, 60)
    assert workflow_of(task("a", max_retries=2, retry_delay_seconds=90)).steps[0].retry == RetryPolicy(
        2, "exponential_backoff", 90, 90
    )


def test_a_step_type_alias_becomes_the_step_type() -> None:
    assert workflow_of({"step_id": "a", "step_type": "assistant"}).steps[0].step_type == "agent"


def test_dependencies_given_twice_count_once() -> None:
    assert workflow_of(task("a"), task("b", dependencies=["a", "a"])).steps[1].dependencies == ("a",)


def test_sources_of_all_kinds() -> None:
    mapping = {
        "reference": "a.x",
        "value": {"value": "a.x"},
        "template": {"template": "{{ a.x }}"},
        "expression": {"expression": "$ref('a.x') + 1"},
        "number": 1,
        "null": None,
        "list": ["x", {"template": "{{ x }}"}],
        "two keys": {"value": 1, "template": "x"},
        "other key": {"val": "x"},
        "empty": {},
    }
    x = StepReference("a", "output", ("x",))
    assert workflow_of(task("a"), task("b", input_mapping=mapping)).steps[1].input_mapping == {
        "reference": x,
        "value": LiteralValue("a.x"),
        "template": Template((x,)),
        "expression": Expression((x, " + 1")),
        "number": LiteralValue(1),
        "null": LiteralValue(None),
        "list": LiteralValue(["x", {"template": "{{ x }}"}]),
        "two keys": LiteralValue({"value": 1, "template": "x"}),
        "other key": LiteralValue({"val": "x"}),
        "empty": LiteralValue({}),
    }


def test_only_template_fields_of_the_configuration_are_templates() -> None:
    config = {"query_template": "{{ uuid }}", "model": "{{ not.read"}
    step = workflow_of({"step_id": "a", "step_type": "agent", "config": config}).steps[0]
    assert step.templates == {"query_template": Template((TemplateVariable("uuid"),))}
    assert step.config == config


def test_for_each_makes_item_and_index_readable_except_in_its_own_list() -> None:
    step = workflow_of(
        task("c", for_each="input.xs", max_items=3, input_mapping={"i": "index"}, conditions="item.ok exists")
    ).steps[0]
    assert step.for_each == ForEach(ScopeReference("input", ("xs",)), None, 3)
    assert step.condition == Check("exists", ScopeReference("item", ("ok",)))
    assert codes_of(task("c", for_each="item.xs")) == [("WFE-E206", "/steps/0/for_each")]


def test_every_construct_of_the_language_parses() -> None:
    parsed = parse_workflow(full_workflow(), fake_catalogue())
    assert parsed.diagnostics == ()
    assert parsed.workflow is not None
    bodies = {step.step_id: step.body for step in parsed.workflow.steps}
    map_body, switch_body = bodies["m"], bodies["s"]
    assert isinstance(map_body, MapBody)
    loop = map_body.steps[1]
    assert isinstance(loop.body, LoopBody)
    assert (loop.pointer, loop.config) == ("/steps/5/config/steps/1", {})
    assert loop.body.steps[0].pointer == "/steps/5/config/steps/1/parameters/steps/0"
    assert isinstance(switch_body, SwitchBody)
    assert isinstance(switch_body.cases[0].when, Comparison)
    assert [[inner.step_id for inner in body] for body in nested_steps(parsed.workflow.steps[6])] == [
        ["s1", "s2"],
        ["s3"],
    ]


def test_step_reads_lists_every_reference_of_a_step_with_its_place() -> None:
    parsed = parse_workflow(full_workflow(), fake_catalogue())
    assert parsed.workflow is not None
    _, b, c, _, q, m, s = parsed.workflow.steps
    assert [read.pointer for read in step_reads(b)] == [
        "/steps/1/input_mapping/r",
        "/steps/1/input_mapping/t",
        "/steps/1/input_mapping/e",
        *["/steps/1/conditions"] * 3,
    ]
    assert Read(ScopeReference("variables", ("names",)), "/steps/2/for_each") in step_reads(c)
    assert step_reads(q) == (Read(StepReference("p", "output", ("result",)), "/steps/4/config/query_template"),)
    assert [read.pointer for read in step_reads(m)] == [
        "/steps/5/config/items",
        "/steps/5/config/output/x",
        "/steps/5/config/output/n",
    ]
    loop = nested_steps(m)[0][1]
    assert {read.pointer for read in step_reads(loop)} == {"/steps/5/config/steps/1/parameters/until"}
    assert step_reads(s)[0].pointer == "/steps/6/config/cases/0/when"


def test_a_failing_field_does_not_hide_what_else_is_wrong_with_the_step() -> None:
    steps = [task("a", max_retries="3", conditions="a.x ==", input_mapping={"x": "b.y"}), task("b", step_typ="x")]
    assert codes_of(*steps) == [
        ("WFE-E103", "/steps/0/max_retries"),
        ("WFE-E300", "/steps/0/conditions"),
        ("WFE-E101", "/steps/1/step_typ"),
    ]


def test_a_step_with_an_invalid_field_is_still_known_to_the_others() -> None:
    assert codes_of(task("a", critical=1), task("b", dependencies=["a"], input_mapping={"x": "a.x"})) == [
        ("WFE-E103", "/steps/0/critical")
    ]


def test_a_step_inside_a_map_reads_siblings_of_its_container_and_a_loop_its_previous_turn() -> None:
    loop = {
        "until": "l.b.ok",
        "max_iterations": 2,
        "steps": [task("b", input_mapping={"x": "l.b", "y": "a", "i": "index"})],
    }
    inner = {"step_id": "l", "step_type": "loop", "config": loop}
    workflow_of(task("a"), {"step_id": "m", "step_type": "map", "config": {"items": "a.xs", "steps": [inner]}})


def test_the_schema_of_a_registered_type_that_cannot_be_applied_is_a_diagnostic() -> None:
    broken: list[dict[str, Any]] = [
        {"$ref": "#"},
        {"$ref": "https://example.com/x"},
        {"properties": {"x": {"pattern": "("}}},
        {"type": 3},
    ]
    for schema in broken:
        catalogue = fake_catalogue(FakeStepType("custom", schema))
        document = {"name": "w", "steps": [{"step_id": "a", "step_type": "custom", "config": {"x": "y"}}]}
        parsed = parse_workflow(document, catalogue)
        assert [(d.code, d.pointer) for d in parsed.diagnostics] == [("WFE-E402", "/steps/0/config")]


def test_thousands_of_mistakes_give_a_bounded_answer() -> None:
    steps = [task(f"s{i}", input_mapping={f"k{j}": f"t{i}_{j}.x" for j in range(3)}) for i in range(1_000)]
    parsed = parse_workflow({"name": "w", "steps": steps}, fake_catalogue())
    assert len(parsed.diagnostics) == MAX_DIAGNOSTICS
    assert parsed.diagnostics[-1].detail.endswith("2000 further findings are not listed.")


def test_a_missing_step_type_is_reported_once_for_each_step() -> None:
    assert codes_of({"config": {}}, {}) == [("WFE-E102", "/steps/0"), ("WFE-E102", "/steps/1")]


def test_large_documents_of_plain_data_pass() -> None:
    text = "x" * 5_000_000
    assert workflow_of(task("a", config={"text": text, "list": list(range(50_000))})).steps[0].config["text"] == text


def test_more_steps_than_a_definition_can_hold_are_refused_before_they_are_read() -> None:
    assert codes_of(*[{}] * 10_001) == [("WFE-E500", "/steps")]


def test_a_whole_number_may_be_written_with_a_decimal_point() -> None:
    step = task("a", max_retries=3.0, retry_delay_seconds=1.0, max_retry_delay_seconds=90.0, timeout_seconds=5.0)
    again: dict[str, Any] = {
        "step_id": "l",
        "step_type": "loop",
        "config": {"until": "index > 1", "max_iterations": 2.0, "steps": [task("b")]},
    }
    workflow = workflow_of(step, again, timeout_seconds=60.0)
    assert workflow == workflow_of(
        task("a", max_retries=3, retry_delay_seconds=1, max_retry_delay_seconds=90, timeout_seconds=5),
        {**again, "config": {**again["config"], "max_iterations": 2}},
        timeout_seconds=60,
    )
    made = workflow.steps[0].retry
    assert made is not None
    assert [type(n) for n in (made.max_retries, made.delay_seconds, workflow.timeout_seconds)] == [int, int, int]


@pytest.mark.parametrize("value", [1.5, "1", True, 101.0, -1.0, 1e300])
def test_no_other_number_and_nothing_else_is_taken_for_a_whole_number(value: Any) -> None:
    assert codes_of(task("a", max_retries=value)) == [("WFE-E103", "/steps/0/max_retries")]


@pytest.mark.parametrize("value", ["https://example.org/workflow.schema.json", None, {"any": 1}])
def test_the_name_of_a_schema_is_taken_and_means_nothing(value: Any) -> None:
    named: dict[str, Any] = {"$schema": value}
    assert workflow_of(task("a"), **named) == workflow_of(task("a"))
