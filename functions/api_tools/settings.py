"""The environment of this function: that of the engine (`workflow_engine.settings`), of callers
(`workflow_engine.http.caller`), of keys (`llm_gateway.secrets`), and the addresses that may be reached.
"""

from __future__ import annotations

import os
from functools import cache

from llm_gateway.secrets import SecretSource
from workflow_engine.outbound import ALLOWED_HOSTS_VARIABLE, AddressPolicy
from workflow_engine.usecases.engine import Engine


@cache
def engine() -> Engine:
    """The engine, made at the first request from the environment and kept while the function stays warm."""
    return Engine.from_environment()


@cache
def policy() -> AddressPolicy:
    """Which addresses MCP servers may have."""
    return AddressPolicy.from_text(os.environ.get(ALLOWED_HOSTS_VARIABLE, ""))


@cache
def _secrets() -> SecretSource:
    return SecretSource()


def secret_of(tenant_id: str, name: str) -> str | None:
    """A secret that the tenant may have sent to a server of its choice."""
    return _secrets().for_tenant(tenant_id).own.get(name)
