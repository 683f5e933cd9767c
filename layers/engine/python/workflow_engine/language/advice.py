"""What authors who know other systems write, and how it is said here.

Tables of words, by the field's name or the step type that was written. A word that is near a known one needs no entry: spelling
is mended by `Findings.suggest`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from workflow_engine.suggestions import Fix, advised

_RETRY: Final = (
    "Retries are 'max_retries' (a number), 'retry_strategy' and 'retry_delay_seconds', each a field of the step."
)
_CONDITIONS: Final = "A condition under which a step runs is its 'conditions', such as \"a.data.n > 1\"."
_NEXT: Final = "Order is said the other way round: name the steps that a step waits for in its 'dependencies'."
_FAILURE: Final = (
    "A step whose failure does not end the run has 'critical': false; others read its '.status' and '.error'. What runs when "
    "the run fails is the workflow's 'on_failure', what undoes a step its 'compensate'."
)
_UNDO: Final = "What undoes a step when the run fails is its 'compensate', a list of steps."
_ON_FAILURE: Final = "What runs when the run fails is 'on_failure', a list of steps."
_INPUT: Final = "What a step is given is its 'input_mapping', {name: reference}."
_DEPENDENCIES: Final = "The steps that a step waits for are its 'dependencies', a list of ids."
_EACH: Final = "A step runs once per element by 'for_each'; several steps do in a 'map'."
_IN_CONFIG: Final = "It belongs into the step's 'config'."
_VARIABLES: Final = "Constants are the 'variables' of the workflow, read as 'variables.name'."

FIELDS: Final = {
    "StepDocument": {
        **dict.fromkeys(("retry", "retries", "retry_policy", "retryPolicy", "max_attempts", "attempts"), _RETRY),
        **dict.fromkeys(("if", "when", "condition", "run_if", "only_if", "skip_if", "rules"), _CONDITIONS),
        **dict.fromkeys(("next", "then", "transitions", "on_success", "edges", "goto"), _NEXT),
        **dict.fromkeys(("catch", "on_failure", "continue_on_error", "ignore_errors", "allow_failure"), _FAILURE),
        **dict.fromkeys(("compensation", "compensations", "undo", "rollback", "revert", "compensate_with"), _UNDO),
        **dict.fromkeys(("input", "inputs", "args", "arguments", "params", "with", "mapping", "input_data"), _INPUT),
        **dict.fromkeys(("needs", "depends_on", "dependsOn", "depends", "after", "upstream"), _DEPENDENCIES),
        **dict.fromkeys(("foreach", "forEach", "with_items", "loop", "matrix"), _EACH),
        **dict.fromkeys(("items", "steps", "cases", "default", "while", "until", "max_iterations"), _IN_CONFIG),
        **dict.fromkeys(("type", "uses", "action", "kind", "function"), "What a step does is its 'step_type'."),
        **dict.fromkeys(("id", "key", "task_id"), "The id of a step is its 'step_id'."),
        **dict.fromkeys(("timeout", "timeoutSeconds"), "The time that a step may take is its 'timeout_seconds'."),
        **dict.fromkeys(("env", "environment", "variables", "vars"), _VARIABLES),
    },
    "WorkflowDocument": {
        **dict.fromkeys(("env", "environment", "constants", "globals", "vars"), _VARIABLES),
        **dict.fromkeys(("outputs", "result", "return"), "What the run gives is 'output', {name: reference}."),
        **dict.fromkeys(("inputs", "parameters", "params"), "What the input of a run must be is its 'input_schema'."),
        **dict.fromkeys(("tasks", "nodes", "states", "jobs"), "The steps are the list 'steps'."),
        **dict.fromkeys(("pattern", "mode", "execution_mode"), "How steps are ordered is the 'execution_pattern'."),
        **dict.fromkeys(("edges", "transitions"), _NEXT),
        **dict.fromkeys(("catch", "failure", "on_error", "onFailure", "failure_workflow"), _ON_FAILURE),
        "timeout": "The time that a run may take is its 'timeout_seconds'.",
        "title": "The name of a workflow is its 'name'.",
    },
    "CaseDocument": dict.fromkeys(("if", "condition", "conditions", "case"), "The condition of a case is its 'when'."),
    "LoopConfig": dict.fromkeys(("if", "when", "condition", "conditions"), "A loop has 'while' or 'until'."),
    "SwitchConfig": dict.fromkeys(("else", "otherwise", "steps"), "The steps when no case holds are 'default'."),
    "MapConfig": dict.fromkeys(("for_each", "list", "over", "item"), "The list of a map is its 'items', a reference."),
}
"""Fields of other systems, by the model of the document in which they were written."""

_RENAMED: Final = {
    "StepDocument": {
        **dict.fromkeys(("id", "task_id"), "step_id"),
        "type": "step_type",
        **dict.fromkeys(("needs", "depends_on", "dependsOn", "upstream"), "dependencies"),
    },
    "WorkflowDocument": {"title": "name"},
}
"""Of these fields those of which another name is all that is wrong: what is in them is the same here."""

_VALUES: Final = {
    "execution_pattern": {
        **dict.fromkeys(("dag", "graph", "dependency_based", "dependencies"), "dependency"),
        **dict.fromkeys(("serial", "linear", "sequence", "chain"), "sequential"),
        **dict.fromkeys(("concurrent", "fan_out"), "parallel"),
    },
    "trigger_rule": {
        **dict.fromkeys(("always", "all_completed", "all_complete"), "all_done"),
        **dict.fromkeys(("none_failed", "none_failed_or_skipped"), "none_failed_min_one_success"),
        **dict.fromkeys(("on_failure", "any_failed"), "one_failed"),
        **dict.fromkeys(("any_success", "any"), "one_success"),
    },
    "retry_strategy": {"constant": "fixed_delay", "exponential": "exponential_backoff"},
    "on_error": {"ignore": "continue", "skip": "continue", "stop": "fail", "abort": "fail", "raise": "fail"},
}
"""Values of other systems, by field."""

LIST_ADVICE: Final = (
    " It is a reference to a list, such as \"a.data.rows\". Put a constant list into 'variables' and refer to it as "
    "'variables.name'."
)

_OWN_CODE: Final = (
    "Own code is a function of yours: register it as a step type with POST /steps/register (on the laptop put it into a folder "
    "and name that with --steps), then use that name here."
)
_ENDPOINT: Final = (
    'Register the endpoint as a step type of its own, with POST /steps/register and "execution_type": "http", then use that '
    "name here."
)
_BRANCH: Final = "Give the steps 'conditions', or put them into the cases of a 'switch'."
_PARALLEL: Final = (
    "Steps run side by side by themselves where none waits for another: 'execution_pattern': \"dependency\"."
)
_TURNS: Final = "Steps run again and again in a 'loop', with 'while' or 'until'."
_ASK: Final = "A model is asked by an 'agent_execution'."
_WAIT: Final = "Waiting is a 'delay'."
_FAIL: Final = "A step that fails the run is a 'fail', with 'error' and 'message' in its config."
_JOIN: Final = "Branches are brought together by a 'merge', values by a 'data_merge'."
_RESHAPE: Final = 'Values are moved by \'input_mapping\', and computed there by {"expression": "JSONata"}.'
_CONSTANT: Final = "Constant data is a 'data_input', or stands in the workflow's 'variables'."
_BEGIN: Final = "A run begins with its input, read as 'input.name'; a 'trigger' hands it on whole."

STEP_TYPES: Final = {
    **dict.fromkeys(
        ("python", "code", "script", "lambda", "function", "javascript", "node", "shell", "bash", "task"), _OWN_CODE
    ),
    **dict.fromkeys(("http", "https", "rest", "api", "request", "webhook", "rpc", "api_call", "http_call"), _ENDPOINT),
    **dict.fromkeys(
        ("conditional", "condition", "if", "branch", "choice", "case", "decision", "router", "if_else"), _BRANCH
    ),
    **dict.fromkeys(("parallel", "fork", "fan_out", "concurrent", "group", "sequence", "sequential"), _PARALLEL),
    **dict.fromkeys(("foreach", "for_each", "for", "iterate", "iterator", "each", "batch"), _EACH),
    **dict.fromkeys(("while", "until", "repeat", "do_while", "do_until"), _TURNS),
    **dict.fromkeys(("llm", "chat", "openai", "gpt", "prompt_execution", "completion", "ai", "model"), _ASK),
    **dict.fromkeys(("wait", "sleep", "timer", "pause"), _WAIT),
    **dict.fromkeys(("throw", "raise", "error", "terminate", "abort", "exception"), _FAIL),
    **dict.fromkeys(("join", "fan_in", "combine", "aggregate", "collect"), _JOIN),
    **dict.fromkeys(("transform", "map_data", "expression", "jsonata", "set", "assign", "pass", "formula"), _RESHAPE),
    **dict.fromkeys(("constant", "static", "variable", "variables", "data"), _CONSTANT),
    **dict.fromkeys(("start", "begin", "entry"), _BEGIN),
    **dict.fromkeys(("end", "finish", "stop", "return", "result"), "What the run gives is the workflow's 'output'."),
    **dict.fromkeys(("sub_workflow", "workflow", "subworkflow"), "A workflow cannot run another one yet."),
    **dict.fromkeys(("approval", "manual", "human"), "Steps cannot wait for a person in this version."),
}
"""Step types of other systems."""


def field_advice(model: str, field: str) -> str:
    """What to write instead of a field of another system; the empty string where nothing is known of it."""
    known = FIELDS.get(model, {})
    if field not in known:
        return ""
    name = _RENAMED.get(model, {}).get(field)
    return advised(f" {known[field]}", None if name is None else Fix(field, name, "key"))


def step_type_advice(step_type: str) -> str:
    """What to write instead of a step type of another system; the empty string where nothing is known of it."""
    word = step_type.lower().replace("-", "_").removesuffix("_step").removesuffix("_task")
    return " " + STEP_TYPES[word] if word in STEP_TYPES else ""


def other_value(field: str, value: str) -> str | None:
    """What a value of another system is called here; None where nothing is known of it."""
    return _VALUES.get(field, {}).get(value.lower())


_TRUTH_OF_OTHERS: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""YAML 1.1 took these for truth values; in YAML 1.2 they are texts."""
_QUANTITY: Final = re.compile(r"\s*([0-9]{1,3}(?:_[0-9]{3})+|[0-9]{1,9})\s*([A-Za-z]*)\s*")


_NO_SPACE: Final = re.compile(r"([A-Za-z_][\w-]{0,63}):(?!//)(\S{1,20})")


def object_advice(value: Any) -> str:
    """What to do about a text where an object was expected: to YAML one is what has no space after its colon; else the empty
    string.
    """
    match = _NO_SPACE.match(value) if isinstance(value, str) else None
    return f" In YAML a space stands after a colon: {match[1]}: {match[2]}" if match else ""


def text_advice(value: Any, kind: str) -> str:
    """What to do about a text where something else was expected (`kind` is pydantic's); else the empty string."""
    if kind.startswith("dict"):
        return object_advice(value)
    if not isinstance(value, str) or not kind.startswith(("int", "float", "bool")):
        return ""
    if "{{" in value:
        return " No template is filled in here."
    if kind.startswith("bool"):
        word = _TRUTH_OF_OTHERS.get(value.lower(), value.lower())
        return f" Write {word}, without quotes." if word in ("true", "false") else ""
    if not (quantity := _QUANTITY.fullmatch(value)):
        return ""
    number, unit = quantity[1].replace("_", ""), quantity[2]
    return f" Write {number}, without quotes." if not unit else " Write the number of seconds, without unit and quotes."
