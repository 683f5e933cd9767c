"""Register step types at run time: any Lambda that the deployment may invoke, any HTTP endpoint that it may reach, any worker
that asks for its tasks, locally also a Python function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import Field

from workflow_engine.aws_quotas import EXECUTION_SECONDS, FUNCTION_SECONDS, RETRY_DELAY_SECONDS
from workflow_engine.errors import ConflictError, InvalidRequestError
from workflow_engine.json_schema import schema_problem
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import MAX_RETRIES, NAME_PATTERN, DocumentModel, Seconds, Whole, refers_to
from workflow_engine.language.step_parser import DEFAULT_MAX_RETRY_DELAY_SECONDS, DEFAULT_RETRY_DELAY_SECONDS
from workflow_engine.settings import STEP_HTTP
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.registrations import Registration
from workflow_engine.usecases.bodies.fields import one_of, read_fields
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.steps.read_steps import NAMES_OF_HTTP, described

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

_LAMBDA_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}(:(?P<qualifier>[A-Za-z0-9$_-]{1,128}))?"
)
_QUALIFIER: Final = re.compile(r"\$LATEST|[A-Za-z0-9_-]{1,128}")
"""A version or an alias (Lambda API reference, Invoke, "Qualifier")."""
_PLACE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "http": ("endpoint_config", "function_reference"),
    "local": ("handler", "function_reference"),
    "lambda": ("function_arn", "function_reference", "qualifier"),
    "activity": ("activity", "heartbeat_seconds"),
}
"""Which fields say where the step runs, by execution_type. With an endpoint, `function_reference` is kept and not read; whom
a field is said to belong to is the last that has it.
"""

_HANDLER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")

SHORTEST_HEARTBEAT_SECONDS: Final = 60
"""`workflow worker` tells one every 20 seconds, of which one may be lost on the way."""

LONGEST_DELAY_SECONDS: Final = RETRY_DELAY_SECONDS - 1

ErrorNames = Annotated[list[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,127}$")]], Field(max_length=20)]

_NAMED_ERRORS_OF_STATES: Final = ("States.Timeout", "States.HeartbeatTimeout")
"""Those of Step Functions' own errors that a registration may name; the others are the engine's to deal with."""


class StepRegistration(DocumentModel):
    """What a client posts."""

    step_type: Annotated[str, Field(pattern=NAME_PATTERN)]
    """The name that workflows use."""
    name: Annotated[str, Field(max_length=128)] | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None
    execution_type: Literal["lambda", "local", "http", "rpc", "api", "activity"] = "lambda"
    """rpc and api are other names of http."""
    function_arn: str | None = None
    """Of the Lambda function, for execution_type lambda."""
    qualifier: str | None = None
    """A version or an alias of the Lambda function, where its ARN ends with none."""
    function_reference: str | None = None
    """Another name of function_arn; for execution_type local another way to write handler, `module.function`; for http it is
    kept and not read.
    """
    handler: str | None = None
    """`module:function` in the folder of --steps, for execution_type local."""
    endpoint_config: Annotated[dict[str, Any] | None, refers_to("usecases.steps.endpoint_config:EndpointConfig")] = None
    """Where the step is sent, for execution_type http."""
    activity: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    """The name under which workers ask for tasks, for execution_type activity. Default: the step type."""
    heartbeat_seconds: Annotated[int, Field(ge=SHORTEST_HEARTBEAT_SECONDS, le=EXECUTION_SECONDS), Whole] | None = None
    """After how long without a heartbeat a worker is taken for lost, so that its step fails or is tried again, for
    execution_type activity. Without it the step's timeout alone decides.
    """
    config_schema: dict[str, Any] | None = None
    """JSON Schema of a step's config."""
    parameters_schema: dict[str, Any] | None = None
    """Another name of config_schema."""
    output_schema: dict[str, Any] | None = None
    """JSON Schema of the step's output."""
    validate_output: bool | None = None
    """Whether an output that does not fit `output_schema` fails the step, with StepOutputError."""
    timeout_seconds: Seconds | None = None
    """Of a step that says nothing itself: at most 900, of an activity up to a year."""
    max_retries: Annotated[int, Field(ge=0, le=MAX_RETRIES), Whole] | None = None
    """Of a step that says nothing itself, like the rest of how it is retried."""
    retry_strategy: Literal["fixed_delay", "exponential_backoff"] | None = None
    retry_delay_seconds: Annotated[int, Field(ge=1, le=LONGEST_DELAY_SECONDS), Whole] | None = None
    max_retry_delay_seconds: Annotated[int, Field(ge=1, le=LONGEST_DELAY_SECONDS), Whole] | None = None
    estimated_seconds: Annotated[float, Field(ge=0, le=EXECUTION_SECONDS)] | None = None
    """About how long a step takes, of which the compiler makes the shortest run."""
    transient_errors: ErrorNames | None = None
    """Errors that pass by themselves: retried twice, unless the step or this registration says how to retry."""
    final_errors: ErrorNames | None = None
    """Errors that are never retried, whatever the step says."""
    tags: list[str] | None = None

    PLACEHOLDERS = {"step_type": ""}  # noqa: RUF012  # as in the base class


