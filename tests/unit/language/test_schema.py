"""The JSON Schema for editors: what it takes and refuses, what it says of each field, and the copy in `statemachines/`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.editor_schema import OF_BUILTINS, OF_FAKES, misfits
from tests.support.json_strategies import full_workflow, replaced, task
from workflow_engine.language.document import (
    CaseDocument,
    DocumentModel,
    LoopConfig,
    MapConfig,
    StepDocument,
    SwitchConfig,
    WorkflowDocument,
)
from workflow_engine.language.fields import FIELDS
from workflow_engine.language.schema import render_schema, workflow_schema
from workflow_engine.steps import builtin_catalogue

FILE = Path(__file__).parents[3] / "statemachines" / "workflow.schema.json"
SCHEMA = workflow_schema(builtin_catalogue().step_types())
MODELS: list[type[DocumentModel]] = [WorkflowDocument, StepDocument, MapConfig, LoopConfig, CaseDocument, SwitchConfig]


def step(**fields: Any) -> dict[str, Any]:
    """A workflow of one step."""
    return {
        "steps": [{"step_id": "a", "step_type": "data_processing", "input_mapping": {"input": "input.x"}, **fields}]
    }


def takes(document: Any) -> bool:
    return bool(OF_BUILTINS.is_valid(document))


def test_the_schema_file_is_the_one_of_the_built_in_step_types() -> None:
    assert FILE.read_text(encoding="utf-8") == render_schema(SCHEMA), "make generate writes it anew"


def test_the_schema_is_a_schema_and_takes_a_workflow_with_every_construct() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert misfits(OF_FAKES, full_workflow()) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("nme",), "x"),
        (("steps", 0, "dependancies"), []),
        (("steps", 0, "step_id"), "1e5"),
        (("steps", 0, "step_id"), "input"),
        (("steps", 0, "step_type"), "tsk"),
        (("steps", 0, "max_retries"), "3"),
        (("steps", 0, "max_items"), 3),
        (("steps", 0, "trigger_rule"), "sometimes"),
        (("steps", 1, "input_mapping", "t"), {"template": 1}),
        (("steps", 1, "conditions"), {"left_operand": "a", "operator": "eq"}),
        (("steps", 1, "critical"), True),
        (("steps", 2, "max_concurrency"), 41),
        (("steps", 3, "parameters", "mode"), "shout"),
        (("steps", 5, "config", "items"), []),
        (("steps", 5, "config", "steps", 0, "foo"), 1),
        (("steps", 5, "max_retries"), 1),
        (("steps", 6, "config", "cases", 0, "when"), 3),
        (("on_failure", 0, "compensate"), [task("x")]),
        (("output", "x"), {"expression": "1"}),
    ],
)
def test_the_schema_refuses_what_the_language_refuses(place: tuple[str | int, ...], value: Any) -> None:
    assert not OF_FAKES.is_valid(replaced(full_workflow(), place, value))


def test_a_configuration_that_no_schema_bounds_may_be_anything() -> None:
    assert misfits(OF_FAKES, {"name": "w", "steps": [task("a", config={"items": 3, "steps": "x"})]}) == []


# --- texts ---


@pytest.mark.parametrize(
    "text", ["{{ a.data }}", "${a.data}", "$.a.data", "hello world", "a..b", "a.", "a[x]", "=a.b", "a.b,", "", "“a”"]
)
def test_what_cannot_be_a_reference_is_refused(text: str) -> None:
    assert not takes(step(input_mapping={"input": text}))
    assert not takes(step(for_each=text))


@pytest.mark.parametrize(
    "text", ["a", "input.x", " a.b ", 'a["any } key"][0].x', "a[ -1 ][*].b", "a.0.$x.@type", "été.ü", "1st.x"]
)
def test_references_are_taken(text: str) -> None:
    assert takes(step(input_mapping={"input": text}))


@pytest.mark.parametrize(
    "text",
    [
        "input.x = 1",
        "input.x === 1",
        "input.x => 1",
        "input.x && input.y",
        "input.x || input.y",
        "!input.x",
        "input.x >",
        "input.x and",
        "{{ input.x }} > 1",
        "$.input.x > 1",
        "input.x == 'a",
        "(input.x > 1",
        "input.x > 1)",
        "input.x == ‘a’",
        "input.x equals 1",
        "input.x == 1 AND input.y == 2",
        "input.x + 1 > 2",
        "",
    ],
)
def test_what_cannot_be_a_condition_is_refused(text: str) -> None:
    assert not takes(step(conditions=text))
    assert not takes(step(conditions={"logical_operator": "not", "conditions": [text]}))


@pytest.mark.parametrize(
    "text",
    [
        "input.x",
        "not(input.x)",
        "input.x == 'a = b && c'",
        "input.x in ['a', [1, {\"k\": 2}]]",
        "input.x == -1.5e+3",
        'input.x == "it\'s"',
        "input.x not_in []",
        "input.x regex_match '^(a|b$'",
        "input.x is_null or (input.y >= 2 and not input.z)",
        "not input.x == 'AND'",
        'input["a, b"] == 1',
        "input.x == 'and'",
        "'a b' == input.x",
    ],
)
def test_conditions_are_taken(text: str) -> None:
    assert takes(step(conditions=text))


@pytest.mark.parametrize("text", ["Hi {{ input.x", "{{", "{{ input.x }} and {{ input.y }", "{a}{{"])
def test_a_template_that_is_not_closed_is_refused(text: str) -> None:
    assert not takes(step(input_mapping={"input": {"template": text}}))


@pytest.mark.parametrize(
    "text", ["", "{a}", "{{{x}}}", "{ {{ input.x }} }", '{"a": {{ input.x }}, "b": {"c": 1}}', "}}"]
)
def test_templates_are_taken(text: str) -> None:
    assert takes(step(input_mapping={"input": {"template": text}}))


@pytest.mark.parametrize("text", ["$sum($ref('input.x')", "($ref('a'))]", "input.x + 1", "'a", ""])
def test_what_cannot_be_an_expression_is_refused(text: str) -> None:
    assert not takes(step(input_mapping={"input": {"expression": text}}))


@pytest.mark.parametrize(
    "text",
    ["$sum($ref('a.x)'))", "$contains($ref('a.x'), /(/ )", "/* :( */ 1", "true ? 1 : 2", "function($x){$x}(1)", "`a`"],
)
def test_expressions_are_taken(text: str) -> None:
    assert takes(step(input_mapping={"input": {"expression": text}}))


def test_item_is_known_with_for_each_and_inside_of_a_map_only() -> None:
    mapped = {"input_mapping": {"input": "item.x"}}
    assert not takes(step(**mapped))
    assert not takes(step(conditions="index > 1"))
    assert takes(step(**mapped, for_each="input.list"))
    inner = {"step_type": "data_processing", **mapped}
    assert takes({"steps": [{"step_type": "map", "config": {"items": "input.list", "steps": [inner]}}]})


def test_two_steps_that_are_alike_have_one_id_unless_they_have_none() -> None:
    one = {"step_type": "data_input"}
    assert takes({"steps": [one, one]})
    assert not takes({"steps": [{**one, "step_id": "a"}] * 2})
    assert not takes(
        {
            "steps": [
                {
                    "step_type": "switch",
                    "config": {"cases": [{"when": "input.x", "steps": [{**one, "step_id": "a"}] * 2}]},
                }
            ]
        }
    )


# --- configurations ---


def test_a_configuration_is_held_to_its_step_type_under_both_of_its_names() -> None:
    for place in ("config", "parameters"):
        assert takes(step(**{place: {"processing_type": "count"}}))
        assert not takes(step(**{place: {"processing_type": "cuont"}}))
        assert not takes(step(**{place: {"procesing_type": "count"}}))


def test_a_type_that_needs_a_configuration_needs_it() -> None:
    assert not takes({"steps": [{"step_type": "http_request"}]})
    assert not takes({"steps": [{"step_type": "map"}]})
    assert takes({"steps": [{"step_type": "http_request", "config": {"url": "https://example.com"}}]})
    assert takes({"steps": [{"step_type": "http_request", "config": {}, "parameters": {"url": "https://example.com"}}]})


def test_an_alias_of_a_step_type_is_held_to_the_same_schema() -> None:
    assert takes({"steps": [{"step_type": "agent", "config": {"query": "Hello"}}]})
    assert not takes({"steps": [{"step_type": "agent", "config": {"query": "Hello", "temprature": 1}}]})
    assert not takes({"steps": [{"step_type": "agent"}]})


REGISTERED: list[dict[str, Any]] = [
    {
        "step_type": "score",
        "description": "Scores a customer.",
        "config_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["limit"],
            "properties": {"limit": {"$ref": "#/$defs/Limit"}},
            "$defs": {"Limit": {"type": "integer", "minimum": 1}},
        },
    },
    {"step_type": "free"},
]


def test_registered_types_are_known_with_their_schemas_and_versions() -> None:
    schema = workflow_schema(builtin_catalogue().with_registered(REGISTERED).step_types())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def is_taken(step_type: str, config: Any) -> bool:
        return bool(validator.is_valid({"steps": [{"step_type": step_type, "config": config}]}))

    assert is_taken("score", {"limit": 1})
    assert not is_taken("score", {"limit": 0})
    assert not is_taken("score", {"limt": 1})
    assert is_taken("score@3", {"limt": 1})  # another version may have had another schema
    assert is_taken("free", {"any": 1})
    assert not is_taken("scor", {})
    assert not is_taken("data_input@2", {})


def test_references_of_a_registered_schema_lead_where_its_author_means() -> None:
    wide = {f"field_{i}": {"type": "integer", "description": "A number that is needed here."} for i in range(9)}
    schema = {
        "type": "object",
        "properties": {
            "default": {"$ref": "#/$defs/Limit"},
            "first": {"type": "object", "properties": wide},
            "second": {"type": "object", "properties": wide},
            "third": {"$ref": "#/properties/second/properties/field_8"},
            "named": {"$ref": "#limit"},
            "old": {"$ref": "#/definitions/title"},
            "again": {"$ref": "#"},
        },
        "$defs": {"Limit": {"$anchor": "limit", "type": "integer", "minimum": 1}},
        "definitions": {"title": {"type": "boolean"}},
    }
    types = [{"step_type": name, "config_schema": schema} for name in ("one", "two")]
    validator = jsonschema.Draft202012Validator(
        workflow_schema(builtin_catalogue().with_registered(types).step_types())
    )
    right = {"default": 1, "first": {"field_1": 1}, "third": 1, "named": 1, "old": True, "again": {"named": 2}}
    for name in ("one", "two"):
        assert validator.is_valid({"steps": [{"step_type": name, "config": right}]})
        for field, wrong in (("default", 0), ("third", "x"), ("named", 0), ("old", 1), ("again", {"named": 0})):
            assert not validator.is_valid({"steps": [{"step_type": name, "config": {**right, field: wrong}}]}), field


# --- what editors show ---


def fields_of(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every field that a schema describes, with its place."""
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            yield f"{place}.{name}", field
        for key, inner in schema.items():
            if key not in ("if", "then", "else", "allOf", "not", "examples", "default", "enum"):
                yield from fields_of(inner, place if key in ("properties", "$defs") else f"{place}.{key}")
    elif isinstance(schema, list):
        for inner in schema:
            yield from fields_of(inner, place)


