"""Schemas of what the API answers and takes, for the OpenAPI document. JSON Schema 2020-12, as OpenAPI 3.1 wants it.

The workflow itself is not here: its schema is generated from the language's models.
"""

from __future__ import annotations

from typing import Any, Final

from workflow_engine.statuses import RUN_STATUSES, STEP_STATUSES

Schema = dict[str, Any]


def text(description: str = "", **more: Any) -> Schema:
    """A string."""
    return {"type": "string"} | ({"description": description} if description else {}) | more


def nullable(schema: Schema) -> Schema:
    """A value that may be null."""
    return schema | {"type": [schema["type"], "null"]}


def record(properties: Schema, *, optional: tuple[str, ...] = (), description: str = "") -> Schema:
    """An object whose properties are all there but the optional ones. Clients must bear with further ones."""
    required = [name for name in properties if name not in optional]
    head: Schema = {"type": "object", "description": description} if description else {"type": "object"}
    return head | {"properties": properties} | ({"required": required} if required else {})


def reference(name: str) -> Schema:
    """A schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def page_of(name: str, items: str = "items", **more: Schema) -> Schema:
    """A page of a list, with further properties."""
    cursor = nullable(text("Pass it as ?cursor for the next page."))
    return record({items: list_of(reference(name)), **more, "next_cursor": cursor})


TIME: Final = text("ISO 8601, UTC.", format="date-time")
ANY: Final[Schema] = {"description": "Any JSON value."}
OBJECT: Final[Schema] = {"type": "object"}
NUMBER: Final[Schema] = {"type": "number"}
VERSION: Final[Schema] = {"type": "integer", "minimum": 1}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}

FINDING: Final = record(
    {
        "code": text("Stable code of the finding."),
        "pointer": text('RFC 6901 JSON pointer into the request\'s body; "" is all of it, or something beside it.'),
        "detail": text("What is wrong and what to do."),
    }
)

PROBLEM: Final = record(
    {
        "type": text(format="uri-reference"),
        "title": text("The status in words."),
        "status": {"type": "integer"},
        "code": text("Stable code of the problem."),
        "detail": text("What is wrong."),
        "errors": list_of(reference("Finding")),
    },
    description="RFC 9457 problem details.",
)

PLAN: Final = record(
    {
        "states": COUNT,
        "transitions_min": nullable(COUNT),
        "transitions_max": nullable(COUNT),
        "history_events_min": nullable(COUNT),
        "history_events_max": nullable(COUNT),
        "definition_bytes": COUNT,
        "critical_path_seconds": nullable(NUMBER),
        "ideal_seconds": nullable(NUMBER),
        "parallel_width": COUNT,
        "cost_usd_per_1000_runs": OBJECT,
        "warnings": list_of(reference("Finding")),
    },
    description="What a run costs and takes, from the graph alone. Maxima are null where a size is not known.",
)

OUTPUT_LINK: Final = record(
    {
        "href": nullable(
            text(
                "Where the output is; null where it is put together from outputs of parts, and no one has it in one piece."
            )
        ),
        "bytes": COUNT,
    },
    description="In place of an output that is too large for the answer. An address in S3 holds for 15 minutes.",
)

STEP_RESULT: Final = record(
    {
        "status": text(enum=list(STEP_STATUSES)),
        "output_data": ANY,
        "error_type": nullable(text()),
        "error_message": nullable(text()),
        "execution_time_ms": nullable(NUMBER),
        "retry_count": COUNT,
        "started_at": nullable(TIME),
        "completed_at": nullable(TIME),
        "output_link": reference("OutputLink"),
    },
    optional=("output_link",),
    description="How a step ended. With `output_link`, `output_data` is null. Times are null for a step that has no state "
    "of its own.",
)

ID: Final = text("The same as the id that is named after what this is.")

RESULTS: Final = record(
    {
        "execution_id": text(),
        "id": ID,
        "workflow_id": text(),
        "status": text(enum=list(RUN_STATUSES)),
        "output": ANY,
        "error": nullable(
            record({"step_id": nullable(text()), "type": text(), "message": text()}, description="Why the run failed.")
        ),
        "started_at": nullable(TIME),
        "completed_at": nullable(TIME),
        "output_link": reference("OutputLink"),
        "step_results": {"type": "object", "additionalProperties": reference("StepResult")},
        "step_io_data": {
            "type": "object",
            "additionalProperties": record({"output_data": ANY}),
            "description": "The outputs of the same steps once more; null for one over 64 KB.",
        },
        "next_cursor": nullable(text("Pass it as ?cursor for the step results that follow.")),
        "metadata": OBJECT,
    },
    optional=("output_link",),
    description="A page of the results of a run. With `output_link`, `output` is null.",
)

EXECUTION_STARTED: Final = record(
    {
        "execution_id": text(),
        "id": ID,
        "status": text(enum=list(RUN_STATUSES)),
        "workflow_name": text(),
        "workflow_id": text(),
        "workflow_version": VERSION,
        "started_at": TIME,
    }
)

PROGRESS: Final[Schema] = {
    "step_statuses": {"type": ["object", "null"], "additionalProperties": text(enum=list(STEP_STATUSES))},
    "step_counts": {
        "type": ["object", "null"],
        "additionalProperties": COUNT,
        "description": "How many of the workflow's own steps have each status.",
    },
    "total_steps": nullable(COUNT),
    "completed_steps": nullable(COUNT),
    "failed_steps": nullable(COUNT),
    "current_step": nullable(text("The first step that runs.")),
}
"""What is told of the steps of a run; null while AWS does not tell."""

NOT_LISTED: Final = ("started_by", "tags", "metadata", "organization_id", "backend", "error", "redrive_count")

EXECUTION: Final = record(
    {
        "execution_id": text(),
        "id": ID,
        "workflow_id": text(),
        "workflow_name": text(),
        "workflow_version": VERSION,
        "status": text(enum=list(RUN_STATUSES)),
        "started_at": TIME,
        "completed_at": nullable(TIME),
        "user_id": nullable(text("For whom the run is: what its start said, else who started it.")),
        "session_id": nullable(text()),
        "correlation_id": nullable(text()),
        "started_by": nullable(text("Who started the run, as the API authenticated them.")),
        "tags": ANY,
        "metadata": ANY,
        "organization_id": nullable(text()),
        "backend": nullable(text()),
        "error": ANY,
        "redrive_count": COUNT,
        **PROGRESS,
    },
    optional=(*NOT_LISTED, *PROGRESS),
    description=f"A run without its results. Lists leave out {', '.join(NOT_LISTED)} and what is told of the steps; so does "
    "the answer to cancelling.",
)

RUN_FIELDS: Final[Schema] = {
    "input": {"description": "The run's input; any JSON value of at most 256 KiB with the workflow's own constants."},
    "session_id": text(),
    "user_id": text(),
    "correlation_id": text(),
    "tags": list_of(text()),
}
"""What a client may say of a run."""

WORKFLOW_RUN_FIELDS: Final[Schema] = {
    **RUN_FIELDS,
    "input_data": {"description": "Another name of `input`."},
    "trigger": {"description": "Becomes the entry `trigger` of the input."},
    "query": {"description": "Becomes the entry `query` of the input."},
    "wait": {
        "anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 25}, {"type": "null"}],
        "description": "As the query parameter, which comes first; true is as long as may be.",
    },
    "metadata": {"description": "Kept with the run, at most 64 KB."},
    "organization_id": nullable(text("Kept with the run; whose the run is comes from the credentials alone.")),
    "backend": nullable(text("Kept with the run.")),
}
"""What a client may say of a run of a workflow."""

EXECUTION_TYPES: Final = ["lambda", "local", "http", "rpc", "api"]

_SECRET_NAME: Final = text(
    "Of a secret among the tenant's own; its value is never sent here.", pattern="^STEP_SECRET_[A-Z0-9_]{1,52}$"
)
ENDPOINT_CONFIG: Final = record(
    {
        "url": text(
            "Where the step's payload is sent. A public address, or one that the deployment allows.", maxLength=2048
        ),
        "method": text(enum=["POST", "PUT", "PATCH"], default="POST"),
        "headers": {"type": "object", "additionalProperties": text(maxLength=2000), "maxProperties": 50},
        "auth": record(
            {
                "type": text(enum=["bearer", "basic", "api_key"]),
                "secret": _SECRET_NAME,
                "username": text("For type basic.", maxLength=256),
                "header": text("For type api_key."),
            },
            optional=("username", "header"),
        ),
        "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 890, "default": 30},
        "timeout": {"type": "integer", "minimum": 1, "maximum": 890, "deprecated": True},
    },
    optional=("method", "headers", "auth", "timeout_seconds", "timeout"),
)
"""Of a step of execution_type http."""

STEP_REGISTRATION: Final = record(
    {
        "step_type": text("The name that workflows use.", pattern="^[A-Za-z][A-Za-z0-9_-]{0,63}$"),
        "name": text(),
        "description": text(),
        "execution_type": text("rpc and api are other names of http.", enum=EXECUTION_TYPES, default="lambda"),
        "function_arn": text("Of the Lambda function, for execution_type lambda."),
        "function_reference": text(
            "Another name of function_arn; for execution_type local another way to write handler, `module.function`; "
            "for http it is kept and not read."
        ),
        "endpoint_config": ENDPOINT_CONFIG,
        "handler": text("`module:function` in the folder of --steps, for execution_type local."),
        "config_schema": {"type": "object", "description": "JSON Schema of a step's config."},
        "parameters_schema": {"type": "object", "description": "Another name of config_schema.", "deprecated": True},
        "output_schema": {"type": "object", "description": "JSON Schema of the step's output."},
        "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": 900},
        "tags": list_of(text()),
    },
    optional=(
        "name",
        "description",
        "execution_type",
        "function_arn",
        "function_reference",
        "endpoint_config",
        "handler",
        "config_schema",
        "parameters_schema",
        "output_schema",
        "timeout_seconds",
        "tags",
    ),
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Finding": FINDING,
    "Problem": PROBLEM,
    "Plan": PLAN,
    "OutputLink": OUTPUT_LINK,
    "StepResult": STEP_RESULT,
    "Results": RESULTS,
    "ExecutionStarted": EXECUTION_STARTED,
    "Execution": EXECUTION,
    "ExecutionPage": page_of("Execution"),
    "EventPage": record({"items": list_of(OBJECT), "next_cursor": nullable(text())}),
    "ExecuteStoredRequest": {
        "type": "object",
        "properties": {**WORKFLOW_RUN_FIELDS, "version": VERSION | {"description": "The newest when absent."}},
        "additionalProperties": False,
    },
    "ValidationReport": record(
        {
            "is_valid": {"type": "boolean"},
            "errors": list_of(reference("Finding")),
            "warnings": list_of(reference("Finding")),
            "plan": {"oneOf": [reference("Plan"), {"type": "null"}]},
            "step_validation": {"description": "The findings of each step."},
        }
    ),
    "CompiledWorkflow": record(
        {
            "asl": {"type": "object", "description": "The state machine in Amazon States Language (JSONata)."},
            "plan": reference("Plan"),
            "diagram": text("The structure as a Mermaid diagram."),
            "bindings": {"type": "object", "description": "What a run passes to the machine beside its input."},
        }
    ),
    "StoredWorkflow": record(
        {
            "workflow_id": text(),
            "id": ID,
            "version": VERSION,
            "name": text(),
            "created_at": TIME,
            "updated_at": TIME,
            "description": nullable(text()),
            "created_by": nullable(text()),
            "content_hash": text("SHA-256 of the workflow; the order of keys does not matter."),
            "plan": reference("Plan"),
            "workflow": {"description": "The workflow as it was saved."},
            "configuration": {"description": "The same as `workflow`."},
            "warnings": list_of(reference("Finding")),
        },
        optional=("description", "created_by", "content_hash", "plan", "workflow", "configuration", "warnings"),
        description="A version of a workflow. Lists leave out created_by, content_hash, plan, workflow and configuration. "
        "Answers to saving have warnings: what may go wrong all the same, such as an agent that does not exist now.",
    ),
    "WorkflowPage": page_of("StoredWorkflow"),
    "StepRegistration": STEP_REGISTRATION,
    "StepType": record(
        {
            "step_type": text(),
            "id": ID,
            "name": text("The type's own name when none was given."),
            "config_schema": OBJECT,
            "parameters_schema": OBJECT | {"description": "The same as `config_schema`."},
            "output_schema": OBJECT,
            "step_id": text("The same as `step_type`; in the answer to registering."),
            "message": text("What registering did."),
        },
        optional=("step_id", "message"),
    ),
    "StepPage": page_of("StepType", "steps", total=COUNT | {"description": "Of all pages."}),
}
