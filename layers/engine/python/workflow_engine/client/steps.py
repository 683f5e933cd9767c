"""`client.steps`: step types, built in and registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from workflow_engine.client.calls import AboutRun, call, given
from workflow_engine.client.flows import Flow, Items, Methods, listing, operation
from workflow_engine.client.paging import paged

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted, RegisteredStep, StepSchemas, StepType


class StepMethods(Methods):
    """Methods of step types. Each raises ConnectionFailedError, and ApiProblem for what the API refuses."""

    @listing
    def list(
        self,
        *,
        kind: str | None = None,
        execution_type: str | None = None,
        tag: str | None = None,
        page_size: int | None = None,
    ) -> Items[StepType]:
        """All step types: the built-in ones, then the registered ones by name."""
        query = {"kind": kind, "execution_type": execution_type, "tag": tag}
        return paged(self, "list_steps", query=query, page_size=page_size, key="steps")

    @operation
    def get(self, step_type: str, version: int | None = None) -> Flow[StepType]:
        """A step type; a registered one in the version in use, or another."""
        return self._answer(call("get_step", {"step_type": step_type}, query={"version": version}))

    @operation
    def schema(self, step_type: str, version: int | None = None) -> Flow[StepSchemas]:
        """The JSON Schemas of a step type."""
        return self._answer(call("get_step_schema", {"step_type": step_type}, query={"version": version}))

    @listing
    def versions(self, step_type: str, *, page_size: int | None = None) -> Items[StepType]:
        """All versions of a registered step type, newest first."""
        return paged(self, "list_step_versions", {"step_type": step_type}, page_size=page_size)

    @operation
    def register(self, registration: Mapping[str, Any], *, idempotency_key: str | None = None) -> Flow[RegisteredStep]:
        """Register a step type, or the next version of one."""
        return self._answer(call("register_step", body=registration, idempotency_key=idempotency_key))

    @operation
    def test(
        self,
        step_type: str,
        *,
        config: Mapping[str, Any] | None = None,
        input_data: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        **about: Unpack[AboutRun],
    ) -> Flow[ExecutionStarted]:
        """Start a run of one step of a type."""
        body = given(config=config, input_data=input_data, **about)
        path = {"step_type": step_type}
        return self._answer(call("test_step", path, body=body, idempotency_key=idempotency_key))

    @operation
    def delete(self, step_type: str) -> Flow[None]:
        """Take a registered step type out of use."""
        return self._answer(call("delete_step", {"step_type": step_type}))
