"""Start a compiled workflow, once whatever fails.

Everything is checked, the record is written, the execution is started, in this order. The record fixes the id, the
version, the machine and the input: names of executions are unique within a machine only, so whoever repeats a start
must start just that. Where AWS certainly refused, the record is taken back; where its answer was lost the run may go
on, and the record stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workflow_engine.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ThrottledError,
)
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.naming import execution_arn, machine_arn
from workflow_engine.machines.port import MachineGoneError
from workflow_engine.observability import get_logger
from workflow_engine.settings import STEP_HTTP
from workflow_engine.statuses import has_ended
from workflow_engine.store.executions import Execution
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.items import dump
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.bodies.check_input import check_fan_out, check_input
from workflow_engine.usecases.bodies.run import WorkflowRunFields, run_input
from workflow_engine.usecases.runs.admit import create_admitted, give_back
from workflow_engine.usecases.runs.bound import Bound

if TYPE_CHECKING:
    from workflow_engine.store.registrations import Registration
    from workflow_engine.usecases.answers import ExecutionStarted
    from workflow_engine.usecases.engine import Caller, Engine
    from workflow_engine.usecases.runs.subflows import Subflows

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a run takes over from the earlier run `of`: the workflow that it is said to be of, `from_step` if it begins there, and
    what steps gave that are not run.
    """

    of: str
    workflow: StoredWorkflow
    from_step: str | None = None
    reused: Mapping[str, Mapping[str, Json]] | None = None


Prepared = tuple[StoredWorkflow, WorkflowRunFields] | tuple[StoredWorkflow, WorkflowRunFields, Rerun]
Prepare = Callable[[], Prepared]
"""Gives the workflow to start, what the client says of the run, and of a rerun what it takes over. Not asked where a run is
there already.
"""


def launch_once(
    engine: Engine, caller: Caller, operation: str, idempotency_key: str | None, body: Json, prepare: Prepare
) -> ExecutionStarted:
    """Start a run, one only for an idempotency key; gives
    `{execution_id, id, status, workflow_id, workflow_version, workflow_name, started_at}`.

    Two AWS calls without a key, one more when the workflow uses registered step types, whose ARNs are those of now:
    registering a type anew needs no new machine, and runs that are going keep what they were started with.

    Raises InvalidRequestError (input_schema, lists too long for one run), PayloadTooLargeError, ConflictError (a step type is
    no longer registered, or the key's), ThrottledError, OutcomeUnknownError, and what `prepare` raises.
    """

    def work(attempt: Attempt) -> ExecutionStarted:
        earlier = _resumed(engine, caller, attempt) if attempt.is_repeat else None
        return _answer(earlier or _launched(engine, caller, attempt, *prepare()))

    return engine.idempotency.once(caller.tenant_id, operation, idempotency_key, body, work)


def _launched(
    engine: Engine,
    caller: Caller,
    attempt: Attempt,
    workflow: StoredWorkflow,
    fields: WorkflowRunFields,
    rerun: Rerun | None = None,
) -> Execution:
    named = workflow if rerun is None else rerun.workflow
    execution = Execution(
        tenant_id=caller.tenant_id,
        execution_id=attempt.made_id,
        workflow_id=named.id,
        workflow_version=named.version,
        workflow_name=named.name,
        # Not `pending`: the start follows at once, and a second write to say so would be a fourth call for every run.
        status="running",
        started_at=engine.timestamp(),
        execution_arn=execution_arn(workflow.compiled.machine_arn, attempt.made_id),
        user_id=fields.user_id or caller.user_id,
        started_by=caller.user_id,
        session_id=fields.session_id,
        correlation_id=fields.correlation_id,
        tags=fields.tags,
        metadata=fields.metadata,
        organization_id=fields.organization_id,
        backend=fields.backend,
        attempt_id=attempt.attempt_id,
        rerun_of=rerun.of if rerun else None,
        rerun_from_step=rerun.from_step if rerun else None,
        workflow_build=workflow.build_number,
        variant_id=workflow.id if workflow is not named else None,
        is_mocked=fields.mocks is not None,
    )
    try:
        check_input(fields, workflow.document.get("input_schema"))
        check_fan_out(workflow.compiled.fan_out, fields)
        _mock(engine, execution.execution_id, fields.mocks, workflow)
        content = _execution_input(engine, workflow, execution, fields, rerun.reused if rerun else None)
    except RecursionError:
        raise InvalidRequestError.at("/input", "Lists or objects are nested too deeply.") from None
    try:
        kept = content if attempt.expires_at else None
        execution = create_admitted(engine, execution, workflow.compiled.plan, kept, attempt.expires_at)
    except ConflictError:
        # Another attempt has written it meanwhile, and fixed what is started.
        standing = _resumed(engine, caller, attempt)
        if standing is None:
            raise
        return standing
    except Exception:
        _take_back(engine, execution)
        raise
    _start(engine, workflow, execution, content)
    return execution


