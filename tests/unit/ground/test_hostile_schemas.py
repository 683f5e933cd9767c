"""Every kind of schema that a client can send, with schemas that try to reach something: nothing is fetched or read, each is
refused with its place, and where one arrives unchecked (from a store, from an MCP server) nothing happens but no check.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.request import ResponseFormat
from llm_gateway.sampling import CannotSampleError, sample
from llm_gateway.structured import NotAsAskedError, parsed
from workflow_engine.errors import InvalidRequestError
from workflow_engine.language import parse_workflow
from workflow_engine.language.findings import Findings
from workflow_engine.steps import builtin_catalogue
from workflow_engine.usecases.agents import check_agent
from workflow_engine.usecases.bodies.check_input import check_input
from workflow_engine.usecases.bodies.run import WorkflowRunFields

SECRET = "the-content-of-the-file"  # a marker, no secret

SCHEMAS: dict[str, Callable[[str], dict[str, Any]]] = {
    "$ref": lambda address: {"$ref": address},
    "$ref within": lambda address: {"properties": {"a": {"items": {"$ref": address}}}},
    "$dynamicRef": lambda address: {"$dynamicRef": address},
    "$id and a relative $ref": lambda address: {"$id": address, "$ref": "other.json"},
    "inner $id and a pointer": lambda address: {"allOf": [{"$id": address, "$ref": "#/a"}]},
    "$schema": lambda address: {"$schema": address, "type": "object"},
    "inner $schema": lambda address: {"properties": {"a": {"$schema": address}}},
    "nowhere": lambda _address: {"$ref": "#/nope"},
    "endless": lambda _address: {"anyOf": [{"$ref": "#"}]},
    "lookahead": lambda _address: {"properties": {"a": {"pattern": "(?=a)"}}},
    "huge pattern": lambda _address: {"patternProperties": {"a" * 100_000: {}}},
    "deep": lambda _address: _deep(200),
}


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[str]]]:
    """An address that gives a schema, and the requests that it got."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "integer"}')

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/schema.json", requests
    http.shutdown()
    http.server_close()
    thread.join(5)


@pytest.fixture(params=["http", "file"])
def address(request: pytest.FixtureRequest, server: tuple[str, list[str]], tmp_path: Path) -> str:
    """Where a schema would lead to."""
    if request.param == "http":
        return server[0]
    path = tmp_path / "schema.json"
    path.write_text(f'{{"enum": ["{SECRET}"]}}')
    return path.as_uri()


def _of_the_workflow(schema: Any) -> list[tuple[str, str]]:
    return _diagnosed({"input_schema": schema})


def _of_a_step(place: dict[str, Any]) -> list[tuple[str, str]]:
    step = {"step_id": "ask", "step_type": "agent_execution", "config": {"query": "q", "model": "gpt-4o", **place}}
    return _diagnosed({"steps": [step]})


def _diagnosed(fields: dict[str, Any]) -> list[tuple[str, str]]:
    document = {"name": "w", "steps": [{"step_id": "a", "step_type": "data_input"}], **fields}
    found = parse_workflow(document, builtin_catalogue()).diagnostics
    return [(d.pointer, d.detail) for d in found if d.severity == "error"]


def _of_an_agent(fields: dict[str, Any]) -> list[tuple[str, str]]:
    findings = Findings()
    check_agent.examine({"agent_name": "a", **fields}, findings)
    return [(d.pointer, d.detail) for d in findings.in_document_order({})]


def _of_a_tool(schema: Any) -> dict[str, Any]:
    return {"tools": [{"type": "step", "name": "s", "parameters": schema}]}


KINDS: dict[str, tuple[Callable[[Any], list[tuple[str, str]]], str]] = {
    "input_schema": (_of_the_workflow, "/input_schema"),
    "response_schema of a step": (lambda s: _of_a_step({"response_schema": s}), "/steps/0/config/response_schema"),
    "response_schema of an inline agent": (
        lambda s: _of_a_step({"agent_config": {"model": "m", "response_schema": s}}),
        "/steps/0/config/agent_config/response_schema",
    ),
    "parameters of a step's tool": (lambda s: _of_a_step(_of_a_tool(s)), "/steps/0/config/tools/0/parameters"),
    "response_schema of an agent": (lambda s: _of_an_agent({"response_schema": s}), "/response_schema"),
    "parameters of an agent's tool": (lambda s: _of_an_agent(_of_a_tool(s)), "/tools/0/parameters"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCHEMAS)
def test_a_hostile_schema_is_refused_where_it_stands_and_reaches_nothing(
    kind: str, name: str, address: str, server: tuple[str, list[str]]
) -> None:
    refuse, place = KINDS[kind]

    found = refuse(SCHEMAS[name](address))

    assert len(found) == 1
    assert found[0][0].startswith(place) or name == "deep"  # a document that deep is refused as a whole
    assert found[0][1].endswith(".")
    assert SECRET not in str(found)
    assert server[1] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_start_of_a_workflow_that_was_saved_with_such_a_schema_is_no_crash(
    name: str, address: str, server: tuple[str, list[str]]
) -> None:
    said = []
    values: tuple[Any, ...] = ({"a": ["x"]}, "x", [[[]]])
    for value in values:
        try:
            check_input(WorkflowRunFields(input=value), SCHEMAS[name](address))
        except InvalidRequestError as error:
            said += error.errors
    assert SECRET not in str(said)
    assert server[1] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_answers_of_models_are_held_against_such_a_schema_without_reaching_anything(
    name: str, address: str, server: tuple[str, list[str]]
) -> None:
    schema = SCHEMAS[name](address)
    said = ""
    try:
        parsed('{"a": []}', ResponseFormat(schema))
        sample(schema, "seed")
    except (NotAsAskedError, CannotSampleError) as error:
        said = str(error)
    assert SECRET not in said
    assert server[1] == []


@pytest.mark.parametrize(
    "schema",
    [
        {"minItems": 1000, "items": {"minItems": 1000, "items": {"minItems": 1000}}},
        {"required": list("abcdefgh"), "properties": {n: {"$ref": "#"} for n in "abcdefgh"}},
        {"minLength": 10**12},
        {"minimum": 1e308, "multipleOf": 1e-300},
    ],
)
def test_a_simulated_answer_has_an_end(schema: dict[str, Any]) -> None:
    with pytest.raises(CannotSampleError, match=r"Give (it|the schema) a 'default' or 'examples'"):
        sample(schema, "seed")


def test_our_own_schemas_keep_to_the_same_rules() -> None:
    from agent_tools.builtin import BUILTIN_TOOLS
    from workflow_engine.agents.schema import AGENT_CONFIG, AGENT_DOCUMENT
    from workflow_engine.json_schema import schema_problem

    schemas = [d[kind] for d in builtin_catalogue().describe() for kind in ("config_schema", "output_schema")]
    schemas += [AGENT_CONFIG, AGENT_DOCUMENT, *(tool.parameters for tool in BUILTIN_TOOLS.values())]

    assert [schema_problem(schema) for schema in schemas] == [None] * len(schemas)


def test_an_input_that_is_started_without_a_check_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    check_input(WorkflowRunFields(input={"a": 1}), {"$ref": "#/nope"})

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "input is not checked, its schema was saved under older rules"
    ]
