"""The JSON Schema of workflows, with the step types that a tenant has registered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.steps.read_steps import all_registered

_SHOWN: Final = ("step_type", "description", "config_schema")
"""Fields of a registration that the schema is made of."""


def workflow_schema(engine: Engine, caller: Caller) -> tuple[Mapping[str, Any], str]:
    """The schema for workflows of the tenant, and its ETag: another one when a type was registered, changed or removed."""
    registered = [{name: entry.get(name) for name in _SHOWN} for entry in all_registered(engine, caller)]
    return _made(json.dumps(registered, sort_keys=True))


@lru_cache(maxsize=8)
def _made(registered: str) -> tuple[Mapping[str, Any], str]:
    from workflow_engine.language.schema import workflow_schema
    from workflow_engine.steps import builtin_catalogue

    schema = workflow_schema(builtin_catalogue().with_registered(json.loads(registered)).step_types())
    return schema, f'"{hashlib.sha256(json.dumps(schema).encode()).hexdigest()[:32]}"'