def _mock(engine: Engine, execution_id: str, mocks: Json, workflow: StoredWorkflow) -> None:
    """Let a run's steps be replaced. Raises ForbiddenError where nothing may be, InvalidRequestError."""
    if mocks is None:
        return
    if engine.laptop is None or engine.laptop.mock is None:
        raise ForbiddenError(
            "'mocks' are for runs on a laptop: 'workflow serve', 'workflow run' and 'workflow test' take them. Here every step "
            "really runs. Leave 'mocks' out."
        )
    engine.laptop.mock(execution_id, mocks, workflow.document)


def _resumed(engine: Engine, caller: Caller, attempt: Attempt) -> Execution | None:
    """Go on with the run that another attempt at the same request has written, None when there is none.

    That attempt may have started it. So a refusal takes nothing back, and when the machine is gone no other generation of it
    is started: the record stays, and the run's results say what is known of it.
    """
    execution = engine.executions.find(caller.tenant_id, attempt.made_id)
    if execution is None or has_ended(execution.status):
        return execution
    execution = engine.executions.take_over(execution, attempt.attempt_id, engine.timestamp())
    content = None if has_ended(execution.status) else engine.executions.start_input(execution)
    if content is not None:
        try:
            engine.runs.start(machine_arn(execution.execution_arn), execution.execution_id, content)
        except MachineGoneError:
            logger.warning("machine of a repeated start is gone", extra={"execution_id": execution.execution_id})
    return execution


def _answer(execution: Execution) -> ExecutionStarted:
    return {
        "execution_id": execution.execution_id,
        "id": execution.execution_id,
        "status": execution.status,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "workflow_name": execution.workflow_name,
        "started_at": execution.started_at,
    }


def _execution_input(
    engine: Engine,
    workflow: StoredWorkflow,
    execution: Execution,
    fields: WorkflowRunFields,
    reused: Mapping[str, Mapping[str, Json]] | None,
) -> str:
    from workflow_engine.aws_quotas import PAYLOAD_BYTES
    from workflow_engine.compiler import execution_input

    run = {
        "execution_id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "tenant_id": execution.tenant_id,
        "session_id": execution.session_id,
        "user_id": execution.user_id,
        "principal": execution.started_by,
        "correlation_id": execution.correlation_id,
    }
    bound = _functions(engine, execution.tenant_id, workflow)
    bindings = workflow.compiled.bindings
    subflows = _subflows(engine, workflow) if "subflows" in bindings else None
    given = run_input(fields)
    text = dump(
        execution_input(
            bindings,
            input=given,
            functions=bound.functions,
            run=run,
            endpoints=bound.endpoints,
            output_schemas=bound.output_schemas,
            children=None if subflows is None else subflows.children,
            subflows=None if subflows is None else subflows.starts,
            reused=reused,
        )
    )
    size = len(text.encode())
    if size > PAYLOAD_BYTES:
        raise PayloadTooLargeError(
            f"Input, variables, step configurations and what a rerun takes over have {size:,} bytes together; Step Functions takes "
            f"{PAYLOAD_BYTES:,}. Put large data into S3 and pass its address."
        )
    return text


def _subflows(engine: Engine, workflow: StoredWorkflow) -> Subflows | None:
    from workflow_engine.usecases.runs.subflows import fix_subflows  # which most workflows have none of

    return fix_subflows(engine, workflow, lambda child: _functions(engine, child.tenant_id, child))