def register(
    engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None
) -> tuple[answers.RegisteredStep, bool]:
    """Register a step type, or a new version of it; gives the record, and True if the name was free.

    Runs that are going keep the version they were started with, and workflows that pin one (`score@3`) take that. Raises
    InvalidRequestError, ConflictError (a built-in name).
    """

    def work(attempt: Attempt) -> list[Any]:
        return list(_register(engine, caller, read_fields(StepRegistration, body), attempt))

    record, created = engine.idempotency.once(caller.tenant_id, "register_step", idempotency_key, body, work)
    message = f"Step type '{record['step_type']}' is {'registered' if created else 'replaced'}."
    told = {**described(record), "step_id": record["step_type"], "message": message}
    return cast("answers.RegisteredStep", told), created  # mypy knows no key of a TypedDict that is spread into another


def _register(engine: Engine, caller: Caller, fields: StepRegistration, attempt: Attempt) -> tuple[Registration, bool]:
    if is_builtin(engine, fields.step_type):
        raise ConflictError(f"'{fields.step_type}' is a built-in name. Choose another.")
    if fields.step_type == "register":
        raise InvalidRequestError.at("/step_type", "A step type of this name could not be read. Choose another.")
    _refuse_fields_of_other_types(fields)
    _check_schemas(fields)
    _check_errors(fields)
    if attempt.is_repeat:
        earlier = engine.steps.made_by_request(caller.tenant_id, fields.step_type, attempt.made_id)
        if earlier is not None:
            return earlier
    record = _record(engine, caller, fields)
    if record["execution_type"] == "local":
        # A folder of steps is registered at every start of a laptop's server; that is no new version.
        standing = engine.steps.find(caller.tenant_id, fields.step_type)
        if standing is not None and _content(standing) == _content(record):
            return standing, False
    return engine.steps.put(caller.tenant_id, record, attempt.made_id)


def _content(record: Registration) -> dict[str, Any]:
    about = ("version", "created_at", "updated_at", "created_by")
    return {name: value for name, value in record.items() if name not in about}


def _record(engine: Engine, caller: Caller, fields: StepRegistration) -> Registration:
    now = engine.timestamp()
    execution_type = _execution_type(fields)
    record: Registration = {
        "step_type": fields.step_type,
        "kind": "registered",
        "name": fields.name,
        "description": fields.description or "",
        "execution_type": execution_type,
        "function_arn": _function_arn(engine, fields) if execution_type in ("lambda", "local") else None,
        "function_reference": fields.function_reference if execution_type == "http" else None,
        "handler": _handler(fields),
        "endpoint_config": _endpoint(engine, fields) if execution_type == "http" else None,
        "activity": fields.activity or fields.step_type if execution_type == "activity" else None,
        "activity_arn": None,
        "heartbeat_seconds": _heartbeat(fields),
        "config_schema": one_of(fields, "config_schema", "parameters_schema") or {"type": "object"},
        "output_schema": fields.output_schema or {},
        "validate_output": fields.validate_output or False,
        "timeout_seconds": _timeout(fields),
        "retry": _retry(fields),
        "estimated_seconds": fields.estimated_seconds,
        "transient_errors": list(dict.fromkeys(fields.transient_errors or ())),
        "final_errors": list(dict.fromkeys(fields.final_errors or ())),
        "tags": fields.tags or [],
        "available": True,
        "created_at": now,
        "updated_at": now,
        "created_by": caller.user_id,
    }
    if execution_type == "activity":  # last, since nothing may be left of a registration that is refused
        record["activity_arn"] = _activity_arn(engine, caller, fields)
    return record


