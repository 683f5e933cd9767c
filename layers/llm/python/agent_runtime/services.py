"""What agents, prompts and tools need of the world around them: the ports that a function fills."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from llm_gateway.errors import LlmInvalidRequestError
from llm_gateway.gateway import Gateway
from llm_gateway.secrets import SecretSource
from workflow_engine.outbound import AddressPolicy


class StoredDefinition(Protocol):
    """A version of a stored agent or prompt."""

    @property
    def version(self) -> int: ...
    @property
    def document(self) -> Mapping[str, Any]: ...


FindDefinition = Callable[[str, str, int | None], StoredDefinition]
"""`(tenant_id, id, version) -> definition`, the newest for None. Raises NotFoundError."""

FindRecord = Callable[[str, str], Mapping[str, Any] | None]
"""`(tenant_id, name) -> record`, None where there is none."""

InvokeFunction = Callable[[str, Mapping[str, Any]], Any]
"""`(ARN, event) -> result` of a Lambda function. Raises `FunctionFailedError`."""


CallTool = Callable[[str, Mapping[str, Any], Callable[[Mapping[str, Any]], Any]], Any]
"""`(tool, arguments, what calls it) -> what it gives`."""


class FunctionFailedError(Exception):
    """A function that was called as a tool failed. The message is `type: message`, for the model."""


@dataclass(frozen=True, slots=True)
class Services:
    """Made once a process, or for a run that is mocked: `call_tool` calls a tool, and `mcp_tools` names those of a server that is
    not asked then. `step` finds registrations of step types, `mcp_server` those of MCP servers; `secret` gives by
    tenant and name what the tenant may have sent to a server of its choice.
    """

    agent: FindDefinition
    prompt: FindDefinition
    step: FindRecord
    mcp_server: FindRecord
    gateway: Callable[[str], Gateway]
    secret: Callable[[str, str], str | None]
    policy: AddressPolicy
    invoke: InvokeFunction
    now: Callable[[], float] = time.monotonic
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    call_tool: CallTool = lambda _name, arguments, call: call(arguments)
    mcp_tools: Callable[[str], Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class StepCall:
    """The step that is computed: its type, for whom, and how long it may take (None where that is not told).

    `seconds_left` is what Lambda lets this call run; `prompt_inputs` are the entries of its input that prompt steps gave;
    `execution` is what steps that it calls as tools are told of its run, the `execution_context` of their event.
    """

    step_type: str = ""
    tenant_id: str = ""
    timeout_seconds: int | None = None
    seconds_left: float | None = None
    prompt_inputs: tuple[str, ...] = ()
    execution: Mapping[str, Any] = field(default_factory=dict)


class Gateways:
    """Gateways by tenant: made when a tenant first needs one, and anew when its keys have changed."""

    def __init__(self, secrets: SecretSource, now: Callable[[], float] = time.monotonic) -> None:
        self._secrets = secrets
        self._now = now
        self._made: dict[str, tuple[Mapping[str, str], Gateway]] = {}
        self._lock = threading.Lock()

    def of_tenant(self, tenant_id: str) -> Gateway:
        """The gateway with a tenant's keys. Raises LlmError for a configuration that cannot be read."""
        variables = self._secrets.for_tenant(tenant_id).variables
        with self._lock:
            known = self._made.get(tenant_id)
            if known is None or known[0] != variables:
                known = (variables, self._gateway(variables))
                self._made[tenant_id] = known
            return known[1]

    def _gateway(self, variables: Mapping[str, str]) -> Gateway:
        try:
            return Gateway(variables, clock=self._now)
        except ValueError as error:
            raise LlmInvalidRequestError(str(error)) from None