def _functions(engine: Engine, tenant_id: str, workflow: StoredWorkflow) -> Bound:
    """ARNs by alias: our own functions from the settings, registered ones as they are registered now. And of those that have
    an endpoint or whose outputs are checked, what it and the schema are now. Raises ConflictError.
    """
    own, bindings = engine.settings.step_functions, workflow.compiled.bindings
    activities = bindings.get("activities", {})
    aliases = [*workflow.compiled.functions, *activities]
    registered = engine.steps.find_many(tenant_id, [a for a in aliases if a not in own])
    missing = [a for a in aliases if a not in own and a not in registered]
    if missing:
        raise ConflictError(
            f"Step type '{missing[0]}' is no longer registered. Register it, or save a workflow without it."
        )
    compiled_with = {a: (a in bindings.get("endpoints", ()), activities.get(a)) for a in aliases}
    changed = sorted(name for name, r in registered.items() if compiled_with[name] != _kind_of_task(r))
    if changed:
        raise ConflictError(
            f"Step type '{changed[0]}' was registered anew with another execution_type. Save the workflow again."
        )
    endpoints = {name: _endpoint(r) for name, r in registered.items() if r.get("execution_type") == "http"}
    functions = {a: own[a] for a in aliases if a in own}
    functions |= {name: own[STEP_HTTP] if name in endpoints else r["function_arn"] for name, r in registered.items()}
    schemas = _output_schemas(registered, bindings.get("output_schemas", ())) if registered else {}
    return Bound(functions, endpoints, schemas)


def _output_schemas(registered: Mapping[str, Registration], checked: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """What `step_data` holds outputs to, by alias: of a version that checks nothing, a schema that allows all. Raises
    ConflictError where a version asks for a check and the machine has none.
    """
    from workflow_engine.steps.registered import is_checked_after

    held = {name: r["output_schema"] for name, r in registered.items() if is_checked_after(r)}
    if unchecked := sorted(held.keys() - set(checked)):
        raise ConflictError(
            f"Step type '{unchecked[0]}' was registered anew with 'validate_output'. Save the workflow again, so that it has a "
            "check after the step."
        )
    return {alias: held.get(alias, {}) for alias in checked}


def _endpoint(registration: Mapping[str, Any]) -> dict[str, Any]:
    """How `step_http` calls the endpoint, and the schema that it holds the output to, if it does."""
    held = {"output_schema": registration["output_schema"]} if registration.get("validate_output") else {}
    return {**registration["endpoint_config"], **held}


def _kind_of_task(registration: Mapping[str, Any]) -> tuple[bool, str | None]:
    """What the machine has of where a step runs: whether it is sent to an endpoint, or the activity whose worker does it."""
    return registration.get("execution_type") == "http", registration.get("activity_arn")


def _start(engine: Engine, workflow: StoredWorkflow, execution: Execution, content: str) -> None:
    try:
        try:
            engine.runs.start(workflow.compiled.machine_arn, execution.execution_id, content)
        except MachineGoneError:
            _start_renewed(engine, workflow, execution, content)
    except OutcomeUnknownError:
        raise
    except Exception:
        if _take_back(engine, execution):
            give_back(engine, execution.tenant_id, workflow.compiled.plan)
        raise


def _start_renewed(engine: Engine, workflow: StoredWorkflow, execution: Execution, content: str) -> None:
    """The machine was deleted for lack of use: make its next generation and start that."""
    compiled = workflow.compiled
    machine = engine.machines.renew(compiled.machine_hash, compiled.machine_arn)
    if machine is None:
        raise ConflictError(f"The machine of workflow '{workflow.id}' is gone. Save the workflow again.")
    if "subflows" in compiled.bindings:
        _subflows(engine, replace(workflow, compiled=replace(compiled, machine_arn=machine.machine_arn)))
    moved = replace(execution, execution_arn=execution_arn(machine.machine_arn, execution.execution_id))
    engine.executions.move(moved)
    engine.workflows.replace_machine(workflow, machine.machine_arn)
    try:
        engine.runs.start(machine.machine_arn, execution.execution_id, content)
    except MachineGoneError:
        raise ThrottledError("The state machine is being replaced. Try again.", retry_after_seconds=5) from None


def _take_back(engine: Engine, execution: Execution) -> bool:
    """Remove the record of a run that was certainly not started. False where it stays, as another attempt's or by a fault."""
    try:
        return engine.executions.remove(execution)
    except Exception:
        # The error that led here is what the client must know. The record is found by its next attempt, if one comes, and
        # else told as never started.
        logger.warning("record was not taken back", extra={"execution_id": execution.execution_id}, exc_info=True)
        return False
