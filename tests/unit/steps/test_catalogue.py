"""The catalogue of step types and the schemas in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from workflow_engine.compiler.catalogue import (
    CompilerCatalogue,
    ContainerLowering,
    PureLowering,
    TaskLowering,
    WaitLowering,
)
from workflow_engine.errors import FINAL_STEP_ERRORS
from workflow_engine.steps import StepType, builtin_catalogue

BUILTIN = builtin_catalogue().step_types()
AVAILABLE = [step_type for step_type in BUILTIN if step_type.available]


def errors_of(step_type: str, config: Mapping[str, Any]) -> list[str]:
    found = builtin_catalogue().find(step_type)
    assert found is not None
    return [error.message for error in Draft202012Validator(found.config_schema).iter_errors(config)]


def objects_in(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and those of its properties that describe objects of known fields."""
    if "properties" in schema and schema.get("type") == "object":
        yield schema
        for part in schema["properties"].values():
            yield from objects_in(part)


def test_the_catalogue_is_what_the_compiler_asks_for() -> None:
    catalogue: CompilerCatalogue = builtin_catalogue()

    assert catalogue.find("data_input") is not None
    assert catalogue.find("unheard_of") is None
    assert {"agent", "agent_execution", "map", "delay"} <= set(catalogue.names())


def test_an_alias_finds_the_type() -> None:
    agent = builtin_catalogue().find("agent")

    assert agent is not None
    assert agent.name == "agent_execution"


@pytest.mark.parametrize("step_type", BUILTIN, ids=lambda t: t.name)
def test_schemas_are_valid_and_described(step_type: StepType) -> None:
    Draft202012Validator.check_schema(step_type.config_schema)
    Draft202012Validator.check_schema(step_type.output_schema)
    assert step_type.description
    for schema in (*objects_in(step_type.config_schema), *objects_in(step_type.output_schema)):
        assert schema["additionalProperties"] is False
        assert all({"title", "description"} <= set(part) for part in schema["properties"].values())


@pytest.mark.parametrize("step_type", AVAILABLE, ids=lambda t: t.name)
def test_an_unknown_config_field_is_refused(step_type: StepType) -> None:
    assert errors_of(step_type.name, {"processing_typ": 1})


def test_every_step_type_is_available_and_one_of_a_later_version_would_not_be_lowered() -> None:
    assert list(BUILTIN) == AVAILABLE
    with pytest.raises(ValueError, match="not available"):
        replace(BUILTIN[0], available=False).lowering({})


@pytest.mark.parametrize(
    ("step_type", "config", "lowering"),
    [
        ("trigger", {}, PureLowering),
        ("input", {}, PureLowering),
        ("data_input", {"data": 1}, PureLowering),
        ("data_processing", {}, PureLowering),
        ("data_processing", {"processing_type": "filter", "options": {"filter_key": "a"}}, PureLowering),
        ("data_merge", {}, PureLowering),
        ("merge", {}, PureLowering),
        ("output", {}, PureLowering),
        ("delay", {"delay_seconds": 1}, WaitLowering),
        ("map", {"items": "a.data"}, ContainerLowering),
        ("loop", {"until": "a.data"}, ContainerLowering),
        ("switch", {}, ContainerLowering),
        ("prompt", {"query_template": "Hi"}, PureLowering),
        ("prompt", {"prompt_id": "greeting"}, TaskLowering),
        ("agent_execution", {"agent_id": "helper"}, TaskLowering),
        ("agent", {"agent_config": {"model": "gpt-4o-mini"}, "query": "Hi"}, TaskLowering),
        ("tool_execution", {"tool_name": "calculator"}, TaskLowering),
        ("http_request", {"url": "https://api.example.com/{{ a.id }}"}, TaskLowering),
        ("transform", {"expression": "$sum(a)"}, PureLowering),
        ("file_reader", {"file_path": "{{ input.file }}", "max_characters": 10}, TaskLowering),
        ("text_chunking", {"strategy": "tokens", "chunk_size": 10, "overlap": 0, "model": "gpt-4o"}, TaskLowering),
        ("embedding_generation", {"provider": "openai", "dimensions": 64, "batch_size": 5}, TaskLowering),
        ("vector_storage", {"storage_type": "in_memory", "collection_name": "a", "metadata": {"x": 1}}, TaskLowering),
        ("vector_search", {"query": "x", "top_k": 3, "filter": {"a": 1}, "min_score": 0.5}, TaskLowering),
        *(
            ("data_processing", {"processing_type": name}, TaskLowering)
            for name in ("uppercase", "lowercase", "word_count", "sentiment_analysis", "transform")
        ),
    ],
)
def test_each_type_is_lowered_as_designed(step_type: str, config: dict[str, Any], lowering: type) -> None:
    found = builtin_catalogue().find(step_type)

    assert found is not None
    assert errors_of(step_type, config) == []
    assert isinstance(found.lowering(config), lowering)


