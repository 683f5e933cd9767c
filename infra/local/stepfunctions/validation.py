"""ValidateStateMachineDefinition: what CreateStateMachine would refuse, found by the compiler's verifier."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.local.stepfunctions.definition import JSONATA, JSONPATH, RESOURCES, in_jsonata
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.limits import parsed
from workflow_engine.compiler.verify import Violation, verify

_FAILED: Final = "SCHEMA_VALIDATION_FAILED"
_REQUIRED: Final = ("States", "StartAt")
_FUNCTION_OR_ACTIVITY: Final = re.compile(
    r"arn:aws[a-z-]*:(?:lambda:[a-z0-9-]+:\d{12}:function:[\w$:-]+|states:[a-z0-9-]+:\d{12}:activity:[^:]+)"
)


def diagnostics(text: str, machine_type: str = "STANDARD") -> list[dict[str, str]]:
    """The errors of a definition, as ValidateStateMachineDefinition lists them: code, message, location, severity.

    An empty list where it can be created. Rules that concern only what happens when the machine runs are left out.
    """
    try:
        definition = parsed(text)
    except (ValueError, RecursionError) as error:
        if not text.strip():
            return [_diagnostic("Definition must be a valid JSON object", None)]
        at = f"line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else "/"
        return [_diagnostic(f"The definition is not JSON: {error}", at, "INVALID_JSON_DESCRIPTION")]
    if not isinstance(definition, dict):
        return [_diagnostic("Definition must be a valid JSON object", None)]
    missing = [name for name in _REQUIRED if name not in definition]
    if missing:
        return [_diagnostic(f"These fields are required: [{', '.join(missing)}]", "/")]
    found = [
        _diagnostic(violation.detail, violation.pointer or "/")
        for violation in verify(in_jsonata(definition))
        if violation.rule.startswith("ASL-") and not _is_accepted(violation, definition)
    ]
    return found + list(_of_states(definition, "", machine_type, definition.get("QueryLanguage", JSONPATH)))


def check_definition(text: str, machine_type: str = "STANDARD") -> None:
    """Raise ServiceError (InvalidDefinition) for what CreateStateMachine refuses, and for what cannot run here."""
    found = diagnostics(text, machine_type)
    if found:
        told = ", ".join(f"'{d['code']}: {d['message']} at {d.get('location', '/')}'" for d in found)
        raise ServiceError("InvalidDefinition", f"Invalid State Machine Definition: {told}")


def _is_accepted(violation: Violation, definition: Mapping[str, Any]) -> bool:
    """Whether the documentation forbids it, and AWS has been recorded to create and run such a machine."""
    is_key_of_jsonata = violation.pointer.endswith(".$") and _language_at(definition, violation.pointer) == JSONATA
    return violation.rule == "ASL-NESTED-ASSIGN" or (violation.rule == "ASL-JSONPATH-FIELD" and is_key_of_jsonata)


def _language_at(definition: Mapping[str, Any], pointer: str) -> str:
    """The query language of the state that a pointer leads into."""
    value: Any = definition
    language = definition.get("QueryLanguage", JSONPATH)
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value.get(key)
        if isinstance(value, Mapping) and "Type" in value:
            language = value.get("QueryLanguage", definition.get("QueryLanguage", JSONPATH))
        if not isinstance(value, Mapping | list):
            break
    return str(language)


def _diagnostic(message: str, location: str | None, code: str = _FAILED) -> dict[str, str]:
    told = {"code": code, "message": message, "severity": "ERROR"}
    return told if location is None else {**told, "location": location}


def _of_states(machine: Mapping[str, Any], path: str, machine_type: str, language: str) -> Iterator[dict[str, str]]:
    """What the verifier does not know: which resources there are, and that Express has no callbacks."""
    states = machine.get("States")
    for name, state in states.items() if isinstance(states, Mapping) else ():
        if not isinstance(state, Mapping):
            continue
        place = f"{path}/States/{name}"
        if state.get("Type") == "Task":
            yield from _of_resource(state.get("Resource"), f"{place}/Resource", machine_type)
        own = state.get("QueryLanguage", language)
        for branch, where in _inside(state):
            if isinstance(branch, Mapping):
                inner = "EXPRESS" if _is_express_map(branch) else machine_type
                yield from _of_states(branch, f"{place}/{where}", inner, own if language == JSONATA else language)


def _inside(state: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    branches = state.get("Branches")
    if isinstance(branches, list):
        yield from ((branch, f"Branches[{index}]") for index, branch in enumerate(branches))
    if "ItemProcessor" in state:
        yield state["ItemProcessor"], "ItemProcessor"


def _is_express_map(processor: Mapping[str, Any]) -> bool:
    config = processor.get("ProcessorConfig")
    return isinstance(config, Mapping) and config.get("ExecutionType") == "EXPRESS"


def _of_resource(resource: Any, place: str, machine_type: str) -> Iterator[dict[str, str]]:
    if not isinstance(resource, str):
        return
    pattern = next((p for p in (".waitForTaskToken", ".sync") if p in resource), None)
    if machine_type == "EXPRESS" and pattern is not None:
        yield _diagnostic(f"Express state machine does not support '{pattern}' service integration", place)
    elif resource not in RESOURCES and _FUNCTION_OR_ACTIVITY.fullmatch(resource) is None:
        yield _diagnostic(
            f"'{resource}' cannot be called on this machine. Use lambda:invoke, states:startExecution, or the ARN of a "
            "function or an activity.",
            place,
        )
