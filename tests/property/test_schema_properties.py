"""The published JSON Schema takes every document that the parser takes, and refuses each whose form is wrong.

Of form is what can be said without reading a text and without knowing a name in the document: fields, types, ranges, allowed words,
step types, and the shapes of conditions, sources and configurations. Not of form: grammar of references, conditions, templates,
expressions and patterns, of which the schema sees some mistakes; ids and references that exist or not; cycles; two fields
that contradict each other; what a JSON Schema in the document says; how deep and how large a document is.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.catalogue import fake_catalogue
from tests.support.editor_schema import OF_FAKES, misfits
from tests.support.json_strategies import full_workflow, places, replaced, resolve, task
from workflow_engine.language import parse_workflow
from workflow_engine.language.diagnostics import Diagnostic

CATALOGUE = fake_catalogue()
Place = tuple[str | int, ...]

OF_FORM = frozenset(
    {
        "WFE-E100",
        "WFE-E101",
        "WFE-E102",
        "WFE-E103",
        "WFE-E105",
        "WFE-E201",
        "WFE-E400",
        "WFE-E401",
        "WFE-E403",
        "WFE-E404",
    }
)
OF_FORM_UNLESS_IN_A_TEXT = frozenset({"WFE-E208", "WFE-E300", "WFE-E301", "WFE-E302", "WFE-E303", "WFE-E304"})


def is_of_form(found: Diagnostic, document: Any) -> bool:
    value = resolve(document, found.pointer)
    if found.pointer.startswith("/input_schema") and isinstance(document.get("input_schema"), dict):
        return False  # what the schema in it says
    if "is less than 'retry_delay_seconds'" in found.detail:
        return False  # two fields that contradict each other
    if found.code in OF_FORM:
        return True
    if found.code == "WFE-E402":
        # A configuration in one place; of one in two places the schema sees the names of a container alone.
        return "The limit is odd" not in found.detail and not _is_in_two_places(found.pointer, document)
    if found.code not in OF_FORM_UNLESS_IN_A_TEXT:
        return False
    if found.code == "WFE-E301":
        return found.pointer.endswith("/operator")
    if found.code == "WFE-E300" and ("A group needs a list" in found.detail or "has no right operand" in found.detail):
        return True
    if found.code == "WFE-E304" and "input_mapping only" in found.detail:
        return True
    if found.code == "WFE-E302" and isinstance(value, dict) and value.keys() == {"value"}:
        value = value.get("value")
    return not isinstance(value, str) or (value == "" and found.code in ("WFE-E208", "WFE-E300", "WFE-E304"))


def _is_in_two_places(pointer: str, document: Any) -> bool:
    step = resolve(document, re.sub(r"/(config|parameters)(/.*)?$", "", pointer))
    return isinstance(step.get("config"), dict) and isinstance(step.get("parameters"), dict)


CHECK_WITH_RIGHT_OPERAND = {"left_operand": {"value": 1}, "operator": "is_null", "right_operand": " "}


def check(document: Any) -> bool:
    """Fails if the schema refuses what the parser takes, or takes a wrong form; tells whether the form is right."""
    found = parse_workflow(document, CATALOGUE).diagnostics
    refused = misfits(OF_FAKES, document)
    told = json.dumps(document, ensure_ascii=False)
    errors = [d for d in found if d.severity == "error"]
    assert errors or not refused, ("a false alarm", told, refused)
    wrong = [d for d in errors if is_of_form(d, document)]
    assert refused or not wrong, ("a form that is taken", told, wrong)
    return not wrong


# --- documents ---


def sources() -> dict[str, Any]:
    """A workflow that has what `full_workflow` lacks: every field, every form of condition and source, both places
    of a configuration."""
    every = {"left_operand": "a.x", "right_operand": {"value": "a.x"}}
    conditions = [
        "a.x > 1",
        {**every, "operator": "regex_match"},
        {**every, "operator": "in", "right_operand": ["x", None]},
        {"left_operand": {"value": 1}, "operator": "is_null", "right_operand": None},
        {"logical_operator": "not", "conditions": [["a.x", ["a.y"]]]},
    ]
    loop = {"max_iterations": 3.0, "while": conditions[1], "until": None, "steps": [task("in2")]}
    return {
        "$schema": "https://example.org/workflow.schema.json",
        "name": "Näme",
        "description": None,
        "tags": ["x"],
        "global_variables": {"limit": 1},
        "timeout_seconds": 60.0,
        "steps": [
            task(
                "a",
                name="A",
                position={"x": 1.5},
                critical=True,
                max_retries=3.0,
                retry_strategy="exponential_backoff",
                retry_delay_seconds=1.0,
                max_retry_delay_seconds=9,
                step_order=-1,
                estimated_seconds=0.5,
            ),
            task("b", conditions=conditions, for_each=None, dependencies=["a"], config=None),
            {"step_id": "l", "step_type": "loop", "config": {"until": []}, "parameters": loop},
            {
                "step_id": "w",
                "step_type": "switch",
                "parameters": {"cases": [{"when": conditions[4], "steps": [task("in3")]}]},
            },
            {
                "step_id": "x",
                "step_type": "map",
                "config": {"items": "a.rows", "steps": [task("in4")], "max_items": 5.0},
            },
        ],
        "output": {"t": {"template": "{{ a.x }}"}, "v": {"value": "x"}, "o": {"a": 1}},
    }


DOCUMENTS = [full_workflow(), sources(), {"name": "w", "steps": [task("a")]}]

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            None, True, False, 0, 1, 1.0, 3.0, -1, 1.5, 0.0, -0.0, 40, 40.0, 41, 100, 100.0, 101, 128, 10**18, 10**30, 1e308, 2**31,
            float(2**31), 31_536_000, 31_536_001, "", " ", "a", "a.x", "input.x", "é😀", "x" * 128, "x" * 129, "a\n", "1a", "12",
            "map", "loop", "switch", "task", "continue", "fail", "linear_backoff", "fixed_delay", "parallel", "and", "not", "==",
            "regex_match", "is_null", "exists", "contains", [], [[]], [None], [""], ["a"], ["a.x"], [1], {}, {"value": 1},
            {"value": None}, {"template": "x"}, {"template": 1}, {"template": ""}, {"expression": "1"}, {"expression": ""},
            {"expression": None}, {"value": 1, "x": 2}, {"template": "x", "x": 2}, {"steps": []}, {"__proto__": "a"},
            {"hasOwnProperty": {"value": 1}}, {"left_operand": "a.x", "operator": "exists"},
            {"left_operand": "a.x", "operator": "=="}, {"logical_operator": "not", "conditions": ["a.x", "a.y"]},
            {"left_operand": "a.x", "operator": "regex_match", "right_operand": 1}, {"logical_operator": "or", "conditions": []},
            [{"step_id": "z", "step_type": "task"}], {"when": None, "steps": [{"step_id": "z", "step_type": "task"}]},
        ]
    ),
    st.integers(-3, 10),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(
        sorted(
            {name for d in DOCUMENTS for place in places(d) for name in place if isinstance(name, str)}
            | {
                "$schema",
                "global_config",
                "on_error",
                "metadata",
                "connections",
                "version",
                "created_by",
                "tool_override",
            }
            | {
                "dependancies",
                "retry",
                "Name",
                "stepId",
                "variables",
                "value",
                "template",
                "expression",
                "operator",
                "step_name",
            }
        )
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)


def parent(document: Any, place: Place) -> Any:
    for segment in place[:-1]:
        document = document[segment]
    return document


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A valid document in which some values were removed, renamed, moved, doubled, wrapped, unwrapped or replaced."""
    document = copy.deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        if not isinstance(document, dict | list) or not document:
            break
        document = draw(st.sampled_from(CHANGES))(draw, document)
    return document


