"""The JSON Schema (2020-12) of a workflow, for editors and for whoever checks a file without the service.

    workflow_schema(builtin_catalogue().step_types())

It takes every document that the service takes, and refuses what can be seen without knowing the names in a document: fields,
types, ranges, step types, configurations, the shape of conditions and sources, and in texts what no text of the language has
(`texts`). What it cannot see (references that lead nowhere, ids that are taken, cycles) the service tells.

Closed: it knows these step types and no others. Keywords that JSON Schema does not have (`markdownDescription`,
`markdownEnumDescriptions`, `patternErrorMessage`, `errorMessage`, `defaultSnippets`) are those of the language servers for JSON and
YAML that VS Code, Neovim and others use; validators pass them over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from workflow_engine.language.document import WorkflowDocument
from workflow_engine.language.schema import steps, values
from workflow_engine.language.schema.models import model_schema
from workflow_engine.language.schema.sharing import shared
from workflow_engine.language.schema.steps import PublishedType
from workflow_engine.language.schema.words import Schema, of_part

__all__ = ["PublishedType", "Schema", "render_schema", "workflow_schema"]

SCHEMA_ID: Final = "urn:workflow-engine:workflow"

_SNIPPETS: Final = [
    {
        "label": "workflow",
        "description": "A workflow of one step.",
        "body": {"name": "$1", "steps": [{"step_id": "$2", "step_type": "$3"}]},
    }
]
_STEP_SNIPPETS: Final = [
    {
        "label": "step",
        "description": "A step that reads another one.",
        "body": {"step_id": "$1", "step_type": "$2", "input_mapping": {"$3": "$4"}, "config": {}},
    }
]


def workflow_schema(step_types: Iterable[PublishedType]) -> Schema:
    """The schema for workflows of these step types."""
    types = list(step_types)
    root = model_schema(WorkflowDocument)
    fields: dict[str, Any] = root["properties"]
    fields["steps"] = steps.distinct_steps({**fields["steps"], "items": steps.root_steps()})
    of_failure = [{"$ref": f"#/$defs/{name}"} for name in ("Step", "OutsideOfContainers", "FailureStep")]
    fields["on_failure"] = steps.distinct_steps({**fields["on_failure"], "items": {"allOf": of_failure}})
    defined = {**steps.definitions(types), **values.definitions()}
    defined["Step"]["defaultSnippets"] = _STEP_SNIPPETS
    defined["OutsideOfContainers"] = steps.outside_of_containers()
    return shared(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": SCHEMA_ID,
            **of_part("Workflow"),
            **root,
            "defaultSnippets": _SNIPPETS,
            "$defs": defined,
        },
        untouched=steps.names_of_registered(types),
    )


def render_schema(schema: Schema) -> str:
    """A schema as the text of a file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
