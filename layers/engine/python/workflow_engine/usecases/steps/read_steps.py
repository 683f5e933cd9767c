"""Read step types, built-in and registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from workflow_engine.errors import InvalidRequestError, NotFoundError
from workflow_engine.language.findings import quoted
from workflow_engine.store import cursors
from workflow_engine.store.registrations import Registration
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import StepPage, StepSchemas, StepType, StepVersionPage

_BUILTIN_PAGE: Final = "builtin"
_READ_AT_ONCE: Final = 100
NAMES_OF_HTTP: Final = ("rpc", "api")
"""Other names of execution_type http."""
EXECUTION_TYPES: Final = ("lambda", "local", "http", *NAMES_OF_HTTP, "activity")


def get(engine: Engine, caller: Caller, step_type: str, version: int | None = None) -> StepType:
    """A step type, built-in or registered, as it is in use or in one of its versions. Raises NotFoundError."""
    from workflow_engine.steps import builtin_catalogue

    builtin = builtin_catalogue().find(step_type)
    if builtin is not None:
        if version is not None:
            raise NotFoundError(f"'{step_type}' is built in and has no versions.")
        return described(builtin.describe())
    asked = step_type if version is None else f"{step_type}@{version}"
    registration = engine.steps.find_many(caller.tenant_id, [asked]).get(asked)
    if registration is None:
        raise NotFoundError(
            f"There is no {'' if version is None else f'version {version} of '}step type '{step_type}'."
        )
    return described(registration)


class Filters(NamedTuple):
    """What a list of step types is narrowed to; None lets all through."""

    kind: str | None = None
    execution_type: str | None = None
    tag: str | None = None

    def admits(self, step_type: Mapping[str, Any]) -> bool:
        wanted_type = "http" if self.execution_type in NAMES_OF_HTTP else self.execution_type
        return (
            self.kind in (None, step_type["kind"])
            and wanted_type in (None, step_type.get("execution_type"))
            and (self.tag is None or self.tag in step_type.get("tags", ()))
        )


NO_FILTERS: Final = Filters()


def list_steps(
    engine: Engine, caller: Caller, limit: int, cursor: str | None = None, filters: Filters = NO_FILTERS
) -> StepPage:
    """`{steps, total, next_cursor}`: the built-in types, then the registered ones by name; `total` counts those of all pages.
    Raises InvalidRequestError for a kind or an execution type that there is none of.
    """
    _check(filters)
    from workflow_engine.steps import builtin_catalogue

    builtin = [step for step in builtin_catalogue().describe() if filters.admits(step)]
    scope = _BUILTIN_PAGE if filters == NO_FILTERS else f"{_BUILTIN_PAGE}|{filters!r}"
    offset, inner = (0, None) if cursor is None else cursors.decode(caller.tenant_id, scope, cursor)
    steps = builtin[offset : offset + limit]
    offset += len(steps)
    registered, inner, more, count = _page(engine, caller, filters, limit - len(steps), inner)
    next_cursor = cursors.encode(caller.tenant_id, scope, [offset, inner]) if more else None
    shown = [described(step) for step in (*steps, *registered)]
    return {"steps": shown, "total": len(builtin) + count, "next_cursor": next_cursor}


def _page(
    engine: Engine, caller: Caller, filters: Filters, wanted: int, inner: str | None
) -> tuple[list[Registration], str | None, bool, int]:
    """Registered types of a page, where the next one begins, whether there is one, and how many types there are in all. With
    filters all are read, once, since no index tells how many they let through; `inner` is the name before the page then.
    """
    if filters == NO_FILTERS:
        count = engine.steps.count(caller.tenant_id)
        if not wanted:
            return [], None, count > 0, count
        steps, following = engine.steps.page(caller.tenant_id, wanted, inner)
        return steps, following, following is not None, count
    admitted = [step for step in all_registered(engine, caller) if filters.admits(step)]
    rest = [step for step in admitted if inner is None or step["step_type"] > inner]
    steps = rest[:wanted]
    return steps, steps[-1]["step_type"] if steps else None, len(rest) > wanted, len(admitted)


def all_registered(engine: Engine, caller: Caller) -> Iterator[Registration]:
    """Every step type that the tenant has registered, by name."""
    cursor: str | None = None
    while True:
        registered, cursor = engine.steps.page(caller.tenant_id, _READ_AT_ONCE, cursor)
        yield from registered
        if cursor is None:
            return


def _check(filters: Filters) -> None:
    for name, value, known in (
        ("kind", filters.kind, ("builtin", "registered")),
        ("execution_type", filters.execution_type, EXECUTION_TYPES),
    ):
        if value is not None and value not in known:
            raise InvalidRequestError(f"'{name}' must be one of {', '.join(known)}, not {quoted(value)}.")


def get_schema(engine: Engine, caller: Caller, step_type: str, version: int | None = None) -> StepSchemas:
    """The schemas of a step type. Raises NotFoundError."""
    told = get(engine, caller, step_type, version)
    return {
        "step_type": told["step_type"],
        "config_schema": told["config_schema"],
        "parameters_schema": told["parameters_schema"],
        "output_schema": told["output_schema"],
    }


def list_versions(
    engine: Engine, caller: Caller, step_type: str, limit: int, cursor: str | None = None
) -> StepVersionPage:
    """The versions of a registered step type, newest first. Raises NotFoundError, also for a built-in type, which has none."""
    if engine.steps.find(caller.tenant_id, step_type) is None:
        raise NotFoundError(f"There is no registered step type '{step_type}'. A built-in type has no versions.")
    versions, next_cursor = engine.steps.versions(caller.tenant_id, step_type, limit, cursor)
    return {"items": [described(version) for version in versions], "next_cursor": next_cursor}


def described(step_type: Mapping[str, Any]) -> StepType:
    """A step type as it is answered: every one has a name, and its schema under both names that clients may use."""
    told = {
        **step_type,
        "id": step_type["step_type"],
        "name": step_type.get("name") or step_type["step_type"],
        "parameters_schema": step_type["config_schema"],
    }
    return cast("StepType", told)  # registrations are kept as JSON
