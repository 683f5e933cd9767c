"""The steps of a document as a client sent it, before anything is known to be right about it: in `steps`, in containers, and
those that run when the run fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from workflow_engine.language.diagnostics import Json, pointer

_OF_A_WORKFLOW: Final = ("steps", "on_failure")
_OF_A_STEP: Final = ("compensate",)
_OF_A_CONFIG: Final = ("steps", "default")
_OF_A_CASE: Final = ("steps",)
_CASES: Final = "cases"
_CONFIGS: Final = ("config", "parameters")

Visit = Callable[[dict[str, Json], int], dict[str, Json]]
"""What becomes of a step, given its place in its list."""


def walk_steps(document: Json) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Every step of a document with its pointer, in the order of the document; a container comes before its steps. However
    deep they are nested.
    """
    stack = [*_steps_of(document, "", _OF_A_WORKFLOW)][::-1]
    while stack:
        place, step = stack.pop()
        yield place, step
        inner = [*_steps_of(step, place, _OF_A_STEP)]
        for name in _CONFIGS:
            config, inside = step.get(name), place + pointer(name)
            inner += _steps_of(config, inside, _OF_A_CONFIG)
            cases = config.get(_CASES) if isinstance(config, dict) else None
            for i, case in enumerate(cases if isinstance(cases, list) else []):
                inner += _steps_of(case, inside + pointer(_CASES, i), _OF_A_CASE)
        stack += reversed(inner)


def map_steps(document: Mapping[str, Json], visit: Visit) -> dict[str, Json]:
    """A copy of a document whose steps are what `visit` makes of them, a container before its steps. The document is one that
    can be walked (`wellformed`).
    """
    mapped: dict[str, Json] = _mapped(document, _OF_A_WORKFLOW, visit)
    return mapped


def _steps_of(holder: Json, place: str, names: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for name in names if isinstance(holder, dict) else ():
        steps = holder.get(name)
        for i, step in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(step, dict):
                yield place + pointer(name, i), step


def _mapped(holder: Any, lists: tuple[str, ...], visit: Visit) -> Any:
    if not isinstance(holder, dict):
        return holder
    made = dict(holder)
    for name in lists:
        if isinstance(made.get(name), list):
            made[name] = [_mapped_step(step, place, visit) for place, step in enumerate(made[name])]
    return made


def _mapped_step(step: Json, place: int, visit: Visit) -> Json:
    if not isinstance(step, dict):
        return step
    made = visit(step, place)
    for name in _CONFIGS:
        if isinstance(made.get(name), dict) and made[name].keys() & {*_OF_A_CONFIG, _CASES}:
            config = dict(made[name])
            if isinstance(config.get(_CASES), list):
                config[_CASES] = [_mapped(case, _OF_A_CASE, visit) for case in config[_CASES]]
            made = {**made, name: _mapped(config, _OF_A_CONFIG, visit)}
    return made if _OF_A_STEP[0] not in made else _mapped(made, _OF_A_STEP, visit)