def _check_schemas(fields: StepRegistration) -> None:
    for name in ("config_schema", "parameters_schema", "output_schema"):
        schema = getattr(fields, name)
        if schema is not None and (problem := schema_problem(schema)):
            raise InvalidRequestError.at(pointer(name, *problem.path), problem.detail)
    if fields.validate_output and not fields.output_schema:
        raise InvalidRequestError.at("/validate_output", "There is no 'output_schema' that an output could be held to.")


def _check_errors(fields: StepRegistration) -> None:
    for field in ("transient_errors", "final_errors"):
        for number, name in enumerate(getattr(fields, field) or ()):
            if name.startswith("States.") and name not in _NAMED_ERRORS_OF_STATES:
                allowed = " and ".join(_NAMED_ERRORS_OF_STATES)
                raise InvalidRequestError.at(
                    pointer(field, number),
                    f"'{name}' is an error of Step Functions itself, of which only {allowed} may be named.",
                )
    both = sorted(set(fields.transient_errors or ()) & set(fields.final_errors or ()))
    if both:
        place = pointer("final_errors", (fields.final_errors or []).index(both[0]))
        raise InvalidRequestError.at(place, f"'{both[0]}' is named as transient, too. It is one or the other.")


def _timeout(fields: StepRegistration) -> int | None:
    seconds = fields.timeout_seconds
    if seconds is not None and seconds > FUNCTION_SECONDS and _execution_type(fields) != "activity":
        raise InvalidRequestError.at("/timeout_seconds", f"A function runs {FUNCTION_SECONDS} seconds at most.")
    return seconds


def _heartbeat(fields: StepRegistration) -> int | None:
    heartbeat, timeout = fields.heartbeat_seconds, fields.timeout_seconds
    if heartbeat is not None and timeout is not None and heartbeat >= timeout:
        detail = f"'heartbeat_seconds' ({heartbeat}) must be less than 'timeout_seconds' ({timeout})."
        raise InvalidRequestError.at("/heartbeat_seconds", detail)
    return heartbeat


def _retry(fields: StepRegistration) -> dict[str, Any] | None:
    """How steps of this type are retried that say nothing themselves."""
    rest = ("retry_strategy", "retry_delay_seconds", "max_retry_delay_seconds")
    if fields.max_retries is None:
        if idle := [name for name in rest if getattr(fields, name) is not None]:
            raise InvalidRequestError.at(
                f"/{idle[0]}", f"'{idle[0]}' says nothing without 'max_retries'. Give that, too."
            )
        return None
    delay = fields.retry_delay_seconds or DEFAULT_RETRY_DELAY_SECONDS
    longest = fields.max_retry_delay_seconds or max(DEFAULT_MAX_RETRY_DELAY_SECONDS, delay)
    if longest < delay:
        detail = f"'max_retry_delay_seconds' ({longest}) is less than 'retry_delay_seconds' ({delay}). Raise it."
        raise InvalidRequestError.at("/max_retry_delay_seconds", detail)
    return {
        "max_retries": fields.max_retries,
        "strategy": fields.retry_strategy or "exponential_backoff",
        "delay_seconds": delay,
        "max_delay_seconds": longest,
    }


def _refuse_fields_of_other_types(fields: StepRegistration) -> None:
    """A field that would be left unread is a mistake: either it or `execution_type` is not what was meant."""
    own = _PLACE_FIELDS[_execution_type(fields)]
    others = {name: type_ for type_, names in _PLACE_FIELDS.items() for name in names if name not in own}
    errors = [
        {
            "code": InvalidRequestError.code,
            "pointer": f"/{name}",
            "detail": f"'{name}' is a field of execution_type '{type_}'. A step of execution_type "
            f"'{fields.execution_type}' takes '{own[0]}'.",
        }
        for name, type_ in others.items()
        if getattr(fields, name) is not None
    ]
    if errors:
        raise InvalidRequestError(errors[0]["detail"], errors=errors)


def _execution_type(fields: StepRegistration) -> str:
    """What the record says; the original system's names of http are read, not kept."""
    return "http" if fields.execution_type in NAMES_OF_HTTP else fields.execution_type


