from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from infra import openapi
from infra.catalog import FUNCTIONS
from infra.openapi import CONDITIONAL, PROSE, operation_id
from workflow_engine.http.api import OPERATIONS

GENERATED = Path(__file__).parents[2] / "infra" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def test_no_name_is_written_twice_in_what_is_written_by_hand() -> None:
    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), [name for name, _ in pairs]
        return dict(pairs)

    json.loads(Path(openapi.__file__).with_name("prose.json").read_text(encoding="utf-8"), object_pairs_hook=members)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def part(document: dict[str, Any], value: dict[str, Any]) -> Any:
    """A part of the document, or what it refers to."""
    return component(document, value["$ref"]) if "$ref" in value else value


def component(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for segment in reference.removeprefix("#/").split("/"):
        found = found[segment]
    return found


def validator(document: dict[str, Any], name: str) -> Draft202012Validator:
    """A validator of a component's schema, whose references are resolved within the document."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


def test_the_generated_file_is_up_to_date(document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    assert GENERATED.read_text(encoding="utf-8") == text, "run: python -m infra.openapi > infra/openapi.json"


def test_words_are_written_for_every_route_and_for_nothing_else() -> None:
    assert set(PROSE["operations"]) == set(OPERATIONS)
    names = {query.name for o in OPERATIONS.values() for query in o.query}
    names |= {"Idempotency-Key", "If-Match", "If-None-Match"}
    assert set(PROSE["parameters"]) == names | {n for o in OPERATIONS.values() for n in re.findall(r"{\w+}", o.path)}


def test_every_route_is_documented(document: dict[str, Any]) -> None:
    documented = {f"{method.upper()} {path}" for method, path, _ in operations(document)}
    assert documented == {route.key for f in FUNCTIONS for route in f.routes if route.method}


def test_what_a_route_takes_is_documented(document: dict[str, Any]) -> None:
    """What the resolver refuses, and what it lets pass, stands in the document."""
    for _, path, operation in operations(document):
        declared = next(o for o in OPERATIONS.values() if operation_id(o) == operation["operationId"])
        given = [part(document, p)["name"] for p in operation.get("parameters", [])]
        key = ["Idempotency-Key"] if declared.takes_key else []
        tags = CONDITIONAL.get(declared.method, ()) if declared.has_etag else ()
        assert given == [*re.findall(r"{(\w+)}", path), *(query.name for query in declared.query), *key, *tags]


def test_every_operation_says_that_it_may_be_throttled_and_that_it_refuses_unknown_parameters(
    document: dict[str, Any],
) -> None:
    for _, _, operation in operations(document):
        assert {"422", "429", "500"} <= set(operation["responses"])
    throttled = document["components"]["responses"]["429"]
    assert set(throttled["content"]) == {"application/problem+json", "application/json"}
    assert "Retry-After" in throttled["headers"]


def test_security_is_that_of_each_kind_of_deployment(document: dict[str, Any]) -> None:
    assert document["security"] == [{"sigv4": []}, {"jwt": []}, {}]
    schemes = document["components"]["securitySchemes"]
    assert schemes["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert (schemes["jwt"]["type"], schemes["jwt"]["scheme"]) == ("http", "bearer")
    unsigned = [path for _, path, operation in operations(document) if operation.get("security") == []]
    open_ = ["/health", "/console", "/console/config.json", "/console/{file}"]
    assert unsigned == open_
    for _, path, operation in operations(document):
        assert ({"401", "403"} <= set(operation["responses"])) == (path not in open_)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        assert component(document, reference) is not None


def test_operations_are_complete(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for _, _, operation in operations(document):
        assert operation["summary"]
        assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}
        assert any(status.startswith("2") for status in operation["responses"])
        for status, answer in operation["responses"].items():
            answer = part(document, answer)
            assert answer["description"]
            if status >= "4":
                assert set(answer["content"]) <= {"application/problem+json", "application/json"}


def test_component_names_are_allowed(document: dict[str, Any]) -> None:
    for names in document["components"].values():
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


def test_every_schema_is_a_json_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def contents(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Route, media type and content of every body and every answer."""
    for method, path, operation in operations(document):
        for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media_type, content in part(document, holder).get("content", {}).items():
                yield f"{method} {path}", media_type, content


def test_every_body_and_answer_in_json_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for route, media_type, content in contents(document):
        if (
            route == "get /openapi.json" and "example" not in content
        ):  # an example of the document would be the document
            continue
        if "json" in media_type:
            name = content["schema"]["$ref"].rsplit("/", 1)[-1]
            error = best_match(validator(document, name).iter_errors(content["example"]))
            assert error is None, f"{route}: {error}"


def test_no_example_is_written_in_vain(document: dict[str, Any]) -> None:
    shown = {content["schema"]["$ref"].rsplit("/", 1)[-1] for _, _, content in contents(document)}
    assert set(PROSE["examples"]) <= shown


def test_schemas_are_in_a_form_that_generators_of_clients_take(document: dict[str, Any]) -> None:
    """No schema that is true or false, no list without items, no rule between fields."""

    def walk(schema: Any) -> Iterator[dict[str, Any]]:
        assert isinstance(schema, dict), schema
        yield schema
        for inner in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
            yield from walk(inner)
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                yield from walk(schema[key])

    for name, component_schema in document["components"]["schemas"].items():
        for schema in walk(component_schema):
            assert not {"if", "then", "else", "not", "allOf", "oneOf", "title", "$defs", "described"} & set(schema), (
                name
            )
            assert schema.get("type") != "array" or isinstance(schema["items"], dict), name


def test_a_request_may_carry_what_a_run_needs(document: dict[str, Any]) -> None:
    workflow = PROSE["examples"]["ExecuteRequest"]
    check = validator(document, "ExecuteRequest")
    assert check.is_valid(workflow | {"input": {"a": 1}, "session_id": "s"})
    assert check.is_valid({"workflow": workflow, "input": [1]})
    assert not check.is_valid({"input": {}})
