"""Register step types at run time: any Lambda that the deployment may invoke, any HTTP endpoint that it may reach, locally
also a Python function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import Field

from workflow_engine.aws_quotas import FUNCTION_SECONDS
from workflow_engine.errors import ConflictError, InvalidRequestError
from workflow_engine.json_schema import schema_problem
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import NAME_PATTERN, DocumentModel, Whole, refers_to
from workflow_engine.settings import STEP_HTTP
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.registrations import Registration
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.steps.read_steps import described

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

_LAMBDA_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]{1,128})?"
)
_PLACE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "http": ("endpoint_config", "function_reference"),
    "local": ("handler", "function_reference"),
    "lambda": ("function_arn", "function_reference"),
    "activity": (),
}
"""Which fields say where the step runs, by execution_type. With an endpoint, `function_reference` is kept and not read; whom
a field is said to belong to is the last that has it.
"""

_NAMES_OF_HTTP: Final = ("rpc", "api")

_HANDLER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")


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
    function_reference: str | None = None
    """Another name of function_arn; for execution_type local another way to write handler, `module.function`; for http it is
    kept and not read.
    """
    handler: str | None = None
    """`module:function` in the folder of --steps, for execution_type local."""
    endpoint_config: Annotated[dict[str, Any] | None, refers_to("usecases.steps.endpoint_config:EndpointConfig")] = None
    """Where the step is sent, for execution_type http."""
    config_schema: dict[str, Any] | None = None
    """JSON Schema of a step's config."""
    parameters_schema: dict[str, Any] | None = None
    """Another name of config_schema."""
    output_schema: dict[str, Any] | None = None
    """JSON Schema of the step's output."""
    timeout_seconds: Annotated[int, Field(ge=1, le=FUNCTION_SECONDS), Whole] | None = None
    tags: list[str] | None = None

    PLACEHOLDERS = {"step_type": ""}  # noqa: RUF012  # as in the base class


def register(
    engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None
) -> tuple[answers.RegisteredStep, bool]:
    """Register a step type or replace its registration; gives the record, and True if it is new.

    Runs that are going keep the function they were started with. Raises InvalidRequestError, ConflictError (a built-in name).
    """

    def work(attempt: Attempt) -> list[Any]:
        return list(_register(engine, caller, read_fields(StepRegistration, body), attempt))

    record, created = engine.idempotency.once(caller.tenant_id, "register_step", idempotency_key, body, work)
    message = f"Step type '{record['step_type']}' is {'registered' if created else 'replaced'}."
    told = {**described(record), "step_id": record["step_type"], "message": message}
    return cast("answers.RegisteredStep", told), created  # mypy knows no key of a TypedDict that is spread into another


def delete(engine: Engine, caller: Caller, step_type: str) -> None:
    """Remove a registration. It may be repeated for a day. Raises NotFoundError, ConflictError for a built-in type."""
    _refuse_builtin(engine, step_type)
    engine.steps.delete(caller.tenant_id, step_type, engine.now().timestamp())


def _register(engine: Engine, caller: Caller, fields: StepRegistration, attempt: Attempt) -> tuple[Registration, bool]:
    _refuse_builtin(engine, fields.step_type)
    if fields.step_type == "register":
        raise InvalidRequestError.at("/step_type", "A step type of this name could not be read. Choose another.")
    _refuse_fields_of_other_types(fields)
    config_schema = _one_of(fields, "config_schema", "parameters_schema")
    for name in ("config_schema", "parameters_schema", "output_schema"):
        schema = getattr(fields, name)
        if schema is not None and (problem := schema_problem(schema)):
            raise InvalidRequestError.at(pointer(name, *problem.path), problem.detail)
    now = engine.timestamp()
    execution_type = _execution_type(fields)
    record: Registration = {
        "step_type": fields.step_type,
        "kind": "registered",
        "name": fields.name,
        "description": fields.description or "",
        "execution_type": execution_type,
        "function_arn": None if execution_type == "http" else _function_arn(engine, caller, fields),
        "function_reference": fields.function_reference if execution_type == "http" else None,
        "handler": _handler(fields),
        "endpoint_config": _endpoint(engine, fields) if execution_type == "http" else None,
        "config_schema": config_schema or {"type": "object"},
        "output_schema": fields.output_schema or {},
        "timeout_seconds": fields.timeout_seconds,
        "tags": fields.tags or [],
        "available": True,
        "created_at": now,
        "updated_at": now,
        "created_by": caller.user_id,
    }
    return engine.steps.put(caller.tenant_id, record, attempt.made_id)


