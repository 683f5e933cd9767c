"""The environment of this function: that of the engine (`workflow_engine.settings`), and of keys (`llm_gateway.secrets`)."""

from __future__ import annotations

import os
from typing import Any

from agent_runtime.services import Gateways
from functions.step_vectors.compute import World
from llm_gateway.secrets import SecretSource, names_secrets, secret_reader
from workflow_engine.init_phase import once
from workflow_engine.usecases.engine import Engine


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


@once
def world() -> World:
    """Made at the first event and kept while the function stays warm."""
    secrets = SecretSource(get_secret=secret_reader(_secrets_manager))
    return World(Gateways(secrets).of_tenant, lambda: engine().vectors, engine().payloads)


def clients() -> tuple[object, ...]:
    """The clients that an event may need."""
    if engine().laptop is not None:
        return ()
    names = ("s3vectors", "s3", *(("secretsmanager",) if names_secrets(os.environ) else ()))
    return tuple(map(engine().client, names))


def _secrets_manager() -> Any:
    return engine().client("secretsmanager")
