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

GENERATED = Path(__file__).parents[2] / "infra" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


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


def test_every_route_is_documented_and_nothing_else() -> None:
    assert {route.key for f in FUNCTIONS for route in f.routes if route.method} == set(openapi.OPERATIONS)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        assert component(document, reference) is not None


def test_operations_are_complete(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))
    for _, path, operation in operations(document):
        assert operation["summary"]
        assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}
        given = [p["name"] for p in operation.get("parameters", []) if p.get("in") == "path"]
        assert given == re.findall(r"{(\w+)}", path)
        assert any(status.startswith("2") for status in operation["responses"])
        for status, answer in operation["responses"].items():
            assert answer["description"]
            if status >= "4":
                assert list(answer["content"]) == ["application/problem+json"]


def test_component_names_are_allowed(document: dict[str, Any]) -> None:
    for names in document["components"].values():
        assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in names)


def test_every_schema_is_a_json_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    shown = 0
    for _, _, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rsplit("/", 1)[-1]
            for example in content.get("examples", {}).values():
                error = best_match(validator(document, name).iter_errors(example["value"]))
                assert error is None, error
                shown += 1
    assert shown >= 4


def test_a_request_may_carry_what_a_run_needs(document: dict[str, Any]) -> None:
    workflow = json.loads(openapi.EXAMPLE.read_text(encoding="utf-8"))
    check = validator(document, "ExecuteRequest")
    assert check.is_valid(workflow | {"input": {"a": 1}, "session_id": "s"})
    assert check.is_valid({"workflow": workflow, "input": [1]})
    assert not check.is_valid({"input": {}})