def _refuse_fields_of_other_types(fields: StepRegistration) -> None:
    """A field that would be left unread is a mistake: either it or `execution_type` is not what was meant."""
    own = _PLACE_FIELDS[_execution_type(fields)]
    others = {name: type_ for type_, names in _PLACE_FIELDS.items() for name in names if name not in own}
    errors = [
        {
            "code": InvalidRequestError.code,
            "pointer": f"/{name}",
            "detail": f"'{name}' is a field of execution_type '{type_}'. A step of execution_type "
            f"'{fields.execution_type}' {_takes(own)}.",
        }
        for name, type_ in others.items()
        if getattr(fields, name) is not None
    ]
    if errors:
        raise InvalidRequestError(errors[0]["detail"], errors=errors)


def _takes(own: tuple[str, ...]) -> str:
    return f"takes '{own[0]}'" if own else "takes none"


def _execution_type(fields: StepRegistration) -> str:
    """What the record says; the original system's names of http are read, not kept."""
    return "http" if fields.execution_type in _NAMES_OF_HTTP else fields.execution_type


def _endpoint(engine: Engine, fields: StepRegistration) -> dict[str, Any]:
    from workflow_engine.usecases.steps.endpoint_config import endpoint_config

    if fields.endpoint_config is None:
        raise InvalidRequestError.at(
            "", f"A step of execution_type '{fields.execution_type}' needs 'endpoint_config' with a 'url'."
        )
    if STEP_HTTP not in engine.settings.step_functions:
        raise InvalidRequestError.at("/execution_type", "This deployment has no function that calls endpoints.")
    return endpoint_config(fields.endpoint_config, engine.settings.step_http_allowed_hosts)


def _function_arn(engine: Engine, caller: Caller, fields: StepRegistration) -> str:
    match fields.execution_type:
        case "lambda":
            return _lambda_arn(engine, fields)
        case "local":
            return _local_arn(engine, caller, fields)
        case other:
            raise InvalidRequestError.at(
                "/execution_type", f"Steps of execution_type '{other}' are not available in this version. Use 'lambda'."
            )


def _lambda_arn(engine: Engine, fields: StepRegistration) -> str:
    arn: str | None = _one_of(fields, "function_arn", "function_reference")
    place = "/function_reference" if fields.function_reference is not None else "/function_arn"
    if arn is None:
        raise InvalidRequestError.at("", "A step of execution_type 'lambda' needs 'function_arn'.")
    if not _LAMBDA_ARN.fullmatch(arn):
        raise InvalidRequestError.at(
            place, "This is not a valid ARN of a Lambda function (arn:aws:lambda:...:function:NAME)."
        )
    if not engine.settings.may_invoke(arn):
        allowed = ", ".join(engine.settings.step_function_arn_patterns)
        raise InvalidRequestError.at(place, f"This deployment may invoke only functions that match {allowed}.")
    return arn


def _local_arn(engine: Engine, caller: Caller, fields: StepRegistration) -> str:
    if not engine.settings.allow_local_steps:
        raise InvalidRequestError.at("/execution_type", "Local steps exist on the local server only. Use 'lambda'.")
    handler = _handler(fields)
    place = "/handler" if fields.handler is not None or fields.function_reference is None else "/function_reference"
    if handler is None or not _HANDLER.fullmatch(handler):
        raise InvalidRequestError.at(place, "A local step needs a handler of the form 'module:function'.")
    if engine.laptop is None or engine.laptop.load_step is None:
        raise InvalidRequestError.at(place, "The server was started without a folder of steps (--steps DIR).")
    try:
        return engine.laptop.load_step(caller.tenant_id, fields.step_type, handler)
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


def _one_of(fields: StepRegistration, name: str, alias: str) -> Any:
    """The value of a field or of its older name. Raises InvalidRequestError when both are given and differ."""
    value, other = getattr(fields, name), getattr(fields, alias)
    if value is not None and other is not None and value != other:
        raise InvalidRequestError.at(
            f"/{alias}", f"'{alias}' is another name of '{name}', and the two differ. Send one."
        )
    return other if value is None else value


def _refuse_builtin(engine: Engine, step_type: str) -> None:
    from workflow_engine.steps import builtin_catalogue

    names: Mapping[str, str] = engine.settings.step_functions
    if builtin_catalogue().find(step_type) is not None or step_type in names:
        raise ConflictError(f"'{step_type}' is a built-in name. Choose another.")