@pytest.mark.parametrize(
    ("step_type", "config"),
    [
        ("data_input", {"input_type": "live"}),
        ("data_input", {"input_type": "dynamic", "source": "a..b"}),
        ("data_input", {"input_type": "dynamic", "source": "a" + ".a" * 19}),
        ("data_processing", {"processing_type": "filter"}),
        ("data_processing", {"processing_type": "filter", "options": {}}),
        ("data_processing", {"processing_type": "transform", "options": {"transformation": "reverse"}}),
        ("data_merge", {"merge_strategy": "zip"}),
        ("merge", {"mode": "any"}),
        ("delay", {"delay_seconds": -1}),
        ("delay", {"delay_seconds": 31_536_001}),
        ("delay", {"delay_seconds": 1, "until": "2030-01-01T00:00:00Z"}),
        ("delay", {"until": "2030-01-01"}),
        ("loop", {"while": "a", "until": "b"}),
        ("map", {"items": "a", "max_items": 0}),
        ("prompt", {}),
        ("prompt", {"query_template": "x", "temperature": 3}),
        ("agent_execution", {"agent_id": "a", "agent_config": {"model": "m"}}),
        ("agent_execution", {"agent_config": {"provider_type": "opnai_textgen"}}),
        ("agent_execution", {"agent_config": {"model": "m", "tools": [{"type": "lambda", "name": "x"}]}}),
        ("agent_execution", {"model": "m", "budget": {}}),
        ("agent_execution", {"model": "m", "conversation_history": [{"role": "robot", "content": "x"}]}),
        ("http_request", {}),
        ("http_request", {"url": "https://a.example", "method": "TRACE"}),
        ("http_request", {"url": "https://a.example", "expect": 200}),
        ("http_request", {"url": "https://a.example", "auth": {"type": "bearer", "secret": "hunter2"}}),
        ("http_request", {"url": "https://a.example", "pagination": {"type": "link", "max_pages": 101}}),
        ("tool_execution", {}),
        ("tool_execution", {"tool_name": "x", "param_mapping": {"a": 1}}),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused(step_type: str, config: dict[str, Any]) -> None:
    assert errors_of(step_type, config)


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (
            {"agent_config": {"model": "gpt-5", "response_schema": {"type": "objct"}}},
            ("agent_config", "response_schema", "type"),
        ),
        ({"model": "gpt-5", "response_schema": {"$ref": "https://example.com/x"}}, ("response_schema", "$ref")),
        (
            {"model": "gpt-5", "tools": [{"type": "step", "name": "s", "parameters": {"pattern": "(?=a)"}}]},
            ("tools", 0, "parameters", "pattern"),
        ),
        ({"tools": ["calculator", "builtin:nope"]}, ("tools", 1)),
        ({"agent_config": {"tools": ["Agent:x"]}}, ("agent_config", "tools", 0)),
        ({"model": "gpd-4o"}, ("model",)),
        ({"agent_config": {"model": "llama3"}}, ("agent_config", "model")),
        ({"agent_id": "a", "providers": [{"model": "llama3"}]}, ("providers", 0, "model")),
    ],
)
def test_what_the_schema_of_agents_cannot_say_is_examined(config: dict[str, Any], place: tuple[str | int, ...]) -> None:
    agent = builtin_catalogue().find("agent")
    assert agent is not None
    assert errors_of("agent", config) == []
    assert [path for path, _ in agent.examine(config)] == [place]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"query": "Hi"},
        {"agent_config": {"agent_name": "N"}},
        {"agent_config": {"provider_type": "on-prem_textgen"}, "model": "llama3"},
        {"agent_config": {"model": "llama3"}, "provider_type": "on-prem_textgen"},
        {"agent_config": {"model": "llama3"}, "model": "gpt-5"},
        {"agent_id": "a", "model": "llama3"},
    ],
)
def test_an_agent_may_leave_to_others_who_is_asked(config: dict[str, Any]) -> None:
    agent = builtin_catalogue().find("agent")
    assert agent is not None
    assert (errors_of("agent", config), list(agent.examine(config))) == ([], [])


def test_a_misspelt_built_in_tool_is_refused_with_the_right_one() -> None:
    tool = builtin_catalogue().find("tool_execution")
    assert tool is not None
    (path, told), *_ = tool.examine({"tool_name": "builtin:calculater"})
    assert path == ("tool_name",)
    assert told.startswith("'builtin:calculater' is not a built-in tool. Did you mean 'calculator'?")


def test_a_registered_type_is_a_task_on_its_own_function() -> None:
    schema = {"type": "object", "required": ["language"]}
    catalogue = builtin_catalogue().with_registered(
        [{"step_type": "ocr", "config_schema": schema, "timeout_seconds": 90}, {"step_type": "plain", "tags": ["x"]}]
    )
    ocr, plain = catalogue.find("ocr"), catalogue.find("plain")

    assert ocr is not None
    assert plain is not None
    of_anybody: dict[str, Any] = {"transient_errors": ("StepTransientError",), "final_errors": FINAL_STEP_ERRORS}
    assert ocr.lowering({"language": "en"}) == TaskLowering("ocr", 90, **of_anybody)
    assert ocr.config_schema == schema
    assert plain.lowering({}) == TaskLowering("plain", None, **of_anybody)
    assert plain.config_schema == {"type": "object"}
    assert builtin_catalogue().find("ocr") is None


@pytest.mark.parametrize("taken", ["delay", "agent", "subflow"])
def test_a_registration_cannot_take_a_name_of_the_language(taken: str) -> None:
    with pytest.raises(ValueError, match=taken):
        builtin_catalogue().with_registered([{"step_type": taken}])


def test_the_description_of_the_catalogue_is_json_and_names_each_type_once() -> None:
    described = builtin_catalogue().with_registered([{"step_type": "ocr"}]).describe()

    assert json.loads(json.dumps(described)) == described
    names = [entry["step_type"] for entry in described]
    assert len(names) == len(set(names))
    assert described[-1]["kind"] == "registered"
    assert {entry["kind"] for entry in described[:-1]} == {"builtin"}
