"""Names and transitions: duplicates, dangling targets, states that nothing reaches, scopes that never end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflow_engine import aws_quotas
from workflow_engine.compiler.verify.rules import Path, Violation, violation
from workflow_engine.compiler.verify.scopes import Scope, State, entries

_FORBIDDEN: Final = re.compile(r"""[<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]""")
_FLOWING: Final = ("Task", "Pass", "Wait", "Parallel", "Map")
_ENDING: Final = ("Succeed", "Fail")


def check_definition(machine: Mapping[str, Any]) -> Iterator[Violation]:
    """The query language and the size of the whole definition, rendered compactly as UTF-8."""
    if machine.get("QueryLanguage") != "JSONata":
        yield violation("ASL-TOP-LEVEL", ("QueryLanguage",), "QueryLanguage must be 'JSONata'.")
    try:
        text = json.dumps(machine, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield violation("ASL-TOP-LEVEL", (), f"The machine cannot be written as JSON: {error}.")
        return
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > aws_quotas.DEFINITION_BYTES:
        yield violation(
            "ASL-DEFINITION-SIZE", (), f"{size:,} bytes; at most {aws_quotas.DEFINITION_BYTES:,} are allowed."
        )


def check_names(scopes: list[Scope]) -> Iterator[Violation]:
    """Length, characters and uniqueness of all state names."""
    first: dict[str, Path] = {}
    for scope in scopes:
        for name in scope.states:
            path = (*scope.path, "States", name)
            if not 1 <= len(name) <= aws_quotas.STATE_NAME_LENGTH:
                yield violation(
                    "ASL-NAME-LENGTH", path, f"{len(name)} characters; 1 to {aws_quotas.STATE_NAME_LENGTH} allowed."
                )
            if bad := _FORBIDDEN.search(name):
                yield violation("ASL-NAME-CHARACTERS", path, f"The name {name!r} has the character {bad[0]!r}.")
            if any(char.isspace() for char in name):
                yield violation("OWN-NAME-SPACE", path, f"The name {name!r} has a space.")
            if name in first:
                other = "/".join(str(key) for key in first[name])
                yield violation("ASL-DUPLICATE-NAME", path, f"The name {name!r} is also used at /{other}.")
            first.setdefault(name, path)


def transitions(state: State) -> Iterator[tuple[Path, Any]]:
    """The targets of a state with their places in it, whatever their types."""
    if "Next" in state:
        yield ("Next",), state["Next"]
    if "Default" in state:
        yield ("Default",), state["Default"]
    for field in ("Choices", "Catch"):
        for index, entry in entries(state, field):
            if "Next" in entry:
                yield (field, index, "Next"), entry["Next"]


def check_transitions(scope: Scope) -> Iterator[Violation]:
    """Targets exist, each state goes on or ends, everything is reached and an end is."""
    known = scope.states
    if scope.start not in known:
        yield violation(
            "ASL-DANGLING-NEXT", (*scope.path, "StartAt"), f"StartAt names {scope.start!r}, which is not a state here."
        )
    for name, state in known.items():
        path = (*scope.path, "States", name)
        yield from _check_next_or_end(path, state)
        for place, target in transitions(state):
            if not isinstance(target, str) or target not in known:
                yield violation(
                    "ASL-DANGLING-NEXT", (*path, *place), f"{target!r} is not a state of the same States object."
                )
    reached = _reachable(scope)
    for name in known:
        if scope.start in known and name not in reached:
            yield violation("ASL-UNREACHABLE", (*scope.path, "States", name), f"No path from StartAt reaches {name!r}.")
    if reached and not any(known[name].get("End") is True or known[name].get("Type") in _ENDING for name in reached):
        yield violation(
            "ASL-NO-TERMINAL", (*scope.path, "States"), "No state that can be reached has End, or is Succeed or Fail."
        )


def _check_next_or_end(path: Path, state: State) -> Iterator[Violation]:
    if state.get("Type") not in _FLOWING:
        return
    if "End" in state and not isinstance(state["End"], bool):
        yield violation("ASL-FIELD-VALUE", (*path, "End"), "End must be true or false.")
    elif ("Next" in state) == (state.get("End") is True):
        both = "both Next and End" if "Next" in state else "neither Next nor End: true"
        yield violation("ASL-NEXT-OR-END", path, f"The state has {both}.")


def _reachable(scope: Scope) -> set[str]:
    reached: set[str] = set()
    waiting = [scope.start]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in scope.states:
            continue
        reached.add(name)
        waiting += [target for _, target in transitions(scope.states[name]) if isinstance(target, str)]
    return reached
