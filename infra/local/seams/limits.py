"""The quotas on what a run may carry (AWS page "Step Functions service quotas")."""

from __future__ import annotations

from typing import Any

from infra.local.seams.failures import failure
from infra.local.seams.patching import extend, parser, replace, replace_everywhere
from infra.local.seams.text import json_text, utf8_size
from infra.local.stepfunctions.failures import DATA_LIMIT_EXCEEDED
from workflow_engine.aws_quotas import ASSIGN_BYTES, PAYLOAD_BYTES, VARIABLES_BYTES_PER_RUN


def measure_as_aws_does() -> None:
    """moto counts the bytes of escaped, spaced JSON and refuses a payload of exactly the quota's size."""

    def is_within_size_quota(value: Any) -> bool:
        return utf8_size(value if isinstance(value, str) else json_text(value)) <= PAYLOAD_BYTES

    parser("asl.component.state.exec.state_task.service.state_task_service")
    replace_everywhere("is_within_size_quota", is_within_size_quota)


def refuse_large_task_inputs() -> None:
    """moto measures what a task returns but not what it is given."""
    service = parser("asl.component.state.exec.state_task.service.state_task_service").StateTaskService
    stock = service._eval_parameters

    def evaluate(self: Any, env: Any) -> Any:
        parameters = stock(self, env=env)
        if utf8_size(json_text(parameters)) > PAYLOAD_BYTES:
            cause = (
                f"The state/task '{self._get_sfn_resource_type()}' was given an input with a size exceeding the maximum "
                "number of bytes service limit."
            )
            raise failure(env, DATA_LIMIT_EXCEEDED, cause, details="taskFailedEventDetails")
        return parameters

    replace(service, "_eval_parameters", evaluate)


def check_payload(env: Any, state_name: str, text: str) -> None:
    """Raise States.DataLimitExceeded for a state's output, or a container's result, that is too large."""
    if utf8_size(text) > PAYLOAD_BYTES:
        cause = (
            f"The state/task '{state_name}' returned a result with a size exceeding the maximum number of bytes "
            "service limit."
        )
        raise failure(env, DATA_LIMIT_EXCEEDED, cause)


def check_assignments(env: Any) -> None:
    """Raise States.DataLimitExceeded for what the state's Assign gave, if one Assign or all variables are too large.

    The sizes of variables of branches that run at the same time are not added up.
    """
    pending = env.pending_assignments
    if not pending:
        return
    store = env.variable_store
    sizes = {name: utf8_size(json_text(value)) for name, value in pending.items()}
    if sum(sizes.values()) > ASSIGN_BYTES:
        cause = f"The variables assigned in the state '{env.state_name}' exceed {ASSIGN_BYTES} bytes."
        raise failure(env, DATA_LIMIT_EXCEEDED, cause)
    if sum({**store.sizes, **sizes}.values()) > VARIABLES_BYTES_PER_RUN:
        cause = (
            f"The variables of the execution exceed {VARIABLES_BYTES_PER_RUN} bytes in the state '{env.state_name}'."
        )
        raise failure(env, DATA_LIMIT_EXCEEDED, cause)


def commit_assignments(env: Any) -> None:
    """Assign what the state's Assign gave. Raises States.DataLimitExceeded as `check_assignments` does."""
    check_assignments(env)
    pending, env.pending_assignments = env.pending_assignments, {}
    store = env.variable_store
    for name, value in pending.items():
        store.sizes[name] = utf8_size(json_text(value))
        store.set(variable_identifier=name, variable_value=value)


def measure_variables() -> None:
    """moto has no limit on variables, and writes strings into `assignedVariables` without escaping them."""
    store = parser("asl.eval.variable_store").VariableStore
    stock_init, stock_inner = store.__init__, store.as_inner_scope_of.__func__

    def with_sizes(self: Any) -> None:
        stock_init(self)
        self.sizes = {}

    def as_inner_scope_of(cls: Any, outer_variable_store: Any) -> Any:
        inner = stock_inner(cls, outer_variable_store)
        inner.sizes = dict(outer_variable_store.sizes)
        return inner

    def get_assigned_variables(self: Any) -> dict[str, str]:
        return {name: json_text(self.get(name)) for name in self._declaration_tracing}

    replace(store, "__init__", with_sizes)
    replace(store, "as_inner_scope_of", classmethod(as_inner_scope_of))
    replace(store, "get_assigned_variables", get_assigned_variables)
    extend(store, "sizes", None)


def install() -> None:
    """Put this module's seams in place."""
    measure_as_aws_does()
    refuse_large_task_inputs()
    measure_variables()
