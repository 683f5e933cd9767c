"""What the steps of this function work with: the store, the gateway of a tenant, and the ways out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_gateway.errors import LlmInvalidRequestError
from llm_gateway.gateway import Gateway
from llm_gateway.secrets import SecretSource
from workflow_engine.outbound import AddressPolicy
from workflow_engine.usecases.engine import Engine

InvokeFunction = Callable[[str, Mapping[str, Any]], Any]
"""`(ARN, event) -> result` of a Lambda function. Raises `FunctionFailedError`."""


class FunctionFailedError(Exception):
    """A function that was called as a tool failed. The message is `type: message`, for the model."""


@dataclass(slots=True)
class Services:
    """One a process; gateways are made for a tenant when it first needs one, and anew when its keys have changed."""

    engine: Engine
    secrets: SecretSource
    policy: AddressPolicy
    invoke: InvokeFunction
    now: Callable[[], float] = time.monotonic
    _gateways: dict[str, tuple[Mapping[str, str], Gateway]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def gateway(self, tenant_id: str) -> Gateway:
        """The gateway with a tenant's keys. Raises LlmError for a configuration that cannot be read."""
        variables = self.secrets.for_tenant(tenant_id).variables
        with self._lock:
            known = self._gateways.get(tenant_id)
            if known is None or known[0] != variables:
                known = (variables, _gateway(variables, self.now))
                self._gateways[tenant_id] = known
            return known[1]

    def own_secret(self, tenant_id: str, name: str) -> str | None:
        """A secret that the tenant may have sent to a server of its choice."""
        return self.secrets.for_tenant(tenant_id).own.get(name)


def _gateway(variables: Mapping[str, str], now: Callable[[], float]) -> Gateway:
    try:
        return Gateway(variables, clock=now)
    except ValueError as error:
        raise LlmInvalidRequestError(str(error)) from None
