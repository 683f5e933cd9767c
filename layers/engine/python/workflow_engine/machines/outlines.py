"""The outline of a workflow (`compiler.reports.outline`) in the forms in which a history is read with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.timeline import Frames


@dataclass(slots=True)
class KnownSteps:
    """The steps of an outline by id, at whatever depth.

    `entries` has each one's entry, `enclosing` the maps, for_each steps and loops around it, outermost first, each once for each
    index that it adds to a place; `containers` also the switches, each once. `loops` are the loops, `checked` the steps whose
    output a second state holds to a schema.
    """

    entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    enclosing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    containers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    loops: frozenset[str] = frozenset()
    checked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, outline: Mapping[str, Any]) -> KnownSteps:
        """Those of an outline, with the steps after a failure."""
        known = cls()
        known._add((*outline["steps"], *outline.get("after_failure", ())), (), ())
        known.loops = frozenset(i for i, step in known.entries.items() if step.get("body", {}).get("kind") == "loop")
        known.checked = frozenset(i for i, step in known.entries.items() if step.get("checked"))
        return known

    def _add(self, steps: Iterable[Mapping[str, Any]], around: tuple[str, ...], inside: tuple[str, ...]) -> None:
        for step in steps:
            step_id = step["id"]
            self.entries[step_id], self.enclosing[step_id], self.containers[step_id] = step, around, inside
            body = step.get("body")
            if body is None:
                continue
            inner = (*around, step_id) if step.get("each") else around
            if body["kind"] != "switch":
                inner = (*inner, step_id)
            self._add(body["steps"], inner, (*inside, step_id))

    def key_around(self, step_id: str, frames: Frames) -> str:
        """The key in results of a step, or one element of it, given the frames of anything that is in it: a turn of a loop has
        none, and what is further inside does not count.
        """
        depth = len(self.enclosing.get(step_id, ()))
        is_listed = bool(self.entries.get(step_id, {}).get("each"))
        return self.key(step_id, frames[: depth + is_listed])

    def key(self, step_id: str, frames: Frames) -> str:
        """The key in results of a step at a place: `outer[3].inner`. Frames of the step itself are elements of it: `a[2]`."""
        left, parts = list(frames), list[str]()
        for container in (*self.containers.get(step_id, ()), step_id):
            indices = ""
            while left and left[0][0] == container:
                indices += f"[{left.pop(0)[1]}]"
            parts.append(container + indices)
        return ".".join(parts)


def step_in(key: str) -> str:
    """The id of the step that a key of results ends with."""
    return key.rpartition(".")[2].partition("[")[0]


def holder_of(key: str) -> str | None:
    """What a key of results is a part of: `a[3]` of `a[3].inner`, `a` of `a[3]`; None for a step of the workflow itself."""
    at = max(key.rfind("."), key.rfind("["))
    return key[:at] if at > 0 else None
