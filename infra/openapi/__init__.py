"""The OpenAPI 3.1 document of the API, made offline: `python -m infra.openapi > infra/openapi.json`.

What is served comes from `workflow_engine.http.api`, what bodies and answers look like from the types that the code itself uses
(`infra.openapi.schemas`). Only words and examples are written for the document: `prose.json` beside this module.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from infra.openapi.schemas import Schema, Schemas
from workflow_engine.http.api import OPERATIONS
from workflow_engine.http.operation import Operation, Query
from workflow_engine.http.problem import CONTENT_TYPE, Problem

PROSE: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("prose.json").read_text(encoding="utf-8"))
"""`operations` has a summary for each route, or `{summary, description}`; `parameters` descriptions and examples, those of
paths in braces; `examples` a value for each body and answer, by its schema's name; `problems` a code and a sentence a status.
"""

SECURITY: Final[dict[str, Schema]] = {
    "sigv4": {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"},
    "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}

BY_GATEWAY: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
"""What API Gateway answers by itself, in a form of its own."""
CONDITIONAL: Final = {"GET": ("If-None-Match",), "PUT": ("If-Match", "If-None-Match"), "DELETE": ("If-Match",)}
"""The headers that compare an ETag, by method."""
WRITTEN_BY_HAND: Final = frozenset(
    OPERATIONS[name].body
    for name in ("execute_workflow", "create_workflow", "create_agent", "create_prompt", "register_step")
)
"""Bodies that people keep in files, so that YAML is declared for them. Every route that takes JSON takes it (`http.body`); declared
everywhere it would make a second type of each body in generated clients.
"""
RETRIED: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    schemas = Schemas()
    paths: dict[str, Any] = {}
    for operation in OPERATIONS.values():
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    statuses = sorted({status for operation in OPERATIONS.values() for status in operation.problems})
    queries = {query.name: query for operation in OPERATIONS.values() for query in operation.query}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Unified Workflow Execution Engine", "version": "1", "description": PROSE["description"]},
        # Relative to the document, since a domain of one's own may map the API to a path below its root.
        "servers": [{"url": ".", "description": PROSE["server"]}],
        # One of them, by deployment: the document that a server serves names its own.
        "security": [*({name: []} for name in SECURITY), {}],
        "tags": [{"name": name, "description": description} for name, description in PROSE["tags"].items()],
        "paths": paths,
        "components": {
            "securitySchemes": {name: s | {"description": PROSE["security"][name]} for name, s in SECURITY.items()},
            "parameters": {
                **{name: _query(query, schemas) for name, query in queries.items()},
                "Idempotency-Key": _parameter("Idempotency-Key", "header", {"type": "string", "maxLength": 255}),
                **{name: _parameter(name, "header", {"type": "string"}) for name in ("If-Match", "If-None-Match")},
            },
            "responses": {str(status): _problem(HTTPStatus(status), schemas) for status in statuses},
            "schemas": schemas.components,
        },
    }


def operation_id(operation: Operation) -> str:
    """`executeWorkflow` of `execute_workflow`."""
    first, *others = operation.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _operation(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    words = PROSE["operations"][operation.name]
    described: dict[str, Any] = {
        "operationId": operation_id(operation),
        "tags": ["service" if operation.is_about_itself else operation.root],
        **({"summary": words} if isinstance(words, str) else words),
    }
    names = [segment for segment in operation.path.split("/") if segment.startswith("{")]
    shared = [query.name for query in operation.query] + (["Idempotency-Key"] if operation.takes_key else [])
    shared += CONDITIONAL.get(operation.method, ()) if operation.has_etag else ()
    parameters = [
        *(_parameter(name, "path", {"type": "string"}) for name in names),
        *({"$ref": f"#/components/parameters/{name}"} for name in shared),
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.is_open:
        described["security"] = []
    if operation.body is not None:
        content = {"application/json": _content(schemas.body(operation.body))}
        if operation.body in WRITTEN_BY_HAND:
            content["application/yaml"] = content["application/json"]
        if operation.form is not None:
            content["multipart/form-data"] = _content(schemas.form(operation.form, PROSE["forms"][operation.form]))
        described["requestBody"] = {"required": operation.body_required, "content": content}
    answers = {str(status): _answer(status, name, operation, schemas) for status, name in operation.answers.items()}
    problems = {str(status): {"$ref": f"#/components/responses/{status}"} for status in operation.problems}
    described["responses"] = dict(sorted((answers | problems).items()))
    return described


def _parameter(name: str, place: str, schema: Schema) -> dict[str, Any]:
    plain = name.strip("{}")
    return {
        "name": plain,
        "in": place,
        **({"required": True} if place == "path" else {}),
        **PROSE["parameters"][name],
    } | {"schema": schema}


def _query(query: Query, schemas: Schemas) -> dict[str, Any]:
    match query.kind:
        case "number":
            schema: Schema = {"type": "integer", "minimum": query.low, "maximum": query.high}
        case "flag":
            schema = {"type": "boolean", "default": False}
        case _:
            schema = schemas.answer(query.shape) if query.shape else {"type": "string"}
    return _parameter(query.name, "query", schema)


def _content(schema: Schema) -> dict[str, Any]:
    name = schema["$ref"].rpartition("/")[2]
    return {"schema": schema, "example": PROSE["examples"][name]} if name in PROSE["examples"] else {"schema": schema}


def _answer(status: int, name: str | None, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if name is not None:
        answer["content"] = {operation.media_type: _content(schemas.answer(name))}
    if operation.has_etag and operation.method != "DELETE":
        answer["headers"] = {"ETag": {"description": PROSE["etag"], "schema": {"type": "string"}}}
    if status == HTTPStatus.SEE_OTHER:
        answer["headers"] = {"Location": {"description": PROSE["location"], "schema": {"type": "string"}}}
    return answer


def _problem(status: HTTPStatus, schemas: Schemas) -> dict[str, Any]:
    contents: dict[str, Any] = {}
    if words := PROSE["problems"].get(str(status.value)):
        example = Problem(status, **words).as_dict()
        contents[CONTENT_TYPE] = {"schema": schemas.answer("Problem"), "example": example}
    if status in BY_GATEWAY:
        contents["application/json"] = _content(schemas.answer("GatewayRefusal"))
    answer: dict[str, Any] = {"description": status.phrase, "content": contents}
    if status in RETRIED:
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer
