"""Which fields a state of each type may have, and which literals they take.

Expressions are values of fields here; what stands in them is checked in `expressions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from workflow_engine import aws_quotas
from workflow_engine.compiler.verify.rules import Path, Violation, violation
from workflow_engine.compiler.verify.scopes import Scope, State
from workflow_engine.data_limit import DATA_LIMIT_EXCEEDED
from workflow_engine.suggestions import suggest

_ALL: Final = frozenset({"Type", "Comment", "QueryLanguage"})
_FLOW: Final = _ALL | {"Next", "End", "Assign", "Output"}
_FALLIBLE: Final = _FLOW | {"Arguments", "Retry", "Catch"}
STATE_FIELDS: Final[dict[str, frozenset[str]]] = {
    "Task": _FALLIBLE | {"Resource", "Credentials", "TimeoutSeconds", "HeartbeatSeconds"},
    "Parallel": _FALLIBLE | {"Branches"},
    "Map": _FALLIBLE - {"Arguments"}
    | {"Items", "ItemSelector", "ItemReader", "ItemBatcher", "ItemProcessor", "ResultWriter", "MaxConcurrency", "Label"}
    | {"ToleratedFailureCount", "ToleratedFailurePercentage"},
    "Pass": _FLOW,
    "Wait": _FLOW | {"Seconds", "Timestamp"},
    "Choice": _ALL | {"Choices", "Default", "Assign", "Output"},
    "Succeed": _ALL | {"Output"},
    "Fail": _ALL | {"Error", "Cause"},
}
"""Fields in the JSONata language, by type of state. The page of each type in the Developer Guide."""

_REQUIRED: Final = {"Task": "Resource", "Parallel": "Branches", "Map": "ItemProcessor", "Choice": "Choices"}
_RULE_FIELDS: Final = frozenset({"Condition", "Next", "Assign", "Output", "Comment"})
_CATCHER_FIELDS: Final = frozenset({"ErrorEquals", "Next", "Assign", "Output", "Comment"})
_RETRIER_FIELDS: Final = frozenset(
    {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"}
)
_TOP_FIELDS: Final = frozenset({"StartAt", "States", "Comment", "QueryLanguage", "TimeoutSeconds", "Version"})
_BRANCH_FIELDS: Final = frozenset({"StartAt", "States", "Comment"})
_JSONPATH: Final = re.compile(
    r"(Input|Output|Result|Items|Error|Cause|MaxItems|MaxConcurrency|Seconds|Timestamp|TimeoutSeconds|HeartbeatSeconds"
    r"|ToleratedFailureCount|ToleratedFailurePercentage|MaxItemsPerBatch|MaxInputBytesPerBatch|Bucket|Key)Path"
    r"|Parameters|ResultSelector|Result|Variable|And|Or|Not|Is(Null|Present|Numeric|String|Boolean|Timestamp)"
    r"|(String|Numeric|Timestamp|Boolean)\w+"
)
_INTEGERS: Final[dict[str, tuple[int, int | None]]] = {
    "TimeoutSeconds": (1, aws_quotas.STATE_SECONDS),
    "HeartbeatSeconds": (1, aws_quotas.STATE_SECONDS),
    "Seconds": (0, aws_quotas.STATE_SECONDS),
    "MaxConcurrency": (0, None),
    "ToleratedFailureCount": (0, None),
}
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ERRORS: Final = "States.ALL"


def is_expression(value: Any) -> bool:
    """Whether a value is text that Step Functions evaluates as JSONata."""
    return isinstance(value, str) and len(value) >= 4 and value.startswith("{%") and value.endswith("%}")


def check_scope_fields(scope: Scope, value: Mapping[str, Any]) -> Iterator[Violation]:
    """The fields beside StartAt and States of a machine, a branch or an item processor (`value`)."""
    allowed = _TOP_FIELDS if scope.parent < 0 else _BRANCH_FIELDS
    if scope.path[-1:] == ("ItemProcessor",):
        allowed = allowed | {"ProcessorConfig"}
        yield from _check_processor_config((*scope.path, "ProcessorConfig"), value.get("ProcessorConfig", {}))
    yield from _unknown(scope.path, value, allowed)
    timeout = value.get("TimeoutSeconds")
    if timeout is not None and scope.parent < 0 and not _integer(timeout, 1, aws_quotas.STATE_SECONDS):
        yield violation("ASL-FIELD-VALUE", ("TimeoutSeconds",), _range_text(1, aws_quotas.STATE_SECONDS))


def check_state_fields(path: Path, state: State) -> Iterator[Violation]:
    """All fields of one state but what their expressions read."""
    kind = state.get("Type")
    allowed = STATE_FIELDS.get(kind) if isinstance(kind, str) else None
    if allowed is None:
        yield violation("ASL-STATE-TYPE", (*path, "Type"), f"{kind!r} is not a type of state.")
        return
    language = state.get("QueryLanguage", "JSONata")
    if language != "JSONata":
        yield violation("ASL-QUERY-LANGUAGE", (*path, "QueryLanguage"), f"{language!r} in a JSONata machine.")
        return
    yield from _unknown(path, state, allowed)
    if (required := _REQUIRED.get(str(kind))) and required not in state:
        yield violation("ASL-MISSING-FIELD", path, f"A {kind} needs {required}.")
    yield from _check_literals(path, state)
    if "Retry" in allowed:
        yield from _check_handlers(path, state, "Retry", _RETRIER_FIELDS)
        yield from _check_handlers(path, state, "Catch", _CATCHER_FIELDS)
    match kind:
        case "Choice":
            yield from _check_choice(path, state)
        case "Wait":
            yield from _check_wait(path, state)
        case "Task" | "Map":
            yield from _check_resources(path, state)
        case "Parallel" if "Branches" in state and not (isinstance(state["Branches"], list) and state["Branches"]):
            yield violation("ASL-FIELD-VALUE", (*path, "Branches"), "Branches must be a non-empty list.")


def _unknown(path: Path, value: Mapping[str, Any], allowed: frozenset[str]) -> Iterator[Violation]:
    for name in value:
        if name in allowed:
            continue
        if _JSONPATH.fullmatch(name) or name.endswith(".$"):
            yield violation("ASL-JSONPATH-FIELD", (*path, name), f"{name} belongs to JSONPath.")
        else:
            detail = f"{name} is not a field here.{suggest(name, allowed)}"
            yield violation("ASL-UNKNOWN-FIELD", (*path, name), detail)


def _integer(value: Any, low: int, high: int | None) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high)


def _range_text(low: int, high: int | None, noun: str = "an integer") -> str:
    return f"Must be {noun} from {low}{'' if high is None else f' to {high:,}'}."


def _check_literals(path: Path, state: State) -> Iterator[Violation]:
    for name, (low, high) in _INTEGERS.items():
        if name in state and not is_expression(state[name]) and not _integer(state[name], low, high):
            yield violation("ASL-FIELD-VALUE", (*path, name), _range_text(low, high)[:-1] + ", or an expression.")
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        yield violation("ASL-FIELD-VALUE", (*path, "HeartbeatSeconds"), "Must be less than TimeoutSeconds.")
    share = state.get("ToleratedFailurePercentage", 0)
    if not is_expression(share) and (
        isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 100
    ):
        yield violation("ASL-FIELD-VALUE", (*path, "ToleratedFailurePercentage"), _range_text(0, 100, "a number"))
    for name in ("Error", "Cause", "Comment", "Label"):
        if name in state and not isinstance(state[name], str):
            yield violation("ASL-FIELD-VALUE", (*path, name), "Must be text.")
    if "Assign" in state and not isinstance(state["Assign"], Mapping):
        yield violation("ASL-FIELD-VALUE", (*path, "Assign"), "Must be an object of names and values.")
    if "Items" in state and not is_expression(state["Items"]) and not isinstance(state["Items"], list | Mapping):
        yield violation("ASL-FIELD-VALUE", (*path, "Items"), "Must be a list, an object or an expression.")


def _check_wait(path: Path, state: State) -> Iterator[Violation]:
    if ("Seconds" in state) == ("Timestamp" in state):
        yield violation("ASL-MISSING-FIELD", path, "A Wait needs either Seconds or Timestamp.")
    until = state.get("Timestamp")
    if until is not None and not is_expression(until) and not (isinstance(until, str) and _TIMESTAMP.fullmatch(until)):
        yield violation(
            "ASL-FIELD-VALUE", (*path, "Timestamp"), "Must be an RFC 3339 time with T and a zone, or an expression."
        )


def _check_choice(path: Path, state: State) -> Iterator[Violation]:
    if "Default" not in state:
        yield violation("OWN-CHOICE-DEFAULT", path, "The Choice has no Default.")
    if "Choices" not in state:
        return
    rules = state["Choices"]
    if not isinstance(rules, list) or not rules:
        yield violation("ASL-FIELD-VALUE", (*path, "Choices"), "Choices must be a non-empty list.")
        return
    for index, rule in enumerate(rules):
        place = (*path, "Choices", index)
        if not isinstance(rule, Mapping):
            yield violation("ASL-FIELD-VALUE", place, "A choice rule must be an object.")
            continue
        yield from _unknown(place, rule, _RULE_FIELDS)
        if "Next" not in rule:
            yield violation("ASL-MISSING-FIELD", place, "A choice rule needs Next.")
        if not isinstance(rule.get("Condition"), bool) and not is_expression(rule.get("Condition")):
            yield violation("ASL-CONDITION", (*place, "Condition"), "Must be {% an expression %} or a boolean.")


def _check_resources(path: Path, state: State) -> Iterator[Violation]:
    holders = [(path, state)] if "Resource" in state else []
    for name in ("ItemReader", "ResultWriter"):
        holder = state.get(name)
        # A ResultWriter with a WriterConfig alone writes no file: it only shapes the Map's result.
        if isinstance(holder, Mapping) and ("Resource" in holder or "WriterConfig" not in holder):
            holders.append(((*path, name), holder))
    for place, holder in holders:
        resource = holder.get("Resource")
        if isinstance(resource, str) and ("{%" in resource or resource.startswith("$")):
            yield violation("ASL-DYNAMIC-RESOURCE", (*place, "Resource"), "Resource must be a constant ARN.")
        elif not isinstance(resource, str) or not resource.startswith("arn:"):
            yield violation("ASL-FIELD-VALUE", (*place, "Resource"), f"{resource!r} is not a valid ARN.")


def _check_processor_config(path: Path, config: Any) -> Iterator[Violation]:
    mode = config.get("Mode", "INLINE") if isinstance(config, Mapping) else None
    if mode not in ("INLINE", "DISTRIBUTED"):
        yield violation("ASL-PROCESSOR-MODE", path, f"Mode is {mode!r}; it must be INLINE or DISTRIBUTED.")
    elif mode == "DISTRIBUTED" and config.get("ExecutionType") not in ("STANDARD", "EXPRESS"):
        yield violation("ASL-PROCESSOR-MODE", path, "A distributed Map needs ExecutionType STANDARD or EXPRESS.")


def _check_handlers(path: Path, state: State, field: str, allowed: frozenset[str]) -> Iterator[Violation]:
    """Retry or Catch: a list of objects; errors are constant names, States.ALL alone and last."""
    if field not in state:
        return
    handlers = state[field]
    if not isinstance(handlers, list):
        yield violation("ASL-FIELD-VALUE", (*path, field), f"{field} must be a list.")
        return
    for index, handler in enumerate(handlers):
        place = (*path, field, index)
        if not isinstance(handler, Mapping):
            yield violation("ASL-FIELD-VALUE", place, f"An entry of {field} must be an object.")
            continue
        yield from _unknown(place, handler, allowed)
        yield from _check_errors(place, handler.get("ErrorEquals"), index == len(handlers) - 1)
        if field == "Retry":
            yield from _check_retrier(place, handler)
        elif "Next" not in handler:
            yield violation("ASL-MISSING-FIELD", place, "A catcher needs Next.")
        if "Assign" in handler and not isinstance(handler["Assign"], Mapping):
            yield violation("ASL-FIELD-VALUE", (*place, "Assign"), "Must be an object of names and values.")
    if not _names_data_limit(handlers):
        detail = f"{_ERRORS} without {DATA_LIMIT_EXCEEDED} in an entry before it."
        yield violation("OWN-DATA-LIMIT", (*path, field), detail)


def _names_data_limit(handlers: Iterable[Any]) -> bool:
    """Whether an entry for States.ALL, if there is one that does anything, comes after one for States.DataLimitExceeded."""
    for handler in handlers:
        errors = handler.get("ErrorEquals") if isinstance(handler, Mapping) else None
        if not isinstance(errors, list):
            continue
        if DATA_LIMIT_EXCEEDED in errors:
            return True
        if _ERRORS in errors:
            return bool(handler.get("MaxAttempts") == 0)
    return True


def _check_errors(place: Path, errors: Any, is_last: bool) -> Iterator[Violation]:
    if (
        not isinstance(errors, list)
        or not errors
        or not all(isinstance(e, str) and not is_expression(e) for e in errors)
    ):
        yield violation("ASL-RETRY-VALUE", (*place, "ErrorEquals"), "Must be a non-empty list of constant error names.")
    elif _ERRORS in errors and (len(errors) > 1 or not is_last):
        yield violation("ASL-STATES-ALL", (*place, "ErrorEquals"), "States.ALL must stand alone and in the last entry.")


def _check_retrier(place: Path, retrier: Mapping[str, Any]) -> Iterator[Violation]:
    ranges = {
        "IntervalSeconds": (1, aws_quotas.RETRY_INTERVAL_SECONDS),
        "MaxAttempts": (0, aws_quotas.RETRY_ATTEMPTS),
        "MaxDelaySeconds": (1, aws_quotas.RETRY_DELAY_SECONDS - 1),
    }
    for name, (low, high) in ranges.items():
        if name in retrier and not _integer(retrier[name], low, high):
            yield violation("ASL-RETRY-VALUE", (*place, name), _range_text(low, high, "a constant integer"))
    rate = retrier.get("BackoffRate", 1)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate < 1:
        yield violation("ASL-RETRY-VALUE", (*place, "BackoffRate"), _range_text(1, None, "a constant number"))
    if retrier.get("JitterStrategy", "NONE") not in ("NONE", "FULL"):
        yield violation("ASL-RETRY-VALUE", (*place, "JitterStrategy"), "Must be FULL or NONE.")
