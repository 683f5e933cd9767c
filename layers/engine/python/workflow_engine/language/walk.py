"""The steps of a document as a client sent it, before anything is known to be right about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from workflow_engine.language.diagnostics import Json, pointer


def walk_steps(document: Json) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Every step of a document, nested ones included, with its pointer. The document may be any JSON."""
    stack = list(_steps_of(document, "", ("steps",)))
    while stack:
        place, step = stack.pop()
        yield place, step
        for name in ("config", "parameters"):
            config, inside = step.get(name), place + pointer(name)
            stack += _steps_of(config, inside, ("steps", "default"))
            cases = config.get("cases") if isinstance(config, dict) else None
            for i, case in enumerate(cases if isinstance(cases, list) else []):
                stack += _steps_of(case, inside + pointer("cases", i), ("steps",))


def _steps_of(holder: Json, place: str, names: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for name in names if isinstance(holder, dict) else ():
        steps = holder.get(name)
        for i, step in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(step, dict):
                yield place + pointer(name, i), step
