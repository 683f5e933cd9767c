"""The schema for editors never refuses what compiles, nor a text that the language reads."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.json_strategies import places, replaced
from tests.support.random_workflows import PROBE, sagas, workflows
from workflow_engine.compiler import compile_workflow
from workflow_engine.language import InvalidWorkflowError, parse_workflow
from workflow_engine.language.condition_text import parse_condition_text
from workflow_engine.language.expressions import parse_expression
from workflow_engine.language.references import MalformedTextError, parse_reference
from workflow_engine.language.schema import texts, workflow_schema
from workflow_engine.language.templates import parse_template
from workflow_engine.steps import builtin_catalogue

CATALOGUE = builtin_catalogue().with_registered([{"step_type": PROBE}])
VALIDATOR: Any = jsonschema.Draft202012Validator(workflow_schema(CATALOGUE.step_types()))
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def compiles(document: Any) -> bool:
    workflow = parse_workflow(document, CATALOGUE).workflow
    if workflow is None:
        return False
    try:
        compile_workflow(workflow, CATALOGUE)
    except InvalidWorkflowError:
        return False
    return True


def check(document: Any) -> None:
    found = [(list(e.absolute_path), e.validator, e.message[-200:]) for e in VALIDATOR.iter_errors(document)]
    assert not found or not compiles(document), (json.dumps(document), found)


@given(st.one_of(workflows(), sagas()))
@relaxed
def test_a_random_workflow_that_compiles_is_taken(document: Any) -> None:
    check(document)


@given(st.one_of(workflows(), sagas()), st.data())
@relaxed
def test_a_random_workflow_with_a_change_is_taken_where_it_still_compiles(document: Any, data: st.DataObject) -> None:
    inside = [place for place in places(document) if place]
    place, other = data.draw(st.sampled_from(inside)), data.draw(st.sampled_from(inside))
    value: Any = copy.deepcopy(document)
    for segment in other:
        value = value[segment]
    check(replaced(document, place, data.draw(st.sampled_from([value, None, 0, "", [], {}, "item.v", "input.text"]))))


# --- texts ---

WORDS = st.sampled_from(
    ["a", "a.x", "é.ü", "input", "item.x", 'a["k, }"]', "a[ 0 ]", "a[*].b", "index", "execution.id", "1st.$x", "a-b._c"]
)
LITERALS = st.sampled_from(
    [
        "'x'",
        '"it\'s"',
        "1",
        "-1.5e+3",
        "true",
        "null",
        "[]",
        "['a', 2]",
        '[[1], {"k": []}]',
        "'a\\'b'",
        "'=&&('",
        "'and'",
    ]
)
OPERATORS = st.sampled_from(
    ["==", "!=", ">", ">=", "<", "<=", "contains", "in", "not_in", "starts_with", "regex_match"]
)
CHECKS = st.sampled_from(["is_empty", "is_null", "exists"])
SPACE = st.sampled_from(["", " ", "\n\t "])
OPERANDS = st.one_of(WORDS, LITERALS)
TESTS = st.one_of(
    OPERANDS,
    st.tuples(OPERANDS, SPACE, CHECKS).map("".join),
    st.tuples(OPERANDS, SPACE, OPERATORS, SPACE, OPERANDS).map("".join),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.tuples(SPACE, st.just("("), inner, st.just(")"), SPACE).map("".join),
        st.tuples(st.just("not"), SPACE, inner).map("".join),
        st.tuples(inner, SPACE, st.sampled_from(["and", "or"]), SPACE, inner).map("".join),
    ),
    max_leaves=6,
)
SCRAPS = st.lists(
    st.one_of(
        OPERANDS,
        OPERATORS,
        CHECKS,
        SPACE,
        st.sampled_from(["(", ")", "{{ ", " }}", "{", "}", "{{{", "}}}", "$sum(", "$ref('a.x')", ".", "/"]),
    ),
    max_size=8,
).map("".join)


def reads(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except MalformedTextError:
        return False
    return True


@given(st.one_of(CONDITIONS, SCRAPS, st.text(alphabet="ab.=&!'\"()[]{}, 1$", max_size=12)))
@relaxed
def test_a_condition_that_is_read_is_taken(text: str) -> None:
    if reads(parse_condition_text, text):
        assert re.search(texts.CONDITION, text), text
        assert re.search(texts.EXPRESSION, text), text
        assert not re.search(texts.UNFINISHED_CONDITION, text), text
        assert not re.search(texts.FOREIGN_OPERATOR, text), text


@given(st.one_of(WORDS, SCRAPS, st.text(alphabet="ab.[]'\"0*- $@_é", max_size=12)))
@relaxed
def test_a_reference_that_is_read_is_taken(text: str) -> None:
    if reads(parse_reference, text):
        assert re.search(texts.REFERENCE, text), text


@given(st.one_of(SCRAPS, st.text(alphabet="a{} .", max_size=14)))
@relaxed
def test_a_template_that_is_read_is_taken(text: str) -> None:
    if reads(parse_template, text):
        assert re.search(texts.TEMPLATE, text), text


@given(st.one_of(SCRAPS, st.text(alphabet="a.()[]{}'\"/`$ 1", max_size=10)))
@relaxed
def test_an_expression_that_is_read_is_taken(text: str) -> None:
    if reads(parse_expression, text):
        assert re.search(texts.EXPRESSION, text), text
        assert not re.search(texts.NAME_AND_DOT, text) or re.search(texts.LITERAL_AND_DOT, text), text


@pytest.mark.parametrize(
    "text",
    [
        "aorb" * 2000 + " = 1",
        "(" * 9000 + "=",
        "'a' " * 2000 + "=",
        "{" * 9000,
        "{{ a }} " * 1400 + "{{",
        "[1] " * 2000 + "=",
    ],
)
def test_no_pattern_tries_a_text_in_two_ways(text: str) -> None:
    """A pattern that backtracks would not come back from any of these."""
    for pattern in (texts.REFERENCE, texts.CONDITION, texts.FOREIGN_OPERATOR, texts.TEMPLATE, texts.EXPRESSION):
        re.search(pattern, text)
