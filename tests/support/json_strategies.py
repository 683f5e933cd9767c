"""Hypothesis strategies for hostile JSON and for workflows, and helpers on JSON pointers."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "", "a", "a.x", "a.x[0]", 'a["k"].0', "a.status", "a.error.message", "input", "input.x", "item", "index",
            "execution.id", "variables.v", "in1", "m", "lp.x", "a.x == 1", "a and not b", "(((", "a.x regex_match '('",
            "a.x in [1, 'b']", "{{ a.x }}", "{{{ x }}}", "{{", "$ref('a.x') + 1", "$eval('1')", "$states.result", "/(/",
            "continue", "exponential_backoff", "linear_backoff", "all_done", "sequential", "map", "loop", "switch", "task",
            "processing", "agent", "\ud800", "\x00", "é😀", "%}",
        ]
    ),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, 3, -1, 40, 41, 10**400, 1.5, 1e308, float("nan"), float("inf")]),
    st.floats(),
    TEXTS,
)
FIELD_NAMES = st.sampled_from(
    [
        "name", "steps", "step_id", "step_type", "config", "parameters", "dependencies", "input_mapping", "conditions",
        "for_each", "items", "cases", "when", "default", "while", "until", "max_iterations", "output", "value", "template",
        "expression", "left_operand", "operator", "right_operand", "logical_operator", "variables", "global_config",
        "input_schema", "max_retries", "timeout_seconds", "retry_strategy", "on_error", "critical", "dependancies", "a/b~c",
        "on_failure", "compensate",
    ]
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(FIELD_NAMES, st.text(max_size=5)), inner, max_size=4)
    ),
    max_leaves=20,
)


def task(step_id: str, **fields: Any) -> dict[str, Any]:
    """A step of the fake step type `task`."""
    return {"step_id": step_id, "step_type": "task", **fields}


def full_workflow() -> dict[str, Any]:
    """A valid workflow that uses every construct of the language."""
    return {
        "name": "everything",
        "execution_pattern": "dependency",
        "variables": {"limit": 3, "names": [{"name": "n", "x": 1}]},
        "input_schema": {"type": "object", "properties": {"x": {"type": "number"}, "skip": {}, "q": {}}},
        "steps": [
            task("a", config={"any": [1, {"k": "v"}]}, timeout_seconds=30, max_retries=2, retry_strategy="fixed_delay"),
            task(
                "b",
                dependencies=["a"],
                input_mapping={
                    "r": 'a.data["any key"][0].x[*].y',
                    "l": {"value": {"template": 1}},
                    "t": {"template": "Hi {{ a.name }} {{ uuid }} {{{k}}}"},
                    "e": {"expression": '$sum($ref("a.xs")) / 2 & "x"'},
                    "o": [1, None, {"a": "b"}],
                },
                compensate=[
                    task("undo_b", input_mapping={"was": "b.x", "why": "failure.message", "n": "failure.others"}),
                    task("check_undo", dependencies=["undo_b"], conditions="undo_b.status == 'completed'"),
                ],
                conditions="a.score >= 0.5 and not (a.status == 'failed' or input.skip in [true, 'yes'])",
                trigger_rule="all_done",
                on_error="continue",
            ),
            task(
                "c",
                for_each="variables.names",
                max_concurrency=5,
                max_items=10,
                input_mapping={"name": "item.name", "i": "index"},
                compensate=[task("undo_c", input_mapping={"was": "c", "name": "item.name"}, conditions="index < 3")],
                conditions=[
                    {"left_operand": "item.x", "operator": "regex_match", "right_operand": "^[a-z]+$"},
                    {
                        "logical_operator": "or",
                        "conditions": [
                            "index < 3",
                            {"left_operand": "a.x", "operator": "==", "right_operand": "b.x"},
                            {"logical_operator": "not", "conditions": [{"left_operand": "b", "operator": "exists"}]},
                        ],
                    },
                ],
            ),
            {"step_id": "p", "step_type": "processing", "parameters": {"mode": "upper", "options": {"key": "k"}}},
            {"step_id": "q", "step_type": "assistant", "config": {"query_template": "Say {{ p.result }} at {{ current_time }}"}},
            {
                "step_id": "m",
                "step_type": "map",
                "config": {
                    "items": "a.items",
                    "max_concurrency": 4,
                    "steps": [
                        task("in1", input_mapping={"x": "item.x", "y": "b.z"}),
                        {
                            "step_id": "lp",
                            "step_type": "loop",
                            "dependencies": ["in1"],
                            "parameters": {
                                "until": "lp.poll.done == true or index > 5",
                                "max_iterations": 7,
                                "steps": [task("poll", input_mapping={"last": "lp.poll", "i": "item", "one": "in1.x"})],
                            },
                        },
                    ],
                    "output": {"x": "in1.x", "n": "index"},
                },
            },
            {
                "step_id": "s",
                "step_type": "switch",
                "critical": False,
                "config": {
                    "cases": [{"when": "m[0].x > 3", "steps": [task("s1"), task("s2", dependencies=["s1"])]}],
                    "default": [task("s3")],
                    "output": {"r": "s3"},
                },
            },
        ],
        "on_failure": [
            task("tell", input_mapping={"why": {"template": "{{ failure.step_id }}: {{ undo_b.status }}"}, "a": "a"}),
            {
                "step_id": "each_failure",
                "step_type": "map",
                "config": {"items": "failure.others", "steps": [task("note", input_mapping={"f": "item.message"})]},
            },
        ],
        "output": {"result": "s.r", "text": {"template": "{{ q.response }}"}, "fixed": 1},
    }  # fmt: skip


def places(node: Any, place: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of all values in a JSON document, the root included."""
    found = [place]
    if isinstance(node, dict):
        for key, value in node.items():
            found.extend(places(value, (*place, key)))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            found.extend(places(value, (*place, i)))
    return found


def replaced(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    """A copy of a document with the value at `place` replaced."""
    if not place:
        return value
    made = copy.deepcopy(document)
    node = made
    for segment in place[:-1]:
        node = node[segment]
    node[place[-1]] = value
    return made


def resolve(document: Any, pointer: str) -> Any:
    """The value at an RFC 6901 pointer; raises LookupError or TypeError if there is none."""
    node = document
    for segment in pointer.split("/")[1:]:
        key = segment.replace("~1", "/").replace("~0", "~")
        node = node[int(key)] if isinstance(node, list) else node[key]
    return node
