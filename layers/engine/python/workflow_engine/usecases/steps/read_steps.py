"""Read step types, built-in and registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from workflow_engine.errors import NotFoundError
from workflow_engine.store import cursors
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import StepPage, StepType

_BUILTIN_PAGE: Final = "builtin"


def get(engine: Engine, caller: Caller, step_type: str) -> StepType:
    """A step type, built-in or registered. Raises NotFoundError."""
    from workflow_engine.steps import builtin_catalogue

    builtin = builtin_catalogue().find(step_type)
    if builtin is not None:
        return described(builtin.describe())
    registration = engine.steps.find(caller.tenant_id, step_type)
    if registration is None:
        raise NotFoundError(f"There is no step type '{step_type}'.")
    return described(registration)


def list_steps(engine: Engine, caller: Caller, limit: int, cursor: str | None = None) -> StepPage:
    """`{steps, total, next_cursor}`: the built-in types, then the registered ones by name; `total` counts those of all pages."""
    from workflow_engine.steps import builtin_catalogue

    builtin = builtin_catalogue().describe()
    offset, inner = (0, None) if cursor is None else cursors.decode(caller.tenant_id, _BUILTIN_PAGE, cursor)
    steps = builtin[offset : offset + limit]
    offset += len(steps)
    if len(steps) < limit:
        registered, inner = engine.steps.page(caller.tenant_id, limit - len(steps), inner)
        steps = steps + registered
        more = inner is not None
    else:
        more = True
    next_cursor = cursors.encode(caller.tenant_id, _BUILTIN_PAGE, [offset, inner]) if more else None
    total = len(builtin_catalogue().describe()) + engine.steps.count(caller.tenant_id)
    return {"steps": [described(step) for step in steps], "total": total, "next_cursor": next_cursor}


def described(step_type: Mapping[str, Any]) -> StepType:
    """A step type as it is answered: every one has a name, and its schema under both names that clients may use."""
    told = {
        **step_type,
        "id": step_type["step_type"],
        "name": step_type.get("name") or step_type["step_type"],
        "parameters_schema": step_type["config_schema"],
    }
    return cast("StepType", told)  # registrations are kept as JSON
