"""Start a compiled workflow. In this order, so that nothing half-created remains: everything is checked, the record
is written, the execution is started; if that fails, the record is taken back.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workflow_engine.errors import (
    ConflictError,
    InvalidRequestError,
    PayloadTooLargeError,
    ThrottledError,
    WorkflowEngineError,
)
from workflow_engine.machines.executions import MachineGoneError
from workflow_engine.machines.naming import execution_arn
from workflow_engine.store.executions import Execution
from workflow_engine.store.items import dump
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.bodies import RunFields, check_fan_out, check_input, run_input

if TYPE_CHECKING:
    from workflow_engine.usecases.engine import Caller, Engine


def launch(engine: Engine, caller: Caller, workflow: StoredWorkflow, fields: RunFields) -> dict[str, Any]:
    """Start a run; gives `{execution_id, status, workflow_id, workflow_version, workflow_name, started_at}`.

    Two AWS calls, one more when the workflow uses registered step types, whose ARNs are those of now: registering a
    type anew needs no new machine, and runs that are going keep what they were started with.

    Raises InvalidRequestError (input_schema, lists too long for one run), PayloadTooLargeError, ConflictError (a step
    type is no longer registered), ThrottledError.
    """
    execution_id = str(uuid.uuid4())
    execution = Execution(
        tenant_id=caller.tenant_id,
        execution_id=execution_id,
        workflow_id=workflow.workflow_id,
        workflow_version=workflow.version,
        workflow_name=workflow.name,
        # Not `pending`: the start follows at once, and a second write to say so would be a fourth call for every run.
        status="running",
        started_at=engine.timestamp(),
        execution_arn=execution_arn(workflow.compiled.machine_arn, execution_id),
        user_id=fields.user_id or caller.user_id,
        session_id=fields.session_id,
        correlation_id=fields.correlation_id,
        tags=fields.tags,
    )
    try:
        check_input(run_input(fields), workflow.document.get("input_schema"))
        check_fan_out(workflow.compiled.fan_out, run_input(fields))
        content = _execution_input(engine, workflow, execution, fields)
    except RecursionError:
        raise InvalidRequestError.at("/input", "Lists or objects are nested too deeply.") from None
    engine.executions.create(execution)
    _start(engine, workflow, execution, content)
    return {
        "execution_id": execution_id,
        "status": execution.status,
        "workflow_id": workflow.workflow_id,
        "workflow_version": workflow.version,
        "workflow_name": workflow.name,
        "started_at": execution.started_at,
    }


def _execution_input(engine: Engine, workflow: StoredWorkflow, execution: Execution, fields: RunFields) -> str:
    from workflow_engine.compiler import execution_input
    from workflow_engine.compiler.quotas import PAYLOAD_BYTES

    run = {
        "execution_id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "tenant_id": execution.tenant_id,
        "session_id": execution.session_id,
        "user_id": execution.user_id,
        "correlation_id": execution.correlation_id,
    }
    functions = _functions(engine, execution.tenant_id, workflow)
    bindings = workflow.compiled.bindings
    text = dump(execution_input(bindings, input=run_input(fields), functions=functions, run=run))
    size = len(text.encode())
    if size > PAYLOAD_BYTES:
        raise PayloadTooLargeError(
            f"Input, variables and step configurations have {size:,} bytes together; Step Functions takes "
            f"{PAYLOAD_BYTES:,}. Put large data into S3 and pass its address."
        )
    return text


def _functions(engine: Engine, tenant_id: str, workflow: StoredWorkflow) -> dict[str, str]:
    """ARNs by alias: our own functions from the settings, registered ones as they are registered now."""
    aliases = workflow.compiled.functions
    own = engine.settings.step_functions
    functions = {a: own[a] for a in aliases if a in own}
    registered = engine.steps.find_many(tenant_id, [a for a in aliases if a not in own])
    functions |= {name: r["function_arn"] for name, r in registered.items()}
    missing = [a for a in aliases if a not in functions]
    if missing:
        raise ConflictError(
            f"Step type '{missing[0]}' is no longer registered. Register it, or save a workflow without it."
        )
    return functions


def _start(engine: Engine, workflow: StoredWorkflow, execution: Execution, content: str) -> None:
    from botocore.exceptions import ClientError

    try:
        try:
            engine.runs.start(workflow.compiled.machine_arn, execution.execution_id, content)
        except MachineGoneError:
            _start_renewed(engine, workflow, execution, content)
    except (WorkflowEngineError, ClientError):
        # AWS refused, so nothing runs. After any other error (a lost connection) it may run: the record stays, and
        # reading its results finds out.
        engine.executions.remove(execution)
        raise


def _start_renewed(engine: Engine, workflow: StoredWorkflow, execution: Execution, content: str) -> None:
    """The machine was deleted for lack of use: make its next generation and start that."""
    compiled = workflow.compiled
    machine = engine.machines.renew(compiled.machine_hash, compiled.machine_arn)
    if machine is None:
        raise ConflictError(f"The machine of workflow '{workflow.workflow_id}' is gone. Save the workflow again.")
    moved = replace(execution, execution_arn=execution_arn(machine.machine_arn, execution.execution_id))
    engine.executions.move(moved, moved.execution_arn)
    engine.workflows.replace_machine(workflow, machine.machine_arn)
    try:
        engine.runs.start(machine.machine_arn, execution.execution_id, content)
    except MachineGoneError:
        raise ThrottledError("The state machine is being replaced. Try again.", retry_after_seconds=5) from None