def _endpoint(engine: Engine, fields: StepRegistration) -> dict[str, Any]:
    from workflow_engine.usecases.steps.endpoint_config import endpoint_config

    if fields.endpoint_config is None:
        raise InvalidRequestError.at(
            "", f"A step of execution_type '{fields.execution_type}' needs 'endpoint_config' with a 'url'."
        )
    if STEP_HTTP not in engine.settings.step_functions:
        raise InvalidRequestError.at("/execution_type", "This deployment has no function that calls endpoints.")
    return endpoint_config(fields.endpoint_config, engine.settings.step_http_allowed_hosts)


def _function_arn(engine: Engine, fields: StepRegistration) -> str:
    return _local_arn(engine, fields) if fields.execution_type == "local" else _lambda_arn(engine, fields)


def _lambda_arn(engine: Engine, fields: StepRegistration) -> str:
    arn: str | None = one_of(fields, "function_arn", "function_reference")
    place = "/function_reference" if fields.function_reference is not None else "/function_arn"
    if arn is None:
        raise InvalidRequestError.at("", "A step of execution_type 'lambda' needs 'function_arn'.")
    found = _LAMBDA_ARN.fullmatch(arn)
    if found is None:
        raise InvalidRequestError.at(
            place, "This is not a valid ARN of a Lambda function (arn:aws:lambda:...:function:NAME)."
        )
    if fields.qualifier is not None:
        if not _QUALIFIER.fullmatch(fields.qualifier):
            raise InvalidRequestError.at("/qualifier", "A qualifier is a version, an alias or $LATEST.")
        if found["qualifier"] not in (None, fields.qualifier):
            detail = f"The ARN ends with the qualifier '{found['qualifier']}', this is another. Send one."
            raise InvalidRequestError.at("/qualifier", detail)
        arn = arn if found["qualifier"] else f"{arn}:{fields.qualifier}"
    if not engine.settings.may_invoke(arn):
        allowed = ", ".join(engine.settings.step_function_arn_patterns)
        raise InvalidRequestError.at(place, f"This deployment may invoke only functions that match {allowed}.")
    return arn


def _activity_arn(engine: Engine, caller: Caller, fields: StepRegistration) -> str:
    """The ARN of the step type's activity, which is made if it is not there."""
    from workflow_engine.machines.naming import activity_name

    own = fields.activity or fields.step_type
    arn = engine.runs.create_activity(activity_name(engine.settings.activity_prefix, caller.tenant_id, own))
    engine.activity_tasks.make_activity(caller.tenant_id, own)
    return arn


def _local_arn(engine: Engine, fields: StepRegistration) -> str:
    if not engine.settings.allow_local_steps:
        raise InvalidRequestError.at("/execution_type", "Local steps exist on the local server only. Use 'lambda'.")
    handler = _handler(fields)
    place = "/handler" if fields.handler is not None or fields.function_reference is None else "/function_reference"
    if handler is None or not _HANDLER.fullmatch(handler):
        raise InvalidRequestError.at(place, "A local step needs a handler of the form 'module:function'.")
    if engine.laptop is None or engine.laptop.load_step is None:
        raise InvalidRequestError.at(place, "The server was started without a folder of steps (--steps DIR).")
    try:
        return engine.laptop.load_step(handler)
    except Exception as error:  # the client's own code is imported here, and may raise anything
        raise InvalidRequestError.at(place, f"The handler cannot be loaded: {error}") from error


def _handler(fields: StepRegistration) -> str | None:
    """`module:function` of a local step, which `function_reference` writes as `module.function`. Raises InvalidRequestError
    when both are given and differ.
    """
    reference = fields.function_reference
    if fields.execution_type != "local" or reference is None:
        return fields.handler
    if ":" not in reference and "." in reference:
        reference = ":".join(reference.rsplit(".", 1))
    if fields.handler not in (None, reference):
        detail = "'function_reference' is another name of 'handler', and the two differ. Send one."
        raise InvalidRequestError.at("/function_reference", detail)
    return reference


def is_builtin(engine: Engine, step_type: str) -> bool:
    """Whether this is a name of the language or of one of our own functions."""
    from workflow_engine.steps import builtin_catalogue

    names: Mapping[str, str] = engine.settings.step_functions
    return builtin_catalogue().find(step_type) is not None or step_type in names
