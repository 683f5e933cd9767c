"""Ids for steps that were posted without one: `step_1`, `step_2`, by their place in their list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflow_engine.language.diagnostics import Json


def with_step_ids(document: Mapping[str, Json]) -> dict[str, Json]:
    """The document with an id for every step: the n-th of a list is `step_n`, or the next such id that no step has. What is
    no step is left as it is, and so is a document that needs no id. The document is one that can be walked (`wellformed`).
    """
    taken: set[str] = set()
    is_missing = False

    def note(step: dict[str, Json], _: int) -> dict[str, Json]:
        nonlocal is_missing
        if step.get("step_id") is None:
            is_missing = True
        elif isinstance(step["step_id"], str):
            taken.add(step["step_id"])
        return step

    def name(step: dict[str, Json], place: int) -> dict[str, Json]:
        if step.get("step_id") is not None:
            return step
        number = place + 1
        while f"step_{number}" in taken:
            number += 1
        taken.add(f"step_{number}")
        return {**step, "step_id": f"step_{number}"}

    _each_step(document, ("steps",), note)
    return _each_step(document, ("steps",), name) if is_missing else dict(document)


Visit = Callable[[dict[str, Json], int], dict[str, Json]]


def _each_step(holder: Any, lists: tuple[str, ...], visit: Visit) -> Any:
    """A copy of an object whose steps, in these lists of it, are what `visit` makes of them and of their places."""
    if not isinstance(holder, dict):
        return holder
    made = dict(holder)
    for name in lists:
        if isinstance(made.get(name), list):
            made[name] = [_step(step, place, visit) for place, step in enumerate(made[name])]
    return made


def _step(step: Json, place: int, visit: Visit) -> Json:
    if not isinstance(step, dict):
        return step
    made = visit(step, place)
    for name in ("config", "parameters"):
        if isinstance(made.get(name), dict) and made[name].keys() & {"steps", "default", "cases"}:
            config = dict(made[name])
            if isinstance(config.get("cases"), list):
                config["cases"] = [_each_step(case, ("steps",), visit) for case in config["cases"]]
            made = {**made, name: _each_step(config, ("steps", "default"), visit)}
    return made
