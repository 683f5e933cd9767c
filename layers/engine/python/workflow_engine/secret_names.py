"""How secrets of tenants are called, for all that read them (`tenant_secrets`, `llm_gateway.secrets`).

A tenant's secret in Secrets Manager is named after a prefix of the deployment and the tenant; what the environment holds
belongs to one tenant at most.
"""

from __future__ import annotations

from typing import Final

PREFIX_VARIABLE: Final = "LLM_TENANT_SECRET_PREFIX"
"""Environment variable: what the names of tenants' secrets begin with; without it tenants have none."""

OWNER_VARIABLE: Final = "LLM_OWNER_TENANT"
"""Environment variable: the one tenant, if any, to which the environment belongs."""

_ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.@-")


def secret_name(tenant_id: str) -> str:
    """A tenant's name as Secrets Manager takes it (CreateSecret, `Name`): what it does not take is escaped as
    `=XX`, so that no two tenants share a secret.
    """
    return "".join(c if c in _ALLOWED else "".join(f"={byte:02X}" for byte in c.encode()) for c in tenant_id)