def test_every_field_of_the_language_is_described() -> None:
    for model in MODELS:
        assert FIELDS[model.__name__].keys() == {f.alias or name for name, f in model.model_fields.items()}
        for name, words in FIELDS[model.__name__].items():
            assert words.description.endswith((".", ")", "`")), (model, name)


def says_what_may_stand(field: Any) -> bool:
    """Whether an author learns from a field's type, default or example what may stand in it."""
    told = {"enum", "const", "default", "examples", "$ref", "not"} & field.keys()
    return bool(told) or field.get("type") == "boolean"


@pytest.mark.parametrize("step_type", builtin_catalogue().step_types(), ids=lambda step_type: step_type.name)
def test_every_field_of_a_configuration_is_described_with_a_default_or_an_example(step_type: Any) -> None:
    assert step_type.description.endswith(".")
    if step_type.name not in ("map", "loop", "switch"):  # whose fields are those of the models
        for place, field in fields_of(step_type.config_schema):
            assert field["description"].endswith((".", "`")), place
            assert "default:" not in field["description"].lower(), (place, "stands in `default`")
            assert says_what_may_stand(field), place


def test_every_default_and_every_example_fits_its_own_field() -> None:
    root = jsonschema.Draft202012Validator(SCHEMA)
    checked = 0
    for place, field in fields_of(SCHEMA):
        given = [*field.get("examples", ()), *([field["default"]] if "default" in field else [])]
        for value in given:
            assert root.evolve(schema={"$defs": SCHEMA["$defs"], **field}).is_valid(value), (place, value)
            checked += 1
    assert checked > 150


def test_no_title_leaks_as_a_proposal() -> None:
    assert [place for place, field in fields_of(SCHEMA) if "title" in field] == []
    assert "title" not in SCHEMA
    assert [name for name, definition in SCHEMA["$defs"].items() if "title" in definition] == []


def test_step_types_are_a_closed_list_with_a_description_each() -> None:
    names = SCHEMA["$defs"]["Step"]["properties"]["step_type"]
    assert len(names["enum"]) == len(names["markdownEnumDescriptions"]) == len(list(builtin_catalogue().names()))
    assert all(names["markdownEnumDescriptions"])


def test_a_field_that_may_be_null_is_no_union() -> None:
    unions = [place for place, field in fields_of(SCHEMA) if {"type": "null"} in field.get("anyOf", ())]
    assert unions == []


def test_every_reference_leads_to_a_definition() -> None:
    text = json.dumps(SCHEMA)
    for part in text.split('"$ref": "#/$defs/')[1:]:
        node = SCHEMA["$defs"]
        for segment in part.split('"')[0].split("/"):
            node = node[segment]
