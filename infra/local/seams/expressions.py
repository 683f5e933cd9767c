"""Expressions: evaluated by jlens, over values bound as data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from infra.local.seams.failures import query_evaluation_failure
from infra.local.seams.patching import extend, parser, replace, replace_everywhere
from infra.local.seams.text import json_text
from infra.local.stepfunctions.jsonata import (
    JsonataError,
    UndefinedResultError,
    UnsupportedResultError,
    compile_expression,
    evaluate,
)

_JSON_TYPES: Final = {dict: "object", list: "array", str: "string", bool: "boolean", int: "number", float: "number"}

# Regex literals and string literals are consumed first, so that a `$` inside them is no reference.
_REFERENCES: Final = re.compile(
    r"/(?:\\.|[^\\/\n])*/[a-zA-Z]*"
    r"|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
    r"|(\$\$|\$[A-Za-z0-9_]+(?:\.[A-Za-z0-9_][A-Za-z0-9_$]*)*)"
)


def json_type(value: Any) -> str:
    """The JSON name of a value's type, as AWS's messages use it."""
    return "null" if value is None else _JSON_TYPES.get(type(value), "unknown")


def unexpected_type(env: Any, expression: str, location: str, expected: str, value: Any) -> Any:
    """The failure of an expression that gave a value of the wrong type."""
    cause = (
        f"The JSONata expression '{expression}' specified for the field '{location}' returned an unexpected result "
        f"type. Expected '{expected}', but was '{json_type(value)}' for value: {json_text(value)}"
    )
    return query_evaluation_failure(env, cause, location)


def evaluate_with_jlens() -> None:
    """moto ships no JSONata evaluator (https://github.com/getmoto/moto/issues/10105) and splices values into the source.

    A quote or a line break in data broke the expression, and data could inject code. Its errors were States.Runtime.
    Here values are bound, undefined is told from null, and errors are States.QueryEvaluationError with a location.
    """
    strings = parser("asl.component.common.string.string_expression")
    extend(strings.StringJSONata, "location", None)
    replace(strings.StringJSONata, "_eval_body", _evaluate_expression)
    replace(strings.StringVariableSample, "_eval_body", _evaluate_variable_sample)


def _variables(env: Any) -> dict[str, Any]:
    store = env.variable_store
    return {**store._outer_scope, **store._inner_scope}


def _evaluate_expression(self: Any, env: Any) -> None:
    bindings = _variables(env)
    bindings["states"] = env.states._states_data
    field = f" specified for the field '{self.location}'" if self.location else ""
    try:
        env.stack.append(evaluate(self.expression, bindings))
        return
    except JsonataError as error:
        problem = f"{field} threw an error during evaluation. {error}"
    except UndefinedResultError:
        problem = f"{field} returned nothing (undefined)."
    except UnsupportedResultError:
        problem = f"{field} returned an unsupported result type."
    raise query_evaluation_failure(env, f"The JSONata expression '{self.expression}'{problem}", self.location)


def _evaluate_variable_sample(self: Any, env: Any) -> None:
    """A `$variable.path` of a JSONPath state. moto reads it with JSONata; the states' data is only there in JSONata."""
    bindings = _variables(env)
    if self.query_language_mode == parser("asl.component.common.query_language").QueryLanguageMode.JSONata:
        bindings["states"] = env.states._states_data
    try:
        env.stack.append(evaluate(self.expression, bindings))
    except UndefinedResultError:
        env.stack.append(None)


def keep_state_data_apart_by_presence() -> None:
    """moto holds null for `$states.result` and `$states.errorOutput` where AWS has nothing, and copies values deeply.

    Values are never changed in place here, except by JSONPath's ResultPath, which gets its own copy.
    """
    states = parser("asl.eval.states").States

    def reset(self: Any, input_value: Any) -> None:
        self._states_data["input"] = input_value
        self._states_data.pop("result", None)
        self._states_data.pop("errorOutput", None)
        self.input_text = None

    def get_input(self: Any, query: str | None = None) -> Any:
        return self._states_data["input"] if query is None else self._extract(query, self._states_data["input"])

    def set_result(self: Any, result: Any) -> None:
        self._states_data["result"] = result

    def set_error_output(self: Any, error_output: Any) -> None:
        self._states_data["errorOutput"] = error_output

    extend(states, "input_text", None)
    replace(states, "reset", reset)
    replace(states, "get_input", get_input)
    replace(states, "set_result", set_result)
    replace(states, "set_error_output", set_error_output)

    result_path = parser("asl.component.common.path.result_path").ResultPath
    stock = result_path._eval_body

    def merge_into_copy(self: Any, env: Any) -> None:
        if self.result_path_src == "$":
            # The result takes the input's place: nothing to merge, and no path to parse for every Pass state.
            return
        env.states._states_data["input"] = json.loads(json_text(env.states.get_input()))
        stock(self, env)

    replace(result_path, "_eval_body", merge_into_copy)


def input_text(env: Any) -> str:
    """The JSON text of the environment's current input, rendered once for all who need it."""
    states = env.states
    if states.input_text is None:
        states.input_text = json_text(states.get_input())
    text: str = states.input_text
    return text


def assign_and_output_see_values_at_entry() -> None:
    """moto assigns before it evaluates Output, so Output saw the new values; AWS evaluates both on those at entry.

    Assign is kept aside here; the state commits it when it ends (`commit_assignments`).
    """

    def evaluate_assignments(self: Any, env: Any) -> None:
        for declaration in self.declaration_bindings:
            declaration.eval(env=env)
            env.pending_assignments.update(env.stack.pop())

    replace(parser("asl.component.common.assign.assign_decl").AssignDecl, "_eval_body", evaluate_assignments)


def decode_literal_strings() -> None:
    """moto keeps literal strings of Assign as they are escaped in the definition, relying on splicing them later."""
    literal = parser("asl.component.common.assign.assign_template_value_terminal").AssignTemplateValueTerminalLit
    stock = literal.__init__

    def decoded(self: Any, value: Any) -> None:
        if isinstance(value, str) and "\\" in value:
            value = json.loads(f'"{value}"')
        stock(self, value)

    replace(literal, "__init__", decoded)

    def from_string_literal(parser_rule_context: Any) -> Any:
        text = parser_rule_context.getText()
        # moto reads JSON strings as Python literals, which differ in \/ and in surrogate pairs.
        return json.loads(text) if text.startswith('"') else text

    parser("asl.parse.preprocessor")
    replace_everywhere("from_string_literal", from_string_literal)


def allow_context_references() -> None:
    """moto refuses `$` in an expression, which names the context inside filters and maps. `$$` stays refused, as on AWS.

    Upstream of moto, LocalStack allowed `$` in 2026.3.
    """
    jsonata = parser("asl.jsonata.jsonata")

    def extract_jsonata_variable_references(jsonata_expression: str) -> set[str]:
        references = {found for found in _REFERENCES.findall(jsonata_expression or "") if found}
        if "$$" in references:
            raise jsonata.IllegalJSONataVariableReference(variable_reference="$$")
        return references

    replace_everywhere("extract_jsonata_variable_references", extract_jsonata_variable_references)


def check_types_of_results() -> None:
    """moto reports a Condition that is no boolean and Items that are no array as States.Runtime, or in other words."""
    condition = parser("asl.component.state.choice.comparison.comparison").ConditionStringJSONata
    items = parser("asl.component.state.exec.state_map.items.items").ItemsJSONata

    def evaluate_condition(self: Any, env: Any) -> None:
        self.string_jsonata.eval(env=env)
        _require(env, self.string_jsonata, "Condition", "boolean")

    def evaluate_items(self: Any, env: Any) -> None:
        self.string_jsonata.eval(env=env)
        _require(env, self.string_jsonata, "Items", "array")

    replace(condition, "_eval_body", evaluate_condition)
    replace(items, "_eval_body", evaluate_items)


def _require(env: Any, string_jsonata: Any, default_location: str, expected: str) -> None:
    value = env.stack[-1]
    if json_type(value) != expected:
        location = string_jsonata.location or default_location
        raise unexpected_type(env, string_jsonata.expression, location, expected, value)


_FIELDS: Final = {
    "assign_decl": "Assign",
    "assign": "Assign",
    "output": "Output",
    "parargs": "Arguments",
    "parameters": "Arguments",
    "items": "Items",
    "item_selector": "ItemSelector",
    "max_concurrency_decl": "MaxConcurrency",
    "timeout": "TimeoutSeconds",
    "heartbeat": "HeartbeatSeconds",
    "error": "Error",
    "cause": "Cause",
}


def locate_expressions(state: Any) -> None:
    """Tell each expression of a state the field it stands in, such as "Output/total", for the cause of its errors.

    Raises for an expression that Step Functions does not accept.
    """
    for attribute, field in _FIELDS.items():
        _locate(getattr(state, attribute, None), field)
    wait = getattr(state, "wait_function", None)
    if wait is not None:
        _locate(wait, "Timestamp" if "Timestamp" in type(wait).__name__ else "Seconds")
    for index, rule in enumerate(getattr(getattr(state, "choices_decl", None), "rules", None) or []):
        _locate(rule.comparison, f"Choices[{index}]/Condition")
        _locate(rule.assign, f"Choices[{index}]/Assign")
        _locate(rule.output, f"Choices[{index}]/Output")
    for index, catcher in enumerate(getattr(getattr(state, "catch", None), "catchers", None) or []):
        _locate(catcher.assign, f"Catch[{index}]/Assign")
        _locate(catcher.output, f"Catch[{index}]/Output")


def _locate(component: Any, location: str) -> None:
    if component is None:
        return
    if type(component).__name__ == "StringJSONata":
        component.location = location
        _check(component.expression)
        return
    for step, child in _children(component):
        _locate(child, f"{location}{step or ''}")


def _check(expression: str) -> None:
    """Refuse what AWS refuses at create and moto only at run: raises JsonataError or moto's error for `$$`."""
    compile_expression(expression)
    parser("asl.jsonata.jsonata").extract_jsonata_variable_references(expression)


def _children(component: Any) -> Iterator[tuple[str | None, Any]]:
    """The parts of a component, with the name that leads to each in the definition."""
    name = getattr(component, "identifier", None)
    for value in vars(component).values():
        if isinstance(value, list):
            is_array = type(component).__name__.endswith("Array")
            for index, item in enumerate(value):
                if hasattr(item, "eval"):
                    yield (f"[{index}]" if is_array else None), item
        elif hasattr(value, "eval"):
            yield (f"/{name}" if name is not None else None), value


def install() -> None:
    """Put this module's seams in place."""
    evaluate_with_jlens()
    keep_state_data_apart_by_presence()
    assign_and_output_see_values_at_entry()
    decode_literal_strings()
    allow_context_references()
    check_types_of_results()
