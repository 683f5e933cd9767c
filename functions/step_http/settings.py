"""The environment of this function: the addresses that steps may reach (`STEP_HTTP_ALLOWED_HOSTS`), and where the secrets of
tenants are (`workflow_engine.tenant_secrets`).
"""

from __future__ import annotations

import os
from typing import Any

from functions.step_http.call import World
from workflow_engine.init_phase import once
from workflow_engine.outbound import ALLOWED_HOSTS_VARIABLE, AddressPolicy
from workflow_engine.outbound_http import trusted_certificates
from workflow_engine.stand_ins import stand_ins
from workflow_engine.tenant_secrets import TenantSecrets, names_secrets, new_client


def world() -> World:
    """What calls work with: that of the environment, or where a run is mocked what stands in for it."""
    instead = stand_ins()
    if instead is None:
        return _world()
    return World(
        _world().policy,
        lambda _tenant_id, name: instead.secret(name),
        instead.monotonic,
        instead.utc_now,
        instead.sleep,
        instead.send,
    )


@once
def _world() -> World:
    """Made at the first event from the environment and kept while the function stays warm."""
    policy = AddressPolicy.from_text(os.environ.get(ALLOWED_HOSTS_VARIABLE, ""))
    return World(policy, TenantSecrets(_secrets_manager).get)


def clients() -> tuple[object, ...]:
    """What an event may need that takes time to make."""
    return trusted_certificates(), _secrets_manager() if names_secrets(os.environ) else None


@once
def _secrets_manager() -> Any:
    return new_client()