def _inner(draw: st.DrawFn, document: Any) -> Place:
    return draw(st.sampled_from([place for place in places(document) if place]))


def _remove(draw: st.DrawFn, document: Any) -> Any:
    place = _inner(draw, document)
    del parent(document, place)[place[-1]]
    return document


def _replace(draw: st.DrawFn, document: Any) -> Any:
    return replaced(document, draw(st.sampled_from(places(document))), copy.deepcopy(draw(VALUES)))


def _add(draw: st.DrawFn, document: Any) -> Any:
    holders = [place for place in places(document) if isinstance(_at(document, place), dict)]
    if holders:
        _at(document, draw(st.sampled_from(holders)))[draw(NAMES)] = copy.deepcopy(draw(VALUES))
    return document


def _rename(draw: st.DrawFn, document: Any) -> Any:
    place = _inner(draw, document)
    holder = parent(document, place)
    if isinstance(holder, dict):
        value = holder.pop(place[-1])
        holder[draw(st.one_of(NAMES, st.sampled_from(["parameters", "config"])))] = value
    return document


def _move(draw: st.DrawFn, document: Any) -> Any:
    """Put the value of one place at another one."""
    value = copy.deepcopy(_at(document, _inner(draw, document)))
    return replaced(document, _inner(draw, document), value)


def _wrap(draw: st.DrawFn, document: Any) -> Any:
    place = _inner(draw, document)
    value = copy.deepcopy(_at(document, place))
    return replaced(document, place, draw(st.sampled_from([[value], {draw(NAMES): value}])))


def _as_float(draw: st.DrawFn, document: Any) -> Any:
    """Write every whole number with a decimal point, as JavaScript's or Lua's clients may."""
    return json.loads(json.dumps(document), parse_int=float)


def _at(document: Any, place: Place) -> Any:
    for segment in place:
        document = document[segment]
    return document


CHANGES: list[Callable[[st.DrawFn, Any], Any]] = [_remove, _replace, _replace, _add, _rename, _move, _wrap, _as_float]


def split_configurations() -> Iterator[Any]:
    """A container's configuration in one place or the other, or some of it in each; right and wrong values."""
    whole = {"items": "a.x", "steps": [task("b")], "max_items": 3}
    for name in whole:
        rest = {key: value for key, value in whole.items() if key != name}
        for one, other in (
            ({name: whole[name]}, rest),
            ({name: 7}, whole),
            ({name: 7}, rest),
            ({}, rest),
            ({"x": 1}, whole),
        ):
            yield {"step_id": "m", "step_type": "map", "config": one, "parameters": other}
            yield {"step_id": "m", "step_type": "map", "config": other, "parameters": one}
        yield {"step_id": "m", "step_type": "map", "config": None, "parameters": rest}


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@example(document=None)
@example(document=[])
@example(document={})
@example(document={"steps": [{"step_type": "task", "conditions": CHECK_WITH_RIGHT_OPERAND}]})
@given(document=changed())
def test_the_schema_takes_what_the_parser_takes_and_refuses_what_has_a_wrong_form(document: Any) -> None:
    check(document)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_both_take_the_documents_that_are_right(document: Any) -> None:
    assert check(document)
    assert check(json.loads(json.dumps(document), parse_int=float))


@pytest.mark.parametrize("step", list(split_configurations()))
def test_a_container_is_judged_by_its_configuration_wherever_it_stands(step: Any) -> None:
    check({"name": "w", "steps": [task("a"), step]})
