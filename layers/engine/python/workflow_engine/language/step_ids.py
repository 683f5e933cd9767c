"""Ids for steps that were posted without one: `step_1`, `step_2`, by their place in their list."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_engine.language.diagnostics import Json
from workflow_engine.language.walk import map_steps, walk_steps


def with_step_ids(document: Mapping[str, Json]) -> dict[str, Json]:
    """The document with an id for every step: the n-th of a list is `step_n`, or the next such id that no step has. What is
    no step is left as it is, and so is a document that needs no id. The document is one that can be walked (`wellformed`).
    """
    ids = [step.get("step_id") for _, step in walk_steps(document)]
    if None not in ids:
        return dict(document)
    taken = {step_id for step_id in ids if isinstance(step_id, str)}

    def name(step: dict[str, Json], place: int) -> dict[str, Json]:
        if step.get("step_id") is not None:
            return step
        number = place + 1
        while f"step_{number}" in taken:
            number += 1
        taken.add(f"step_{number}")
        return {**step, "step_id": f"step_{number}"}

    return map_steps(document, name)
