"""Step types."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from workflow_engine.usecases.answers.values import Count, Cursor, Id, Object, Time, Version


class StepRetry(TypedDict):
    """How a step is retried."""

    max_retries: Count
    strategy: Literal["fixed_delay", "exponential_backoff"]
    delay_seconds: int
    max_delay_seconds: int


class StepType(TypedDict):
    """A step type, built-in or registered."""

    step_type: str
    id: Id
    name: str
    """The type's own name when none was given."""
    kind: Literal["builtin", "registered"]
    description: str
    available: bool
    """Whether this version can run it."""
    config_schema: Object
    """JSON Schema of a step's config."""
    parameters_schema: Object
    """The same as `config_schema`."""
    output_schema: Object
    """JSON Schema of a step's output."""
    aliases: NotRequired[list[str]]
    """Other names of a built-in type."""
    template_fields: NotRequired[list[str]]
    """Fields of a built-in type's config in which {{ references }} are filled in."""
    expression_fields: NotRequired[list[str]]
    """Fields of a built-in type's config that are JSONata over the step's input."""
    version: NotRequired[Version]
    """Of a registered type, like what follows. Registering again makes the next one."""
    execution_type: NotRequired[Literal["lambda", "local", "http", "activity"]]
    function_arn: NotRequired[str | None]
    function_reference: NotRequired[str | None]
    handler: NotRequired[str | None]
    endpoint_config: NotRequired[Object | None]
    activity: NotRequired[str | None]
    """The name under which workers ask for tasks."""
    activity_arn: NotRequired[str | None]
    heartbeat_seconds: NotRequired[int | None]
    validate_output: NotRequired[bool]
    timeout_seconds: NotRequired[int | None]
    retry: NotRequired[StepRetry | None]
    """How steps are retried that say nothing themselves."""
    estimated_seconds: NotRequired[float | None]
    transient_errors: NotRequired[list[str]]
    final_errors: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    created_at: NotRequired[Time]
    updated_at: NotRequired[Time]
    created_by: NotRequired[str | None]


class RegisteredStep(StepType):
    """A registration, and what became of it."""

    step_id: str
    """The same as `step_type`."""
    message: str
    """What registering did."""


class StepPage(TypedDict):
    """Step types: the built-in ones, then the registered ones by name."""

    steps: list[StepType]
    total: Count
    """Of all pages, of those that the filters let through."""
    next_cursor: Cursor


class StepVersionPage(TypedDict):
    """Versions of a step type, newest first."""

    items: list[StepType]
    next_cursor: Cursor


class StepSchemas(TypedDict):
    """The JSON Schemas of a step type."""

    step_type: str
    config_schema: Object
    parameters_schema: Object
    """The same as `config_schema`."""
    output_schema: Object
